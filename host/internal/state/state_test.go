package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// home is the folder of one test with what a Store says in its log.
type home struct {
	cfg Config
	log *bytes.Buffer
}

func newHome(t *testing.T) home {
	t.Helper()
	dir := t.TempDir()
	log := &bytes.Buffer{}
	return home{log: log, cfg: Config{
		Path: filepath.Join(dir, "jackfield.db"), Backups: filepath.Join(dir, "backups"),
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}}
}

func (h home) open(t *testing.T, want Origin) *Store {
	t.Helper()
	s, err := Open(h.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if s.Origin() != want {
		t.Fatalf("Origin is %q, want %q; log:\n%s", s.Origin(), want, h.log)
	}
	return s
}

func (s *Store) mustChange(t *testing.T, c Change) {
	t.Helper()
	if err := s.Change(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func digest(n int) string { return fmt.Sprintf("sha256:%064d", n) }

func digests(versions []Version) []string {
	var all []string
	for _, v := range versions {
		all = append(all, v.Digest)
	}
	return all
}

func TestStory(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	code := 3
	at := time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.FixedZone("x", 3600))
	s.mustChange(t, Change{ID: "a", Healthy: &Version{Version: "1.0", Digest: digest(1), File: "a-1.jar"},
		Events: []Event{{Kind: "healthy", Version: "1.0", Digest: digest(1)}}})
	s.mustChange(t, Change{ID: "a",
		Edit: func(e *Extension) {
			if e.Current != digest(1) {
				t.Errorf("Edit sees Current %q", e.Current)
			}
			e.Disabled, e.Pinned, e.Removed = true, digest(1), at
			e.Rejected = append(e.Rejected, Rejection{Digest: digest(2), Version: "2.0", Stage: "init",
				Code: "crashed", Time: at, ExitCode: &code, Stderr: []string{"boom"}})
		},
		Events: []Event{{Time: at, Kind: "failed", Message: "it crashed", Evidence: json.RawMessage(`{"exit":3}`)}},
		Audit:  []AuditEntry{{Actor: "admin", Action: "disable", Target: "a", After: json.RawMessage(`{"enabled":false}`), Remote: "127.0.0.1"}},
	})
	if err := s.SetValue(t.Context(), "device", "17"); err != nil {
		t.Fatal(err)
	}
	before := s.Extensions()
	// What a caller does with its copy is its own affair.
	mine := s.Extensions()
	mine["a"].Rejected[0].Stderr[0] = "changed"
	*mine["a"].Rejected[0].ExitCode = 9
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Change(t.Context(), Change{ID: "a", Events: []Event{{}}}); !errors.Is(err, ErrClosed) {
		t.Errorf("Change after Close: %v", err)
	}

	s = h.open(t, Opened)
	if got, want := fmt.Sprintf("%+v", s.Extensions()), fmt.Sprintf("%+v", before); !sameButPointers(got, want) {
		t.Errorf("reopened:\n%s\nwant:\n%s", got, want)
	}
	e, _ := s.Extension("a")
	if !e.Disabled || e.Version != "1.0" || e.File != "a-1.jar" || *e.Rejected[0].ExitCode != 3 ||
		e.Rejected[0].Stderr[0] != "boom" || !e.Removed.Equal(at.Truncate(time.Microsecond)) {
		t.Errorf("reopened: %+v", e)
	}
	if s.Value("device") != "17" || s.Value("other") != "" {
		t.Error("the values are not those that were set")
	}
	events, next, err := s.History(t.Context(), "a", "", 0)
	if err != nil || next != "" || len(events) != 2 || events[0].Message != "it crashed" ||
		string(events[0].Evidence) != `{"exit":3}` || !events[0].Time.Equal(at.Truncate(time.Microsecond)) || events[1].Time.IsZero() {
		t.Errorf("History: %+v, %q, %v", events, next, err)
	}
	entries, _, err := s.Audit(t.Context(), "", 0)
	if err != nil || len(entries) != 1 || entries[0].Before != nil || string(entries[0].After) != `{"enabled":false}` {
		t.Errorf("Audit: %+v, %v", entries, err)
	}

	if err := s.Purge(t.Context(), "a", AuditEntry{Actor: "admin", Action: "purge", Target: "a"}); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		_, ok := s.Extension("a")
		events, _, _ := s.History(t.Context(), "a", "", 0)
		entries, _, _ := s.Audit(t.Context(), "", 0)
		if ok || len(s.Versions("a")) != 0 || len(s.Kept()) != 0 || len(events) != 0 || len(entries) != 2 {
			t.Errorf("after Purge: %v, %v, %v, %v, %v", ok, s.Versions("a"), s.Kept(), events, entries)
		}
	}
	check()
	s.Close()
	s = h.open(t, Opened)
	check()
}

// sameButPointers compares printed rows, in which ExitCode is an address.
func sameButPointers(a, b string) bool {
	strip := func(text string) string {
		var out []string
		for _, word := range strings.Fields(text) {
			if !strings.HasPrefix(word, "ExitCode:") {
				out = append(out, word)
			}
		}
		return strings.Join(out, " ")
	}
	return strip(a) == strip(b)
}

func TestFilesAreTheHostsAlone(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) { e.Disabled = true }})
	if err := s.file.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := filepath.WalkDir(filepath.Dir(h.cfg.Path), func(path string, d os.DirEntry, err error) error {
		if err != nil || path == filepath.Dir(h.cfg.Path) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen++
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %s, want %s", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil || seen != 5 { // db, -wal, -shm, backups, one backup
		t.Errorf("saw %d files, %v", seen, err)
	}
}

func TestKeptVersions(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	become := func(n int) {
		t.Helper()
		s.mustChange(t, Change{ID: "a", Healthy: &Version{Version: fmt.Sprint(n), Digest: digest(n)}})
	}
	want := func(numbers ...int) {
		t.Helper()
		var all []string
		for _, n := range numbers {
			all = append(all, digest(n))
		}
		if got := digests(s.Versions("a")); !slices.Equal(got, all) {
			t.Errorf("kept %v, want %v", got, all)
		}
		for _, d := range all {
			if !s.Kept()[d] {
				t.Errorf("%s is not in Kept", d)
			}
		}
	}
	for n := 1; n <= 5; n++ {
		become(n)
	}
	want(5, 4, 3, 2)
	s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) { e.Pinned = digest(2) }})
	become(6)
	become(7)
	want(7, 6, 5, 4, 2) // the pinned one does not count
	become(4)           // a rollback
	want(4, 7, 6, 5, 2)
	s.Close()
	s = h.open(t, Opened)
	want(4, 7, 6, 5, 2)
	s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) { e.Pinned = digest(99) }})
	want(4, 7, 6, 5)
	if !s.Kept()[digest(99)] {
		t.Error("a pinned digest that was never healthy is not in Kept")
	}
	first := s.Versions("a")[0].First
	// The clock went back: the newest is the newest all the same.
	s.mustChange(t, Change{ID: "a", Healthy: &Version{Version: "8", Digest: digest(8), Last: time.Unix(5, 0)}})
	want(8, 4, 7, 6)
	if got := s.Versions("a")[1].First; !got.Equal(first) {
		t.Errorf("First of 4 became %v, was %v", got, first)
	}
	s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) {
		e.Rejected = []Rejection{{Digest: digest(9)}, {Digest: digest(10)}}
	}})
	become(9)
	if e, _ := s.Extension("a"); len(e.Rejected) != 1 || e.Rejected[0].Digest != digest(10) {
		t.Errorf("a version that became healthy is still rejected: %v", e.Rejected)
	}
}

func TestRefusedChanges(t *testing.T) {
	s := newHome(t).open(t, Created)
	long := strings.Repeat("x", maxKey+1)
	for name, c := range map[string]Change{
		"no id":          {Edit: func(*Extension) {}},
		"events of none": {Events: []Event{{}}},
		"long id":        {ID: long, Events: []Event{{}}},
		"no digest":      {ID: "a", Healthy: &Version{}},
		"long digest":    {ID: "a", Healthy: &Version{Digest: long}},
		"long pin":       {ID: "a", Edit: func(e *Extension) { e.Pinned = long }},
		"bad rejection":  {ID: "a", Edit: func(e *Extension) { e.Rejected = []Rejection{{Digest: "\xff"}} }},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.Change(t.Context(), c); !errors.Is(err, ErrInvalid) {
				t.Errorf("Change: %v", err)
			}
			if len(s.Extensions()) != 0 {
				t.Errorf("memory has changed: %v", s.Extensions())
			}
		})
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Change(cancelled, Change{ID: "a", Edit: func(*Extension) {}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Change with a context that has ended: %v", err)
	}
}

func TestConcurrentChanges(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := s.Change(t.Context(), Change{ID: "shared",
					Edit:   func(e *Extension) { e.File += "x" },
					Events: []Event{{Kind: "x", Actor: fmt.Sprint(w), Message: fmt.Sprint(i)}},
					Audit:  []AuditEntry{{Action: "x"}}})
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				s.Extensions()
				s.Kept()
				if _, _, err := s.History(t.Context(), "shared", "", 10); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		if err := s.file.Backup(t.Context()); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	s.Close()
	s = h.open(t, Opened)
	if e, _ := s.Extension("shared"); len(e.File) != writers*each {
		t.Errorf("%d edits are left of %d", len(e.File), writers*each)
	}
}
