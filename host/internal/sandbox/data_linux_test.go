package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBytesIn(t *testing.T) {
	const most = 10 << 20
	for name, c := range map[string]struct {
		fill func(dir string) error
		ok   func(sum int64, err error) bool
	}{
		"nothing": {func(string) error { return nil }, func(sum int64, err error) bool { return sum == 0 && err == nil }},
		"a file and a folder": {func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o700), os.WriteFile(filepath.Join(dir, "a", "b"), make([]byte, 1<<20), 0o600))
		}, func(sum int64, err error) bool { return sum >= 1<<20 && sum < 2<<20 && err == nil }},
		"empty files take room, too": {func(dir string) (err error) {
			for i := range 100 {
				err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600))
			}
			return err
		}, func(sum int64, err error) bool { return sum == 100*leastEntry && err == nil }},
		"what is only claimed takes none": {func(dir string) error {
			path := filepath.Join(dir, "sparse")
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		}, func(sum int64, err error) bool { return sum == leastEntry && err == nil }},
		"links are not followed": {func(dir string) error {
			return errors.Join(os.Symlink("/usr", filepath.Join(dir, "usr")), os.Symlink(dir, filepath.Join(dir, "again")))
		}, func(sum int64, err error) bool { return sum == 2*leastEntry && err == nil }},
		"more than it may": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "x"), make([]byte, most+1), 0o600)
		}, func(sum int64, err error) bool { return sum > most && err == nil }},
		"folders in folders": {func(dir string) error {
			return os.MkdirAll(filepath.Join(dir, strings.Repeat("d/", maxDepth+1)), 0o700)
		}, func(_ int64, err error) bool { return errors.Is(err, errTooDeep) }},
	} {
		dir := t.TempDir()
		if err := c.fill(dir); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if sum, err := bytesIn(dir, most, nil); !c.ok(sum, err) {
			t.Errorf("%s: %d, %v", name, sum, err)
		}
	}
	if _, err := bytesIn(filepath.Join(t.TempDir(), "gone"), most, nil); err == nil {
		t.Error("a folder that is not there has a size")
	}
}

// A process whose folder holds too much is ended, and nobody else.
func TestDataLimit(t *testing.T) {
	k := newKeeper(Config{Log: slog.New(slog.DiscardHandler), DataPeriod: 5 * time.Millisecond}, nil, errNoCgroup)
	defer k.Close()
	killed := map[string]chan struct{}{"full": make(chan struct{}, 100), "good": make(chan struct{}, 100)}
	boxes := map[string]*Box{}
	for name, kill := range killed {
		dir := t.TempDir()
		if name == "full" {
			if err := os.WriteFile(filepath.Join(dir, "x"), make([]byte, 2<<20), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b := k.Open(name, Limits{Data: 1 << 20, DataDir: dir}, slog.New(slog.DiscardHandler))
		defer b.Close()
		b.Confined() // this process keeps its own limits
		b.Started(os.Getpid(), func() { kill <- struct{}{} })
		boxes[name] = b
	}
	select {
	case <-killed["full"]:
	case <-time.After(30 * time.Second):
		t.Fatal("it was not ended")
	}
	if text := boxes["full"].DataExceeded(); !strings.Contains(text, "more than 1.0 MiB (limits.data)") {
		t.Errorf("%q", text)
	}
	if len(killed["good"]) > 0 || boxes["good"].DataExceeded() != "" || boxes["full"].Exceeded() != "" {
		t.Error("what was within its limit was ended, or it was for its memory")
	}
	if h := boxes["good"].Holds().Data; h.By != Sampling || h.Value != 1<<20 {
		t.Errorf("%+v", h)
	}
}
