package state

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const childHome = "JACKFIELD_STATE_TEST_HOME"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childHome); dir != "" {
		fmt.Fprintln(os.Stderr, child(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child applies numbered changes for ever and prints each number once its Change has
// returned. It goes on after the last one that is there.
func child(dir string) error {
	s, err := Open(Config{Path: filepath.Join(dir, "jackfield.db"), Backups: filepath.Join(dir, "backups"),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return err
	}
	n := 0
	if e, ok := s.Extension("a"); ok {
		if n, err = strconv.Atoi(e.File); err != nil {
			return err
		}
	}
	ctx, backup := context.Background(), make(chan struct{})
	go func() {
		for range backup {
			if err := s.file.Backup(ctx); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}()
	for {
		n++
		err := s.Change(ctx, Change{ID: "a",
			Edit:   func(e *Extension) { e.File = strconv.Itoa(n) },
			Events: []Event{{Kind: "x", Message: strconv.Itoa(n), Evidence: bytes.Repeat([]byte("1"), n%5000)}},
			Audit:  []AuditEntry{{Action: "x", Target: strconv.Itoa(n)}}})
		if err != nil {
			return err
		}
		fmt.Println(n)
		select {
		case backup <- struct{}{}:
		default:
		}
	}
}

func TestKilledAtRandom(t *testing.T) {
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	h := newHome(t)
	random := rand.New(rand.NewPCG(4, 2026))
	last := 0
	for round := range rounds {
		first, printed := runAndKill(t, filepath.Dir(h.cfg.Path), time.Duration(random.IntN(150))*time.Millisecond)
		if first != last+1 && first != last+2 {
			t.Fatalf("round %d: %d was promised, the next child went on with %d", round, last, first)
		}
		last = printed
		if round%3 == 1 {
			continue // this -wal file is for the next child
		}
		s, err := Open(h.cfg)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if o := s.Origin(); o != Opened {
			t.Fatalf("round %d: Origin is %s; log:\n%s", round, o, h.log)
		}
		e, _ := s.Extension("a")
		saved, _ := strconv.Atoi(e.File)
		if saved != last && saved != last+1 {
			t.Fatalf("round %d: %d was promised, %d is there", round, last, saved)
		}
		last = saved
		events, _, err := s.History(t.Context(), "a", "", 500)
		if err != nil {
			t.Fatal(err)
		}
		for i, event := range events {
			if event.Message != strconv.Itoa(saved-i) {
				t.Fatalf("round %d: event %d is %s, want %d", round, i, event.Message, saved-i)
			}
		}
		entries, _, err := s.Audit(t.Context(), "", 1)
		if err != nil || len(entries) != 1 || entries[0].Target != strconv.Itoa(saved) {
			t.Fatalf("round %d: audit: %v, %v", round, entries, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d changes in %d rounds", last, rounds)
}

// runAndKill starts a child, kills it that long after its first change and returns
// the first and the last number that it printed.
func runAndKill(t *testing.T, dir string, after time.Duration) (first, last int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childHome+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var kill *time.Timer
	for lines.Scan() {
		if kill == nil {
			kill = time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
		if last, err = strconv.Atoi(strings.TrimSpace(lines.Text())); err != nil {
			t.Fatal(err)
		}
		if first == 0 {
			first = last
		}
	}
	if cmd.Wait(); last == 0 || stderr.Len() > 0 {
		t.Fatalf("the child printed %d and said %s", last, &stderr)
	}
	return first, last
}

func TestFullDisk(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	s.mustChange(t, Change{ID: "a", Edit: func(e *Extension) { e.File = "before" }})
	limit := func(pages int) {
		t.Helper()
		if _, err := s.file.Write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite takes the size that it has
	big := bytes.Repeat([]byte("1"), 100_000)
	change := Change{ID: "a", Edit: func(e *Extension) { e.File = "after" },
		Healthy: &Version{Version: "1", Digest: digest(1)}, Events: []Event{{Kind: "x", Evidence: big}}}
	for range 3 {
		err := s.Change(t.Context(), change)
		if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), h.cfg.Path) || !strings.Contains(err.Error(), "free some space") {
			t.Fatalf("Change: %v", err)
		}
	}
	if e, _ := s.Extension("a"); e.File != "before" || e.Current != "" || len(s.Versions("a")) != 0 || len(s.Kept()) != 0 {
		t.Errorf("memory has changed: %+v, %v", e, s.Versions("a"))
	}
	if events, _, err := s.History(t.Context(), "a", "", 0); err != nil || len(events) != 0 {
		t.Errorf("History: %v, %v", events, err)
	}
	limit(1 << 30)
	s.mustChange(t, change)
	s.Close()
	s = h.open(t, Opened)
	if e, _ := s.Extension("a"); e.File != "after" || e.Current != digest(1) {
		t.Errorf("after there was room again: %+v", e)
	}
}

func TestReadOnly(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	if _, err := s.file.Write.Exec("PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetValue(t.Context(), "a", "b"); !errors.Is(err, ErrReadOnly) || s.Value("a") != "" {
		t.Errorf("SetValue: %v", err)
	}
}
