package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/trust"
)

// hostile is a file that must not become a release.
type hostile struct {
	name string
	data []byte
}

// corpus is everything broken that there is, and mutations of good bundles up to n files.
func corpus(t testing.TB, seed uint64, n int) []hostile {
	t.Helper()
	var list []hostile
	for _, c := range slices.Concat(bundletest.Hostile(), bundletest.Forged()) {
		list = append(list, hostile{c.Name, c.Bytes})
	}
	for _, c := range jpltest.Hostile() {
		list = append(list, hostile{c.Name, c.Bytes})
	}
	list = append(list, fuzzed(t, "../../../../bundle/testdata/fuzz")...)
	random := rand.New(rand.NewPCG(seed, 8))
	goods := [][]byte{hello("1.1"), hello("1.2", bundletest.WithFile("META-INF/extension/icon.png", painted(t))), bundletest.Good(), jpltest.Good().Build()}
	for i := 0; len(list) < n; i++ {
		list = append(list, hostile{fmt.Sprintf("mutation %d of seed %d", i, seed), mutate(random, goods[i%len(goods)])})
	}
	return list
}

// fuzzed reads the inputs that fuzzing has kept, as far as they are bytes.
func fuzzed(t testing.TB, dir string) (list []hostile) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			literal, ok := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
			if !ok {
				continue
			}
			data, err := strconv.Unquote(strings.TrimSuffix(literal, ")"))
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			list = append(list, hostile{path, []byte(data)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// mutate changes a copy of a file in one of the ways in which files break.
func mutate(random *rand.Rand, good []byte) []byte {
	data := bytes.Clone(good)
	at := random.IntN(len(data))
	switch random.IntN(6) {
	case 0: // cut off
		return data[:at]
	case 1: // some bytes changed
		for range 1 + random.IntN(8) {
			data[random.IntN(len(data))] ^= byte(1 + random.IntN(255))
		}
	case 2: // a piece missing
		return slices.Delete(data, at, min(len(data), at+1+random.IntN(100)))
	case 3: // a piece twice
		return slices.Insert(data, at, data[at:min(len(data), at+1+random.IntN(100))]...)
	case 4: // a piece zeroed, as after a power failure
		clear(data[at:min(len(data), at+1+random.IntN(4096))])
	default: // two pieces exchanged
		half := len(data) / 2
		return slices.Concat(data[half:], data[:half])
	}
	return data
}

// codes are all that a refusal may say.
func codes() map[string]bool {
	known := map[string]bool{}
	for _, c := range bundle.Codes() {
		known[string(c)] = true
	}
	for _, c := range jpl.Codes() {
		known[string(c)] = true
	}
	for _, c := range trust.Codes() {
		known[string(c)] = true
	}
	for _, c := range []string{store.CodeFormatUnknown, store.CodeVersionExists, store.CodePictureInvalid} {
		known[c] = true
	}
	return known
}

// TestQuarantine throws a thousand broken files at a store: each one has its reason, and
// what was served before is served throughout. In the short form PostgreSQL and S3 get every
// fourth.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	const seed = 20261126
	t.Logf("seed %d", seed)
	files := corpus(t, seed, 1000)
	known := codes()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
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

		next := make(chan hostile)
		reasons := map[string]int{}
		var mu sync.Mutex
		for range 4 {
			submitting.Go(func() {
				for f := range next {
					s, err := w.Submit(t.Context(), ingest.Upload{Source: ingest.SourceAPI, File: f.name, Body: bytes.NewReader(f.data)})
					if err != nil || s.State != store.NeedsChanges || len(s.Problems) == 0 || !known[s.Problems[0].Code] || s.Problems[0].Message == "" {
						t.Errorf("%s: %s %+v, %v", f.name, s.State, s.Problems, err)
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
