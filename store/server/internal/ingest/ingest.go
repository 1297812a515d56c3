// Package ingest is the door of a store: what comes in as a file leaves it as a release, or
// stays with its reasons.
//
//	desk := ingest.New(ingest.Config{…})
//	go desk.Run(ctx)                                  // takes up what waits
//	submission, err := desk.Submit(ctx, ingest.Upload{…})
//	listing, err := desk.Act(ctx, ingest.Action{…})
//
// Receive keeps the bytes among the blobs and makes a row; from then on nothing is lost. Run
// claims rows, of this replica or of another one: a format's Reader reads the bytes that were
// kept and has their signature judged, the rules (rules.go) hold them against what is
// published, and one transaction writes the result. Whoever is killed in between leaves a
// claim that runs out, and the row is claimed again.
//
// What is promised: a file is published only after its format's reader has read all of it
// and its signature was judged; its bytes are in the blobs, synced, before the catalogue
// names them; nothing that it holds ends the process or takes more time and memory than the
// Config allows; and every submission ends as published, in_review or needs_changes. Nothing
// but the listing that it is about depends on a file: others are served as before.
package ingest

import (
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Admission says what becomes of a file that passes the checks.
type Admission string

// The policies. The zero value counts as Review: a store that forgets to choose is strict.
const (
	Direct Admission = "direct" // it is published
	Review Admission = "review" // it waits, in_review, until somebody approves it
)

// Unsigned is the organization of what nobody has signed and an administrator has sent.
const Unsigned = "unsigned"

// Config is all that a Desk depends on. Database, Blobs and Formats are required.
type Config struct {
	Database *database.Database
	Blobs    blobs.Store
	// Formats are asked in their order which of them a file is of.
	Formats   []Format
	Admission Admission
	// MaxBytes is the size of the largest file that is taken; zero: 512 MiB.
	MaxBytes int64
	// Temp is the folder in which a file lies, without a name, while it is checked; empty:
	// the system's. It needs Parallel times MaxBytes.
	Temp string
	// Timeout bounds one check; zero: 2 minutes. Parallel is how many are made at once;
	// zero: 2.
	Timeout  time.Duration
	Parallel int
	// Lease is how long a check that was killed keeps others from taking it up; zero: 15
	// seconds. Attempts is how often it is taken up; zero: 4.
	Lease    time.Duration
	Attempts int
	// Interval is how often the database is asked for what others have left; zero: 2 seconds.
	Interval time.Duration
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: nothing is logged
}

func (c Config) withDefaults() Config {
	setDefault(&c.Admission, Review)
	setDefault(&c.MaxBytes, 512<<20)
	setDefault(&c.Timeout, 2*time.Minute)
	setDefault(&c.Parallel, 2)
	setDefault(&c.Lease, 15*time.Second)
	setDefault(&c.Attempts, 4)
	setDefault(&c.Interval, 2*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Desk takes files in. Its methods may be called by any goroutine.
type Desk struct {
	cfg     Config
	metrics *metrics
	wake    chan struct{} // one token stands for any number of new rows

	mu      sync.Mutex // guards waiting
	waiting map[int64][]chan struct{}
}

// New makes a Desk. Nothing is taken up before Run.
func New(cfg Config) *Desk {
	return &Desk{cfg: cfg.withDefaults(), metrics: newMetrics(), wake: make(chan struct{}, 1), waiting: map[int64][]chan struct{}{}}
}

// Collectors are the metrics of the desk.
func (d *Desk) Collectors() []prometheus.Collector { return d.metrics.collectors() }

// now is the time as the store keeps it: UTC, in whole seconds.
func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Truncate(time.Second) }
