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
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/markdown"
	"github.com/jackfield-host/jackfield/store/server/internal/words"
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
	// Label is what the store calls a label, in the first of the locales for which it says
	// so; the id itself if it does not.
	Label(id string, locales []string) string
	// Len is how many listings have a release to offer.
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

// Detail is what is kept of a release beside its listing, and Evidence a part of it.
type (
	Detail   = store.Detail
	Evidence = store.Evidence
)

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
	// Jameica returns the certificate in PEM that users of Jameica confirm. It is asked when
	// there is something for them; nil for none.
	Jameica func(ctx context.Context) ([]byte, error)
	// Version is the program's own.
	Version string
	Log     *slog.Logger
	Now     func() time.Time // nil for time.Now
}

// Pages answers people.
type Pages struct {
	cfg       Config
	routes    http.Handler
	prefix    string // path of Base without a slash at its end
	languages map[language.Language]spoken
	statics   map[string]*rendered // by name
	root      *certificate         // nil where it is not known
	markdown  *markdown.Renderer
	kept      *cache
	making    singleflight.Group // of pages, by key
	zips      negotiate.Gzip
	notices   atomic.Pointer[notices]
}

// spoken is the pages in one language.
type spoken struct {
	words     *language.Words
	templates *template.Template
}

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// New parses the templates, once for each language.
func New(cfg Config) (*Pages, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Pages{
		cfg: cfg, prefix: strings.TrimSuffix(cfg.Base.Path, "/"), languages: map[language.Language]spoken{},
		markdown: markdown.New(), kept: newCache(cacheSize),
	}
	var err error
	if p.statics, err = p.readStatics(); err != nil {
		return nil, err
	}
	if p.root, err = certificateOf(cfg.Root, "the store's root certificate"); err != nil {
		return nil, err
	}
	for _, l := range language.Languages() {
		said := words.In(l)
		templates, err := template.New("").Funcs(functions(said)).ParseFS(templateFiles, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("reading the templates of the pages: %w", err)
		}
		p.languages[l] = spoken{said, templates}
	}
	p.routes = p.guard(p.mux())
	return p, nil
}

// ServeHTTP answers GET and HEAD of the pages' paths, below the path of Base, and POST of
// /open/{id}; everything else is 404 or 405, as a page.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.routes.ServeHTTP(w, r) }

// mux has every path. Those of pages that are kept name the queries that they read:
// others do not make another page.
func (p *Pages) mux() *http.ServeMux {
	mux := http.NewServeMux()
	at := func(path string, h http.HandlerFunc) { mux.HandleFunc("GET "+p.prefix+path, h) }
	at("/{$}", p.page(p.front, "q", "platform", "label", "format", "sort", "cursor"))
	at("/extensions", p.moved("/"))
	at("/extensions/{$}", p.moved("/"))
	at("/extensions/{id}", p.page(p.listing))
	at("/extensions/{id}/versions", p.page(p.versions, "from"))
	at("/extensions/{id}/versions/{version}", p.page(p.release))
	at("/extensions/{id}/feed.atom", p.page(p.listingFeed))
	at("/publishers/{publisher}", p.page(p.publisher, "cursor"))
	at("/labels", p.page(p.labels))
	at("/about", p.page(p.about))
	at("/feed.atom", p.page(p.feed))
	at("/root.pem", p.rootPEM)
	at("/pictures/{id}/{digest}", p.picture)
	at("/static/{version}/{name}", p.static)
	at("/favicon.ico", p.favicon)
	at("/robots.txt", p.robots)
	at("/open/{id}", p.fresh(p.open))
	mux.HandleFunc("POST "+p.prefix+"/open/{id}", p.remember)
	at("/submissions", p.page(p.publishing))
	at("/submissions/mine", p.fresh(p.submissions))
	at("/submissions/{number}", p.fresh(p.submission))
	mux.HandleFunc("/", p.missing)
	return mux
}
