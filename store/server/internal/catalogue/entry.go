package catalogue

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// entry is what is held of one listing, of which there are many. It never changes.
type entry struct {
	id, folded    string
	name, nameKey string
	format        store.Format
	publisher     *store.Publisher // shared by its listings
	labels        []string         // shared by those with the same
	created       int64            // microseconds since 1970, like the others
	updated       int64
	published     int64             // of the highest release that is offered
	sum           [sha256.Size]byte // of the document
	size          int64             // of the document, bytes
	gzip          []byte            // the document
	releases      []release         // as in the listing: highest first
	offered       int               // index of the highest that is offered, -1 for none
}

// instant is a time of an entry.
func instant(microseconds int64) time.Time { return time.UnixMicro(microseconds).UTC() }

// release is what a query looks at. There are many: states and channels are numbers.
type release struct {
	state     uint8
	channel   uint8
	platforms uint32 // index into shared.platforms
	minHost   uint32 // index into shared.hosts
}

// The numbers of states: those that are offered first, 0 for one that is not known.
func numberOfState(state store.ReleaseState) uint8 {
	return uint8(slices.Index([]store.ReleaseState{store.Published, store.Deprecated, store.Withdrawn, store.TakenDown}, state) + 1)
}

// isOffered reports whether somebody may begin with a release in this state.
func isOffered(state uint8) bool { return state == 1 || state == 2 }

func numberOfChannel(channel store.Channel) uint8 {
	return uint8(slices.Index([]store.Channel{store.Stable, store.Beta}, channel) + 1)
}

// facts are those members of a store.Listing that an entry is made of: the whole would take
// several times as long to read.
type facts struct {
	ID        string               `json:"id"`
	Format    store.Format         `json:"format"`
	Texts     map[string]factsText `json:"texts"`
	Publisher store.Publisher      `json:"publisher"`
	Labels    []string             `json:"labels"`
	Created   time.Time            `json:"created"`
	Updated   time.Time            `json:"updated"`
	Releases  []struct {
		State     store.ReleaseState `json:"state"`
		Channel   store.Channel      `json:"channel"`
		Published time.Time          `json:"published"`
		MinHost   string             `json:"min_host"`
		Files     []struct {
			Platforms []string `json:"platforms"`
		} `json:"files"`
	} `json:"releases"`
}

type factsText struct {
	Name string `json:"name"`
}

// maxNameKey bounds by how much of a name listings are sorted; it is in cursors.
const maxNameKey = 64

// readEntry reads a document and holds it to its digest.
func (sh *shared) readEntry(d database.Document) (*entry, error) {
	data, err := sh.unzip.bytes(d.Gzip, d.Object.Size)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if named, ok := store.ParseDigest(d.Object.Digest); !ok || named != sum {
		return nil, fmt.Errorf("its document is not what its digest says: it has %x", sum)
	}
	var f facts
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("its document cannot be read: %w", err)
	}
	if f.ID != d.ID || store.FoldID(f.ID) == "" {
		return nil, fmt.Errorf("its document is that of %.100q", f.ID)
	}
	e := &entry{
		id: f.ID, folded: store.FoldID(f.ID), name: f.Texts[""].Name, nameKey: nameKey(f.Texts[""].Name), format: sh.format(f.Format),
		created: f.Created.UnixMicro(), updated: f.Updated.UnixMicro(), published: time.Time{}.UnixMicro(),
		sum: sum, size: d.Object.Size, gzip: slices.Clip(d.Gzip), releases: make([]release, len(f.Releases)), offered: -1,
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e.publisher, e.labels = sh.publisher(f.Publisher), sh.labelSet(f.Labels)
	for i, r := range f.Releases {
		var platforms []string
		for _, file := range r.Files {
			platforms = append(platforms, file.Platforms...)
		}
		e.releases[i] = release{
			state: numberOfState(r.State), channel: numberOfChannel(r.Channel), platforms: sh.platformSet(platforms), minHost: sh.host(r.MinHost),
		}
		if e.offered < 0 && isOffered(e.releases[i].state) {
			e.offered, e.published = i, r.Published.UnixMicro()
		}
	}
	return e, nil
}

func nameKey(name string) string {
	key := strings.ToLower(strings.TrimSpace(name))
	if len(key) > maxNameKey {
		key = strings.ToValidUTF8(key[:maxNameKey], "")
	}
	return key
}

// unzipper decompresses documents. It keeps its readers, each of which has tens of kilobytes;
// the zero value is ready.
type unzipper struct{ readers sync.Pool } // of *gzip.Reader

// bytes reads exactly size bytes.
func (u *unzipper) bytes(compressed []byte, size int64) ([]byte, error) {
	if size < 0 || size > store.MaxListing {
		return nil, fmt.Errorf("its document has %d bytes; %d are allowed", size, store.MaxListing)
	}
	r, ok := u.readers.Get().(*gzip.Reader)
	if !ok {
		r = new(gzip.Reader)
	}
	defer u.readers.Put(r)
	if err := r.Reset(bytes.NewReader(compressed)); err != nil {
		return nil, fmt.Errorf("its document cannot be decompressed: %w", err)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("its document cannot be decompressed: %w", err)
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, fmt.Errorf("its document has more than the %d bytes that it should, or is damaged", size)
	}
	return data, nil
}

// shared holds once what many listings have in common. Values are only ever added; a
// Snapshot keeps the slices as they were when it was made.
type shared struct {
	unzip unzipper

	mu         sync.Mutex // guards what follows
	publishers map[store.Publisher]*store.Publisher
	labels     map[string][]string
	platformOf map[string]uint32
	platforms  [][]string // sorted sets
	hostOf     map[string]uint32
	hosts      []host
}

// host is a lowest version of a host.
type host struct {
	any     bool // none is asked for
	version bundle.Version
	known   bool // version could be read
}

func newShared() *shared {
	return &shared{
		publishers: map[store.Publisher]*store.Publisher{}, labels: map[string][]string{},
		platformOf: map[string]uint32{}, hostOf: map[string]uint32{},
	}
}

// format returns the constant for a format, so that entries do not each hold a copy.
func (*shared) format(f store.Format) store.Format {
	for _, known := range []store.Format{store.FormatBundle, store.FormatJami, store.FormatJameica} {
		if f == known {
			return known
		}
	}
	return f
}

func (sh *shared) publisher(p store.Publisher) *store.Publisher {
	if known, ok := sh.publishers[p]; ok {
		return known
	}
	sh.publishers[p] = &p
	return &p
}

func (sh *shared) labelSet(labels []string) []string {
	if len(labels) == 0 {
		return nil
	}
	key := strings.Join(labels, "\x00")
	if _, ok := sh.labels[key]; !ok {
		sh.labels[key] = labels
	}
	return sh.labels[key]
}

func (sh *shared) platformSet(platforms []string) uint32 {
	slices.Sort(platforms)
	platforms = slices.Compact(platforms)
	key := strings.Join(platforms, "\x00")
	index, ok := sh.platformOf[key]
	if !ok {
		index = uint32(len(sh.platforms))
		sh.platformOf[key], sh.platforms = index, append(sh.platforms, platforms)
	}
	return index
}

func (sh *shared) host(text string) uint32 {
	index, ok := sh.hostOf[text]
	if !ok {
		version, err := bundle.ParseVersion(text)
		index = uint32(len(sh.hosts))
		sh.hostOf[text], sh.hosts = index, append(sh.hosts, host{any: text == "", version: version, known: err == nil})
	}
	return index
}
