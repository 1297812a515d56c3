// Package pages is what people see of a store: its catalogue, the page of each extension,
// of each publisher, and what became of their submissions. New makes an http.Handler of
// what the pages need; it answers every path of its own and, with a page, those that nobody
// else does. Its paths are below that of Config.Base, which it expects to be still there.
//
// What is promised: every text of a publisher is treated as hostile; a page is rendered
// completely before its first byte is sent; pages load nothing from elsewhere and run no
// scripts at all; nothing is remembered of a reader, except the address of their host if
// they give it; a page that has been rendered is kept for as long as the catalogue is the
// same.
package pages

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// ErrNotFound is what a Desk answers for what is not there.
var ErrNotFound = errors.New("not found")

// Catalogue is what the pages read.
type Catalogue interface {
	// Now is the catalogue as it is at this moment. A page is made of one View.
	Now() View
}

// View is the catalogue at one moment: it does not change, but for counts of downloads.
type View interface {
	// Sequence is its number; two views with the same number show the same.
	Sequence() int64
	// Find returns the listings of a query that have a release to offer.
	Find(ctx context.Context, q Query) (Found, error)
	// Listing returns one by its id in any spelling (store.FoldID), also one without a
	// release to offer.
	Listing(id string) (Entry, bool)
	// Labels and Platforms are those in use, sorted, with how many listings have each.
	Labels() []Count
	Platforms() []Count
	// Len is how many listings there are.
	Len() int
	Advisories() []store.Advisory
	Revocations() []store.Revocation
}

// Order is how listings are sorted.
type Order string

// The orders. A search is in the order of how well listings match.
const (
	ByPublished Order = "published" // the latest release first
	ByName      Order = "name"
	ByDownloads Order = "downloads"
)

// Query asks for some listings. Empty fields ask for any.
type Query struct {
	Text      string // what a person typed
	Platform  string // in our names
	Label     string // its id
	Format    store.Format
	Publisher string // pin or host
	Order     Order
	Cursor    string // Found.Next of the page before
	Limit     int    // at most this many, 1 to 100
}

// Found is one page of an answer.
type Found struct {
	Entries []Entry
	Next    string // cursor of the next page, empty on the last
}

// Entry is a listing with what is known besides. It is shared: nobody changes it.
type Entry struct {
	*store.Listing
	Release   int // index of the release that is shown: the highest one offered; -1 for none
	Downloads int64
}

// Count is how many listings have something.
type Count struct {
	Value string
	Count int
}

// Desk is where submissions lie.
type Desk interface {
	// Visitor is who a token belongs to; ErrNotFound for nobody.
	Visitor(ctx context.Context, token string) (Visitor, error)
	// Submissions are those that a visitor may see, newest first: at most limit with
	// numbers below before, 0 for the newest.
	Submissions(ctx context.Context, v Visitor, before int64, limit int) ([]store.Submission, error)
	// Submission is one that the visitor may see; ErrNotFound.
	Submission(ctx context.Context, v Visitor, number int64) (store.Submission, error)
}

// Visitor is somebody with a token.
type Visitor struct {
	Name string // of the token
	// Organization is the name of the one that a publisher belongs to; empty for those
	// who see the submissions of all.
	Organization string
}

// Detail is what is too much for a listing.
type Detail struct {
	Readme    string // Markdown, whole
	Changelog string // Markdown, whole, of the release
	Evidence  []Evidence
}

// Evidence is what one check found when a release was taken in.
type Evidence struct {
	Check, Tool, Version string
	Verdict              string // passed, warned or failed
	Text                 string
}

// Config is what the pages are made from.
type Config struct {
	Catalogue Catalogue
	// Detail is what is kept of one release. When it fails, the page has the listing only.
	Detail func(ctx context.Context, id, version string) (Detail, error)
	// Picture opens a picture of a listing by its digest.
	Picture func(ctx context.Context, digest string) (io.ReadSeekCloser, error)
	// Desk is nil for a store that shows no submissions.
	Desk Desk
	// Name is the store's. Base is where people reach it, with its path prefix.
	Name string
	Base *url.URL
	// Root is the certificate in PEM by which hosts trust the store, nil if it is not known.
	Root []byte
	// Version is the program's own.
	Version string
	Log     *slog.Logger
	Now     func() time.Time // nil for time.Now
}

// Pages answers people.
type Pages struct{ cfg Config }

// New parses the templates, once for each language.
func New(cfg Config) (*Pages, error) { return &Pages{cfg}, nil }

// ServeHTTP answers GET and HEAD of the pages' paths, below the path of Base, and POST of
// /open/{id}; everything else is 404 or 405, as a page.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {}
