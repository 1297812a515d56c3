package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/markdown"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
)

// host is the name of the store that is measured.
const host = "store.bench.example"

// measure is the process that is measured: it prints its figures as JSON.
func measure(ctx context.Context, p plan) (err error) {
	debug.SetGCPercent(catalogue.GCPercent) // as a store does
	db, err := database.Open(ctx, p.Database, database.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	keys, err := signing.Own(filepath.Join(p.Dir, "keys"), host)
	if err != nil {
		return err
	}
	s := &subject{plan: p, db: db, summary: markdown.New().Summary, catalogue: catalogue.New(catalogue.Config{Database: db, Signer: keys, Store: host})}
	running, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	var ran error
	began := time.Now()
	wait.Go(func() { ran = s.catalogue.Run(running) })
	defer func() { stop(); wait.Wait(); err = errors.Join(err, ran) }()
	if err := s.ready(ctx); err != nil {
		return err
	}
	f := figures{Listings: s.catalogue.Current().Len(), Releases: p.Releases, CPUs: runtime.GOMAXPROCS(0), Start: since(began)}
	f.PeakAtStart = memory("VmHWM")
	for _, step := range []func(context.Context, *figures) error{s.pages, s.listings, s.searches, s.changes} {
		if err := step(ctx, &f); err != nil {
			return err
		}
	}
	f.Peak = memory("VmHWM") // before what most stores of this size have not, and the plain handler, take their share
	if err := s.face(ctx, &f); err != nil {
		return err
	}
	f.FacePeak = memory("VmHWM")
	debug.FreeOSMemory()
	f.Memory, f.Heap = memory("VmRSS"), heap()
	if err := s.compare(ctx, &f); err != nil {
		return err
	}
	f.Load = load()
	return json.NewEncoder(os.Stdout).Encode(f)
}

// subject is the store that is measured.
type subject struct {
	plan
	db        *database.Database
	catalogue *catalogue.Catalogue
	summary   func(markdown string, n int) string // for the plain handler, like
	zips      negotiate.Gzip
}

func (s *subject) ready(ctx context.Context) error {
	return s.await(ctx, func(h catalogue.Health) bool { return h.Ready && h.Problem == "" && !h.Expires.IsZero() })
}

func (s *subject) await(ctx context.Context, is func(catalogue.Health) bool) error {
	for !is(s.catalogue.Health()) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the catalogue does not come: %+v: %w", s.catalogue.Health(), err)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// times takes the time of n calls, and that of the processor that they took: on a machine
// that others use, too, the first says how it was, the second how it would be.
func times(n int, call func(i int) error) (spread, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took, cpu := make([]float64, n), make([]float64, n)
	for i := range took {
		began, used := time.Now(), threadTime()
		if err := call(i); err != nil {
			return spread{}, err
		}
		took[i], cpu[i] = milliseconds(time.Since(began)), milliseconds(threadTime()-used)
	}
	slices.Sort(took)
	slices.Sort(cpu)
	return spread{P50: took[n/2], P99: took[n*99/100], Most: took[n-1], CPU50: cpu[n/2], CPU99: cpu[n*99/100]}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		return 0
	}
	return time.Duration(at.Nano())
}

// pages takes the times of list pages as a page of the store shows them: 24 listings, each
// decoded, with all kinds of filters and orders, from anywhere in the list.
func (s *subject) pages(_ context.Context, f *figures) (err error) {
	r := rand.New(rand.NewPCG(1, 1))
	queries := []catalogue.Query{
		{}, {Sort: catalogue.ByUpdated}, {Sort: catalogue.ByPublished, Platform: "linux-arm64"}, {Sort: catalogue.ByDownloads, Label: "certified"},
		{Platform: "linux-riscv64", HostVersion: "2.1"}, {Publisher: "pin-7"}, {Format: store.FormatJami}, {Label: "community", Channel: store.Beta},
	}
	cursors := make([]string, len(queries))
	f.Page, err = times(s.Requests, func(i int) error {
		at := i % len(queries)
		q := queries[at]
		q.Limit, q.Cursor = 24, cursors[at]
		page, err := s.catalogue.Current().List(q)
		if err != nil {
			return err
		}
		if cursors[at] = page.Next; r.IntN(20) == 0 {
			cursors[at] = ""
		}
		for _, item := range page.Items {
			if l, err := item.Listing(); err != nil || l.ID != item.ID {
				return fmt.Errorf("the listing %s: %w", item.ID, err)
			}
		}
		return nil
	})
	return err
}

// listings takes the times of whole listings, most of which nobody has read lately.
func (s *subject) listings(_ context.Context, f *figures) (err error) {
	ids := s.ids()
	r := rand.New(rand.NewPCG(2, 2))
	f.Listing, err = times(s.Requests, func(int) error {
		id := ids[r.IntN(len(ids))]
		if l, ok := s.catalogue.Current().Listing(id); !ok || l.ID != id {
			return fmt.Errorf("%s is not there", id)
		}
		return nil
	})
	return err
}

func (s *subject) ids() []string {
	var ids []string
	for item := range s.catalogue.Current().All() {
		ids = append(ids, item.ID)
	}
	return ids
}

// searches takes the times of searches for words of the listings: frequent and rare ones,
// several, the beginning of one.
func (s *subject) searches(ctx context.Context, f *figures) (err error) {
	r := rand.New(rand.NewPCG(3, 3))
	found, n, before := 0, max(s.Requests/10, 30), familyTime(s.Above)
	f.Search, err = times(n, func(i int) error {
		l := backends.Listing(r.IntN(s.Listings), 1)
		words := strings.Fields(l.Texts[""].Name + " " + l.Texts["fr"].Description)
		text := words[r.IntN(len(words))]
		switch i % 4 {
		case 1:
			text = l.Texts[""].Name
		case 2:
			text += " " + words[r.IntN(len(words))]
		case 3:
			text = text[:min(3, len(text))]
		}
		page, err := s.catalogue.Search(ctx, text, catalogue.Query{Limit: 24})
		found += len(page.Items)
		return err
	})
	if err == nil && found == 0 {
		err = errors.New("no search finds anything")
	}
	f.SearchInDB = milliseconds(familyTime(s.Above)-before) / float64(n)
	fmt.Fprintf(os.Stderr, "searches: %+v, in PostgreSQL %.2f ms, load %.1f\n", f.Search, f.SearchInDB, load())
	return err
}

// familyTime is the processor time that the living processes below one have used; 0 for no
// process. The processes of PostgreSQL are each in a group of their own.
func familyTime(above int) (total time.Duration) {
	if above == 0 {
		return 0
	}
	const tick = 10 * time.Millisecond // the unit of /proc
	parents, times := map[int]int{}, map[int]time.Duration{}
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		_, behind, _ := strings.Cut(string(text), ") ") // of the name
		fields := strings.Fields(behind)                // the state, the parent, …
		if len(fields) < 13 {
			continue
		}
		parents[id], _ = strconv.Atoi(fields[1])
		for _, field := range fields[11:13] { // of the user, of the system
			ticks, _ := strconv.ParseInt(field, 10, 64)
			times[id] += time.Duration(ticks) * tick
		}
	}
	for id := range times {
		for up := parents[id]; up > 1; up = parents[up] {
			if up == above {
				total += times[id]
				break
			}
		}
	}
	return total
}

// changes takes the time from a change to the signed catalogue that has it.
func (s *subject) changes(ctx context.Context, f *figures) (err error) {
	f.Change, err = times(s.Changes, func(i int) error {
		l := backends.Listing(i*97%s.Listings, s.Releases)
		l.Readme = "Change " + strconv.FormatInt(time.Now().UnixNano(), 10)
		done, err := s.db.Publish(ctx, database.Key{ID: l.ID}, func(database.Current) (database.Change, error) {
			return database.Change{Listing: l, Organization: l.Publisher.Host}, nil
		})
		if err != nil {
			return err
		}
		return s.await(ctx, func(h catalogue.Health) bool { return h.Sequence >= done.Sequence && h.Problem == "" })
	})
	return err
}

func since(began time.Time) float64 { return time.Since(began).Seconds() }

// load is how many processes have wanted a processor during the last five minutes, on
// average; 0 where nobody says.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(text)); err == nil && len(fields) > 1 {
		n, _ := strconv.ParseFloat(fields[1], 64)
		return n
	}
	return 0
}

// memory reads a line of /proc/self/status, in MiB; 0 where there is none.
func memory(name string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if fields := strings.Fields(string(line)); len(fields) == 3 && fields[0] == name+":" {
			kib, _ := strconv.ParseFloat(fields[1], 64)
			return kib / 1024
		}
	}
	return 0
}
