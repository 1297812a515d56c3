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
	closed  bool      // guarded by mu: nothing more will come
	failed  bool      // guarded by mu: nobody reads
}

func newOutbox() *outbox {
	o := &outbox{}
	o.ready.L, o.space.L = &o.mu, &o.mu
	return o
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

// take waits for something to write and takes all of it, in exchange for memory that
// is free. It returns nothing after close.
func (o *outbox) take(free []byte) []byte {
	o.mu.Lock()
	for len(o.pending) == 0 && !o.closed {
		o.ready.Wait()
	}
	o.mu.Unlock()
	// Those who are about to have an answer go first: one write for many lines.
	runtime.Gosched()
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.pending
	if cap(free) > 2*maxPending {
		free = nil
	}
	o.pending = free[:0]
	o.space.Broadcast()
	return taken
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
	var taken []byte
	for {
		if flush {
			if err := control.Flush(); err != nil {
				return err
			}
		}
		if taken = o.take(taken); len(taken) == 0 {
			return nil
		}
		rest := taken
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
