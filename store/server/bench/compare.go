package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// compare has the same things read of the catalogue and of a plain handler, which asks the
// database for each request: one listing, and a page of 24 of them. Both hand the same bytes
// out, as they lie: compressed.
func (s *subject) compare(ctx context.Context, f *figures) error {
	ids := s.ids()
	for _, c := range []struct {
		what                     string
		fromMemory, fromDatabase http.HandlerFunc
	}{
		{"one listing", s.listingFromMemory, s.listingFromDatabase},
		{"24 listings", s.pageFromMemory, s.pageFromDatabase},
	} {
		for _, overHTTP := range []bool{false, true} {
			got, err := s.rounds(ctx, c.fromMemory, c.fromDatabase, ids, overHTTP)
			if err != nil {
				return fmt.Errorf("comparing %s: %w", c.what, err)
			}
			got.What, got.HTTP = c.what, overHTTP
			f.Compared = append(f.Compared, got)
		}
	}
	return nil
}

func (s *subject) listingFromMemory(w http.ResponseWriter, r *http.Request) {
	if document, ok := s.catalogue.Current().Document(r.URL.Query().Get("id")); ok {
		write(w, document.Gzip)
	} else {
		http.NotFound(w, r)
	}
}

func (s *subject) listingFromDatabase(w http.ResponseWriter, r *http.Request) {
	if document, err := s.db.Document(r.Context(), r.URL.Query().Get("id")); err == nil {
		write(w, document.Gzip)
	} else {
		http.Error(w, err.Error(), http.StatusNotFound)
	}
}

func (s *subject) pageFromMemory(w http.ResponseWriter, r *http.Request) {
	snapshot := s.catalogue.Current()
	page, err := snapshot.List(catalogue.Query{Label: "certified", Limit: 24})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var out bytes.Buffer
	for _, item := range page.Items {
		document, _ := snapshot.Document(item.ID)
		out.Write(document.Gzip)
	}
	write(w, out.Bytes())
}

func (s *subject) pageFromDatabase(w http.ResponseWriter, r *http.Request) {
	hits, err := s.db.Search(r.Context(), database.Query{Label: "certified", Limit: 24})
	var out bytes.Buffer
	for _, id := range hits.IDs {
		document, problem := s.db.Document(r.Context(), id)
		if problem != nil {
			err = problem
		}
		out.Write(document.Gzip)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	write(w, out.Bytes())
}

func write(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", "application/gzip")
	w.Write(data)
}

// rounds runs slots of both sides in turn.
func (s *subject) rounds(ctx context.Context, memory, plain http.HandlerFunc, ids []string, overHTTP bool) (compared, error) {
	var got compared
	var ratios []float64
	for range s.Rounds {
		fast, err := s.slot(ctx, memory, ids, overHTTP)
		if err != nil {
			return got, err
		}
		slow, err := s.slot(ctx, plain, ids, overHTTP)
		if err != nil {
			return got, err
		}
		ratios = append(ratios, fast/slow)
		got.PerSecond, got.Plain = append(got.PerSecond, fast), append(got.Plain, slow)
	}
	slices.Sort(ratios)
	got.Ratio, got.Low, got.High = ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1]
	return got, nil
}

// slot counts how many answers a second a handler gives to four who ask, in this process or
// over connections that stay open.
func (s *subject) slot(ctx context.Context, handler http.HandlerFunc, ids []string, overHTTP bool) (float64, error) {
	ask := func(id string) (int, int, error) {
		w := &counter{header: http.Header{}}
		handler(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/?id="+id, nil))
		return w.status, w.size, nil
	}
	if overHTTP {
		server := httptest.NewServer(handler)
		defer server.Close()
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 30 * time.Second}
		defer client.CloseIdleConnections()
		ask = func(id string) (int, int, error) {
			response, err := client.Get(server.URL + "/?id=" + id)
			if err != nil {
				return 0, 0, err
			}
			defer response.Body.Close()
			n, err := io.Copy(io.Discard, response.Body)
			return response.StatusCode, int(n), err
		}
	}
	var count atomic.Int64
	var failed atomic.Pointer[error]
	var wait sync.WaitGroup
	began := time.Now()
	for caller := range 4 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(caller), 4))
			for time.Since(began) < s.Slot && failed.Load() == nil {
				id := ids[r.IntN(len(ids))]
				status, size, err := ask(id)
				if err == nil && (status > 200 || size < 200) {
					err = fmt.Errorf("%s answers with %d and %d bytes", id, status, size)
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

// counter is a response that nobody reads.
type counter struct {
	header       http.Header
	status, size int
}

func (c *counter) Header() http.Header    { return c.header }
func (c *counter) WriteHeader(status int) { c.status = status }
func (c *counter) Write(p []byte) (int, error) {
	c.size += len(p)
	return len(p), nil
}
