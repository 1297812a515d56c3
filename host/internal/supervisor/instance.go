package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// misses is how many health checks in a row may fail.
const misses = 3

// Status is how an instance is doing.
type Status struct {
	State lifecycle.State
	// Reason says why the state is not running; nil when it is.
	Reason *lifecycle.Reason
	// Prepared says that a held process waits for Activate.
	Prepared bool
	// Restarting says that the process is starting again at once after one that ran:
	// requests wait for it a moment.
	Restarting bool
	// PID is the process, 0 when there is none; Started is when it became healthy.
	PID     int
	Started *time.Time
	// Restarts counts the restarts that nobody asked for, of this instance and of
	// those of the same extension before it.
	Restarts int
	// LastExit says how the last process ended, nil when none has.
	LastExit *lifecycle.Exit
	// NextTry is when a process that failed is launched again, in state backoff.
	NextTry *time.Time
	// StartDuration is what the last successful start took.
	StartDuration time.Duration
}

// Instance is an extension that is kept running. One goroutine, run, makes all its
// changes; it ends with Stop.
type Instance struct {
	s       *Supervisor
	spec    Spec
	log     *slog.Logger
	changed func()
	backoff backoff

	halt      context.CancelFunc // begins the stop
	hurry     chan struct{}      // closed when the stop is not to wait for requests
	hurryOnce sync.Once
	activate  chan struct{} // closed when a held process may go on
	goOnce    sync.Once
	again     chan struct{} // capacity 1: a failed process is to be launched again now
	done      chan struct{} // closed when run has ended

	live     atomic.Pointer[child] // takes requests; nil when none does
	refusals refusals              // of dials, for the log

	mu     sync.Mutex
	status Status
	news   chan struct{} // closed, and replaced, when the status changes
	held   *child        // whose process is alive, for sample
}

func newInstance(s *Supervisor, spec Spec, changed func(), halt context.CancelFunc) *Instance {
	spec.Settings = spec.Settings.withDefaults()
	if spec.Failed == nil {
		spec.Failed = func(Failure) {}
	}
	if changed == nil {
		changed = func() {}
	}
	i := &Instance{
		s: s, spec: spec, changed: changed, halt: halt,
		log: s.cfg.Log.With("ext", spec.ID, "version", spec.Version),
		backoff: backoff{
			first: spec.Settings.BackoffFirst, most: spec.Settings.BackoffMax, reset: spec.Settings.BackoffReset,
		},
		activate: make(chan struct{}), again: make(chan struct{}, 1),
		hurry: make(chan struct{}), done: make(chan struct{}), news: make(chan struct{}),
	}
	state, _ := lifecycle.Pending.On(lifecycle.Launch)
	i.status = Status{
		State:    state,
		Reason:   lifecycle.Reasonf(lifecycle.StageLaunch, lifecycle.CodeStarting, "the process is being started"),
		Restarts: s.metrics.restartsOf(spec.ID),
	}
	return i
}

// Status returns how the instance is doing. What it points to is not changed later.
func (i *Instance) Status() Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.status
}

// Process has one request answered by the current process. Without one it answers
// unavailable, and the request was not sent (Retryable): at once, or after restartWait
// when the process is being started again right after a crash. When the process dies
// with the request, it answers unavailable, not retryable: what was done is unknown.
func (i *Instance) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	c := i.enter()
	if c == nil {
		var fault *sdk.Error
		if c, fault = i.await(ctx); fault != nil {
			return nil, fault
		}
	}
	defer c.flight.leave()
	return c.wire.Process(ctx, req)
}

// unavailable says why there is nobody to ask.
func (i *Instance) unavailable() *sdk.Error {
	st := i.Status()
	if st.State == lifecycle.Running {
		st.State = lifecycle.Starting // its process has just died
	}
	err := sdk.Errorf(sdk.Unavailable, "extension %s is %s", i.spec.ID, st.State)
	err.Retryable = true
	switch {
	case st.NextTry != nil:
		err.RetryAfter = max(time.Until(*st.NextTry), time.Second)
	case st.State == lifecycle.Starting:
		err.RetryAfter = time.Second
	}
	return err
}

// Stop ends the instance: no request is taken any more, those in flight may finish
// within the drain timeout (or until ctx ends, if that is sooner), the extension is
// asked to Destroy itself, the process is ended and reaped. Stop returns when all that
// is done; it may be called more than once.
func (i *Instance) Stop(ctx context.Context) {
	i.halt()
	select {
	case <-i.done:
	case <-ctx.Done():
		i.interrupt()
		<-i.done
	}
}

// interrupt begins a stop that does not wait for requests.
func (i *Instance) interrupt() {
	i.hurryOnce.Do(func() { close(i.hurry) })
	i.halt()
}

// Activate lets a held process go on to serve. It may be called at any time and more
// than once; a process that is not held does not wait for it.
func (i *Instance) Activate() { i.goOnce.Do(func() { close(i.activate) }) }

// Retry launches a process that failed again at once, its failures forgotten. It does
// nothing to one that lives.
func (i *Instance) Retry() {
	if st := i.Status().State; st != lifecycle.Failed && st != lifecycle.Backoff {
		return
	}
	select {
	case i.again <- struct{}{}:
	default:
	}
}

// run is the instance's life.
func (i *Instance) run(ctx context.Context) {
	ran, tries := false, 0
	for ctx.Err() == nil {
		var healthy time.Duration
		c, fail := i.start(ctx, ran)
		if fail == nil {
			ran = true
			since := time.Now()
			fail = i.serve(ctx, c)
			healthy = max(time.Since(since), 1)
		}
		if ctx.Err() != nil || fail == nil {
			return
		}
		if tries++; !ran && i.spec.Tries > 0 && tries >= i.spec.Tries && !fail.permanent {
			fail.permanent = true
			fail.reason.Message += fmt.Sprintf("; tried %d times", tries)
		}
		i.spec.Failed(Failure{Reason: fail.reason, Dump: fail.dump, Ran: healthy > 0})
		var goOn bool
		if fail.permanent {
			goOn = i.giveUpOn(ctx, fail)
			tries = 0
		} else {
			goOn = i.rest(ctx, fail, healthy, ran)
		}
		if !goOn {
			return
		}
	}
}

// giveUpOn waits until what failed for good is to be tried again all the same, and
// reports whether it is.
func (i *Instance) giveUpOn(ctx context.Context, fail *failure) bool {
	i.log.Error("extension failed, not trying again", attrsOf(fail.reason)...)
	i.move(lifecycle.GiveUp, func(st *Status) { st.Reason = fail.reason })
	select {
	case <-ctx.Done():
		return false
	case <-i.again:
	}
	i.backoff.forget()
	i.move(lifecycle.Launch, func(st *Status) { st.Reason = startingAgain() })
	return true
}

func startingAgain() *lifecycle.Reason {
	return lifecycle.Reasonf(lifecycle.StageLaunch, lifecycle.CodeStarting, "the process is being started again, as was asked for")
}

// end is the last thing that happens to the instance.
func (i *Instance) end() {
	i.move(lifecycle.Ended, func(st *Status) {
		st.NextTry = nil
		st.Reason = lifecycle.Reasonf(lifecycle.StageRuntime, lifecycle.CodeStopped, "the host stopped it")
	})
	close(i.done)
}

// rest waits until a failed process is to be tried again, and reports whether it is.
func (i *Instance) rest(ctx context.Context, fail *failure, healthy time.Duration, ran bool) bool {
	delay, loop := i.backoff.next(time.Now(), healthy)
	reason := *fail.reason
	if loop {
		reason.Message += "; this is a crash loop: it keeps failing and is tried less and less often"
	}
	i.log.Warn("extension failed", append(attrsOf(&reason), "retry_in", delay)...)
	if delay > 0 {
		next := time.Now().Add(delay)
		i.move(lifecycle.Pause, func(st *Status) { st.Reason, st.NextTry = &reason, &next })
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-i.again:
			i.backoff.forget()
		case <-ctx.Done():
			return false
		}
	}
	restarts := i.s.metrics.restartsOf(i.spec.ID)
	if ran || !i.spec.Held { // what never served beside what does is nobody's restart
		restarts = i.s.metrics.restarted(i.spec.ID, reason.Code)
	}
	i.move(lifecycle.Launch, func(st *Status) { st.Reason, st.NextTry, st.Restarts = &reason, nil, restarts })
	return true
}

// serve lets c take requests and watches it. It returns when the process has ended,
// with the reason, or nil when it was asked to stop.
func (i *Instance) serve(ctx context.Context, c *child) *failure {
	i.live.Store(c)
	i.move(lifecycle.Ready, func(st *Status) { st.Reason = nil })

	if fail := i.watch(ctx, c, nil); fail != nil {
		return i.over(c, fail)
	}
	i.drain(c)
	return i.over(c, nil)
}

// hold keeps a process that is ready until it is let go or asked to stop, and returns
// why it ended if it did.
func (i *Instance) hold(ctx context.Context, c *child) *failure {
	i.update(func(st *Status) {
		st.Prepared = true
		st.Reason = lifecycle.Reasonf(lifecycle.StageCheck, lifecycle.CodeStarting, "it is healthy and waits for its turn")
	})
	return i.watch(ctx, c, i.activate)
}

// watch looks after the health of c until ctx ends or enough is closed. It returns why
// the process ended, nil if it lives. Nobody is let to a process that has ended.
func (i *Instance) watch(ctx context.Context, c *child, enough <-chan struct{}) *failure {
	defer i.live.Store(nil)
	tick := time.NewTicker(i.spec.Settings.CheckInterval)
	defer tick.Stop()
	for missed := 0; ; {
		select {
		case <-c.proc.done:
			i.live.Store(nil)
			c.end(0)
			return died(c)
		case <-c.wire.Lost():
			i.live.Store(nil)
			return hungUp(c)
		case <-ctx.Done():
			return nil
		case <-enough:
			return nil
		case <-tick.C:
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
			return i.giveUp(c, answered, err)
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
	c.out.record(maxDump)
	c.dump(i.s.cfg.DumpTimeout)
	c.end(0)
	fail := failf(lifecycle.StageRuntime, lifecycle.CodeHung,
		"%d health checks in a row were not answered within %s; if it is a Go program its goroutines are in its log",
		misses, i.spec.Settings.CheckTimeout).of(c)
	fail.dump = c.out.recorded()
	return fail
}

// drain stops a process that is well.
func (i *Instance) drain(c *child) {
	i.move(lifecycle.Stop, func(st *Status) {
		st.Reason = lifecycle.Reasonf(lifecycle.StageRuntime, lifecycle.CodeStopping, "finishing its last requests")
	})
	landed := c.land(i.spec.Settings.DrainTimeout, i.hurry)
	deadline := time.Now().Add(i.s.cfg.DestroyTimeout)
	switch {
	case c.proc.ended():
	case !landed:
		c.log.Warn("requests do not end, the extension is killed without Destroy", "in_flight", c.flight.count())
		return
	case c.can.Destroy:
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		if err := c.wire.Destroy(ctx); err != nil {
			c.log.Warn("destroying an extension", "err", err)
		}
	}
	c.end(max(time.Until(deadline), time.Millisecond))
}

// launched notes that a process is there.
func (i *Instance) launched(c *child) {
	i.mu.Lock()
	i.held = c
	i.mu.Unlock()
	c.log.Debug("extension launched", "pid", c.proc.pid)
	i.update(func(st *Status) { st.PID = c.proc.pid })
}

// started notes that the process is healthy.
func (i *Instance) started(c *child, took time.Duration) {
	now := time.Now()
	i.s.metrics.started(i.spec.ID, took)
	c.log.Info("extension running", "pid", c.proc.pid, "took", took)
	i.update(func(st *Status) { st.Started, st.StartDuration = &now, took })
}

// over notes that c has ended, because of fail (which it returns) or, when that is
// nil, because it was stopped.
func (i *Instance) over(c *child, fail *failure) *failure {
	c.end(0)
	i.mu.Lock()
	i.held = nil
	i.mu.Unlock()
	exit := c.lastExit()
	if exit == nil {
		return fail // there was no process
	}
	i.s.metrics.ended(i.spec.ID, c.runner.started().cpu)
	c.log.Debug("extension's process ended", "exit", exitText(*exit))
	gone := func(st *Status) { st.PID, st.Started, st.LastExit = 0, nil, exit }
	if fail == nil || i.Status().State != lifecycle.Running {
		i.update(gone)
		return fail
	}
	i.move(lifecycle.Crash, func(st *Status) {
		gone(st)
		st.Reason, st.Restarting = fail.reason, true
	})
	return fail
}

// move changes the state by what has happened, and what else change does.
func (i *Instance) move(event lifecycle.Event, change func(*Status)) {
	i.update(func(st *Status) {
		next, ok := st.State.On(event)
		if !ok {
			i.log.Error("impossible: a bug of the host", "state", string(st.State), "event", string(event))
			return
		}
		st.State, st.Prepared = next, false
		change(st)
	})
}

// update changes the status, but for its state, and lets who wants to know.
func (i *Instance) update(change func(*Status)) {
	i.mu.Lock()
	change(&i.status)
	if i.status.State != lifecycle.Starting {
		i.status.Restarting = false
	}
	close(i.news)
	i.news = make(chan struct{})
	i.mu.Unlock()
	i.changed()
}

// sample reads what the process takes of the machine.
func (i *Instance) sample() (sample, bool) {
	i.mu.Lock()
	c := i.held
	i.mu.Unlock()
	if c == nil {
		return sample{}, false
	}
	u, ok := c.proc.usage()
	return sample{id: i.spec.ID, usage: u}, ok
}

// ResidentBytes is the memory that the process holds just now, 0 without a process.
func (i *Instance) ResidentBytes() int64 {
	s, _ := i.sample()
	return s.resident
}

// attrsOf are the parts of a reason for the log.
func attrsOf(r *lifecycle.Reason) []any {
	attrs := []any{"code", r.Code, "stage", string(r.Stage), "message", r.Message}
	if r.ExitCode != nil {
		attrs = append(attrs, "exit_code", *r.ExitCode)
	}
	if r.Signal != "" {
		attrs = append(attrs, "signal", r.Signal)
	}
	return attrs
}
