package lane

import (
	"context"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// call is one request in the child, and its handler's context. The standard library's
// contexts would cost a timer and several allocations for each request; most handlers
// answer without ever looking at theirs, so that here the timer begins with the first
// call of Done or AfterFunc. Otherwise it behaves as context.WithDeadline does, and is
// canceled when the handler has returned.
type call struct {
	sdk.Request
	id       uint64
	body     *buffer // of the payload
	deadline time.Time

	mu    sync.Mutex // guards what follows
	done  chan struct{}
	err   error
	timer *time.Timer
	after map[*afterFunc]struct{}
}

type afterFunc struct{ f func() }

var _ context.Context = (*call)(nil)

// Deadline is part of context.Context.
func (c *call) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is part of context.Context.
func (c *call) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		} else {
			c.watch()
		}
	}
	return c.done
}

// Err is part of context.Context.
func (c *call) Err() error {
	c.mu.Lock()
	err, late := c.err, c.err == nil && !c.deadline.IsZero() && !time.Now().Before(c.deadline)
	c.mu.Unlock()
	if late {
		c.end(context.DeadlineExceeded)
		return c.Err()
	}
	return err
}

// Value is part of context.Context.
func (c *call) Value(any) any { return nil }

// AfterFunc lets contexts derived from c follow it without a goroutine: package
// context looks for this method.
func (c *call) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	a := &afterFunc{f}
	if c.after == nil {
		c.after = make(map[*afterFunc]struct{})
	}
	c.after[a] = struct{}{}
	c.watch()
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, there := c.after[a]
		delete(c.after, a)
		return there
	}
}

// watch starts the timer of the deadline; c.mu is held.
func (c *call) watch() {
	if c.timer == nil && !c.deadline.IsZero() {
		c.timer = time.AfterFunc(time.Until(c.deadline), func() { c.end(context.DeadlineExceeded) })
	}
}

// end ends the context, once.
func (c *call) end(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for a := range after {
		go a.f() // as package context does
	}
}
