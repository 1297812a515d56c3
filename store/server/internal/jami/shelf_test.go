package jami_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/jami"
	"github.com/jackfield-host/jackfield/store/server/internal/jami/jamitest"
)

const linux = "x86_64-linux-gnu"

// shelf is a catalogue of archives that were verified and of bundles.
type shelf struct {
	now    atomic.Pointer[shot]
	blobs  map[string][]byte
	loaded atomic.Int64
	broken string // cannot be loaded
}

type shot struct {
	shelf    *shelf
	sequence int64
	listings map[string]*store.Listing // by FoldID
}

func newShelf() *shelf {
	s := &shelf{blobs: map[string][]byte{}}
	s.now.Store(&shot{shelf: s})
	return s
}

func (s *shelf) Current() jami.Snapshot { return s.now.Load() }

func (s *shelf) Open(_ context.Context, digest string) (io.ReadSeekCloser, error) {
	data, ok := s.blobs[digest]
	if !ok {
		return nil, fmt.Errorf("%s: %w", digest, fs.ErrNotExist)
	}
	return struct {
		io.ReadSeeker
		io.Closer
	}{bytes.NewReader(data), io.NopCloser(nil)}, nil
}

func (s *shot) Sequence() int64 { return s.sequence }

func (s *shot) Listing(id string) (*store.Listing, bool) {
	l, ok := s.listings[id]
	return l, ok
}

func (s *shot) Entries(format store.Format) iter.Seq[jami.Entry] {
	return func(yield func(jami.Entry) bool) {
		for _, l := range s.listings {
			if l.Format == format && !yield(jami.Entry{ID: l.ID, Digest: fmt.Sprintf("%p", l), Load: func() (*store.Listing, error) {
				s.shelf.loaded.Add(1)
				if l.ID == s.shelf.broken {
					return nil, errBroken
				}
				return l, nil
			}}) {
				return
			}
		}
	}
}

func (s *shelf) put(data []byte) string {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	s.blobs[digest] = data
	return digest
}

// change makes a new snapshot with a listing that is changed; one that is not there yet is
// empty. What readers of the former snapshot have stays.
func (s *shelf) change(id string, change func(l *store.Listing)) {
	before := s.now.Load()
	after := &shot{s, before.sequence + 1, map[string]*store.Listing{}}
	for key, l := range before.listings {
		after.listings[key] = l
	}
	l := store.Listing{ID: id}
	if old := after.listings[store.FoldID(id)]; old != nil {
		l = *old
	}
	l.Releases = append([]store.Release(nil), l.Releases...)
	change(&l)
	after.listings[store.FoldID(id)] = &l
	s.now.Store(after)
}

// publish takes an archive as a store does: it is verified, and its newest release comes
// first.
func (s *shelf) publish(t testing.TB, a *jpltest.Archive, published time.Time) {
	t.Helper()
	data := a.Build()
	f, err := jpl.NewFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jpl.Verify(t.Context(), f, jpl.Options{Roots: jpltest.Roots(), Time: jpltest.Now()})
	if err != nil {
		t.Fatal(err)
	}
	s.change(v.ID(), func(l *store.Listing) {
		l.Format, l.Texts = store.FormatJami, map[string]store.Text{}
		for locale, text := range v.Texts() {
			l.Texts[locale] = store.Text{Name: text.Name, Description: text.Description}
		}
		l.Publisher = store.Publisher{Organization: v.Author(), Pin: v.Publisher().OrganizationKey}
		if icon, err := v.Icon(); err == nil {
			l.Pictures.Icon = &store.Picture{Digest: s.put(icon), Media: "image/png"}
		}
		l.Releases = append([]store.Release{{
			Version: v.Version(), Channel: store.Stable, State: store.Published, Published: published,
			Files: []store.File{{Name: v.ID() + "-" + v.Version() + ".jpl", Platforms: v.Platforms(), Digest: s.put(data), Size: v.Size()}},
		}}, l.Releases...)
	})
}

// day is a day of June 2026.
func day(n int) time.Time { return time.Date(2026, 6, n, 12, 0, 0, 0, time.UTC) }

// daemon installs what jpl verifies.
type daemon struct {
	installed map[string]*jpl.Verified
	files     []string
}

func (d *daemon) install(name string, archive []byte) int {
	d.files = append(d.files, name)
	f, err := jpl.NewFile(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return int(jpl.CodeOf(err).Jami())
	}
	v, err := jpl.Verify(context.Background(), f, jpl.Options{Roots: jpltest.Roots(), Time: jpltest.Now()})
	if err == nil {
		if old := d.installed[v.ID()]; old != nil {
			err = jpl.CheckUpdate(v, old.Publisher(), old.Version())
		}
	}
	if err != nil {
		return int(jpl.CodeOf(err).Jami())
	}
	if d.installed == nil {
		d.installed = map[string]*jpl.Verified{}
	}
	d.installed[v.ID()] = v
	return 0
}

// desktop is a client of a face that listens.
func desktop(t testing.TB, s *shelf, base string, o jami.Options) (*jamitest.Desktop, *daemon) {
	t.Helper()
	if o.Failed == nil {
		o.Failed = failing(t)
	}
	server := httptest.NewServer(jami.New(s, o))
	t.Cleanup(server.Close)
	d := &daemon{}
	return &jamitest.Desktop{Base: server.URL + base, ABI: linux, Locale: "fr_CA", Daemon: d.install}, d
}

var errBroken = errors.New("broken")
