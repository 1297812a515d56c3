package host

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/deploy"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

// stopLimit bounds the whole of stopping every extension when the host ends.
const stopLimit = 10 * time.Second

// reconciler brings what runs to what should run. setView, wake and order may be called
// from anywhere; everything else happens in the goroutine of run.
type reconciler struct {
	host  *Host
	wakes chan struct{} // capacity 1: many wakes become one step

	mu     sync.Mutex // guards what follows
	view   *catalog.View
	orders map[string]orders
	asked  uint64        // counts calls of sync
	synced chan struct{} // closed, and replaced, when done changes
	done   uint64        // what asked was when the last finished step began

	// Owned by run: every extension of which something runs or should, in the order
	// in which they came.
	extensions []*extension
	byID       map[string]*extension
	fetching   sync.WaitGroup // of fallbacks
	seen       bool           // a View was taken
}

// fallback is the bundle that was healthy last, on its way from private storage.
type fallback struct {
	edition *edition    // set before done, nil when it is not there any more
	done    atomic.Bool // changed once
}

func newReconciler(h *Host) *reconciler {
	return &reconciler{
		host: h, wakes: make(chan struct{}, 1),
		orders: map[string]orders{}, byID: map[string]*extension{}, synced: make(chan struct{}),
	}
}

// sync waits for the end of a step that began after the call.
func (r *reconciler) sync(ctx context.Context) error {
	r.mu.Lock()
	r.asked++
	mine := r.asked
	r.mu.Unlock()
	r.wake()
	for {
		r.mu.Lock()
		done, synced := r.done, r.synced
		r.mu.Unlock()
		if done >= mine {
			return nil
		}
		select {
		case <-synced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// setView takes what the catalog says should run.
func (r *reconciler) setView(v catalog.View) {
	r.mu.Lock()
	r.view = &v
	r.mu.Unlock()
	r.wake()
}

// order changes what is asked of an extension.
func (r *reconciler) order(id string, change func(*orders)) {
	r.mu.Lock()
	o := r.orders[id]
	change(&o)
	r.orders[id] = o
	r.mu.Unlock()
	r.wake()
}

// wake asks for a step; it never blocks.
func (r *reconciler) wake() {
	select {
	case r.wakes <- struct{}{}:
	default:
	}
}

// run steps until ctx ends, then stops everything and returns when it has ended.
func (r *reconciler) run(ctx context.Context) {
	draining, hurry := context.WithCancel(context.Background())
	defer hurry()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			defer time.AfterFunc(stopLimit, hurry).Stop()
			r.end(draining)
			return
		case <-timer.C:
		case <-r.wakes:
		}
		if due := r.step(ctx); !due.IsZero() {
			timer.Reset(max(time.Until(due), time.Millisecond))
		}
	}
}

// step closes the gap as far as it can be closed now, publishes how things stand, and
// returns when it is to be called again at the latest, the zero time for no such need.
// What it begins (a launch, a stop) wakes it again when done.
func (r *reconciler) step(ctx context.Context) (due time.Time) {
	r.mu.Lock()
	view, asked := r.view, r.asked
	r.mu.Unlock()
	if view != nil {
		r.take(ctx, view)
		if !r.seen {
			r.host.journal.missing(*view)
		}
		r.seen = true
	}
	r.mu.Lock()
	for _, e := range r.extensions {
		e.orders = r.orders[e.id]
	}
	r.mu.Unlock()
	running := r.running()
	for _, e := range r.extensions {
		r.reconfigure(e)
		next := e.deploy.Step(r.want(e, running))
		r.abandon(e)
		for _, t := range []time.Time{next, e.again} {
			if !t.IsZero() && (due.IsZero() || t.Before(due)) {
				due = t
			}
		}
	}
	r.publish(view)
	for _, e := range r.extensions {
		e.deploy.Published()
	}
	r.letGo(view)
	r.mu.Lock()
	r.done = asked
	close(r.synced)
	r.synced = make(chan struct{})
	r.mu.Unlock()
	return due
}

// take notes what should run. View is complete also when the folder cannot be read:
// then it is what it was before.
func (r *reconciler) take(ctx context.Context, view *catalog.View) {
	for _, e := range r.extensions {
		e.entry = nil
	}
	for i := range view.Desired {
		entry := &view.Desired[i]
		e := r.byID[entry.ID()]
		if e == nil {
			e = r.newExtension(entry.ID())
		}
		e.entry = entry
		if e.wanted == nil || e.wanted.Digest() != entry.Bundle.Digest() {
			e.wanted = r.edition(*entry)
			e.waits, e.again = nil, time.Time{}
		}
		if e.fallback == nil {
			r.fetchFallback(ctx, e)
		}
	}
	for _, e := range r.extensions {
		if e.entry == nil {
			e.wanted = nil
		}
	}
}

func (r *reconciler) newExtension(id string) *extension {
	h := r.host
	settings := h.cfg.Settings(id)
	e := &extension{
		host: h, id: id, gate: router.NewGate(settings.InFlight, settings.Queue),
		data: h.dataFolder(id), orders: orders{},
	}
	e.deploy = deploy.New(deploy.Config{
		Gate: e.gate, Data: e.data, Journal: h.journal.of(h, e), Log: h.cfg.Log.With("ext", id),
		Wake: r.wake, Now: time.Now,
	})
	r.extensions = append(r.extensions, e)
	r.byID[id] = e
	return e
}

func (r *reconciler) edition(entry catalog.Entry) *edition {
	return newEdition(entry, r.host.cfg.Settings(entry.ID()), func(e *edition, held bool, tries int) *supervisor.Instance {
		return r.host.supervisor.Start(r.host.spec(e, held, tries), r.wake)
	})
}

// fetchFallback looks for the bundle that was healthy before the host was restarted, if
// another one should run now: it serves until that one has proved itself.
func (r *reconciler) fetchFallback(ctx context.Context, e *extension) {
	e.fallback = &fallback{}
	is, known := r.host.state.Extension(e.id)
	if !known || !is.Removed.IsZero() || is.Current == "" || is.Current == e.wanted.Digest() || e.entry.Disabled {
		e.fallback.done.Store(true)
		return
	}
	fall := e.fallback
	r.fetching.Go(func() {
		entry, err := r.host.catalog.Shelved(ctx, is.Current)
		if err == nil && (entry.ID() != e.id || entry.Executable == "" || r.host.admission.Refusal(entry.Bundle) != nil) {
			err = errors.New("it cannot or may not run here any more")
		}
		if err == nil {
			fall.edition = r.edition(entry)
		} else {
			r.host.cfg.Log.Warn("the version that ran before is not there any more", "ext", e.id, "digest", is.Current, "error", err)
		}
		fall.done.Store(true)
		r.wake()
	})
}

// want is what should run of e. running are the extensions that run.
func (r *reconciler) want(e *extension, running map[string]bool) deploy.Want {
	want := deploy.Want{
		Restart: e.orders.restart, Retry: e.orders.retry, Renew: e.orders.renew, RestoreData: e.orders.restoreData,
		Settings: deploy.Settings{Probation: r.host.cfg.Settings(e.id).Probation, HoldQueue: r.host.cfg.HoldQueue},
	}
	want.Settings.Drain = r.host.cfg.Settings(e.id).DrainTimeout
	e.missing = nil
	if e.entry == nil || e.entry.Disabled {
		e.waits, e.again = nil, time.Time{}
		return want
	}
	for _, need := range e.entry.Needs {
		if !running[need] {
			e.missing = append(e.missing, need)
		}
	}
	want.Version = e.wanted
	if tried := e.tried(); tried != nil {
		want.Version = tried
	}
	if !r.mayRun(e) {
		other := e.instead()
		if other == nil {
			want.Version = nil
			return want
		}
		want.Version = other
	}
	want.Blocked = len(e.missing) > 0 || !e.fallback.done.Load()
	if e.fallback.done.Load() && e.fallback.edition != nil && r.host.admission.Refusal(e.fallback.edition.entry.Bundle) == nil {
		want.Fallback = e.fallback.edition
	}
	return want
}

// running are the ids of the extensions that serve.
func (r *reconciler) running() map[string]bool {
	running := make(map[string]bool, len(r.extensions))
	for _, e := range r.extensions {
		running[e.id] = e.status(e.deploy.View()).State == lifecycle.Running
	}
	return running
}

// letGo forgets extensions of which nothing runs and nothing should.
func (r *reconciler) letGo(view *catalog.View) {
	if view == nil {
		return
	}
	r.extensions = slices.DeleteFunc(r.extensions, func(e *extension) bool {
		if e.entry != nil || !e.deploy.View().Idle {
			return false
		}
		delete(r.byID, e.id)
		r.host.supervisor.Forget(e.id)
		r.host.services.Forget(e.id)
		r.host.forgetLevel(e.id)
		r.host.journal.gone(e.id, claimed(view, e.id))
		return true
	})
}

// claimed returns why a file of this extension does not run, nil if there is none.
func claimed(view *catalog.View, id string) *lifecycle.Reason {
	i := slices.IndexFunc(view.Rows, func(row catalog.Row) bool { return row.Claims == id })
	if i < 0 {
		return nil
	}
	return view.Rows[i].Reason
}

// end stops every extension, the last started first, each after the one before, and
// shows how far that is, for those who watch.
func (r *reconciler) end(draining context.Context) {
	r.endTrials()
	for len(r.extensions) > 0 {
		last := len(r.extensions) - 1
		ended := r.extensions[last].deploy.Stop(draining)
		for gone := false; !gone; r.publish(nil) {
			select {
			case <-ended:
				gone = true
				r.extensions = r.extensions[:last]
			case <-r.wakes:
			}
		}
	}
	r.fetching.Wait()
}

// publish swaps in the routes and the rows of this moment.
func (r *reconciler) publish(view *catalog.View) {
	h := r.host
	var routes []*router.Route
	rows := []row{}
	settled := view != nil
	for _, e := range r.extensions {
		seen := e.deploy.View()
		s := e.status(seen)
		if s.State.Settled() {
			e.settled = true
		}
		settled = settled && e.settled
		if e.entry == nil && seen.Idle {
			continue
		}
		is, _ := h.state.Extension(e.id)
		ed := s.edition
		if ed == nil {
			ed = e.wanted
		}
		rows = append(rows, row{e.row(seen, s, is, h.state.Versions(e.id)), e, ed, s.instance, seen.AtRest})
		routes = append(routes, e.routes(s)...)
	}
	if view != nil {
		for _, r := range view.Rows {
			rows = append(rows, row{h.rowOf(r), nil, nil, nil, true})
		}
		rows = h.named(rows)
	}
	slices.SortStableFunc(rows, compareRows)
	before := *h.rows.Load()
	steady(before, rows)
	h.router.Swap(router.NewTable(routes))
	h.rows.Store(&rows) // looked says that they are all
	h.looked.Store(h.looked.Load() || view != nil)
	h.setRows(rows)
	if !slices.EqualFunc(before, rows, func(a, b row) bool { return a.ID == b.ID && a.Digest == b.Digest }) {
		h.findings.Look() // something else is installed, which may be revoked
	}
	if settled {
		h.ready.Store(true)
	}
}
