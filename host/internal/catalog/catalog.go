// Package catalog turns the drop folder into what should run: it watches the folder,
// copies complete bundles into private storage, judges the copies there, and resolves
// which of the accepted ones are desired.
//
// Call Open once, then Run; Run calls back with a View whenever something is
// different. Promised: a bundle in View.Desired was verified from a private copy that
// the folder can no longer touch; every other file of the folder has a Row with its
// reason; one bad, huge or growing file neither delays nor disturbs the others; and a
// folder that cannot be read takes nothing away from what runs.
//
// Desired is what the folder holds, as far as the Standing of each extension lets it
// run: resolve, a pure function, makes one of the two. Wake says that a Standing has
// changed. Receive, Plan and Publish bring an upload into the folder, Withdraw takes an
// extension out of it; they may be called from anywhere but from Run's callback.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// Config is what a Catalog needs. Extensions, Bundles, GOOS, GOARCH and Log are
// required; zero durations and Limits mean the defaults.
type Config struct {
	// Extensions is the drop folder. Only Publish and Withdraw write there; it need
	// not exist yet.
	Extensions string
	// Bundles is the private storage, made if it is missing. Nobody else may write
	// there, and no two Catalogs may share it.
	Bundles string
	Limits  bundle.Limits

	// Interval is the time between two looks at the folder when no file event
	// arrives (2 s); Settle is how long a file must not change before it is taken
	// up (300 ms); Stalled is how long an incomplete file may stand still before it
	// counts as truncated (1 min).
	Interval, Settle, Stalled time.Duration

	// HostVersion is compared with extension_min_host; the zero Version is new
	// enough for everything.
	HostVersion  bundle.Version
	GOOS, GOARCH string

	// Judge is called with each bundle that was verified, before it takes part in
	// anything: who signed it may have to be asked about. It may take its time, ends
	// with its context, and may be called from several goroutines. nil: nobody asks.
	Judge func(context.Context, *bundle.Verified)
	// Distrust says why a bundle that was judged may not run here, nil if it may. It is
	// asked at every resolve, from the goroutine of Run and from Plan and Receive: it
	// must be quick. Wake says that it has changed its mind. nil: everything may run.
	Distrust func(*bundle.Verified) *Distrust

	// StateOf tells the state of the desired extension with an id, for the metric
	// jackfield_bundles. Without it a desired bundle counts as starting.
	StateOf func(id string) lifecycle.State

	// Standing tells what is remembered of each extension that is installed, by id; nil:
	// nothing. What was removed has none: it would run again when the folder cannot be
	// read. It is read at every resolve, often and from the goroutine of Run: it must be
	// quick, and the map is not to be changed afterwards.
	Standing func() map[string]Standing
	// Kept lists the digests that must stay in private storage beside those that the
	// folder and Standing need. It is asked before each collection. Without it, some
	// earlier bundles of each id stay.
	Kept func() map[string]bool
	// Device tells what SetDevice was last given, by an earlier Catalog too: the
	// device of the drop folder, as opaque text, "" for unknown. Both or none.
	Device    func() string
	SetDevice func(string)

	Log *slog.Logger
}

const (
	defaultInterval = 2 * time.Second
	defaultSettle   = 300 * time.Millisecond
	defaultStalled  = time.Minute
	// lookGap keeps a flood of file events from becoming a flood of looks.
	lookGap = 50 * time.Millisecond
	// firstLookMax bounds how long the first View waits for files that are still
	// being judged: a folder of huge files must not keep the small ones down.
	firstLookMax = 10 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	var problems []error
	for _, field := range []struct{ name, value string }{
		{"Extensions", c.Extensions}, {"Bundles", c.Bundles}, {"GOOS", c.GOOS}, {"GOARCH", c.GOARCH},
	} {
		if field.value == "" {
			problems = append(problems, fmt.Errorf("%s is empty", field.name))
		}
	}
	if (c.Device == nil) != (c.SetDevice == nil) {
		problems = append(problems, errors.New("of Device and SetDevice only one is given"))
	}
	if c.Log == nil {
		problems = append(problems, errors.New("no Log is given"))
	}
	if len(problems) > 0 {
		return c, fmt.Errorf("catalog: %w", errors.Join(problems...))
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{{&c.Interval, defaultInterval}, {&c.Settle, defaultSettle}, {&c.Stalled, defaultStalled}} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	if c.Limits.FileBytes <= 0 {
		c.Limits.FileBytes = bundle.DefaultLimits().FileBytes
	}
	var err error
	if c.Extensions, err = filepath.Abs(c.Extensions); err != nil {
		return c, fmt.Errorf("catalog: %w", err)
	}
	if c.Bundles, err = filepath.Abs(c.Bundles); err != nil {
		return c, fmt.Errorf("catalog: %w", err)
	}
	return c, nil
}

// Entry is a bundle that should run.
type Entry struct {
	// File is the name in the drop folder. For bytes that no file holds any more it is
	// the name of the file in whose place they run.
	File string
	// Bundle is never nil and never a zero Verified. Between two Views it is the
	// same pointer as long as the content is the same.
	Bundle *bundle.Verified
	// Dir is the private folder of this content: bundle.jar and tree/. Tree is the
	// unpacked bundle, Executable the program in it for this platform. Absolute.
	Dir, Tree, Executable string
	// ModTime is the file's own time when this content was first accepted.
	ModTime time.Time
	// Seen is when the file was first seen as it was accepted: what came after is the
	// host's share of the time from drop to answer.
	Seen time.Time
	// Warnings say what is odd but harmless, the bundle's own ones first.
	Warnings []string
	// Needs are the ids of the extensions that it requires, without optional ones.
	Needs []string
	// Disabled says that it is installed and must not run; Note says why.
	Disabled bool
	Note     string
	// Passed are the rejected bundles of the id that it is preferred to.
	Passed []Passed
}

// ID returns the extension's id.
func (e Entry) ID() string { return e.Bundle.Manifest().ID }

// Row is a file of the folder that is not desired (yet). When a file that runs is
// overwritten by bytes that cannot run, the Entry of the earlier bytes stays and the
// Row of the same File says what is wrong with the new ones.
type Row struct {
	File string
	// Claims is the id that the file asks for, empty while unknown.
	Claims string
	// Manifest, Digest and Bundle are those of an accepted bundle, nil and empty
	// otherwise.
	Manifest *bundle.Manifest
	Digest   string
	Bundle   *bundle.Verified
	// State is pending, waiting, failed, conflict or unsupported; Reason is never nil.
	State  lifecycle.State
	Reason *lifecycle.Reason
}

// View is what the folder says at one moment. It is the receiver's to keep.
type View struct {
	Desired []Entry // sorted by id, each id once
	Rows    []Row   // sorted by file
	// Err says why the folder cannot be read or believed. Desired and Rows are then
	// what they were before: keep what runs.
	Err error
}

// Catalog watches one drop folder. Make it with Open.
type Catalog struct {
	cfg     Config
	shelf   *shelf
	metrics *metrics

	// What follows belongs to the goroutine of Run.
	folder    folder
	watch     watch
	lanes     lanes
	files     map[string]*dropped
	known     map[string]*accepted // what files hold or Standing refers to, by digest
	loads     map[string]*load     // what Standing refers to and is not known yet
	standing  map[string]Standing  // as last read
	running   map[string]string    // id → digest of the last View's Desired
	reasons   map[string]Row       // last View's rows by file, for the time of a reason
	err       error                // why the folder is not believed
	looked    bool                 // the folder was read once
	started   time.Time            // when Run began, then when the folder was first read
	lastLook  time.Time            // when the last look began
	due       time.Time            // when to look next
	published bool                 // a View was given out
	stirred   bool                 // something changed since that no look at the folder tells
	whole     bool                 // the first look that succeeded came to its end
	untidy    bool                 // the shelf may hold bundles that nobody needs

	woken chan struct{} // capacity 1: many wakes are one
	asks  chan func()   // to be called by the goroutine of Run
	ended chan struct{} // closed when Run has ended

	depositing sync.Mutex // held by who writes into the drop folder

	mu     sync.Mutex
	ran    bool  // Run was called
	view   View  // the last View given out
	input  input // what the last resolve was about
	unsure error // c.err of that moment
}

// Open prepares the private storage: it makes the folder, removes what a crash left
// half done and takes stock of the rest. The drop folder is not touched before Run.
func Open(cfg Config) (*Catalog, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	shelf, err := openShelf(cfg.Bundles, cfg.Limits, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("opening the private bundle storage: %w", err)
	}
	shelf.judge = cfg.Judge
	c := &Catalog{
		cfg: cfg, shelf: shelf,
		folder:  folder{path: cfg.Extensions},
		watch:   watch{path: cfg.Extensions, log: cfg.Log, open: openFileEvents},
		files:   map[string]*dropped{},
		known:   map[string]*accepted{},
		loads:   map[string]*load{},
		running: map[string]string{},
		reasons: map[string]Row{},
		untidy:  true,
		woken:   make(chan struct{}, 1),
		asks:    make(chan func()),
		ended:   make(chan struct{}),
	}
	if cfg.Device != nil {
		c.folder.expect = c.expected
	}
	j := judge{dir: cfg.Extensions, limits: cfg.Limits, shelf: shelf}
	c.lanes.judge, c.lanes.fetch = j.run, j.fetch
	c.metrics = newMetrics(c.last, c.states)
	return c, nil
}

var errRunTwice = errors.New("catalog: Run was called twice")

// Run watches the folder until ctx ends and then returns nil, after everything it
// started has ended. It calls changed from one goroutine, first after the first
// complete look (every complete file judged, or 10 s gone by with the rest shown as
// pending), then whenever the View differs from the last one. While changed runs,
// the folder is not looked at.
func (c *Catalog) Run(ctx context.Context, changed func(View)) error {
	c.mu.Lock()
	again := c.ran
	c.ran = true
	c.mu.Unlock()
	if again {
		return errRunTwice
	}
	defer close(c.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer c.watch.close()
	defer c.lanes.wait()
	defer cancel()

	if c.depositing.TryLock() { // else an upload is on its way, and sweeps
		c.sweep()
		c.depositing.Unlock()
	}
	c.lanes.start(ctx)
	c.started = time.Now()
	c.due = c.started
	c.remember()
	for id, st := range c.standing {
		if st.Current != "" && !st.Disabled {
			c.running[id] = st.Current // what ran last wins at start
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c.remember()
		if !time.Now().Before(c.due) {
			c.look()
		}
		now := time.Now()
		next := earliest(c.due, c.advance(now))
		next = earliest(next, c.fetch(now))
		c.publish(now, changed)
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			c.due = earliest(c.due, next) // a deadline of a file is a reason to look
		case <-c.woken:
			c.untidy, c.stirred = true, true
		case ask := <-c.asks:
			c.stirred = true
			ask()
		case <-c.watch.wake():
			c.due = earliest(c.due, c.lastLook.Add(lookGap))
		case done := <-c.lanes.done:
			c.stirred = true
			c.judged(done)
		}
	}
}

var errNotRunning = errors.New("catalog: Run has ended")

// ask has f called by the goroutine of Run, and returns when it was. It must not be
// called from there.
func (c *Catalog) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case c.asks <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ended:
		return errNotRunning
	}
}

func earliest(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}
