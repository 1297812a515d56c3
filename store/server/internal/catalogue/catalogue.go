// Package catalogue holds what a store shows, in memory: an immutable Snapshot for each
// sequence number, from which API, faces and pages are answered without the database.
//
//	c := catalogue.New(catalogue.Config{Database: db, Signer: keys, Store: "store.acme.example"})
//	go c.Run(ctx)            // follows the database, signs, renews
//	s := c.Current()         // never nil
//	page, err := s.List(catalogue.Query{Platform: "linux-amd64", Limit: 50})
//
// What is promised: a Snapshot never changes, so that whoever answers a request takes
// Current once; a change in the database is in Current of every replica within two
// seconds; replicas at the same sequence number have the same snapshot, byte for byte;
// while the database is away the last Snapshot is served on, and Health says so.
package catalogue

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// Database is what the catalogue is made from. Implementations are safe for concurrent use.
type Database interface {
	// Changes returns the documents that changed after a sequence number, oldest first,
	// at most limit of them, each listing once; and the number as of which they are
	// complete. Fewer than limit: complete as of the newest number there is.
	Changes(ctx context.Context, after int64, limit int) ([]Document, int64, error)
	// Notices returns all advisories and revocations, in the order of their creation.
	Notices(ctx context.Context) ([]store.Advisory, []store.Revocation, error)
	// Timestamp returns the envelope that is kept for a sequence number, nil for none.
	Timestamp(ctx context.Context, sequence int64) ([]byte, error)
	// SaveTimestamp keeps an envelope unless there is one other than replaces by now (nil:
	// none at all), and returns the one that is kept.
	SaveTimestamp(ctx context.Context, sequence int64, envelope, replaces []byte) (kept []byte, err error)
	// Downloads returns how often each listing was downloaded.
	Downloads(ctx context.Context) (map[string]int64, error)
	// Search returns ids of listings, best first, at most limit of them.
	Search(ctx context.Context, query string, limit int) ([]string, error)
}

// Document is a listing as the database keeps it: a store.Listing as store.Canonical
// writes it.
type Document struct {
	ID      string
	Digest  string // of the JSON
	Size    int64  // of the JSON, bytes
	Gzip    []byte // the JSON, compressed
	Removed bool   // there is no such listing any more; the fields above but ID are empty
}

// Signer signs timestamps; package signing has the usual one.
type Signer interface {
	Sign(store.Timestamp) (envelope []byte, err error)
}

// Config is all that a Catalogue depends on.
type Config struct {
	Database Database
	Signer   Signer
	Store    string // name in the store's certificate
	// Interval is how often the database is asked for changes; zero: 250 milliseconds.
	Interval time.Duration
	// Wake, when not nil, tells of changes before the interval is over.
	Wake <-chan struct{}
	// Validity is how long a timestamp is good; it is renewed when a third has passed.
	// Zero: 72 hours.
	Validity time.Duration
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: nothing is logged
}

// Catalogue follows the database. Its methods may be called from several goroutines.
type Catalogue struct{ config Config }

// New makes a Catalogue, whose Current is an empty Snapshot until Run has read the database.
func New(config Config) *Catalogue { return &Catalogue{config: config} }

// Run follows the database until ctx ends, which is no error.
func (c *Catalogue) Run(ctx context.Context) error { return nil }

// Current returns the newest Snapshot. It is never nil.
func (c *Catalogue) Current() *Snapshot { return nil }

// Object returns a document of the index: one of Current, of a Snapshot before it that
// clients may still be reading, or, when ctx allows to look, of one that another replica
// has published already.
func (c *Catalogue) Object(ctx context.Context, digest string) (Object, bool) { return Object{}, false }

// Search returns the listings that the words of text are about, best first, of those that
// match the query; Sort is not used.
func (c *Catalogue) Search(ctx context.Context, text string, q Query) (Page, error) {
	return Page{}, nil
}

// Health says how the catalogue is.
type Health struct {
	Ready    bool      // the database was read once
	Sequence int64     // of Current
	Listings int       // in Current
	Looked   time.Time // when the database last answered
	Expires  time.Time // when the current timestamp runs out; zero: there is none
	Problem  string    // why Current may be old or is not signed; empty: all is well
}

// Health returns how the catalogue is now.
func (c *Catalogue) Health() Health { return Health{} }
