package duplex

import "sync"

// window bounds the lines of a batch that are at work, in number and in bytes. One
// goroutine enters.
type window struct {
	mu      sync.Mutex
	changed sync.Cond
	n       int  // guarded by mu
	bytes   int  // guarded by mu
	closed  bool // guarded by mu: nobody enters any more
}

func newWindow() *window {
	w := &window{}
	w.changed.L = &w.mu
	return w
}

// enter waits for room. It returns false after cut.
func (w *window) enter(bytes int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && (w.n >= MaxOpen || w.n > 0 && w.bytes+bytes > maxOpenBytes) {
		w.changed.Wait()
	}
	if w.closed {
		return false
	}
	w.n++
	w.bytes += bytes
	return true
}

func (w *window) leave(bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
	w.bytes -= bytes
	w.changed.Broadcast()
}

func (w *window) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.changed.Broadcast()
}

// drain waits until everybody has left.
func (w *window) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.n > 0 {
		w.changed.Wait()
	}
}
