package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestPagesStayWhileEventsAreAdded(t *testing.T) {
	s := newHome(t).open(t, Created)
	add := func(id string, from, to int) {
		t.Helper()
		c := Change{ID: id}
		for n := from; n <= to; n++ {
			c.Events = append(c.Events, Event{Kind: "x", Message: fmt.Sprint(n)})
			c.Audit = append(c.Audit, AuditEntry{Action: fmt.Sprint(n)})
		}
		s.mustChange(t, c)
	}
	add("a", 1, 25)
	var history, audit []string
	hc, ac := "", ""
	for page := range 3 {
		events, next, err := s.History(t.Context(), "a", hc, 10)
		if err != nil {
			t.Fatal(err)
		}
		entries, anext, err := s.Audit(t.Context(), ac, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			history, audit = append(history, events[i].Message), append(audit, entries[i].Action)
		}
		if last := page == 2; last != (next == "") || last != (anext == "") {
			t.Errorf("page %d: next %q and %q", page, next, anext)
		}
		hc, ac = next, anext
		add("a", 100*page+100, 100*page+110)
		add("b", 1, 3)
	}
	var want []string
	for n := 25; n >= 1; n-- {
		want = append(want, fmt.Sprint(n))
	}
	if fmt.Sprint(history) != fmt.Sprint(want) || fmt.Sprint(audit) != fmt.Sprint(want) {
		t.Errorf("history %v\naudit %v\nwant %v", history, audit, want)
	}
}

func TestCursors(t *testing.T) {
	s := newHome(t).open(t, Created)
	for _, cursor := range []string{"x", "!", "5", makeCursor("audit", 5), makeCursor("history", 0), makeCursor("history", -1),
		makeCursor("history", 5) + "=", " ", strings.Repeat("A", 10_000)} {
		if _, _, err := s.History(t.Context(), "a", cursor, 0); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %.40q: %v", cursor, err)
		}
	}
	if _, _, err := s.Audit(t.Context(), makeCursor("history", 5), 0); !errors.Is(err, ErrCursor) {
		t.Errorf("Audit took a cursor of History: %v", err)
	}
	if events, next, err := s.History(t.Context(), "nobody", makeCursor("history", 5), 0); err != nil || len(events) != 0 || next != "" {
		t.Errorf("History of nobody: %v, %q, %v", events, next, err)
	}
}

func TestPruning(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	count := func(table string) (n int) {
		t.Helper()
		if err := s.file.Read.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for round := range 3 { // evidence with the first ones only, then none, then all
		c := Change{ID: "a"}
		for i := range 700 {
			e := Event{Kind: "x", Message: fmt.Sprint(round*700 + i)}
			if round == 0 && i < 30 || round == 2 {
				e.Evidence = json.RawMessage("1")
			}
			c.Events = append(c.Events, e)
		}
		s.mustChange(t, c)
		if got := s.mem.events["a"]; got != count("history") || got > keepEvents {
			t.Errorf("round %d: counted %d events, there are %d", round, got, count("history"))
		}
		if got := s.mem.evidence["a"]; got != count("evidence") || got > keepEvidence {
			t.Errorf("round %d: counted %d pieces of evidence, there are %d", round, got, count("evidence"))
		}
		s.Close()
		s = h.open(t, Opened)
	}
	s.mustChange(t, Change{ID: "b", Events: []Event{{Kind: "x"}}})
	events, _, err := s.History(t.Context(), "a", "", 500)
	if err != nil || count("history") != keepEvents+1 || events[0].Message != "2099" || events[0].Evidence == nil || events[100].Evidence != nil {
		t.Errorf("%d events, newest %+v: %v", count("history"), events[0], err)
	}
	// As if keepAudit entries had been written.
	s.mustChange(t, Change{Audit: make([]AuditEntry, 10)})
	if _, err := s.file.Write.Exec("UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'", keepAudit); err != nil {
		t.Fatal(err)
	}
	s.mustChange(t, Change{Audit: make([]AuditEntry, 7)})
	entries, _, err := s.Audit(t.Context(), "", 100)
	if err != nil || len(entries) != 10 || entries[0].Seq != keepAudit+7 || entries[9].Seq != 8 {
		t.Errorf("%d entries: %v: %v", len(entries), entries, err)
	}
}

func TestBounds(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	long := strings.Repeat("ä", 100_000)
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = fmt.Sprint(i, long)
	}
	s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) {
		e.File = long
		for range 50 {
			e.Rejected = append(e.Rejected, Rejection{Message: "x" + long, Stderr: lines})
		}
	}, Events: []Event{
		{Kind: long, Message: "x" + long, Evidence: bytes.Repeat([]byte("1"), maxBody)},
		{Message: "\xff\x00\xfe", Evidence: bytes.Repeat([]byte("1"), maxBody+1)},
		{Evidence: json.RawMessage(`{"half":`)},
	}, Audit: []AuditEntry{{Target: long, Before: json.RawMessage("\xff")}}})
	e, _ := s.Extension("a")
	if len(e.File) != maxText || len(e.Rejected) != maxRejected || len(e.Rejected[0].Stderr) != maxStderr ||
		!strings.HasPrefix(e.Rejected[0].Stderr[0], "900") || len(e.Rejected[0].Message) != maxMessage-1 {
		t.Errorf("the row was not bounded: %d %d", len(e.File), len(e.Rejected))
	}
	events, _, err := s.History(t.Context(), "a", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(events); err != nil {
		t.Errorf("the page is no JSON: %v", err)
	}
	broken, cutOff, whole := events[0], events[1], events[2]
	if string(broken.Evidence) != `"not JSON: {\"half\":"` || !strings.Contains(string(cutOff.Evidence), "left out: 131073 bytes") ||
		cutOff.Message != "?\x00?" || len(whole.Evidence) != maxBody || len(whole.Message) != maxMessage-1 || !utf8.ValidString(whole.Message) {
		t.Errorf("events: %.300v, %.300v, %d %d", broken, cutOff, len(whole.Evidence), len(whole.Message))
	}
}

func TestRunBacksUpAfterChanges(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	backups := func() int {
		names, err := h.backups()
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	s.mustChange(t, Change{ID: "a", Events: []Event{{Kind: "x"}}, Audit: []AuditEntry{{}}})
	begin := time.Now()
	for range 20 {
		s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) { e.Disabled = !e.Disabled }})
	}
	for backups() == 0 {
		if time.Since(begin) > 20*time.Second {
			t.Fatal("no backup was made")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("a backup was made after %v", took)
	}
	// The last change is in the backup of the end.
	s.mustChange(t, Change{ID: "last", Edit: func(*Extension) {}})
	cancel()
	if err := <-done; err != nil || backups() != 2 {
		t.Errorf("Run: %v, %d backups", err, backups())
	}
	s.Close()
	if err := os.Remove(h.cfg.Path); err != nil {
		t.Fatal(err)
	}
	s = h.open(t, Restored)
	if _, ok := s.Extension("last"); !ok {
		t.Error("the last change is in no backup")
	}
	for range 5 {
		if err := s.file.Backup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if backups() != 3 {
		t.Errorf("%d backups are kept", backups())
	}
}

func TestOnlyDesiredStateIsBackedUp(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, step := range []struct {
		name   string
		change Change
		want   int
	}{
		{"history and audit", Change{ID: "a", Events: []Event{{Kind: "x"}}, Audit: []AuditEntry{{}}}, 0},
		{"an edit", Change{ID: "a", Edit: func(e *Extension) { e.Disabled = true }}, 1},
		{"an edit that changes nothing", Change{ID: "a", Edit: func(e *Extension) { e.Disabled = true }}, 1},
		{"a healthy version", Change{ID: "a", Healthy: &Version{Digest: digest(1)}}, 2},
	} {
		s.mustChange(t, step.change)
		if err := s.Run(ended); err != nil {
			t.Fatal(err)
		}
		if backups, err := h.backups(); err != nil || len(backups) != step.want {
			t.Errorf("after %s there are %d backups, want %d: %v", step.name, len(backups), step.want, err)
		}
	}
}
