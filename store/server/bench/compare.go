package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/api"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/markdown"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// compare has the same things read of the store and of a plain handler, which asks the
// database for each request: a page of 24 cards, and one listing. Both answer the same JSON,
// compressed, with the same headers. The store's side is all that a store does for a request,
// with its routes, limits and metrics; the plain handler has nothing of that: it asks, makes
// JSON of what it gets, and compresses that.
//
// The last one is the most that can be had from a database: it hands out the document as it
// lies there, compressed. Nothing is judged by it.
func (s *subject) compare(ctx context.Context, f *figures) error {
	site, ids := s.site(), s.ids()
	one := func(r *rand.Rand) string { return listings + "/" + ids[r.IntN(len(ids))] }
	pages := []string{"", "&label=certified", "&label=community", "&platform=linux-riscv64", "&format=bundle"}
	page := func(r *rand.Rand) string { return listings + "?limit=24" + pages[r.IntN(len(pages))] }
	for _, c := range []compared{
		{What: "a page of 24", Judged: true, ask: page, plain: s.plainPage},
		{What: "one listing", Judged: true, ask: one, plain: s.plainListing},
		{What: "one listing, kept compressed", ask: one, plain: s.keptListing},
	} {
		if err := s.rounds(ctx, &c, site); err != nil {
			return fmt.Errorf("comparing %s: %w", c.What, err)
		}
		f.Compared = append(f.Compared, c)
	}
	return nil
}

// listings is where they are, on both sides.
const listings = "/api/v1/listings"

// site is the store's own way to answer.
func (s *subject) site() http.Handler {
	reading := api.New(api.Config{
		Catalogue: s.catalogue, Database: s.db, Downloaded: func(string, string, string) {}, Summary: markdown.New().Summary,
	})
	site := &web.Site{Tokens: s.db, Log: slog.New(slog.DiscardHandler), Metrics: web.NewMetrics()}
	return site.Handler(reading.Routes())
}

// keptListing hands out what the database has.
func (s *subject) keptListing(w http.ResponseWriter, r *http.Request) {
	document, err := s.db.Document(r.Context(), strings.TrimPrefix(r.URL.Path, listings+"/"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	write(w, document.Object.Digest, document.Gzip)
}

func (s *subject) plainListing(w http.ResponseWriter, r *http.Request) {
	listing, err := s.listing(r.Context(), strings.TrimPrefix(r.URL.Path, listings+"/"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	s.encode(w, listing)
}

func (s *subject) plainPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	hits, err := s.db.Search(r.Context(), database.Query{Label: q.Get("label"), Platform: q.Get("platform"), Format: q.Get("format"), Limit: 24})
	var page store.CardPage
	for _, id := range hits.IDs {
		l, problem := s.listing(r.Context(), id)
		if problem != nil {
			err = problem
			break
		}
		text, _ := l.Text(store.Locales(r.Header.Get("Accept-Language"))...)
		rel := l.Releases[0]
		page.Listings = append(page.Listings, store.Card{
			ID: l.ID, Format: l.Format, Name: text.Name, Summary: s.summary(text.Description, 200), Publisher: l.Publisher, License: l.License, Labels: l.Labels,
			Icon: l.Pictures.Icon != nil, Version: rel.Version, Channel: rel.Channel, State: rel.State, Platforms: rel.Files[0].Platforms,
			MinHost: rel.MinHost, Permissions: rel.Permissions, Created: l.Created, Updated: l.Updated,
		})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.encode(w, page)
}

// listing asks the database for one.
func (s *subject) listing(ctx context.Context, id string) (*store.Listing, error) {
	document, err := s.db.Document(ctx, id)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(document.Gzip))
	if err != nil {
		return nil, err
	}
	text := make([]byte, document.Object.Size)
	if _, err := io.ReadFull(reader, text); err != nil {
		return nil, err
	}
	listing := &store.Listing{}
	return listing, json.Unmarshal(text, listing)
}

// encode answers with v as JSON, compressed.
func (s *subject) encode(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	var zipped []byte
	if err == nil {
		zipped, err = s.zips.Bytes(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	write(w, store.ObjectOf(body).Digest, zipped)
}

func write(w http.ResponseWriter, tag string, data []byte) {
	head := w.Header()
	head.Set("Vary", "Accept-Encoding")
	head.Set("Etag", `"`+tag+`"`)
	head.Set("Content-Encoding", "gzip")
	head.Set("Content-Type", "application/json")
	head.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // whoever is gone is counted as an error at the other end
}

// rounds runs slots of both sides in turn, over HTTP.
func (s *subject) rounds(ctx context.Context, c *compared, site http.Handler) error {
	var ratios []float64
	for range s.Rounds {
		fast, err := s.slot(ctx, site, c.ask)
		if err != nil {
			return err
		}
		slow, err := s.slot(ctx, c.plain, c.ask)
		if err != nil {
			return err
		}
		ratios = append(ratios, fast/slow)
		c.PerSecond, c.Plain = append(c.PerSecond, fast), append(c.Plain, slow)
	}
	slices.Sort(ratios)
	c.Ratio, c.Low, c.High = ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1]
	return nil
}

// slot counts how many answers a second a handler gives to four who ask, over connections
// that stay open.
func (s *subject) slot(ctx context.Context, handler http.Handler, ask func(*rand.Rand) string) (float64, error) {
	server := httptest.NewServer(handler)
	defer server.Close()
	var count atomic.Int64
	var failed atomic.Pointer[error]
	var wait sync.WaitGroup
	began := time.Now()
	for i := range 4 {
		wait.Go(func() {
			c, err := dial(server.Listener.Addr().String())
			if err != nil {
				failed.Store(&err)
				return
			}
			defer c.close()
			r := rand.New(rand.NewPCG(uint64(i), 4))
			for time.Since(began) < s.Slot && failed.Load() == nil {
				path := ask(r)
				status, size, err := c.ask(path)
				if err == nil && (status != http.StatusOK || size < 200) {
					err = fmt.Errorf("%s answers with %d and %d bytes", path, status, size)
				}
				if err != nil {
					failed.Store(&err)
				}
				count.Add(1)
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(count.Load()) / time.Since(began).Seconds(), ctx.Err()
}
