package router

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
)

// Gate limits how many requests of one extension run at once and how many more may
// wait. Who waits is served in the order of arrival: a place that becomes free goes
// to the first in the queue, and a newcomer never overtakes. While it is held nobody
// gets a place, and more may wait than otherwise. A Gate belongs to an extension and
// outlives its routes and processes.
type Gate struct {
	running, waiting int32 // the limits
	// state is the number of requests that run (low 32 bits) and that wait (high 32
	// bits, one too many while the gate is held). While nobody waits it changes by
	// compare-and-swap alone; a change to the number that wait needs mu, so that it
	// always agrees with the queue.
	state atomic.Uint64
	held  atomic.Bool // changed under mu

	mu          sync.Mutex
	first, last *waiter // guarded by mu: the queue
	holding     int32   // guarded by mu: the limit of those that wait while held

	waiters sync.Pool // of *waiter
}

// waiter is one request in the queue.
type waiter struct {
	turn       chan struct{} // receives one value when the waiter was given a place
	prev, next *waiter
	queued     bool
}

const oneWaits = 1 << 32

// errFull is returned by enter when the queue is full.
var errFull = errors.New("the queue is full")

// NewGate returns a Gate that lets inFlight requests run at once, at least 1, and
// queue more wait, at least 0.
func NewGate(inFlight, queue int) *Gate {
	return &Gate{
		running: int32(min(max(inFlight, 1), math.MaxInt32)),
		waiting: int32(min(max(queue, 0), math.MaxInt32)),
	}
}

// InFlight is the number of requests that run.
func (g *Gate) InFlight() int { return int(uint32(g.state.Load())) }

// Queued is the number of requests that wait.
func (g *Gate) Queued() int {
	n := int(g.state.Load() >> 32)
	if g.held.Load() {
		n--
	}
	return max(n, 0)
}

// Hold lets nobody in until Release; up to waiting requests may wait for that. Who is
// in already goes on.
func (g *Gate) Hold(waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holding = max(int32(min(max(waiting, 0), math.MaxInt32-1)), g.waiting)
	if !g.held.Swap(true) {
		g.state.Add(oneWaits)
	}
}

// Release ends a Hold: those that wait get the places there are, in their order.
func (g *Gate) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.held.Swap(false) {
		return
	}
	g.state.Add(^uint64(oneWaits - 1))
	for w := g.first; w != nil && int32(g.state.Load()) < g.running; w = g.first {
		g.unlink(w)
		g.state.Add(^uint64(oneWaits-1) + 1) // one runs that waited
		w.turn <- struct{}{}
	}
}

// enter takes a place, waiting for one if it must; waited says whether it did. The
// error is errFull, or ctx's. After a nil error the caller must call leave.
func (g *Gate) enter(ctx context.Context) (waited bool, err error) {
	if g.tryEnter() {
		return false, nil
	}
	w, err := g.queue()
	if w == nil {
		return false, err
	}
	select {
	case <-w.turn:
		g.waiters.Put(w)
		return true, nil
	case <-ctx.Done():
		g.abandon(w)
		return true, ctx.Err()
	}
}

// tryEnter takes a place if one is free and nobody waits for it.
func (g *Gate) tryEnter() bool {
	for {
		s := g.state.Load()
		if s >= oneWaits || int32(s) >= g.running {
			return false
		}
		if g.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// queue appends a waiter. It returns nil and nil when a place became free just now
// and was taken.
func (g *Gate) queue() (*waiter, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		if g.tryEnter() {
			return nil, nil
		}
		s := g.state.Load()
		if s < oneWaits && int32(s) < g.running {
			continue // became free between the two looks
		}
		waiting, most := int32(s>>32), g.waiting
		if g.held.Load() {
			waiting, most = waiting-1, g.holding
		}
		if waiting >= most {
			return nil, errFull
		}
		if g.state.CompareAndSwap(s, s+oneWaits) {
			break
		}
	}
	w, _ := g.waiters.Get().(*waiter)
	if w == nil {
		w = &waiter{turn: make(chan struct{}, 1)}
	}
	w.queued, w.prev, w.next = true, g.last, nil
	if g.last != nil {
		g.last.next = w
	} else {
		g.first = w
	}
	g.last = w
	return w, nil
}

// abandon takes w out of the queue. If w was given a place in the meantime the
// place goes on to the next.
func (g *Gate) abandon(w *waiter) {
	g.mu.Lock()
	queued := w.queued
	if queued {
		g.unlink(w)
		g.state.Add(^uint64(oneWaits - 1)) // one less waits
	}
	g.mu.Unlock()
	if !queued {
		<-w.turn
		g.leave()
	}
	g.waiters.Put(w)
}

// leave gives a place back, to the first in the queue if there is one.
func (g *Gate) leave() {
	for {
		s := g.state.Load()
		if s >= oneWaits {
			break
		}
		if g.state.CompareAndSwap(s, s-1) {
			return
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.first
	// The last waiter may have given up since.
	if w == nil || g.held.Load() {
		g.state.Add(^uint64(0))
		return
	}
	g.unlink(w)
	g.state.Add(^uint64(oneWaits - 1))
	w.turn <- struct{}{}
}

// unlink takes w out of the queue; mu is held.
func (g *Gate) unlink(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		g.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		g.last = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
}
