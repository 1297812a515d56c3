// Package host is the front hall: New makes a Host from a Config, Run scans the drop
// folder, launches what is accepted and keeps it alive until its context ends, and
// Snapshot says how things stand. Requests and Gatherer are what the two listeners
// serve; the listeners themselves belong to the caller.
//
// The host reconciles. The catalog says what should run, the supervisor says what
// runs, and one goroutine (reconcile.go) closes the gap. A bad bundle or a dying
// process is a row with a reason, never an error of Run.
package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/edge"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

// Host runs the extensions of one home.
type Host struct {
	cfg        Config
	home       Home
	catalog    *catalog.Catalog
	supervisor *supervisor.Supervisor
	lock       *os.File
	router     *router.Router
	requests   edge.Handler
	registry   *prometheus.Registry
	reconciler *reconciler

	rows  atomic.Pointer[[]row]
	ready atomic.Bool
}

// New makes the home's folders, locks the home and puts the rooms together. Run must
// follow: it starts the processes, and gives the home free when it returns. An error
// names the setting or the folder that is at fault.
func New(cfg Config) (*Host, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("the host's configuration: %w", err)
	}
	version, err := bundle.ParseVersion(cfg.Version)
	if err != nil {
		return nil, err
	}
	home, err := filepath.Abs(cfg.Home)
	if err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, home: Home(home), registry: prometheus.NewRegistry()}
	h.rows.Store(&[]row{})
	if err := h.home.make(); err != nil {
		return nil, err
	}
	// The lock comes first: opening the catalog and the supervisor sweeps what an
	// earlier host left behind, and must not sweep what a living one uses.
	if h.lock, err = h.home.lock(); err != nil {
		return nil, err
	}
	h.catalog, err = catalog.Open(catalog.Config{
		Extensions: h.home.Extensions(), Bundles: h.home.Bundles(),
		Limits: cfg.Limits, Interval: cfg.ScanInterval, HostVersion: version,
		GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, StateOf: h.stateOf, Log: cfg.Log,
	})
	if err != nil {
		h.lock.Close()
		return nil, err
	}
	h.supervisor = supervisor.New(supervisor.Config{Log: cfg.Log, RunDir: h.home.Run(), Environ: append([]string{}, cfg.Environ...)})
	h.router = router.New(router.Config{Dev: cfg.Dev, Log: cfg.Log})
	h.requests = edge.New(h.edgeConfig())
	h.reconciler = newReconciler(h)
	h.register()
	return h, nil
}

// Run scans, launches and supervises until ctx ends; then it stops every extension,
// the last started first, and returns when no child is left. It returns an error
// only when it could not begin.
func (h *Host) Run(ctx context.Context) error {
	defer h.lock.Close()
	defer h.supervisor.Close()

	// The reconciler outlives the catalog: it has children to stop.
	group, scanning := errgroup.WithContext(ctx)
	group.Go(func() error { return h.catalog.Run(scanning, h.reconciler.setView) })
	group.Go(func() error { h.reconciler.run(scanning); return nil })
	group.Go(func() error { h.requests.Run(scanning); return nil })
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("watching %s: %w", h.home.Extensions(), err)
	}
	return nil
}

// Snapshot returns the rows of all extensions and of the files that are none, in the
// order of their ids. It is the caller's to keep.
func (h *Host) Snapshot() []Extension {
	rows := *h.rows.Load()
	list := make([]Extension, len(rows))
	for i, r := range rows {
		list[i] = r.now()
	}
	return list
}

// Extension returns the row with this id.
func (h *Host) Extension(id string) (Extension, bool) {
	for _, r := range *h.rows.Load() {
		if r.ID == id {
			return r.now(), true
		}
	}
	return Extension{}, false
}

func (h *Host) edgeConfig() edge.Config {
	return edge.Config{
		Router: h.router, Ready: h.Ready, Validate: h.cfg.Validate, Dev: h.cfg.Dev,
		Hosts: h.cfg.Hosts, Origins: h.cfg.Origins, Log: h.cfg.Log, Version: h.cfg.Version,
	}
}

func (h *Host) stateOf(id string) State {
	e, _ := h.Extension(id)
	return e.State
}

// Ready reports whether the drop folder was read once and every extension in it has
// settled: ran, failed, or found something to wait for.
func (h *Host) Ready() bool { return h.ready.Load() }

// Requests is the handler of the request listener.
func (h *Host) Requests() http.Handler { return h.requests }

// DrainRequests ends batches and WebSockets in good order: no more requests are taken
// from them, those at work are answered, and each WebSocket is closed. It waits for
// that until ctx ends; an error says what was cut then. It belongs beside the Shutdown
// of the server of Requests, which waits for batches and does not see WebSockets.
func (h *Host) DrainRequests(ctx context.Context) error { return h.requests.Shutdown(ctx) }

// Gatherer gives all metrics of the host and its extensions.
func (h *Host) Gatherer() prometheus.Gatherer { return h.registry }

func (h *Host) register() {
	h.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newSnapshotCollector(&h.rows),
	)
	h.registry.MustRegister(h.catalog.Collectors()...)
	h.registry.MustRegister(h.supervisor.Collectors()...)
	h.registry.MustRegister(h.router.Collectors()...)
}
