// Package shelftest is a catalogue in memory, for the tests of faces: of listings that a test
// says, hostile ones too, and of bytes.
package shelftest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
)

// Catalogue is changed by one goroutine and read by many.
type Catalogue struct {
	now    atomic.Pointer[snapshot]
	blobs  map[string][]byte
	Loaded atomic.Int64    // how many listings were read
	Opened atomic.Int64    // how many blobs
	Broken string          // the id of a listing that can not be read
	Load   func(id string) // if set, is called for each listing that is read
}

type snapshot struct {
	catalogue *Catalogue
	sequence  int64
	listings  map[string]*store.Listing // by store.FoldID
}

// New makes an empty catalogue.
func New() *Catalogue {
	c := &Catalogue{blobs: map[string][]byte{}}
	c.now.Store(&snapshot{catalogue: c})
	return c
}

// Current is the catalogue as it is now.
func (c *Catalogue) Current() shelf.Snapshot { return c.now.Load() }

// Blob is an open one.
type Blob struct{ *bytes.Reader }

// Close does nothing.
func (Blob) Close() error { return nil }

// Open opens the bytes of a digest.
func (c *Catalogue) Open(_ context.Context, digest string) (Blob, error) {
	c.Opened.Add(1)
	data, ok := c.blobs[digest]
	if !ok {
		return Blob{}, fmt.Errorf("%s: %w", digest, fs.ErrNotExist)
	}
	return Blob{bytes.NewReader(data)}, nil
}

// Put keeps bytes, and returns their digest.
func (c *Catalogue) Put(data []byte) string {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	c.blobs[digest] = data
	return digest
}

// Lose forgets bytes.
func (c *Catalogue) Lose(digest string) { delete(c.blobs, digest) }

// Change makes a new snapshot with a listing that is changed; one that is not there yet is
// empty. What readers of the former snapshot have stays.
func (c *Catalogue) Change(id string, change func(l *store.Listing)) {
	before := c.now.Load()
	after := &snapshot{c, before.sequence + 1, maps.Clone(before.listings)}
	if after.listings == nil {
		after.listings = map[string]*store.Listing{}
	}
	l := store.Listing{ID: id}
	if old := after.listings[store.FoldID(id)]; old != nil {
		l = *old
	}
	l.Releases = slices.Clone(l.Releases)
	change(&l)
	after.listings[store.FoldID(id)] = &l
	c.now.Store(after)
}

func (s *snapshot) Sequence() int64 { return s.sequence }

func (s *snapshot) Listing(id string) (*store.Listing, bool) {
	l, ok := s.listings[store.FoldID(id)]
	return l, ok
}

func (s *snapshot) Entries(format store.Format) iter.Seq[shelf.Entry] {
	byName := slices.SortedFunc(maps.Values(s.listings), func(a, b *store.Listing) int {
		return cmp.Or(cmp.Compare(a.Texts[""].Name, b.Texts[""].Name), cmp.Compare(a.ID, b.ID))
	})
	return func(yield func(shelf.Entry) bool) {
		for _, l := range byName {
			if l.Format == format && !yield(shelf.Entry{ID: l.ID, Digest: fmt.Sprintf("%p", l), Load: func() (*store.Listing, error) {
				s.catalogue.Loaded.Add(1)
				if s.catalogue.Load != nil {
					s.catalogue.Load(l.ID)
				}
				if l.ID == s.catalogue.Broken {
					return nil, errors.New("broken")
				}
				return l, nil
			}}) {
				return
			}
		}
	}
}
