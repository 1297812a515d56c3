package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest/ingesttest"
)

// TestQuarantine throws a thousand broken files at a store: each one has its reason, and
// what was served before is served throughout. In the short form PostgreSQL and S3 get every
// fourth.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	const seed = 20261126
	t.Logf("seed %d", seed)
	files := ingesttest.Hostile(t, seed, 1000, hello("1.1"), hello("1.2", bundletest.WithFile("META-INF/extension/icon.png", painted(t))), bundletest.Good(), jpltest.Good().Build())
	known := ingesttest.Codes()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		t.Parallel()
		w := open(t, b, func(c *ingest.Config) { c.Parallel = 4 })
		for _, version := range []string{"1.0", "1.1", "1.2"} {
			w.publishes(hello(version))
		}
		w.publishes(jpltest.Good().Build())
		before, err := b.Database.Changes(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var reading, submitting sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		digest := w.listing(helloID).Releases[0].Files[0].Digest
		reading.Go(func() { serveOn(ctx, t, b, digest) })
		var peak atomic.Uint64
		reading.Go(func() { watchMemory(ctx, &peak) })

		next := make(chan ingesttest.File)
		reasons := map[string]int{}
		var mu sync.Mutex
		for range 4 {
			submitting.Go(func() {
				for f := range next {
					s, err := w.Submit(t.Context(), ingest.Upload{Source: ingest.SourceAPI, File: f.Name, Body: bytes.NewReader(f.Data)})
					if err != nil || s.State != store.NeedsChanges || len(s.Problems) == 0 || !known[s.Problems[0].Code] || s.Problems[0].Message == "" {
						t.Errorf("%s: %s %+v, %v", f.Name, s.State, s.Problems, err)
						continue
					}
					mu.Lock()
					reasons[s.Problems[0].Code]++
					mu.Unlock()
				}
			})
		}
		for i, f := range files {
			if *long || b.Name == "sqlite" || i%4 == 0 {
				next <- f
			}
		}
		close(next)
		submitting.Wait()
		stop()
		reading.Wait()
		after, err := b.Database.Changes(t.Context(), 0, 10)
		if err != nil || asJSON(t, after) != asJSON(t, before) {
			t.Errorf("the catalogue has changed, %v", err)
		}
		if len(reasons) < 30 {
			t.Errorf("only %d reasons: %v", len(reasons), reasons)
		}
		t.Logf("%d reasons, heap at most %d MiB", len(reasons), peak.Load()>>20)
		if peak.Load() > 256<<20 {
			t.Errorf("the heap had %d MiB", peak.Load()>>20)
		}
	})
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// serveOn reads what is published until ctx ends, as clients do.
func serveOn(ctx context.Context, t *testing.T, b backends.Backend, digest string) {
	for ctx.Err() == nil {
		_, err := b.Database.Document(ctx, helloID)
		if err == nil {
			err = blobs.Verify(ctx, b.Blobs, digest)
		}
		if err != nil && ctx.Err() == nil {
			t.Errorf("what is published could not be read: %v", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func watchMemory(ctx context.Context, peak *atomic.Uint64) {
	for ctx.Err() == nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > peak.Load() {
			peak.Store(m.HeapAlloc)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
