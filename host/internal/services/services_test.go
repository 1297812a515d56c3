package services

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

const id = "t.Notes"

// home is the folder, the clock and the log of the Services of one test.
type home struct {
	dir   string
	quota int64
	ask   func(context.Context, *sdk.Request) (*sdk.Response, error)
	now   func() time.Time
	log   bytes.Buffer
}

func (h *home) open(t *testing.T) *Services {
	t.Helper()
	s := New(Config{
		Dir:   func(id string) string { return filepath.Join(h.dir, "kv", id) },
		Quota: func(string) int64 { return h.quota }, Ask: h.ask, Now: h.now,
		Log: slog.New(slog.NewTextHandler(&h.log, nil)),
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the services: %v", err)
		}
	})
	return s
}

func newHome(t *testing.T) *home { return &home{dir: t.TempDir(), quota: DefaultQuota} }

// access is what a running process of an extension has.
func access(s *Services, id string, granted ...string) *Access {
	a := s.Open(id, granted, granted, slog.New(slog.DiscardHandler))
	a.Activate()
	return a
}

func TestKeyValueOnDisk(t *testing.T) {
	sdktest.ConformKeyValue(t, func(t *testing.T, quota int64) sdk.KeyValue {
		h := newHome(t)
		h.quota = quota
		return service.Checked(access(h.open(t), id))
	})
}

func put(t *testing.T, kv sdk.KeyValue, key, value string) uint64 {
	t.Helper()
	version, err := kv.Put(t.Context(), key, []byte(value), 0)
	if err != nil {
		t.Fatalf("putting %s: %v", key, err)
	}
	return version
}

func wantValue(t *testing.T, kv sdk.KeyValue, key, want string) {
	t.Helper()
	if e, err := kv.Get(t.Context(), key); err != nil || string(e.Value) != want {
		t.Errorf("%s is %q, %v, want %q", key, e.Value, err, want)
	}
}

func TestStoresOutliveTheHost(t *testing.T) {
	h := newHome(t)
	h.quota = 1100
	s := h.open(t)
	notes, other := access(s, id), access(s, "t.Other")
	last := put(t, notes, "a", "of notes")
	put(t, other, "a", "of another")
	if err := notes.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	put(t, notes, "b", strings.Repeat("b", 800))
	s.Forget(id) // nothing runs of it any more
	wantValue(t, notes, "b", strings.Repeat("b", 800))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := notes.Get(t.Context(), "b"); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("a closed store answers %v", err)
	}

	s = h.open(t)
	notes, other = access(s, id), access(s, "t.Other")
	wantValue(t, notes, "b", strings.Repeat("b", 800))
	wantValue(t, other, "a", "of another")
	if _, err := notes.Put(t.Context(), "c", make([]byte, 100), 0); sdk.CodeOf(err) != sdk.Exhausted {
		t.Errorf("the room that is used was forgotten: %v", err)
	}
	if version := put(t, notes, "c", ""); version <= last+1 {
		t.Errorf("version %d came again, %d was given before", version, last)
	}

	if err := s.Purge(id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "kv", id)); !os.IsNotExist(err) {
		t.Errorf("after a purge the folder is there: %v", err)
	}
	if _, err := notes.Get(t.Context(), "b"); sdk.CodeOf(err) != sdk.NotFound {
		t.Errorf("after a purge: %v", err)
	}
	wantValue(t, other, "a", "of another")
	if err := s.Purge("t.Never"); err != nil {
		t.Errorf("purging what never stored anything: %v", err)
	}
}

// killEnv makes this program write for ever, as an extension's host would.
const killEnv = "JACKFIELD_TEST_KV_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

// writeForEver says each number that it has stored.
func writeForEver(dir string) {
	s := New(Config{
		Dir: func(string) string { return dir }, Quota: func(string) int64 { return DefaultQuota },
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	kv := access(s, id)
	for n := 1; ; n++ {
		version, err := kv.Put(context.Background(), "n", []byte(strconv.Itoa(n)), 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(n, version)
	}
}

func TestKilledHost(t *testing.T) {
	h := newHome(t)
	dir := filepath.Join(h.dir, "kv", id)
	var said, version int
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killEnv+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for before := version; version < before+50*(round+1); {
			if _, err := fmt.Fscanln(out, &said, &version); err != nil {
				t.Fatalf("the writer has ended: %v", err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for { // what it had said by then counts
			if _, err := fmt.Fscanln(out, &said, &version); err != nil {
				break
			}
		}
		_ = cmd.Wait() // it was killed

		s := h.open(t)
		e, err := access(s, id).Get(t.Context(), "n")
		if err != nil {
			t.Fatal(err)
		}
		// One more may have been written than it could say.
		if n, _ := strconv.Atoi(string(e.Value)); n != said && n != said+1 {
			t.Errorf("round %d: it said %d and the store has %d", round, said, n)
		}
		if e.Version < uint64(version) {
			t.Errorf("round %d: version %d after %d", round, e.Version, version)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if h.log.Len() > 0 && strings.Contains(h.log.String(), "damaged") {
		t.Errorf("a kill damaged the store:\n%s", &h.log)
	}
}

func TestDamagedStore(t *testing.T) {
	h := newHome(t)
	s := h.open(t)
	put(t, access(s, id), "a", "before")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(h.dir, "kv", id, storeFile)
	garbage := bytes.Repeat([]byte("garbage "), 2000)
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	kv := access(h.open(t), id)
	if _, err := kv.Get(t.Context(), "a"); sdk.CodeOf(err) != sdk.NotFound {
		t.Errorf("in a store that was damaged: %v", err)
	}
	put(t, kv, "a", "after")
	wantValue(t, kv, "a", "after")
	aside, err := filepath.Glob(path + ".damaged-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("moved aside: %q, %v", aside, err)
	}
	if data, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(data, garbage) {
		t.Errorf("the damaged file was changed: %v", err)
	}
	for _, words := range []string{"damaged or lost", aside[0], "begins with an empty key-value store", id} {
		if !strings.Contains(h.log.String(), words) {
			t.Errorf("the log does not say %q:\n%s", words, &h.log)
		}
	}
}

// A file that can not be opened is no reason to move it aside.
func TestStoreWithoutAFolder(t *testing.T) {
	h := newHome(t)
	if err := os.WriteFile(filepath.Join(h.dir, "kv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := access(h.open(t), id).Put(t.Context(), "a", nil, 0)
	if sdk.CodeOf(err) != sdk.Unavailable || strings.Contains(err.Error(), h.dir) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(h.log.String(), "can not be used") {
		t.Errorf("the log says nothing:\n%s", &h.log)
	}
}

func TestExpiredEntriesGo(t *testing.T) {
	h := newHome(t)
	now := time.Now()
	h.now = func() time.Time { return now }
	s := h.open(t)
	kv := access(s, id)
	for n := range 10 {
		if _, err := kv.Put(t.Context(), strconv.Itoa(n), []byte("x"), time.Duration(n)*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(5*time.Minute + time.Second)
	put(t, kv, "another", "write sweeps")
	store, err := s.store(id)
	if err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := store.file.Load().Read.QueryRow("SELECT count(*) FROM entry").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	// 0 is for ever, 6 to 9 are to come, and there is the other one.
	if rows != 6 {
		t.Errorf("%d rows are left, want 6", rows)
	}
	if want, err := usage(t.Context(), store.file.Load().Read); err != nil || store.used != want {
		t.Errorf("%d bytes are counted, the table has %d, %v", store.used, want, err)
	}
}

// A writer that never stops must not keep others waiting, nor a reader of its own.
func TestFloodOfWrites(t *testing.T) {
	h := newHome(t)
	s := h.open(t)
	flood, other := access(s, id), access(s, "t.Other")
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer writers.Wait()
	defer cancel()
	var written [8]int
	for w := range written {
		writers.Go(func() {
			for ctx.Err() == nil {
				if _, err := flood.Put(ctx, strconv.Itoa(w), make([]byte, 100<<10), 0); err == nil {
					written[w]++
				}
			}
		})
	}
	for n := range 50 {
		put(t, other, "a", strconv.Itoa(n))
		wantValue(t, other, "a", strconv.Itoa(n))
		if _, err := flood.List(t.Context(), "", "", 1); err != nil {
			t.Errorf("reading beside the flood: %v", err)
		}
	}
	cancel()
	writers.Wait()
	for w, n := range written {
		if n == 0 {
			t.Errorf("writer %d of the flood never had its turn", w)
		}
	}
}

func TestMetricsAndTheLog(t *testing.T) {
	var log bytes.Buffer
	h := newHome(t)
	s := h.open(t)
	a := s.Open(id, nil, []string{"kv"}, slog.New(slog.NewTextHandler(&log, nil)))
	ended := a.Offer().Ended
	denied := sdk.Errorf(sdk.PermissionDenied, "calling x.Y is not granted")
	for range 3 {
		ended(service.Report{Kind: service.KindPut, Took: time.Millisecond})
		ended(service.Report{Kind: service.KindCall, Permission: "call:x.Y", Err: denied})
	}
	for n := range 100 {
		ended(service.Report{Kind: service.KindCall, Permission: "call:x.N" + strconv.Itoa(n), Err: denied})
	}
	const want = `
# HELP jackfield_service_calls_total What an extension asked its host for, by outcome: ok or the code of the error.
# TYPE jackfield_service_calls_total counter
jackfield_service_calls_total{code="ok",extension="t.Notes",service="kv_put"} 3
jackfield_service_calls_total{code="permission_denied",extension="t.Notes",service="call"} 103
`
	if err := testutil.CollectAndCompare(s.metrics.calls, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if lines := strings.Count(log.String(), "\n"); lines != loggedDenials || strings.Count(log.String(), `permission=call:x.Y `) != 1 {
		t.Errorf("%d lines in the log, want %d:\n%s", lines, loggedDenials, &log)
	}
	s.Forget(id)
	if n := testutil.CollectAndCount(s.metrics.calls) + testutil.CollectAndCount(s.metrics.duration); n != 0 {
		t.Errorf("%d series are left of an extension that is gone", n)
	}
}
