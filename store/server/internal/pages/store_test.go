package pages

import (
	"context"
	"flag"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
)

// How large the store is that the benchmarks look at: 100000 is what a store must bear.
var (
	listings = flag.Int("listings", 2000, "how many listings the benchmarks have")
	releases = flag.Int("releases", 3, "how many releases each of them has")
)

// stored are pages over a catalogue of so many listings, and what it is made from.
func stored(t testing.TB, b backends.Backend, listings, releases int) *Pages {
	t.Helper()
	if err := backends.Fill(t.Context(), b.Database, listings, releases); err != nil {
		t.Fatal(err)
	}
	keys, err := signing.Own(t.TempDir(), "store.acme.example")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := catalogue.New(catalogue.Config{Database: b.Database, Signer: keys, Store: keys.Store()})
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	for deadline := time.Now().Add(5 * time.Minute); c.Current().Len() < listings; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the catalogue has %d of %d listings", c.Current().Len(), listings)
		}
	}
	return pagesOf(t, newShelf(), func(cfg *Config) {
		cfg.Catalogue, cfg.Detail, cfg.Now, cfg.Root = Of(c), b.Database.Detail, time.Now, keys.RootPEM()
	})
}

// TestStore: the pages of a real catalogue, on both databases. Every listing is found by
// the links of the pages, and each has its page.
func TestStore(t *testing.T) {
	const listings = 60
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		p := stored(t, b, listings, 3)
		seen := map[string]bool{}
		for path := "/?sort=name"; path != ""; {
			w := get(p, path)
			doc := parsed(t, w)
			harmless(t, doc, w.Body.String())
			path = ""
			for _, a := range find(doc, "a") {
				if href := attribute(a, "href"); strings.HasPrefix(href, "/extensions/") {
					seen[href] = true
				}
				if attribute(a, "rel") == "next" {
					path = attribute(a, "href")
				}
			}
		}
		if len(seen) != listings {
			t.Errorf("%d of %d listings are found", len(seen), listings)
		}
		l := backends.Listing(7, 3)
		for _, path := range []string{
			"/extensions/" + l.ID, "/extensions/" + l.ID + "/versions", "/extensions/" + l.ID + "/versions/" + url.PathEscape(l.Releases[0].Version), "/extensions/" + l.ID + "/feed.atom",
			"/publishers/" + url.PathEscape(l.Publisher.Host), "/labels", "/about", "/feed.atom", "/?label=" + url.QueryEscape(l.Labels[0]), "/?sort=downloads",
		} {
			if w := get(p, path); w.Code != http.StatusOK || len(l.Publisher.Host) == 0 {
				t.Errorf("%s: status %d", path, w.Code)
			}
		}
		name, _ := l.Text("en")
		if w := get(p, "/?q="+url.QueryEscape(name.Name)); !strings.Contains(w.Body.String(), `href="/extensions/`+l.ID+`"`) {
			t.Errorf("%q does not find %s", name.Name, l.ID)
		}
		if w := get(p, "/?cursor=nonsense"); w.Code != http.StatusBadRequest {
			t.Errorf("a wrong cursor: status %d", w.Code)
		}
	})
}

// BenchmarkPages is what pages cost: kept, known to the client, and made anew.
func BenchmarkPages(b *testing.B) {
	p := stored(b, backends.SQLite(b), *listings, *releases)
	l := backends.Listing(*listings/2, *releases)
	name, _ := l.Text("en")
	word, _, _ := strings.Cut(name.Name, " ")
	for _, page := range []struct{ name, path string }{
		{"front", "/"}, {"filtered", "/?label=" + url.QueryEscape(l.Labels[0]) + "&sort=name"}, {"listing", "/extensions/" + l.ID}, {"search", "/?q=" + url.QueryEscape(word)},
	} {
		etag := get(p, page.path, "Accept-Encoding", "gzip").Header().Get("ETag")
		run := func(name string, before func(), more ...string) {
			b.Run(page.name+"/"+name, func(b *testing.B) {
				times := make([]time.Duration, 0, 1<<16)
				for b.Loop() {
					before()
					begun := time.Now()
					w := get(p, page.path, append(more, "Accept-Encoding", "gzip")...)
					times = append(times, time.Since(begun))
					if w.Code != 200 && w.Code != 304 {
						b.Fatal(w.Code)
					}
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "ms-p99")
			})
		}
		run("anew", func() { p.kept = newCache(cacheSize) })
		if page.name != "search" {
			run("kept", func() {})
			run("known", func() {}, "If-None-Match", etag)
		}
	}
}
