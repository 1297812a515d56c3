// Package drop watches a folder in the layout of the Jami store and submits what is put into
// it:
//
//	DIR/plugins/<Name>/{server,desktop,android}/<Name>.{jar,jpl}
//
//	watcher := drop.New(drop.Config{Dir: dir, Desk: desk})
//	err := watcher.Run(ctx)
//
// A file is submitted once it had the same size and time in two looks, once for its bytes,
// however often it is seen and by however many replicas. One that changes while it is read is
// tried again; one that is refused is a submission with its reasons, like any other; one that
// goes away changes nothing. Links and what is no file are not followed. Whoever writes into
// the folder should rename files into it.
package drop

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// Desk takes files in: an *ingest.Desk.
type Desk interface {
	// Knows tells whether bytes were submitted from that source before.
	Knows(ctx context.Context, source, digest string) (bool, error)
	Receive(ctx context.Context, u ingest.Upload) (store.Submission, error)
}

// Config is what a Watcher is made from. Dir and Desk are required.
type Config struct {
	Dir  string
	Desk Desk
	// MaxBytes is the size of the largest file that is read; zero: 512 MiB.
	MaxBytes int64
	// Temp is where a file lies, without a name, while it is read; empty: the system's.
	Temp string
	// Settle is the time between two looks at what may still be growing (1 s), Interval
	// that between two looks at what rests (5 s): the system tells of most changes before.
	Settle, Interval time.Duration
	Log              *slog.Logger // nil: nothing is logged
}

// The folders of the layout, below plugins/<Name>. They are for people: what a file is for is
// what it says itself.
var folders = [...]string{"server", "desktop", "android"}

// What is looked at, at most.
const (
	maxPlugins = 20_000 // folders in plugins
	maxFiles   = 64     // entries of one of the folders below
	maxWatches = 4096   // folders of which the system tells
)

// Watcher watches one folder.
type Watcher struct {
	cfg     Config
	known   map[string]*sighting // by path below Dir
	mute    string               // the last failure that was told
	metrics *metrics
}

// sighting is what was seen of one file.
type sighting struct {
	size int64
	time time.Time
	done bool   // submitted, or known
	gone bool   // not seen in this look
	said string // the failure that was logged last
}

// New makes a Watcher.
func New(cfg Config) *Watcher {
	if cfg.Settle <= 0 {
		cfg.Settle = time.Second
	}
	if cfg.Interval <= 0 {
		cfg.Interval = 5 * time.Second
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 512 << 20
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{cfg: cfg, known: map[string]*sighting{}, metrics: newMetrics()}
}

// Collectors are the metrics of the watcher.
func (w *Watcher) Collectors() []prometheus.Collector {
	return []prometheus.Collector{w.metrics.looks, w.metrics.waiting}
}

type metrics struct {
	looks   *prometheus.CounterVec
	waiting prometheus.Gauge
}

func newMetrics() *metrics {
	return &metrics{
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "store_drop_files_total", Help: "Files of the drop folder by what became of a look at them.",
		}, []string{"result"}), // submitted, known, unstable, failed
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "store_drop_files_waiting", Help: "Files of the drop folder that are not submitted yet.",
		}),
	}
}

// Run watches until ctx ends, which is no error.
func (w *Watcher) Run(ctx context.Context) error {
	events := newEvents(w.cfg.Log)
	defer events.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-events.alarm:
			// One change is seldom alone: look once it is quiet for a moment.
			timer.Reset(min(w.cfg.Settle, 200*time.Millisecond))
			continue
		case <-timer.C:
		}
		waiting, watched := w.look(ctx)
		events.follow(watched)
		if waiting > 0 {
			timer.Reset(w.cfg.Settle)
		} else {
			timer.Reset(w.cfg.Interval)
		}
	}
}
