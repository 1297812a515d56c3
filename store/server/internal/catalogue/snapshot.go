package catalogue

import (
	"iter"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// Snapshot is the catalogue at one sequence number. It never changes.
type Snapshot struct{}

// Object is a document of the index, compressed.
type Object struct {
	Digest string // of the JSON
	Size   int64  // of the JSON, bytes
	Gzip   []byte // not to be changed
}

// Sequence returns the number of the last change that is in it.
func (s *Snapshot) Sequence() int64 { return 0 }

// Timestamp returns the envelope that clients verify, and its ETag with the quotes; nil and
// "" as long as nobody could sign.
func (s *Snapshot) Timestamp() (envelope []byte, etag string) { return nil, "" }

// Index returns the document that the timestamp names: a store.Snapshot.
func (s *Snapshot) Index() Object { return Object{} }

// Document returns the document of a listing, by its id as store.FoldID has it.
func (s *Snapshot) Document(id string) (Object, bool) { return Object{}, false }

// Listing returns a listing, by its id as store.FoldID has it. It is shared: the caller
// does not change it.
func (s *Snapshot) Listing(id string) (*store.Listing, bool) { return nil, false }

// Item returns the entry of a listing, by its id as store.FoldID has it.
func (s *Snapshot) Item(id string) (Item, bool) { return Item{}, false }

// Len returns how many listings there are, hidden ones included.
func (s *Snapshot) Len() int { return 0 }

// All returns the entries of all listings, hidden ones included, by id.
func (s *Snapshot) All() iter.Seq[Item] { return func(func(Item) bool) {} }

// Advisories returns all advisories, oldest first.
func (s *Snapshot) Advisories() []store.Advisory { return nil }

// Revocations returns all revocations, oldest first.
func (s *Snapshot) Revocations() []store.Revocation { return nil }

// Labels returns the labels in use, sorted, with how many listings of List each is on.
func (s *Snapshot) Labels() []Count { return nil }

// Platforms returns the platforms in use, sorted, counted like Labels.
func (s *Snapshot) Platforms() []Count { return nil }

// Count is a value and how many listings have it.
type Count struct {
	Value string
	Count int
}

// Item is what is known of a listing without its document.
type Item struct {
	ID        string
	Format    store.Format
	Name      string // the default text's
	Publisher store.Publisher
	Labels    []string // sorted; not to be changed
	Digest    string   // of the document
	Created   time.Time
	Updated   time.Time
	Published time.Time // of the newest release that is offered; zero: none is
	Downloads int64     // as of a minute ago
	// Release is the index in Listing.Releases of the highest release that the query
	// matches; from Item and All, of the highest that is offered. -1: none.
	Release int
}

// Listing returns the whole listing, decoded on demand.
func (i Item) Listing() (*store.Listing, error) { return nil, nil }

// Sort is an order of listings.
type Sort string

// The orders. Listings that are equal in it follow by id.
const (
	ByName      Sort = "name"      // the default: A to Z, without regard to case
	ByUpdated   Sort = "updated"   // the latest first
	ByPublished Sort = "published" // the latest release first
	ByDownloads Sort = "downloads" // the most first
)

// Query selects listings: those that have a release to which all of it applies. Empty
// fields select nothing.
type Query struct {
	Format    store.Format
	Publisher string // a pin, a host or an organization's name
	Label     string
	// Of a release:
	Platform    string // our name; a release without it is left out
	HostVersion string // its MinHost is not higher, both by bundle.Version
	Channel     store.Channel
	// State is that of the release; empty: published or deprecated.
	State store.ReleaseState

	Sort   Sort
	Limit  int    // 1 to 200; zero: 50
	Cursor string // Page.Next of the page before, of the same query; of any Snapshot
}

// Page is some of the listings that a query selects.
type Page struct {
	Items []Item
	Next  string // cursor of the next page; empty: there is none
}

// ErrQuery is the reason of List and Search to refuse a query: its cursor, limit, order or
// version is none.
var ErrQuery error = errQuery{}

type errQuery struct{}

func (errQuery) Error() string { return "no such query" }

// List returns the listings that a query selects.
func (s *Snapshot) List(q Query) (Page, error) { return Page{}, nil }
