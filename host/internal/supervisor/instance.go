package supervisor

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/sdk"
)

// Status is how an instance is doing.
type Status struct {
	State lifecycle.State
	// Reason says why the state is not running; nil when it is.
	Reason *lifecycle.Reason
	// Prepared says that a held process is there and healthy, and that only Activate is
	// missing, in state starting. It stays true while it is activated, and is never so
	// for an instance that was told to go on before it was prepared.
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

	activate     chan struct{} // closed when a held process may go on
	activateOnce sync.Once
	again        chan struct{} // capacity 1: a try is wanted now
	hasten       chan struct{} // capacity 1: a health check is wanted now

	// Owned by the goroutine of run.
	ran   bool // a process took requests
	tries int  // failed starts in a row, before one ran

	halt      context.CancelFunc // begins the stop
	hurry     chan struct{}      // closed when the stop is not to wait for requests
	hurryOnce sync.Once
	done      chan struct{} // closed when run has ended

	configuring sync.Mutex      // held while a configuration is on its way to a process
	given       json.RawMessage // what the last process has; guarded by configuring
	revision    atomic.Int64    // of given, -1 before the first process

	live     atomic.Pointer[child] // takes requests; nil when none does
	refusals refusals              // of dials, for the log

	mu     sync.Mutex
	status Status
	news   chan struct{} // closed, and replaced, when the status changes
	held   *child        // whose process is alive, for sample
	limits Limits        // what it may use

	protections []confine.Protection // that hold of it, and that do not; not changed later
}

func newInstance(s *Supervisor, spec Spec, changed func(), halt context.CancelFunc) *Instance {
	spec.Settings = spec.Settings.withDefaults()
	if spec.LogLevel == nil {
		spec.LogLevel = spec.Settings.LogLevel
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
		activate: make(chan struct{}), again: make(chan struct{}, 1), hasten: make(chan struct{}, 1),
		hurry: make(chan struct{}), done: make(chan struct{}), news: make(chan struct{}),
	}
	i.revision.Store(-1)
	if !spec.Held {
		i.Activate()
	}
	i.limits = s.keeper.Holds(spec.limits())
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

// Limits returns what the instance may use and by what that is held.
func (i *Instance) Limits() Limits {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.limits
}

// Protections returns what confines the process, nil before the first launch. It is not
// to be changed.
func (i *Instance) Protections() []confine.Protection {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.protections
}

// confined notes what confines the process that is about to be launched.
func (i *Instance) confined(c *confine.Confinement) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.protections = c.Protections
}

// Activate lets a held instance go on: now, if it is prepared, else when it is. It
// returns at once. An instance that is not held needs it not.
func (i *Instance) Activate() { i.activateOnce.Do(func() { close(i.activate) }) }

// Retry launches a process at once where none is tried (failed) or only later
// (backoff), and forgets the failures so far. In any other state it does nothing.
func (i *Instance) Retry() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.status.State == lifecycle.Failed || i.status.State == lifecycle.Backoff {
		select {
		case i.again <- struct{}{}:
		default:
		}
	}
}

// checkNow asks for a health check before its time.
func (i *Instance) checkNow() {
	select {
	case i.hasten <- struct{}{}:
	default:
	}
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
	return c.process(ctx, req)
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

// launched notes that a process is there.
func (i *Instance) launched(c *child) {
	i.mu.Lock()
	i.held, i.limits = c, c.box.Holds()
	i.mu.Unlock()
	c.log.Debug("extension launched", "pid", c.proc.pid)
	i.update(same, func(st *Status) { st.PID = c.proc.pid })
}

// started notes that the process is healthy.
func (i *Instance) started(c *child, took time.Duration) {
	now := time.Now()
	i.s.metrics.started(i.spec.ID, took)
	c.log.Info("extension running", "pid", c.proc.pid, "took", took)
	i.update(same, func(st *Status) { st.Started, st.StartDuration = &now, took })
}

// over notes that c has ended, because of fail (which it returns) or, when that is
// nil, because it was stopped.
func (i *Instance) over(c *child, fail *failure) *failure {
	c.end(0)
	i.mu.Lock()
	i.held = nil
	i.mu.Unlock()
	if c.exceeded != "" && fail != nil {
		fail.overMemory(c)
	}
	if c.overData != "" && fail != nil {
		fail.overData(c)
	}
	proc := c.runner.started()
	if proc == nil {
		return fail
	}
	exit := c.lastExit() // nil for a process that was given up
	if exit != nil {
		i.s.metrics.ended(i.spec.ID, proc.cpu)
		c.log.Debug("extension's process ended", "exit", exitText(*exit))
	}
	event := same
	if fail != nil && i.Status().State == lifecycle.Running {
		event = lifecycle.Crash
	}
	i.update(event, func(st *Status) {
		st.PID, st.Started, st.Prepared = 0, nil, false
		if exit != nil {
			st.LastExit = exit
		}
		if event == lifecycle.Crash {
			st.Reason, st.Restarting = fail.reason, true
		}
	})
	return fail
}

// same is the event of an update that leaves the state as it is.
const same lifecycle.Event = ""

// update changes the status, the state by event alone, and lets who wants to know.
func (i *Instance) update(event lifecycle.Event, change func(*Status)) {
	i.mu.Lock()
	next, can := i.status.State, true
	if event != same {
		next, can = next.On(event)
	}
	if !can {
		i.mu.Unlock()
		i.log.Error("bug: an extension's state does not know this event, please report it", "state", string(next), "event", string(event))
		return
	}
	change(&i.status)
	i.status.State = next
	if next != lifecycle.Starting {
		i.status.Restarting, i.status.Prepared = false, false
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
