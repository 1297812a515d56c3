package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// misses is how many health checks in a row may fail.
const misses = 3

// run is the instance's life.
func (i *Instance) run(ctx context.Context) {
	for ctx.Err() == nil {
		var healthy time.Duration
		c, fail := i.start(ctx)
		if c != nil {
			since := time.Now()
			fail = i.serve(ctx, c)
			healthy = max(time.Since(since), 1)
		}
		if ctx.Err() != nil || fail == nil {
			return
		}
		if !i.failed(ctx, fail, healthy) {
			return
		}
	}
}

// start brings a process to where it takes requests. Without one it returns why, or
// neither when it was asked to stop.
func (i *Instance) start(ctx context.Context) (*child, *failure) {
	began := time.Now()
	c, fail := i.prepare(ctx)
	if fail != nil {
		return nil, fail
	}
	took := time.Since(began)
	if on, fail := i.hold(ctx, c); !on {
		return nil, fail
	}
	began = time.Now()
	if fail := i.activated(ctx, c); fail != nil {
		return nil, fail
	}
	i.started(c, took+time.Since(began))
	return c, nil
}

// hold keeps a prepared process until it may go on, and reports whether it may. If not
// it has ended: for the reason returned, or because it was stopped.
func (i *Instance) hold(ctx context.Context, c *child) (on bool, fail *failure) {
	select {
	case <-i.activate:
		return true, nil
	default:
	}
	c.log.Debug("extension prepared", "pid", c.proc.pid)
	i.update(same, func(st *Status) { st.Prepared = true })
	return i.watch(ctx, c, i.activate)
}

// serve lets c take requests. It returns when the process has ended, with the reason,
// or nil when it was asked to stop.
func (i *Instance) serve(ctx context.Context, c *child) *failure {
	i.ran = true
	i.live.Store(c)
	i.update(lifecycle.Ready, func(st *Status) { st.Reason = nil })
	_, fail := i.watch(ctx, c, nil)
	return fail
}

// watch stays with c as long as it is well and until is open, which is what it
// reports. If until is still open c has ended: for the reason returned, or because it
// was stopped.
func (i *Instance) watch(ctx context.Context, c *child, until <-chan struct{}) (on bool, fail *failure) {
	tick := time.NewTicker(i.spec.Settings.CheckInterval)
	defer tick.Stop()
	for missed := 0; ; {
		select {
		case <-until:
			return true, nil
		case <-c.proc.done:
			i.live.Store(nil)
			c.end(0)
			return false, i.over(c, died(c))
		case <-c.wire.Lost():
			i.live.Store(nil)
			return false, i.over(c, hungUp(c))
		case <-ctx.Done():
			i.live.Store(nil)
			i.drain(c)
			return false, i.over(c, nil)
		case <-tick.C:
		case <-i.hasten:
		}
		answered, err := c.check(ctx, i.spec.Settings.CheckTimeout)
		if err == nil || ctx.Err() != nil {
			missed = 0
			continue
		}
		missed++
		c.log.Warn("health check failed", "missed", missed, "answered", answered, "err", err)
		if missed == misses {
			i.live.Store(nil)
			return false, i.over(c, i.giveUp(c, answered, err))
		}
	}
}

// giveUp ends a process that is not healthy any more.
func (i *Instance) giveUp(c *child, answered bool, err error) *failure {
	if c.proc.ended() {
		c.end(0)
		return died(c)
	}
	if answered {
		c.end(0)
		return failf(lifecycle.StageCheck, lifecycle.CodeCheckFailed,
			"%d health checks in a row failed: %s", misses, tidy(err.Error())).of(c)
	}
	c.dump(i.s.cfg.DumpTimeout)
	c.end(0)
	fail := failf(lifecycle.StageRuntime, lifecycle.CodeHung,
		"%d health checks in a row were not answered within %s; if it is a Go program its goroutines are in its log",
		misses, i.spec.Settings.CheckTimeout).of(c)
	fail.dump = c.out.dumped()
	return fail
}

// drain stops a process that is well.
func (i *Instance) drain(c *child) {
	i.update(lifecycle.Stop, func(st *Status) {
		st.Reason = lifecycle.Reasonf(lifecycle.StageRuntime, lifecycle.CodeStopping, "finishing its last requests")
	})
	landed := c.land(i.spec.Settings.DrainTimeout, i.hurry)
	deadline := time.Now().Add(i.s.cfg.DestroyTimeout)
	switch {
	case c.proc.ended():
	case !landed:
		c.log.Warn("requests do not end, the extension is killed without Destroy", "in_flight", c.flight.count())
		return
	case c.can.Destroy && i.ran:
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		if err := c.wire.Destroy(ctx); err != nil {
			c.log.Warn("destroying an extension", "err", err)
		}
	}
	c.end(max(time.Until(deadline), time.Millisecond))
}

// failed decides what follows a failure, and waits until the next try is due. It
// reports whether there is one.
func (i *Instance) failed(ctx context.Context, fail *failure, healthy time.Duration) bool {
	if i.spec.Failed != nil {
		reason := *fail.reason
		i.spec.Failed(Failure{Reason: &reason, Dump: fail.dump, Ran: healthy > 0})
	}
	i.tries++
	switch {
	case fail.permanent:
		return i.rejected(ctx, *fail.reason)
	case !i.ran && i.spec.Tries > 0 && i.tries >= i.spec.Tries:
		reason := *fail.reason
		reason.Message += fmt.Sprintf("; tried %d times", i.tries)
		return i.rejected(ctx, reason)
	default:
		return i.rest(ctx, fail, healthy)
	}
}

// rejected gives up, until somebody wants another try.
func (i *Instance) rejected(ctx context.Context, reason lifecycle.Reason) bool {
	i.log.Error("extension failed, not trying again", attrsOf(&reason)...)
	i.forgetRetry()
	i.update(lifecycle.GiveUp, func(st *Status) { st.Reason = &reason })
	select {
	case <-ctx.Done():
		return false
	case <-i.again:
		i.forgive()
		i.relaunch(&reason)
		return true
	}
}

// rest waits until a failed process is to be tried again, and reports whether it is.
func (i *Instance) rest(ctx context.Context, fail *failure, healthy time.Duration) bool {
	delay, loop := i.backoff.next(time.Now(), healthy)
	reason := *fail.reason
	if loop {
		reason.Message += "; this is a crash loop: it keeps failing and is tried less and less often"
	}
	i.log.Warn("extension failed", append(attrsOf(&reason), "retry_in", delay)...)
	if delay > 0 {
		next := time.Now().Add(delay)
		i.forgetRetry()
		i.update(lifecycle.Pause, func(st *Status) { st.Reason, st.NextTry = &reason, &next })
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		case <-i.again:
			i.forgive()
		}
	}
	i.relaunch(&reason)
	return true
}

// relaunch counts a restart and says that it begins.
func (i *Instance) relaunch(reason *lifecycle.Reason) {
	restarts := i.s.metrics.restartsOf(i.spec.ID)
	if i.ran || !i.spec.Held { // a try beside what serves is nobody's restart
		restarts = i.s.metrics.restarted(i.spec.ID, reason.Code)
	}
	i.update(lifecycle.Launch, func(st *Status) { st.Reason, st.NextTry, st.Restarts = reason, nil, restarts })
}

// forgetRetry drops a Retry that came too late for the pause it was meant for. It is
// called in a state that takes none, before an update to one that does.
func (i *Instance) forgetRetry() {
	select {
	case <-i.again:
	default:
	}
}

// forgive forgets the failures so far.
func (i *Instance) forgive() {
	i.tries = 0
	i.backoff.forget()
}

// end is the last thing that happens to the instance.
func (i *Instance) end() {
	i.update(lifecycle.Ended, func(st *Status) {
		st.NextTry = nil
		st.Reason = lifecycle.Reasonf(lifecycle.StageRuntime, lifecycle.CodeStopped, "the host stopped it")
	})
	close(i.done)
}
