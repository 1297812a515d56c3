package jami_test

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/jami"
	"github.com/jackfield-host/jackfield/store/server/internal/jami/jamitest"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf/shelftest"
)

const linux = "x86_64-linux-gnu"

// shelf is a catalogue of archives that were verified and of bundles.
type shelf struct{ *shelftest.Catalogue }

func newShelf() shelf { return shelf{shelftest.New()} }

func (s shelf) Open(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	return s.Catalogue.Open(ctx, digest)
}

// fill adds n archives like Greenery.
func (s shelf) fill(n int) {
	seed, _ := s.Current().Listing("greenery")
	for i := range n {
		id := "Filler" + strconv.Itoa(i)
		s.Change(id, func(l *store.Listing) {
			*l = *seed
			l.ID = id
		})
	}
}

// publish takes an archive as a store does: it is verified, and its newest release comes
// first.
func (s shelf) publish(t testing.TB, a *jpltest.Archive, published time.Time) {
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
	s.Change(v.ID(), func(l *store.Listing) {
		l.Format, l.Texts = store.FormatJami, map[string]store.Text{}
		for locale, text := range v.Texts() {
			l.Texts[locale] = store.Text{Name: text.Name, Description: text.Description}
		}
		l.Publisher = store.Publisher{Organization: v.Author(), Pin: v.Publisher().OrganizationKey}
		if icon, err := v.Icon(); err == nil {
			l.Pictures.Icon = &store.Picture{Digest: s.Put(icon), Media: "image/png"}
		}
		l.Releases = append([]store.Release{{
			Version: v.Version(), Channel: store.Stable, State: store.Published, Published: published,
			Files: []store.File{{Name: v.ID() + "-" + v.Version() + ".jpl", Platforms: v.Platforms(), Digest: s.Put(data), Size: v.Size()}},
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
func desktop(t testing.TB, s shelf, base string, o jami.Options) (*jamitest.Desktop, *daemon) {
	t.Helper()
	if o.Failed == nil {
		o.Failed = failing(t)
	}
	server := httptest.NewServer(jami.New(s, o))
	t.Cleanup(server.Close)
	d := &daemon{}
	return &jamitest.Desktop{Base: server.URL + base, ABI: linux, Locale: "fr_CA", Daemon: d.install}, d
}
