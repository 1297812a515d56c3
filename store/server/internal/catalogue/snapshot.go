package catalogue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Snapshot is the catalogue at one sequence number. It never changes.
type Snapshot struct {
	store    string
	sequence int64
	count    int // of entries
	lists    database.Lists
	head     head

	shards                         []*shard
	index, advisories, revocations Object

	byDigest  digests
	orders    [sortCount][]*entry // all entries, in each order
	downloads map[string]int64    // by id
	platforms [][]string          // what release.platforms means
	hosts     []host              // what release.minHost means
	decoded   *decoded
}

// Object is a document of the index, compressed.
type Object struct {
	Digest string // of the JSON
	Size   int64  // of the JSON, bytes
	Gzip   []byte // not to be changed
}

// Sequence returns the number of the last change that is in it.
func (s *Snapshot) Sequence() int64 { return s.sequence }

// Timestamp returns the envelope that clients verify, and its ETag with the quotes; nil and
// "" as long as nobody could sign. While the newest catalogue can not be signed it is that
// of the one before.
func (s *Snapshot) Timestamp() (envelope []byte, etag string) { return s.head.envelope, s.head.etag }

// Index returns the document of the store.Snapshot.
func (s *Snapshot) Index() Object { return s.index }

// Document returns the document of a listing, by its id as store.FoldID has it.
func (s *Snapshot) Document(id string) (Object, bool) {
	e := s.entry(store.FoldID(id))
	if e == nil {
		return Object{}, false
	}
	return e.object(), true
}

func (e *entry) object() Object { return Object{Digest: e.digest(), Size: e.size, Gzip: e.gzip} }

// digest is that of the document, as store.Digest writes it.
func (e *entry) digest() string { return "sha256:" + hex.EncodeToString(e.sum[:]) }

// object finds any document by its digest, which is one.
func (s *Snapshot) object(digest string) (Object, bool) {
	for _, o := range []Object{s.index, s.advisories, s.revocations} {
		if o.Digest == digest {
			return o, true
		}
	}
	if sum, ok := store.ParseDigest(digest); ok {
		if e := s.byDigest.find(sum); e != nil {
			return e.object(), true
		}
	}
	for _, shard := range s.shards {
		if shard.object.Digest == digest {
			return shard.object, true
		}
	}
	return Object{}, false
}

// entry finds an entry by its folded id.
func (s *Snapshot) entry(folded string) *entry {
	if len(s.shards) == 0 {
		return nil
	}
	entries := s.shards[store.ShardOf(folded, len(s.shards))].entries
	index, ok := slices.BinarySearchFunc(entries, folded, func(e *entry, folded string) int { return strings.Compare(e.folded, folded) })
	if !ok {
		return nil
	}
	return entries[index]
}

// Listing returns a listing, by its id as store.FoldID has it. It is shared: the caller
// does not change it.
func (s *Snapshot) Listing(id string) (*store.Listing, bool) {
	e := s.entry(store.FoldID(id))
	if e == nil {
		return nil, false
	}
	listing, err := s.decoded.listing(e)
	return listing, err == nil // it was read when the entry was made
}

// Item returns the entry of a listing, by its id as store.FoldID has it.
func (s *Snapshot) Item(id string) (Item, bool) {
	e := s.entry(store.FoldID(id))
	if e == nil {
		return Item{}, false
	}
	return s.item(e, e.offered), true
}

// Len returns how many listings there are, those included of which no release is offered.
func (s *Snapshot) Len() int { return s.count }

// All returns the entries of all listings, by name, those included of which no release is
// offered.
func (s *Snapshot) All() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, e := range s.orders[0] {
			if !yield(s.item(e, e.offered)) {
				return
			}
		}
	}
}

// Advisories returns all advisories, sorted by id. They are not to be changed, like
// Revocations and Labels.
func (s *Snapshot) Advisories() []store.Advisory { return s.lists.Advisories }

// Revocations returns all revocations.
func (s *Snapshot) Revocations() []store.Revocation { return s.lists.Revocations }

// Labels returns the labels that the store explains, sorted by id.
func (s *Snapshot) Labels() []database.Label { return s.lists.Labels }

// Counts says of labels, platforms, formats and publishers how many listings with an offered
// release have them. It looks at every listing: keep what it returns with the Snapshot.
func (s *Snapshot) Counts() Counts {
	c := Counts{Labels: map[string]int{}, Platforms: map[string]int{}, Formats: map[store.Format]int{}, Publishers: map[store.Publisher]int{}}
	for _, e := range s.orders[0] {
		if e.offered < 0 {
			continue
		}
		c.Formats[e.format]++
		c.Publishers[*e.publisher]++
		for _, label := range e.labels {
			c.Labels[label]++
		}
		for _, platform := range s.platforms[e.releases[e.offered].platforms] {
			c.Platforms[platform]++
		}
	}
	return c
}

// Counts are values and how many listings have them.
type Counts struct {
	Labels     map[string]int // by id
	Platforms  map[string]int // of the highest offered release
	Formats    map[store.Format]int
	Publishers map[store.Publisher]int
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
	Published time.Time // of the highest release that is offered; zero: none is
	Downloads int64     // as of a minute ago
	// Release is the index in Listing.Releases of the highest release that the query
	// matches; from Item and All, of the highest that is offered. -1: none.
	Release int

	entry   *entry
	decoded *decoded
}

func (s *Snapshot) item(e *entry, release int) Item {
	return Item{
		ID: e.id, Format: e.format, Name: e.name, Publisher: *e.publisher, Labels: e.labels, Digest: e.digest(),
		Created: instant(e.created), Updated: instant(e.updated), Published: instant(e.published), Downloads: s.downloads[e.id], Release: release,
		entry: e, decoded: s.decoded,
	}
}

// Listing returns the whole listing, decoded on demand. It is shared: the caller does not
// change it.
func (i Item) Listing() (*store.Listing, error) { return i.decoded.listing(i.entry) }

// maxDecoded bounds what decoded holds, in bytes of JSON; in memory it is about twice that.
const maxDecoded = 8 << 20

// decoded holds listings that were read lately: the young ones, and those that were young
// before them. What is asked for again becomes young again, and the old ones go when there
// are new old ones.
type decoded struct {
	unzip unzipper

	mu         sync.Mutex                           // guards what follows
	young, old map[[sha256.Size]byte]*store.Listing // by digest
	size       int64                                // of the young
}

func (d *decoded) listing(e *entry) (*store.Listing, error) {
	d.mu.Lock()
	listing, ok := d.young[e.sum]
	if !ok {
		if listing, ok = d.old[e.sum]; ok {
			d.keep(e, listing)
		}
	}
	d.mu.Unlock()
	if ok {
		return listing, nil
	}
	data, err := d.unzip.bytes(e.gzip, e.size)
	if err != nil {
		return nil, err
	}
	listing = &store.Listing{}
	if err := json.Unmarshal(data, listing); err != nil {
		return nil, fmt.Errorf("reading the listing %s: %w", e.id, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keep(e, listing)
	return listing, nil
}

// keep makes a listing young; the caller holds mu.
func (d *decoded) keep(e *entry, listing *store.Listing) {
	if d.young == nil || d.size+e.size > maxDecoded/2 {
		d.old, d.young, d.size = d.young, map[[sha256.Size]byte]*store.Listing{}, 0
	}
	if _, ok := d.young[e.sum]; !ok {
		d.young[e.sum], d.size = listing, d.size+e.size
	}
}
