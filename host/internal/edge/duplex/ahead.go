package duplex

import (
	"context"
	"sync"
)

// ahead holds what a batch has sent and nobody has looked at yet. Whatever the size of
// the pieces in which it comes, one side may read on until maxAhead bytes are there,
// which is how a client that leaves is noticed while its lines wait.
type ahead struct {
	data chan struct{} // has a value when there may be something to take
	room chan struct{} // has a value when something was taken
	done chan struct{} // closed when nothing more comes

	mu  sync.Mutex
	buf []byte // guarded by mu
}

// maxAhead bounds what is read ahead, but for a first piece.
const maxAhead = 96 << 10

func newAhead() *ahead {
	return &ahead{data: make(chan struct{}, 1), room: make(chan struct{}, 1), done: make(chan struct{})}
}

// add appends a piece, when there is room for it. It returns false when ctx ends first.
func (a *ahead) add(ctx context.Context, piece []byte) bool {
	for {
		a.mu.Lock()
		if len(a.buf) == 0 || len(a.buf)+len(piece) <= maxAhead {
			a.buf = append(a.buf, piece...)
			a.mu.Unlock()
			notify(a.data)
			return true
		}
		a.mu.Unlock()
		select {
		case <-a.room:
		case <-ctx.Done():
			return false
		}
	}
}

// take returns what is there and keeps spare, which is empty memory, for what comes.
func (a *ahead) take(spare []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.buf
	a.buf = spare[:0]
	notify(a.room)
	return taken
}

// notify puts a value into c unless there is one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
