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
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/accounts"
	"github.com/jackfield-host/jackfield/host/internal/admission"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/configuration"
	"github.com/jackfield-host/jackfield/host/internal/deploy"
	"github.com/jackfield-host/jackfield/host/internal/edge"
	"github.com/jackfield-host/jackfield/host/internal/events"
	"github.com/jackfield-host/jackfield/host/internal/findings"
	"github.com/jackfield-host/jackfield/host/internal/icons"
	"github.com/jackfield-host/jackfield/host/internal/installation"
	"github.com/jackfield-host/jackfield/host/internal/measures"
	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/host/internal/scrape"
	"github.com/jackfield-host/jackfield/host/internal/services"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
	"github.com/jackfield-host/jackfield/host/internal/tracing"
	"github.com/jackfield-host/jackfield/internal/picture"
)

// Host runs the extensions of one home.
type Host struct {
	cfg          Config
	home         Home
	catalog      *catalog.Catalog
	supervisor   *supervisor.Supervisor
	lock         *os.File
	services     *services.Services
	router       *router.Router
	requests     edge.Handler
	auth         authenticator   // nil when everybody may send requests
	tracer       *tracing.Tracer // nil when requests are not traced
	registry     *prometheus.Registry
	scraper      *scrape.Scraper
	state        *state.Store
	accounts     *accounts.Accounts
	openID       *OpenID // nil when nobody signs in at an OpenID provider
	admission    *admission.Control
	repositories *repositories.Set
	journal      *journal
	reconciler   *reconciler
	staging      *staging
	started      time.Time
	tries        tries
	icons        picture.Shelf
	offerIcons   *icons.Cache
	stopped      chan struct{} // closed when Run is about to return
	feed         *events.Feed[subject]
	jobs         *jobs
	sampler      *measures.Sampler
	// installation installs from repositories; nil while the home is being opened.
	installation *installation.Installation
	findings     *findings.Keeper
	restored     bool // the database is a backup

	rows  atomic.Pointer[[]row]
	ready atomic.Bool
	// looked says that the extensions folder was read once: only then is it known what
	// is there.
	looked atomic.Bool

	acting sync.Mutex // one change of an administrator at a time
	turns  turns      // … and of one configuration
	vault  *configuration.Vault

	mu       sync.Mutex                // guards what follows
	changed  chan struct{}             // closed, and replaced, when the rows change
	expected map[string]string         // id → digest that was uploaded last
	arriving map[string]int            // digest → how many uploads of it are being published
	levels   map[string]*slog.LevelVar // id → its log level, as its processes follow it
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
	h := &Host{
		cfg: cfg, home: Home(home), registry: prometheus.NewRegistry(),
		changed: make(chan struct{}), expected: map[string]string{}, arriving: map[string]int{},
		started: time.Now(), tries: newTries(),
		turns: turns{taken: map[string]chan struct{}{}}, feed: newFeed(), offerIcons: icons.New(icons.Config{}),
		levels: map[string]*slog.LevelVar{}, stopped: make(chan struct{}), sampler: measures.New(),
	}
	h.jobs = newJobs(h.feed)
	h.rows.Store(&[]row{})
	h.staging = newStaging(cfg.Limits.FileBytes, time.Now)
	if err := h.home.Make(); err != nil {
		return nil, err
	}
	// The lock comes first: opening the catalog and the supervisor sweeps what an
	// earlier host left behind, and must not sweep what a living one uses.
	if h.lock, err = h.home.lock(); err != nil {
		return nil, err
	}
	h.reconciler = newReconciler(h)
	h.admission = h.newAdmission()
	if h.repositories, err = h.newRepositories(); err != nil {
		release(h.lock)
		return nil, err
	}
	if err := h.open(version); err != nil {
		release(h.lock)
		return nil, err
	}
	h.router = router.New(router.Config{Dev: cfg.Dev, Log: cfg.Log})
	h.requests = edge.New(h.edgeConfig())
	h.services = services.New(services.Config{
		Dir: h.home.KeyValue, Quota: func(id string) int64 { return cfg.Settings(id).KeyValue }, Ask: h.requests.Call, Log: cfg.Log,
	})
	h.supervisor = supervisor.New(supervisor.Config{
		Log: cfg.Log, RunDir: h.home.Run(), Environ: append([]string{}, cfg.Environ...), Shim: cfg.Shim, Users: cfg.Users,
		Services: func(id string, asked, granted []string, log *slog.Logger) supervisor.Access {
			return h.services.Open(id, asked, granted, log)
		},
	})
	h.register()
	return h, nil
}

// open opens what the home holds. The home is locked.
func (h *Host) open(version bundle.Version) (err error) {
	cfg := h.cfg
	if h.vault, err = configuration.OpenVault(h.home.SecretKey()); err != nil {
		return err
	}
	h.catalog, err = catalog.Open(catalog.Config{
		Extensions: h.home.Extensions(), Bundles: h.home.Bundles(),
		Limits: cfg.Limits, Interval: cfg.ScanInterval, HostVersion: version,
		GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, StateOf: h.stateOf, Log: cfg.Log,
		Judge: h.admission.Judge, Distrust: h.distrust, Standing: h.standing, Kept: h.kept,
		Device: func() string { return h.state.Value(folderDevice) }, SetDevice: h.setDevice,
	})
	if err != nil {
		return err
	}
	shelved := h.catalog.ShelvedIDs()
	h.state, err = state.Open(state.Config{
		Path: h.home.Database(), Backups: h.home.Backups(), Used: len(shelved) > 0, Log: cfg.Log,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			h.state.Close()
		}
	}()
	h.journal = newJournal(h.state, cfg.Log, h.catalog.Wake)
	if err := h.newInstallation(); err != nil {
		return err
	}
	h.restored = h.state.Origin() == state.Restored
	if h.state.Origin() == state.Lost && !cfg.RecoverRun {
		if err := h.unconfirm(shelved); err != nil {
			return err
		}
	}
	// Sessions are forgotten where the database is a backup: before that is acknowledged.
	h.accounts, err = accounts.Open(accounts.Config{
		State: h.state, AdminToken: cfg.AdminToken, PasswordFile: h.home.InitialPassword(), Log: cfg.Log,
	})
	if err != nil {
		return err
	}
	if err := h.state.Acknowledge(context.Background()); err != nil {
		return err
	}
	if h.openID, err = NewOpenID(cfg.OpenID, h.accounts, cfg.Log); err != nil {
		return err
	}
	if h.auth, err = newAuthenticator(cfg, h.home, h.accounts); err != nil {
		return err
	}
	if cfg.TracingEndpoint == "" {
		return nil
	}
	h.tracer, err = tracing.New(tracing.Config{
		Endpoint: cfg.TracingEndpoint, Sample: cfg.TracingSample, Version: cfg.Version, Log: cfg.Log,
	})
	return err
}

// folderDevice is the fact that says on which device the extensions folder was.
const folderDevice = "extensions.device"

func (h *Host) setDevice(device string) {
	if h.state.Value(folderDevice) == device {
		return
	}
	if err := h.state.SetValue(context.Background(), folderDevice, device); err != nil {
		h.cfg.Log.Warn("the device of the extensions folder cannot be written down", "error", err)
	}
}

// unconfirm stops what was installed before the database was lost: nobody knows any
// more whether it was meant to run.
func (h *Host) unconfirm(shelved map[string][]string) error {
	for id := range shelved {
		if id == "" {
			continue
		}
		err := h.state.Change(context.Background(), state.Change{
			// What was granted is not known either: nothing counts as granted.
			ID: id, Edit: func(x *state.Extension) { x.Unconfirmed, x.Consented = true, true },
			Events: []state.Event{{Time: time.Now(), Kind: "unconfirmed", Actor: actorHost, Message: "the host's database was lost"}},
		})
		if err != nil {
			return err
		}
		h.cfg.Log.Warn("an extension stays stopped until it is enabled: the host's database was lost", "ext", id)
	}
	return nil
}

// recoverData puts the data back of extensions in the middle of whose hand-over the
// host was killed.
func (h *Host) recoverData(ctx context.Context) {
	list, err := os.ReadDir(filepath.Dir(h.home.Snapshots("x")))
	if err != nil {
		h.cfg.Log.Warn("looking for hand-overs that did not end", "error", err)
	}
	for _, e := range list {
		is, _ := h.state.Extension(e.Name())
		restored, err := h.dataFolder(e.Name()).Recover(ctx, is.Current)
		switch {
		case err != nil:
			h.cfg.Log.Error("an upgrade was interrupted, and the data folder cannot be put back", "ext", e.Name(), "error", err)
		case restored:
			h.cfg.Log.Warn("an upgrade was interrupted: the data folder is as it was before", "ext", e.Name())
			h.journal.event(e.Name(), state.Event{
				Kind: deploy.NoteDataRestored, Version: is.Version, Digest: is.Current, Actor: actorHost, Message: "the host was ended in the middle of an upgrade",
			})
		}
	}
}

// Run scans, launches and supervises until ctx ends; then it stops every extension,
// the last started first, and returns when no child is left. It returns an error
// only when it could not begin.
func (h *Host) Run(ctx context.Context) error {
	defer release(h.lock)
	if h.tracer != nil {
		defer h.tracer.Close()
	}
	defer h.close()
	defer close(h.stopped)
	defer h.startAnnouncing()()
	defer h.jobs.end()
	defer context.AfterFunc(ctx, h.jobs.cancel)()
	defer h.supervisor.Close()
	go h.journal.run()
	h.recoverData(ctx)
	h.installation.Recover(ctx, h.restored) // before the extensions folder is looked at

	// The reconciler outlives the catalog: it has children to stop.
	group, scanning := errgroup.WithContext(ctx)
	group.Go(func() error { return h.catalog.Run(scanning, h.reconciler.setView) })
	group.Go(func() error { h.reconciler.run(scanning); return nil })
	group.Go(func() error { h.requests.Run(scanning); return nil })
	group.Go(func() error { h.admission.Run(scanning, h.catalog.Verified); return nil })
	group.Go(func() error { return h.state.Run(scanning) })
	group.Go(func() error { return h.repositories.Run(scanning) })
	group.Go(func() error { h.staging.run(scanning); return nil })
	group.Go(func() error { h.installation.Run(scanning); return nil })
	group.Go(func() error { h.findings.Run(scanning); return nil })
	group.Go(func() error { h.measure(scanning); return nil })
	group.Go(func() error { h.accounts.Run(scanning); return nil })
	if h.auth != nil {
		group.Go(func() error { h.auth.Run(scanning); return nil })
	}
	if h.openID != nil {
		group.Go(func() error { h.openID.Run(scanning); return nil })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("watching %s: %w", h.home.Extensions(), err)
	}
	return nil
}

// close writes what is left to be written and closes the database.
func (h *Host) close() {
	h.journal.close()
	if err := h.services.Close(); err != nil {
		h.cfg.Log.Warn("closing the key-value stores", "error", err)
	}
	if err := h.state.Close(); err != nil {
		h.cfg.Log.Warn("closing the host's database", "error", err)
	}
}

// setRows makes the rows those of now.
func (h *Host) setRows(rows []row) {
	h.rows.Store(&rows)
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}

// awaitRows waits until ok is true of the rows.
func (h *Host) awaitRows(ctx context.Context, ok func() bool) error {
	for {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sync waits until what was decided before is in the rows.
func (h *Host) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	if err := h.catalog.Sync(ctx); err != nil {
		return err
	}
	return h.reconciler.sync(ctx)
}

// syncPatience bounds how long a change waits for the rows that show it.
const syncPatience = 10 * time.Second

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
	cfg := edge.Config{
		Router: h.router, Ready: h.Ready, Validate: h.cfg.Validate, Dev: h.cfg.Dev,
		Hosts: h.cfg.Hosts, Origins: h.cfg.Origins, Log: h.cfg.Log, Version: h.cfg.Version,
	}
	if h.auth != nil {
		cfg.Auth = h.auth
	}
	if h.tracer != nil {
		cfg.Tracer = h.tracer
	}
	return cfg
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

// Gatherer gives all metrics of the host and its extensions, with those that the
// extensions say of themselves.
func (h *Host) Gatherer() prometheus.Gatherer { return together(h.scraper, h.registry) }

func (h *Host) register() {
	h.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newSnapshotCollector(&h.rows, h.holdsUntil),
		newOwnCollector(h),
		newRepositoryCollector(h.repositories.Status),
		newPlanCollector(h.installation.Counts),
	)
	h.registry.MustRegister(h.catalog.Collectors()...)
	h.registry.MustRegister(h.supervisor.Collectors()...)
	h.registry.MustRegister(h.router.Collectors()...)
	h.registry.MustRegister(h.services.Collectors()...)
	h.scraper = scrape.New(scrape.Config{Sources: h.sources, Log: h.cfg.Log})
	h.registry.MustRegister(h.scraper.Collectors()...)
}
