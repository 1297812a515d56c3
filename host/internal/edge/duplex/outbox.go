package duplex

import (
	"io"
	"net/http"
	"runtime"
	"sync"
	"time"
)

const (
	// maxPending is how much may wait to be written before those who have more wait.
	maxPending = 256 << 10
	// piece is how much is written under one deadline.
	piece = 64 << 10
)

// outbox collects the answers of a batch and writes them, many at a time.
type outbox struct {
	mu      sync.Mutex
	ready   sync.Cond // there is something to write, or closed
	space   sync.Cond // there is room again, or failed
	pending []byte    // guarded by mu
	spare   []byte    // owned by write: what it wrote last
	closed  bool      // guarded by mu: nothing more will come
	failed  bool      // guarded by mu: nobody reads
}

func newOutbox(l *Lines) *outbox {
	o := &outbox{}
	o.ready.L, o.space.L = &o.mu, &o.mu
	for _, into := range []*[]byte{&o.pending, &o.spare} {
		if b, ok := l.outboxes.Get().(*buffer); ok {
			*into = b.bytes[:0]
		}
	}
	return o
}

// recycle keeps the memory for other batches. Nothing else may be called afterwards.
func (o *outbox) recycle(l *Lines) {
	for _, p := range [][]byte{o.pending, o.spare} {
		if cap(p) > 0 && cap(p) <= 2*maxPending {
			l.outboxes.Put(&buffer{p})
		}
	}
	o.pending, o.spare = nil, nil
}

// put appends a line, which it copies. It waits while the client does not read.
func (o *outbox) put(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > maxPending && !o.failed {
		o.space.Wait()
	}
	if o.failed {
		return
	}
	if o.pending = append(o.pending, line...); len(o.pending) == len(line) {
		o.ready.Signal()
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.ready.Signal()
}

// take waits for something to write and takes all of it, in exchange for what was
// taken before. It returns nothing after close.
func (o *outbox) take() []byte {
	o.mu.Lock()
	for len(o.pending) == 0 && !o.closed {
		o.ready.Wait()
	}
	o.mu.Unlock()
	// Those who are about to have an answer go first: one write for many lines.
	runtime.Gosched()
	o.mu.Lock()
	defer o.mu.Unlock()
	if cap(o.spare) > 2*maxPending {
		o.spare = nil
	}
	o.pending, o.spare = o.spare[:0], o.pending
	o.space.Broadcast()
	return o.spare
}

// write writes until close, flushing whenever nothing more is there. After an error
// what is put is dropped.
func (o *outbox) write(w io.Writer, control *http.ResponseController, timeout time.Duration, flush bool) (err error) {
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.failed = true
		o.space.Broadcast()
	}()
	send := func(p []byte) error {
		_ = control.SetWriteDeadline(time.Now().Add(timeout))
		_, err := w.Write(p)
		return err
	}
	for {
		if flush {
			if err := control.Flush(); err != nil {
				return err
			}
		}
		rest := o.take()
		if len(rest) == 0 {
			return nil
		}
		for len(rest) > piece {
			if err := send(rest[:piece]); err != nil {
				return err
			}
			rest = rest[piece:]
		}
		if err := send(rest); err != nil {
			return err
		}
		flush = true
	}
}
