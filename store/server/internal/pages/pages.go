// Package pages is what people see of a store: its catalogue, the page of each extension,
// of each publisher, and what became of their submissions. New makes an http.Handler of
// what the pages need; it answers every path of its own and, with a page, those that nobody
// else does.
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

// ErrNotFound is what the interfaces of this package answer for what is not there.
var ErrNotFound = errors.New("not found")

// Catalogue is what the pages read. Every method answers for the catalogue as it is now.
type Catalogue interface {
	// Sequence numbers the catalogue: while it is the same, so are the answers, but for
	// counts of downloads.
	Sequence() int64
	Find(ctx context.Context, q Query) (Found, error)
	// Listing finds one by its id exactly as written; ErrNotFound.
	Listing(ctx context.Context, id string) (Entry, error)
	Summary(ctx context.Context) (Summary, error)
	// Picture opens the bytes of a picture of a listing; ErrNotFound.
	Picture(ctx context.Context, p store.Picture) (io.ReadSeekCloser, error)
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
	// Organization is the host name of the one that a publisher belongs to; empty for
	// those who see the submissions of all.
	Organization string
}

// Order is how listings are sorted.
type Order string

// The orders.
const (
	ByRelevance Order = "relevance" // as well as they match; by Newest without a search
	Newest      Order = "newest"    // by when their last release was published
	ByName      Order = "name"
	ByDownloads Order = "downloads"
)

// Query asks for some listings.
type Query struct {
	Text      string       // words to search for; empty for all
	Platform  string       // in our names; empty for any
	Label     string       // id of a label; empty for any
	Format    store.Format // empty for any
	Publisher string       // pin, or host; empty for any
	Type      string       // name of a request or response type; empty for any
	Order     Order
	// Languages are those that the reader wants, best first, in lower case with hyphens.
	Languages []string
	// Cursor is Found.Next of the page before; empty for the first.
	Cursor string
	Limit  int // at most this many, 1 to 100
}

// Found is one page of an answer.
type Found struct {
	Cards []Card
	Total int    // of all pages
	Next  string // cursor of the next page, empty on the last
}

// Card is a listing in short. A listing whose releases are all withdrawn or taken down has
// none.
type Card struct {
	ID        string
	Format    store.Format
	Name      string
	Summary   string // plain text
	Locale    string // of Name and Summary, "" when it is not known
	Publisher store.Publisher
	Labels    []string
	Icon      *store.Picture
	// The newest release that is offered.
	Version   string
	Channel   store.Channel
	State     store.ReleaseState
	Published time.Time
	Platforms []string
	Signed    bool
	Severity  store.Severity // of the worst advisory about Version, empty for none
	Downloads int64
}

// Entry is a listing with what the store knows besides.
type Entry struct {
	store.Listing
	Downloads   int64            // of all versions
	ByVersion   map[string]int64 // downloads
	Advisories  []store.Advisory
	Revocations []store.Revocation
}

// Summary is the catalogue in numbers.
type Summary struct {
	Listings, Releases, Publishers int
	Downloads                      int64
	Updated                        time.Time // when the catalogue changed last
	Labels                         []Count   // by name, those with listings
	Platforms                      []Count
	Formats                        []Count
}

// Count is how many listings have something.
type Count struct {
	Name string
	N    int
}

// Root is a certificate that this store's index is trusted by.
type Root struct {
	Name        string // its subject
	Fingerprint string // SHA-256 of the certificate, in hex
	Expires     time.Time
	PEM         []byte
}

// Config is what the pages are made from.
type Config struct {
	Catalogue Catalogue
	Desk      Desk // nil for a store without submissions
	// Name is the store's; Base is where people reach it, with its path prefix.
	Name string
	Base *url.URL
	// Roots are those of the store's index.
	Roots []Root
	// Version is the program's own.
	Version string
	Log     *slog.Logger
	Now     func() time.Time
}

// Pages answers people.
type Pages struct{ cfg Config }

// New parses the templates, once for each language.
func New(cfg Config) (*Pages, error) { return &Pages{cfg}, nil }

// ServeHTTP answers GET and HEAD of the pages' paths, below the path of Base, and POST of
// /open/{id}; everything else is 404 or 405, as a page.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {}
