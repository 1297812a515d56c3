package host

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
)

// stopLimit bounds the whole of stopping every extension when the host ends.
const stopLimit = 10 * time.Second

// reconciler brings what runs to what should run. setView and wake may be called
// from anywhere; everything else happens in the goroutine of run.
type reconciler struct {
	host  *Host
	wakes chan struct{} // capacity 1: many wakes become one step

	mu   sync.Mutex
	view *catalog.View // guarded by mu: the newest that the catalog has said

	// Owned by run. An extension stays in order from its start until its process is
	// gone, so an id occurs twice only while its old version is still stopping.
	order    []*extension
	stopping sync.WaitGroup
}

// extension is a desired entry and the process that serves it.
type extension struct {
	entry    catalog.Entry
	settings Settings
	types    *typeSet
	gate     *router.Gate
	instance instance
	fault    *lifecycle.Reason // why it could not even be started
	settled  bool              // was in a settled state once
	stopped  bool              // stop has begun
	gone     atomic.Bool       // its process has ended after stop
}

func newReconciler(h *Host) *reconciler {
	return &reconciler{host: h, wakes: make(chan struct{}, 1)}
}

// setView takes what the catalog says should run.
func (r *reconciler) setView(v catalog.View) {
	r.mu.Lock()
	r.view = &v
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
	for {
		select {
		case <-ctx.Done():
			defer time.AfterFunc(stopLimit, hurry).Stop()
			r.end(draining)
			return
		case <-r.wakes:
			r.step(draining)
		}
	}
}

// step closes the gap as far as it can be closed now, and publishes how things stand.
// What it begins (a launch, a stop) wakes it again when done. Stopping drains until
// the context draining ends.
func (r *reconciler) step(draining context.Context) {
	r.mu.Lock()
	view := r.view
	r.mu.Unlock()

	if view != nil {
		desired := make(map[string]string, len(view.Desired)) // id → digest
		for _, entry := range view.Desired {
			desired[entry.ID()] = entry.Bundle.Digest()
		}
		r.sweep(desired)
		// A drop folder that can not be read is not an empty folder: keep what runs.
		if view.Err == nil {
			r.stopUndesired(draining, desired)
			r.startMissing(view.Desired)
		}
	}
	r.publish(view)
}

// sweep lets go of extensions whose process has ended. What is desired in another
// version keeps its counters.
func (r *reconciler) sweep(desired map[string]string) {
	r.order = slices.DeleteFunc(r.order, func(e *extension) bool {
		gone := e.gone.Load()
		if _, stays := desired[e.id()]; gone && !stays {
			r.host.supervisor.Forget(e.id())
		}
		return gone
	})
}

// stopUndesired begins to stop what is not desired any more, in these bytes.
func (r *reconciler) stopUndesired(draining context.Context, desired map[string]string) {
	for _, e := range r.order {
		if !e.stopped && desired[e.id()] != e.entry.Bundle.Digest() {
			r.stop(draining, e)
		}
	}
}

// startMissing starts what is desired and not there. A new version waits for the old
// one to end: two processes never share a data folder.
func (r *reconciler) startMissing(desired []catalog.Entry) {
	for _, entry := range desired {
		i := slices.IndexFunc(r.order, func(e *extension) bool { return e.id() == entry.ID() })
		switch {
		case i < 0:
			r.order = append(r.order, r.start(entry))
		case !r.order[i].stopped:
			r.order[i].entry.File = entry.File // the same bytes under another name
		}
	}
}

func (r *reconciler) start(entry catalog.Entry) *extension {
	e := &extension{entry: entry, settings: r.host.cfg.Settings(entry.ID())}
	e.gate = router.NewGate(e.settings.InFlight, e.settings.Queue)
	var err error
	if e.types, err = newTypeSet(entry.Bundle); err != nil {
		e.fault = lifecycle.Reasonf(lifecycle.StageManifest, lifecycle.CodeTypesMismatch, "compiling the declared types: %v", err)
		return e
	}
	e.instance = r.host.supervisor.Start(r.host.spec(e), r.wake)
	return e
}

// stop begins to stop e: requests in flight are drained, then the process ends.
func (r *reconciler) stop(draining context.Context, e *extension) {
	e.stopped = true
	if e.instance == nil {
		e.gone.Store(true)
		r.wake()
		return
	}
	r.stopping.Go(func() {
		e.instance.Stop(draining)
		e.gone.Store(true)
		r.wake()
	})
}

// end stops every extension and shows how far that is, for those who watch.
func (r *reconciler) end(draining context.Context) {
	r.mu.Lock()
	view := r.view
	r.mu.Unlock()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.stopAll(draining)
	}()
	for {
		select {
		case <-r.wakes:
			r.publish(view)
		case <-stopped:
			r.order = nil
			r.publish(nil)
			return
		}
	}
}

// stopAll stops every extension, the last started first, each after the one before.
func (r *reconciler) stopAll(draining context.Context) {
	for _, e := range slices.Backward(r.order) {
		if !e.stopped && e.instance != nil {
			e.stopped = true
			e.instance.Stop(draining)
		}
	}
	r.stopping.Wait()
}

// publish swaps in the routes and the rows of this moment.
func (r *reconciler) publish(view *catalog.View) {
	h := r.host
	var routes []*router.Route
	rows := []row{}
	settled := view != nil
	for _, e := range r.order {
		status := e.status()
		if status.State.Settled() {
			e.settled = true
		}
		settled = settled && e.settled
		if e.gone.Load() {
			continue
		}
		rows = append(rows, row{e.row(status), e})
		if e.types != nil {
			routes = append(routes, e.routes(status)...)
		}
	}
	if view != nil {
		for _, r := range view.Rows {
			rows = append(rows, row{rowOf(r), nil})
		}
	}
	slices.SortStableFunc(rows, compareRows)
	h.router.Swap(router.NewTable(routes))
	h.rows.Store(&rows)
	if settled {
		h.ready.Store(true)
	}
}
