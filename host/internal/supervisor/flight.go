package supervisor

import (
	"sync"
	"sync/atomic"
)

// flight counts the requests that a process is answering, without a lock: every
// request passes here twice.
type flight struct {
	state  atomic.Int64 // how many there are; below zero (by landing) once it is closed
	landed chan struct{}
	once   sync.Once
}

// landing is added to the state when the flight closes. There are never that many
// requests.
const landing = -1 << 62

func newFlight() *flight { return &flight{landed: make(chan struct{})} }

// enter counts a request in and reports whether it may go on.
func (f *flight) enter() bool {
	if f.state.Add(1) > 0 {
		return true
	}
	f.leave()
	return false
}

// leave counts a request out.
func (f *flight) leave() {
	if f.state.Add(-1) == landing {
		f.once.Do(func() { close(f.landed) })
	}
}

// close lets nobody enter any more. The channel that it returns is closed when the
// last one has left. It is called once.
func (f *flight) close() <-chan struct{} {
	if f.state.Add(landing) == landing {
		f.once.Do(func() { close(f.landed) })
	}
	return f.landed
}

// count returns how many requests are in flight.
func (f *flight) count() int64 {
	n := f.state.Load()
	if n < 0 {
		n -= landing
	}
	return n
}
