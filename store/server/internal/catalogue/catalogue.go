// Package catalogue holds what a store shows, in memory: an immutable Snapshot for each
// sequence number, from which API, faces and pages are answered without the database.
//
//	c := catalogue.New(catalogue.Config{Database: db, Signer: keys, Store: keys.Store()})
//	go c.Run(ctx)            // follows the database, signs, renews
//	s := c.Current()         // never nil
//	page, err := s.List(catalogue.Query{Platform: "linux-amd64", Limit: 50})
//
// What is promised: a Snapshot never changes, so that whoever answers a request takes
// Current once; a change in the database is in Current of every replica within two
// seconds; replicas at the same sequence number have the same snapshot, byte for byte;
// while the database is away the last Snapshot is served on, and Health says so. A document
// that is not as it should be is left out, with a line in the log, and harms no other.
package catalogue

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// GCPercent is for debug.SetGCPercent in a process that holds a large catalogue. Nearly all of
// it is bytes in which the collector has nothing to look for: to collect often costs little,
// and the heap needs a seventh beyond what lives, not as much again.
const GCPercent = 15

// Database is what the catalogue is made from: *database.Database, whose methods these are.
type Database interface {
	Sequence(ctx context.Context) (int64, error)
	Changes(ctx context.Context, after int64, limit int) (database.Changes, error)
	Timestamp(ctx context.Context, sequence int64) (database.Timestamp, error)
	SaveTimestamp(ctx context.Context, t database.Timestamp, replaces time.Time) (database.Timestamp, error)
	DownloadTotals(ctx context.Context) (map[string]int64, error)
	Search(ctx context.Context, q database.Query) (database.Hits, error)
}

// Signer signs timestamps, and reads what others with the same root have signed; package
// signing has the usual one.
type Signer interface {
	Sign(store.Timestamp) (envelope []byte, err error)
	Verify(envelope []byte, now time.Time) (store.Timestamp, error)
}

// Config is all that a Catalogue depends on.
type Config struct {
	Database Database
	Signer   Signer
	Store    string // name in the store's certificate
	// Interval is how often the database is asked for changes; zero: 250 milliseconds.
	Interval time.Duration
	// Validity is how long a timestamp is good; it is renewed when a third has passed.
	// Zero: 72 hours.
	Validity time.Duration
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: nothing is logged
}

// Catalogue follows the database. Its methods may be called from several goroutines.
type Catalogue struct {
	config  Config
	current atomic.Pointer[Snapshot]
	old     retained
	wake    chan struct{}

	mu     sync.Mutex // guards what follows
	health Health
	looked chan struct{} // closed at the end of the next look at the database
}

// New makes a Catalogue, whose Current is an empty Snapshot until Run has read the database.
func New(config Config) *Catalogue {
	if config.Interval <= 0 {
		config.Interval = 250 * time.Millisecond
	}
	if config.Validity <= 0 {
		config.Validity = 72 * time.Hour
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	c := &Catalogue{config: config, wake: make(chan struct{}, 1), looked: make(chan struct{})}
	c.current.Store(&Snapshot{decoded: &decoded{}})
	return c
}

// Current returns the newest Snapshot. It is never nil.
func (c *Catalogue) Current() *Snapshot { return c.current.Load() }

// Ready returns Current when the database has been read once. Its error is that ctx has ended.
func (c *Catalogue) Ready(ctx context.Context) (*Snapshot, error) {
	for {
		c.mu.Lock()
		ready, looked := c.health.Ready, c.looked
		c.mu.Unlock()
		if ready {
			return c.Current(), nil
		}
		select {
		case <-looked:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Wake has the database asked at once: call it after a change of one's own.
func (c *Catalogue) Wake() {
	select {
	case c.wake <- struct{}{}:
	default: // it is about to be
	}
}

// Object returns a document of the index by its digest: of Current, or of a Snapshot of the
// last minutes, which clients may still be reading. One that is in neither may be of a
// Snapshot that another replica has already: the database is looked at, for as long as ctx
// and a second allow.
func (c *Catalogue) Object(ctx context.Context, digest string) (Object, bool) {
	if _, ok := store.ParseDigest(digest); !ok {
		return Object{}, false
	}
	if object, ok := c.object(digest); ok {
		return object, true
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for range 2 { // a look that is under way may have begun too early
		c.mu.Lock()
		looked := c.looked
		c.mu.Unlock()
		c.Wake()
		select {
		case <-looked:
		case <-ctx.Done():
			return Object{}, false
		}
		if object, ok := c.object(digest); ok {
			return object, true
		}
	}
	return Object{}, false
}

func (c *Catalogue) object(digest string) (Object, bool) {
	if object, ok := c.Current().object(digest); ok {
		return object, true
	}
	return c.old.object(digest)
}

// Health says how the catalogue is.
type Health struct {
	Ready    bool      // the database was read once
	Sequence int64     // of Current
	Listings int       // in Current
	Looked   time.Time // when the database last answered
	Expires  time.Time // when the timestamp of Current runs out; zero: there is none
	// Problem is why Current may be old or is not signed; empty: all is well.
	Problem string
	// LeftOut are the ids whose documents are not as they should be, at most a hundred.
	LeftOut []string
}

// Health returns how the catalogue is now.
func (c *Catalogue) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, s := c.health, c.Current()
	h.Sequence, h.Listings, h.Expires = s.sequence, s.Len(), s.head.expires
	if h.Problem == "" && !h.Expires.IsZero() && c.config.Now().After(h.Expires) {
		h.Problem = "the timestamp has run out"
	}
	return h
}
