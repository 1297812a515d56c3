// Package storetest makes stores in memory, for the tests of whoever reads one.
//
//	s := storetest.New(t)
//	s.Publish("org.acme.hello", "1.0", "linux-amd64")   // a listing with a release of one file
//	reader := store.NewReader(store.ReaderConfig{Source: s, Roots: s.Roots(), Now: s.Now})
//	server := httptest.NewServer(s)                     // the same by the native API
//
// Its index is made from the definitions alone and all anew for each change, so that it is
// an oracle for the index of the real store.
package storetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

// Store is a whole store. Its fields may be changed before it is read; Change counts.
type Store struct {
	Authority   *trusttest.Authority
	Certificate *trusttest.Holder
	Validity    time.Duration // of timestamps

	mu          sync.Mutex
	sequence    int64
	now         time.Time
	listings    map[string]*store.Listing
	advisories  []store.Advisory
	revocations []store.Revocation
	files       map[string][]byte // by digest
	objects     map[string][]byte // by digest, of all sequence numbers
	envelope    []byte
}

// New makes an empty store at sequence number 1.
func New(t testing.TB) *Store {
	t.Helper()
	a := trusttest.NewAuthority(t)
	s := &Store{
		Authority: a, Certificate: a.Issue(t, a.Root, a.Template(trusttest.Store)), Validity: time.Hour,
		now: a.Now, listings: map[string]*store.Listing{}, files: map[string][]byte{}, objects: map[string][]byte{},
	}
	s.Change(func() {})
	return s
}

// Name returns the store's name.
func (s *Store) Name() string { return "store." + s.Authority.Host }

// Roots returns who vouches for the store.
func (s *Store) Roots() *trust.Roots {
	return &trust.Roots{Certificates: trusttest.Certs(s.Authority.Root)}
}

// Now returns the time in this store: that of its making, unless Advance was called.
func (s *Store) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Advance lets time pass. The timestamp is not renewed.
func (s *Store) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// Sequence returns the number of the last change.
func (s *Store) Sequence() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sequence
}

// Change does something to the store under the next sequence number, and signs it.
func (s *Store) Change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	s.sequence++
	s.sign()
}

// Renew signs the same catalogue anew.
func (s *Store) Renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sign()
}

// Put puts a listing, in the place of the one that has its id.
func (s *Store) Put(listing *store.Listing) {
	s.Change(func() { s.listings[listing.ID] = listing })
}

// Remove takes a listing away.
func (s *Store) Remove(id string) { s.Change(func() { delete(s.listings, id) }) }

// Advise adds advisories and revocations.
func (s *Store) Advise(advisories []store.Advisory, revocations []store.Revocation) {
	s.Change(func() {
		s.advisories, s.revocations = append(s.advisories, advisories...), append(s.revocations, revocations...)
	})
}

// Publish puts a release with one file before those that the listing has, makes the listing
// if need be, and returns it.
func (s *Store) Publish(id, version string, platforms ...string) *store.Listing {
	listing := &store.Listing{
		ID: id, Format: store.FormatBundle, Texts: map[string]store.Text{"": {Name: id, Description: "About " + id}},
		Publisher: store.Publisher{Organization: "Acme", Host: s.Authority.Host, Pin: "sha256:" + strings.Repeat("0", 64) + "@" + s.Authority.Host},
		License:   "Apache-2.0", Created: s.Now().UTC(), Updated: s.Now().UTC(),
	}
	data := []byte(strings.Repeat(id+" "+version+"\n", 1000))
	release := store.Release{
		Version: version, Channel: store.Stable, State: store.Published, Published: s.Now().UTC(),
		Files: []store.File{{Name: id + "-" + version + ".jar", Platforms: platforms, Digest: store.Digest(data), Size: int64(len(data))}},
	}
	s.Change(func() {
		if old, ok := s.listings[id]; ok {
			next := *old
			next.Updated, next.Releases = listing.Updated, old.Releases
			listing = &next
		}
		listing.Releases = append([]store.Release{release}, listing.Releases...)
		s.files[release.Files[0].Digest] = data
		s.listings[id] = listing
	})
	return listing
}

// PublishFile is Publish of a file that is given, for every host. change, which may be nil, is
// called with the new release before it is signed.
func (s *Store) PublishFile(id, version string, data []byte, change func(*store.Listing, *store.Release)) *store.Listing {
	listing := *s.Publish(id, version, "server")
	release := listing.Releases[0]
	listing.Releases = listing.Releases[1:]
	release.Files = []store.File{{Name: id + "-" + version + ".jar", Platforms: []string{"server"}, Digest: store.Digest(data), Size: int64(len(data))}}
	if change != nil {
		change(&listing, &release)
	}
	listing.Releases = append([]store.Release{release}, listing.Releases...)
	s.Change(func() {
		s.files[store.Digest(data)] = data
		s.listings[id] = &listing
	})
	return &listing
}

// PutIcon gives a listing an icon: bytes that its document names as a picture, whatever they
// are.
func (s *Store) PutIcon(id string, data []byte) {
	s.Change(func() {
		next := *s.listings[id]
		next.Pictures.Icon = &store.Picture{Digest: store.Digest(data), Size: int64(len(data)), Media: "image/png", Width: 64, Height: 64}
		s.files[store.Digest(data)] = data
		s.listings[id] = &next
	})
}

// sign makes the index; the caller holds mu.
func (s *Store) sign() {
	count := store.ShardCount(len(s.listings))
	shards := make([]store.Shard, count)
	for i := range shards {
		shards[i].Listings = map[string]store.Object{}
	}
	for id, listing := range s.listings {
		shards[store.ShardOf(id, count)].Listings[id] = s.object(listing)
	}
	snapshot := store.Snapshot{Store: s.Name(), Sequence: s.sequence, Listings: len(s.listings)}
	for _, shard := range shards {
		snapshot.Shards = append(snapshot.Shards, s.object(shard))
	}
	snapshot.Advisories = s.object(append([]store.Advisory{}, s.advisories...))
	snapshot.Revocations = s.object(append([]store.Revocation{}, s.revocations...))
	timestamp := store.Timestamp{Store: s.Name(), Sequence: s.sequence, Issued: s.now, Expires: s.now.Add(s.Validity), Snapshot: s.object(snapshot)}
	var err error
	if s.envelope, err = store.SignTimestamp(timestamp, s.Certificate.Key, trusttest.Certs(s.Certificate)); err != nil {
		panic(err) // a mistake in the test
	}
}

// Sign signs a timestamp as this store.
func (s *Store) Sign(t store.Timestamp) ([]byte, error) {
	return store.SignTimestamp(t, s.Certificate.Key, trusttest.Certs(s.Certificate))
}

// object keeps a document; the caller holds mu.
func (s *Store) object(document any) store.Object {
	data, err := store.Canonical(document)
	if err != nil {
		panic(err) // a mistake in the test
	}
	o := store.ObjectOf(data)
	s.objects[o.Digest] = data
	return o
}

// Keep makes a document an object of the store, named by nobody, and returns its name.
func (s *Store) Keep(document any) store.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.object(document)
}

// Listings returns all listings, by id.
func (s *Store) Listings() []*store.Listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*store.Listing
	for _, listing := range s.listings {
		all = append(all, listing)
	}
	slices.SortFunc(all, func(a, b *store.Listing) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Shards returns the objects into which the listings are divided.
func (s *Store) Shards(t testing.TB) []store.Object {
	t.Helper()
	view, err := store.NewReader(store.ReaderConfig{Source: s, Roots: s.Roots(), Now: s.Now}).Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return view.Shards()
}

// Timestamp makes a Store a store.Source.
func (s *Store) Timestamp(_ context.Context, known string) (io.ReadCloser, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tag := `"` + store.Digest(s.envelope) + `"`
	if tag == known {
		return nil, tag, nil
	}
	return io.NopCloser(bytes.NewReader(s.envelope)), tag, nil
}

// Object makes a Store a store.Source.
func (s *Store) Object(_ context.Context, digest string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.objects[digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// File makes a Store a store.Source.
func (s *Store) File(_ context.Context, want store.ReleaseFile, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.files[want.File.Digest]
	if !ok || offset > int64(len(data)) {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data[offset:])), nil
}

// Icon makes a Store a store.IconSource.
func (s *Store) Icon(_ context.Context, listing string, _ store.Picture) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.listings[listing]
	if !ok || l.Pictures.Icon == nil {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(s.files[l.Pictures.Icon.Digest])), nil
}

// Bytes returns the file of a release by its digest, nil for none.
func (s *Store) Bytes(digest string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.files[digest])
}

// ServeHTTP answers the routes of the native API that store.HTTPSource asks.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/snapshot/timestamp", func(w http.ResponseWriter, r *http.Request) {
		body, tag, _ := s.Timestamp(r.Context(), "")
		data, _ := io.ReadAll(body)
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	mux.HandleFunc("GET /api/v1/snapshot/objects/{digest}", func(w http.ResponseWriter, r *http.Request) {
		body, err := s.Object(r.Context(), r.PathValue("digest"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		io.Copy(w, body)
	})
	mux.HandleFunc("GET /api/v1/listings/{id}/icon", func(w http.ResponseWriter, r *http.Request) {
		body, err := s.Icon(r.Context(), r.PathValue("id"), store.Picture{})
		if err != nil {
			http.NotFound(w, r)
			return
		}
		io.Copy(w, body)
	})
	mux.HandleFunc("GET /api/v1/listings/{id}/releases/{version}/download", func(w http.ResponseWriter, r *http.Request) {
		data, err := s.download(r.PathValue("id"), r.PathValue("version"), r.FormValue("platform"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	mux.ServeHTTP(w, r)
}

func (s *Store) download(id, version, platform string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	listing, ok := s.listings[id]
	if !ok {
		return nil, fs.ErrNotExist
	}
	for _, release := range listing.Releases {
		for _, file := range release.Files {
			if release.Version == version && (platform == "" || slices.Contains(file.Platforms, platform)) {
				return s.files[file.Digest], nil
			}
		}
	}
	return nil, fmt.Errorf("%s %s: %w", id, version, fs.ErrNotExist)
}
