// Package deploy leads one extension from the version that runs to the one that should
// run, so that nothing is lost on the way.
//
// The host makes a Deployment for each extension and calls Step whenever something may
// have changed: what is wanted, the status of a process, the time. Step never blocks;
// what takes time happens elsewhere and wakes the host when it is done. After each Step
// the host publishes the routes of View and then calls Published.
//
// What is promised:
//
//   - A new version is launched, initialised and checked beside the one that serves.
//     Whatever goes wrong with it, at any stage, what served goes on serving.
//   - overlap: the new version is activated, takes over in one atomic switch, and the
//     old one is kept until the probation is over.
//   - exclusive: two versions never write one data folder. Requests are held, the old
//     version ends, its data are copied, the new one is activated, and the held
//     requests go on. If it does not come up, the data are put back, the old version
//     is launched again, and then they go on.
//   - A version that dies within its probation is replaced by the one before.
//   - A version that did not take over is told to the Journal and not tried again.
//   - No process of before Want.Renew changed goes on, whatever becomes of the new one.
//
// All methods but those of Config belong to one goroutine.
package deploy

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

// candidateTries is how often a new version is tried beside the one that serves.
const candidateTries = 5

// Version is one version of the extension.
type Version interface {
	// Digest tells versions apart.
	Digest() string
	// Exclusive says that it must not share its data folder with another version.
	Exclusive() bool
	// Launch starts a process of it. A held one waits for Activate; tries bounds the
	// failed starts of one that never ran, 0 for no bound. It must lead to another
	// Step when the status of the Instance changes.
	Launch(held bool, tries int) Instance
}

// Instance is a supervised process of a version. *supervisor.Instance is one.
type Instance interface {
	Status() supervisor.Status
	// Activate lets a held process go on.
	Activate()
	// Retry launches a process that failed again at once.
	Retry()
	// Stop drains, ends and reaps the process, within ctx without draining.
	Stop(ctx context.Context)
}

// Gate holds the requests of the extension. *router.Gate is one.
type Gate interface {
	Hold(waiting int)
	Release()
}

// Data is the extension's data folder.
type Data interface {
	// Prepare copies what there is while the version from still writes, to make Take
	// quick.
	Prepare(ctx context.Context, from string) error
	// Take completes the copy while nobody writes, and notes on disk that a hand-over
	// from this version has begun.
	Take(ctx context.Context, from string) error
	// Restore puts the data back as they were when a version was last taken over from;
	// what is there is set aside.
	Restore(ctx context.Context, from string) error
	// Done notes that the hand-over is over, whichever way.
	Done() error
}

// Journal keeps what must outlive the host. Its methods are called by Step.
type Journal interface {
	// Healthy says that v serves, and is what runs again after a restart of the host.
	Healthy(v Version)
	// Rejected says that v did not take over, or not for long, and why.
	Rejected(v Version, why *lifecycle.Reason)
	// NotRenewed says that a new process v of the version that serves did not take over,
	// and why.
	NotRenewed(v Version, why *lifecycle.Reason)
	// Note is for the history of the extension.
	Note(kind string, v Version, message string)
}

// Kinds of notes.
const (
	NoteStarted      = "started"
	NoteUpgraded     = "upgraded"
	NoteRestarted    = "restarted"
	NoteKept         = "kept"          // the version that served, because the new one failed
	NoteEnded        = "ended"         // the process that served, though the new one failed: it had to be replaced
	NoteReverted     = "reverted"      // to the version before, within the probation
	NoteConfirmed    = "confirmed"     // the probation is over
	NoteDataRestored = "data_restored" // from the copy
	NoteNoSnapshot   = "no_snapshot"
)

// Config is what a Deployment is made from. All of it is required.
type Config struct {
	Gate    Gate
	Data    Data
	Journal Journal
	Log     *slog.Logger // names the extension
	// Wake leads to another Step. It never blocks, and may be called by any goroutine.
	Wake func()
	Now  func() time.Time
}

// Settings may be other ones at each Step.
type Settings struct {
	// Probation is how long a new version must live until the old one is let go.
	Probation time.Duration
	// Drain is how long an overlapped version goes on at least.
	Drain time.Duration
	// HoldQueue is how many requests may wait during a hand-over.
	HoldQueue int
}

// Want is what should run.
type Want struct {
	// Version is what should run, nil for nothing.
	Version Version
	// Fallback is the version that last was healthy, if it is another one: with no
	// process there it is launched first, and then replaced like any other.
	Fallback Version
	// Blocked keeps an extension that does not run from being started.
	Blocked bool
	// Restart and Retry ask for a new process, and for another try of what failed,
	// whenever they are other numbers than before.
	Restart, Retry uint64
	// Renew asks for a new process like Restart, before anything else is done, because
	// the processes of before may do what they must not do any more: they end even if
	// the new one fails.
	Renew uint64
	// RestoreData gives the version the data that it left behind.
	RestoreData bool
	Settings    Settings
}

// View is how things stand after a Step.
type View struct {
	// Version and Instance are what serves, or is on its way to; nil for nothing.
	Version  Version
	Instance Instance
	// Held says that requests wait for a hand-over to end.
	Held bool
	// Candidate and its Trial are a version that is being tried; nil for none.
	Candidate Version
	Trial     Instance
	// Idle says that no process is left, AtRest that nothing is under way: what is
	// wanted serves, or was rejected, or cannot be started yet.
	Idle, AtRest bool
}

// Deployment leads one extension. Make it with New.
type Deployment struct {
	cfg Config
	ctx context.Context // of what takes time, until Stop
	end context.CancelFunc

	phase   phase
	serving *run // gets the requests; may be on its way up, or down
	next    *run // the candidate
	failed  *run // a version that is being got rid of before the old one returns
	back    Version
	// snapshot says that there is a copy of the data as back left them; restoreFirst
	// that they must be put back before back runs, restoreLate that they are if it
	// does not come up with the data that are there.
	snapshot, restoreFirst, restoreLate bool
	restoring                           bool // the candidate is given its data back
	trial                               *probation
	rejected                            map[string]bool // digests
	fellBack                            bool            // Fallback was launched once
	again                               *run            // had to end; its version is launched in its place
	retry, renew                        uint64
	settings                            Settings
	op                                  *operation
	held, release                       bool
	due                                 time.Time
	atRest                              bool

	leaving []*run // being stopped, besides the ones above
	// ending are the runs whose stop begins when the routes of the last View are in
	// place: until then requests may still come to them.
	ending []*run
	work   sync.WaitGroup
}

// run is a process of a version.
type run struct {
	version Version
	Instance
	restart  uint64
	renew    uint64 // what it was when the process was launched
	healthy  bool   // ran once
	active   bool   // may write the data: was not held, or was activated
	stopping bool
	gone     atomic.Bool // after stopping
}

func (r *run) running() bool { return r.Status().State == lifecycle.Running }

// operation is something that takes time.
type operation struct {
	done atomic.Bool
	err  error // set before done
}

// New makes the Deployment of an extension of which nothing runs.
func New(cfg Config) *Deployment {
	d := &Deployment{cfg: cfg, rejected: map[string]bool{}}
	d.ctx, d.end = context.WithCancel(context.Background())
	return d
}

// Step goes on towards want as far as it can now, and returns when it wants to be
// called at the latest, the zero time for no such need.
func (d *Deployment) Step(want Want) time.Time {
	d.settings, d.renew = want.Settings, want.Renew
	if want.Retry != d.retry {
		d.retry = want.Retry
		clear(d.rejected)
		if d.phase == idle && d.serving != nil {
			d.serving.Retry()
		}
	}
	d.due = time.Time{}
	d.reap()
	for d.advance(want) {
	}
	d.atRest = d.resting(want)
	return d.due
}

// resting reports whether nothing is under way, nor will be for what is wanted now.
func (d *Deployment) resting(want Want) bool {
	switch {
	case d.phase != idle:
		return false
	case want.Version == nil:
		return d.serving == nil
	case d.serving == nil:
		return want.Blocked
	case d.serving.stopping:
		return false
	case d.serving.renew != want.Renew:
		return false
	case d.serving.version.Digest() == want.Version.Digest():
		return d.serving.restart == want.Restart
	}
	return d.rejected[want.Version.Digest()]
}

// Published begins to stop what does not serve any more, and lets held requests go on
// when the hand-over is over. The routes of the last View must be in place.
func (d *Deployment) Published() {
	d.endThem(context.Background())
	if d.release {
		d.release, d.held = false, false
		d.cfg.Gate.Release()
	}
}

// View returns how things stand.
func (d *Deployment) View() View {
	v := View{Held: d.held, AtRest: d.atRest, Idle: d.serving == nil && d.next == nil && d.failed == nil && len(d.leaving) == 0}
	if d.serving != nil {
		v.Version, v.Instance = d.serving.version, d.serving.Instance
	}
	if d.next != nil {
		v.Candidate, v.Trial = d.next.version, d.next.Instance
	}
	return v
}

// Stop begins to end everything, draining what serves until ctx ends. What it returns
// is closed when no process is left. No Step may follow.
func (d *Deployment) Stop(ctx context.Context) (ended <-chan struct{}) {
	d.end()
	for _, r := range []*run{d.next, d.failed, d.serving} {
		d.stop(r)
	}
	if d.trial != nil {
		d.stop(d.trial.warm)
	}
	d.endThem(ctx)
	if d.held {
		d.release = true
		d.Published()
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		d.work.Wait()
	}()
	return all
}

func (d *Deployment) launch(v Version, held bool, tries int, restart uint64) *run {
	return &run{version: v, Instance: v.Launch(held, tries), restart: restart, renew: d.renew, active: !held}
}

// activate lets the candidate go on.
func (d *Deployment) activate() {
	d.next.active = true
	d.next.Activate()
}

// crowded reports whether a process that is being stopped may still write the data.
func (d *Deployment) crowded() bool {
	return slices.ContainsFunc(d.leaving, func(r *run) bool { return r.active })
}

// stop has r stopped as soon as no new requests come to it.
func (d *Deployment) stop(r *run) {
	if r == nil || r.stopping {
		return
	}
	r.stopping = true
	d.ending = append(d.ending, r)
}

// endThem begins to stop what is to be stopped. ctx bounds the draining.
func (d *Deployment) endThem(ctx context.Context) {
	for _, r := range d.ending {
		d.work.Go(func() {
			r.Stop(ctx)
			r.gone.Store(true)
			d.cfg.Wake()
		})
	}
	clear(d.ending)
	d.ending = d.ending[:0]
}

// drop stops r and forgets it.
func (d *Deployment) drop(r *run) {
	if r != nil {
		d.stop(r)
		d.leaving = append(d.leaving, r)
	}
}

// reap forgets what has gone.
func (d *Deployment) reap() {
	left := d.leaving[:0]
	for _, r := range d.leaving {
		if !r.gone.Load() {
			left = append(left, r)
		}
	}
	clear(d.leaving[len(left):])
	d.leaving = left
	if d.phase == idle && d.serving != nil && d.serving.gone.Load() {
		d.serving = nil
	}
}

// begin does something that takes time.
func (d *Deployment) begin(do func(ctx context.Context) error) {
	op := new(operation)
	d.op = op
	d.work.Go(func() {
		op.err = do(d.ctx)
		op.done.Store(true)
		d.cfg.Wake()
	})
}

// finished reports whether what was begun is done, with its error.
func (d *Deployment) finished() (bool, error) {
	if d.op == nil || !d.op.done.Load() {
		return false, nil
	}
	err := d.op.err
	d.op = nil
	return true, err
}

// wakeAt makes Step return t, or something earlier.
func (d *Deployment) wakeAt(t time.Time) {
	if d.due.IsZero() || t.Before(d.due) {
		d.due = t
	}
}
