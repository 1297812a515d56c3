package state

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDecisionsOutliveTheHost(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) {
		e.Consented = true
		e.Decide(Decision{"net:b:1", true, "folder", at})
		e.Decide(Decision{"kv", true, "folder", at})
		e.Decide(Decision{"net:b:1", false, "admin", at.Add(time.Hour)})
		e.Rejected = []Rejection{{Digest: digest(2), Code: "needs_consent", Asks: []string{"events"}}}
	}})
	s.mustChange(t, Change{ID: "a", Healthy: &Version{Version: "1", Digest: digest(1), Permissions: []string{"net:b:1", "kv"}}})
	want := []Decision{{"kv", true, "folder", at}, {"net:b:1", false, "admin", at.Add(time.Hour)}}
	// What a caller does with its copy is its own affair.
	mine, _ := s.Extension("a")
	mine.Decisions[0].Granted, mine.Rejected[0].Asks[0] = false, "other"
	for _, when := range []string{"at once", "after a restart"} {
		e, _ := s.Extension("a")
		if !e.Consented || !reflect.DeepEqual(e.Decisions, want) || e.Rejected[0].Asks[0] != "events" {
			t.Errorf("%s: %+v", when, e)
		}
		if d, ok := e.Decision("net:b:1"); !ok || d.Granted || d.By != "admin" {
			t.Errorf("%s: the later decision is not the one that holds: %+v", when, d)
		}
		if _, ok := e.Decision("events"); ok {
			t.Errorf("%s: a decision that nobody took", when)
		}
		if v := s.Versions("a"); len(v) != 1 || !slices.Equal(v[0].Permissions, []string{"net:b:1", "kv"}) {
			t.Errorf("%s: the kept versions are %+v", when, v)
		}
		if when == "at once" {
			s.Close()
			s = h.open(t, Opened)
		}
	}
	e, _ := s.Extension("a")
	if gone := e.Forget(func(p string) bool { return p == "kv" }); !slices.Equal(gone, []string{"net:b:1"}) || len(e.Decisions) != 1 {
		t.Errorf("forgotten: %v, left: %v", gone, e.Decisions)
	}
}

func TestDecisionsAreBounded(t *testing.T) {
	s := newHome(t).open(t, Created)
	for name, edit := range map[string]func(*Extension){
		"no permission":      func(e *Extension) { e.Decide(Decision{Granted: true}) },
		"a long permission":  func(e *Extension) { e.Decide(Decision{Permission: strings.Repeat("x", maxText+1)}) },
		"no UTF-8":           func(e *Extension) { e.Decide(Decision{Permission: "net:\xff:1"}) },
		"too many decisions": func(e *Extension) { e.Decisions = many() },
		"asking too much": func(e *Extension) {
			e.Rejected = []Rejection{{Digest: digest(1), Asks: slices.Repeat([]string{"kv"}, maxAsked+1)}}
		},
	} {
		err := s.Change(t.Context(), Change{ID: "a", Edit: func(e *Extension) { edit(e) }})
		if _, known := s.Extension("a"); !errors.Is(err, ErrInvalid) || known {
			t.Errorf("%s: %v, known %v", name, err, known)
		}
	}
}

func many() []Decision {
	var all []Decision
	for i := range maxDecided + 1 {
		all = append(all, Decision{Permission: fmt.Sprintf("call:t.T%05d", i)})
	}
	return all
}

// TestDatabaseWithoutDecisions: one that an earlier host made.
func TestDatabaseWithoutDecisions(t *testing.T) {
	h := newHome(t)
	db, err := sql.Open("sqlite", h.cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		migrations()[0], "PRAGMA user_version = 1",
		"INSERT INTO extension VALUES ('a', 0, 0, '', 'sha256:1', '1.0', 'a.jar', 0, 'null')",
		"INSERT INTO version VALUES ('a', 'sha256:1', '1.0', 'a.jar', 1, 1)",
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := h.open(t, Opened)
	e, ok := s.Extension("a")
	if v := s.Versions("a"); !ok || e.Consented || len(e.Decisions) != 0 || len(v) != 1 || len(v[0].Permissions) != 0 {
		t.Errorf("after the migration: %+v, versions %+v", e, v)
	}
}
