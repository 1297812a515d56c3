package deploy

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newFolder(t *testing.T, files map[string]string) *Folder {
	t.Helper()
	home := t.TempDir()
	f := &Folder{
		Dir: filepath.Join(home, "extensions", "x"), Copies: filepath.Join(home, "snapshots", "x"),
		MaxBytes: 1 << 20, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if err := os.MkdirAll(f.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	write(t, f.Dir, files)
	return f
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

// tree returns the files below dir: content, or where a link leads.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			found[name] = "→ " + to
			return err
		}
		content, err := os.ReadFile(path)
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func sameTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := tree(t, dir); !maps.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", dir, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDataAreCopiedInTwoPassesAndPutBack(t *testing.T) {
	f := newFolder(t, map[string]string{"same": "1", "changes": "1", "goes": "1", "sub/deep": "1", "dir/x": "1", "tmp/t": "t"})
	must(t, os.Symlink("/etc/passwd", filepath.Join(f.Dir, "out")))
	must(t, unix.Mkfifo(filepath.Join(f.Dir, "fifo"), 0o600))
	must(t, f.Prepare(t.Context(), "sha256:1"))

	write(t, f.Dir, map[string]string{"changes": "2!", "new/file": "2"})
	must(t, os.Remove(filepath.Join(f.Dir, "goes")))
	must(t, os.RemoveAll(filepath.Join(f.Dir, "dir")))
	write(t, f.Dir, map[string]string{"dir": "a file now"})
	must(t, os.Remove(filepath.Join(f.Dir, "fifo")))
	must(t, f.Take(t.Context(), "sha256:1"))
	want := map[string]string{
		"same": "1", "changes": "2!", "sub/deep": "1", "new/file": "2", "dir": "a file now", "out": "→ /etc/passwd",
	}
	sameTree(t, f.copyOf("sha256:1"), want)
	if !f.Has("sha256:1") || f.Has("sha256:2") {
		t.Error("it does not know which copies there are")
	}

	write(t, f.Dir, map[string]string{"changes": "3", "half": "written"})
	before, err := os.Stat(f.Dir)
	must(t, err)
	must(t, f.Restore(t.Context(), "sha256:1"))
	if after, err := os.Stat(f.Dir); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another folder, and a process may have been bound to the one before (%v)", err)
	}
	restored := maps.Clone(want)
	restored["tmp/t"] = "t" // nothing comes of temporary files, nor are they in the way
	sameTree(t, f.Dir, restored)
	if info, err := os.Stat(f.Dir); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("the folder is %v (%v)", info.Mode(), err)
	}
	aside, err := filepath.Glob(filepath.Join(f.Copies, asidePrefix+"*"))
	if err != nil || len(aside) != 1 || tree(t, aside[0])["half"] != "written" {
		t.Errorf("what was there is not set aside: %v %v", aside, err)
	}
	must(t, f.Done())
	must(t, f.Done())
}

func TestACopyHasTheModesAndTimes(t *testing.T) {
	f := newFolder(t, map[string]string{"run.sh": "#!"})
	path := filepath.Join(f.Dir, "run.sh")
	then := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	must(t, os.Chmod(path, 0o755))
	must(t, os.Chtimes(path, then, then))
	must(t, f.Take(t.Context(), "sha256:1"))
	info, err := os.Stat(filepath.Join(f.copyOf("sha256:1"), "run.sh"))
	must(t, err)
	if info.Mode().Perm() != 0o755 || !info.ModTime().Equal(then) {
		t.Errorf("the copy is %v of %v", info.Mode(), info.ModTime())
	}
}

func TestDataThatAreTooBig(t *testing.T) {
	f := newFolder(t, map[string]string{"a": strings.Repeat("x", 600), "b": strings.Repeat("x", 600)})
	f.MaxBytes = 1000
	var tooBig *TooBigError
	if err := f.Prepare(t.Context(), "sha256:1"); !errors.As(err, &tooBig) {
		t.Errorf("got %v", err)
	}
	if err := f.Take(t.Context(), "sha256:1"); !errors.As(err, &tooBig) || f.Has("sha256:1") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(f.Copies); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestWithoutData(t *testing.T) {
	f := newFolder(t, nil)
	must(t, os.RemoveAll(f.Dir))
	must(t, f.Prepare(t.Context(), "sha256:1"))
	must(t, f.Take(t.Context(), "sha256:1"))
	write(t, filepath.Dir(f.Dir), map[string]string{"x/new": "1"})
	must(t, f.Restore(t.Context(), "sha256:1"))
	sameTree(t, f.Dir, map[string]string{})
	if err := f.Restore(t.Context(), "sha256:2"); err == nil {
		t.Error("restored from a copy that is not there")
	}
}

// The host was killed in the middle of a hand-over.
func TestRecover(t *testing.T) {
	for _, c := range []struct {
		name, current string
		restored      bool
		data          string
	}{
		{"before the new version was current", "sha256:1", true, "old"},
		{"after it was", "sha256:2", false, "half"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFolder(t, map[string]string{"data": "old"})
			if restored, err := f.Recover(t.Context(), c.current); restored || err != nil {
				t.Fatalf("without a hand-over: %t %v", restored, err)
			}
			must(t, f.Take(t.Context(), "sha256:1"))
			write(t, f.Dir, map[string]string{"data": "half"})
			for range 2 { // the second time there is nothing to do
				restored, err := f.Recover(t.Context(), c.current)
				must(t, err)
				if restored != c.restored {
					t.Errorf("restored: %t", restored)
				}
				sameTree(t, f.Dir, map[string]string{"data": c.data})
				c.restored = false
			}
		})
	}
}

func TestRecoverAfterAKillInTheMiddleOfARestore(t *testing.T) {
	f := newFolder(t, map[string]string{"data": "old"})
	must(t, f.Take(t.Context(), "sha256:1"))
	must(t, os.Rename(f.Dir, filepath.Join(f.Copies, asidePrefix+"x"))) // between the two renames
	write(t, f.Copies, map[string]string{backName + "/data": "part"})
	restored, err := f.Recover(t.Context(), "sha256:1")
	if !restored || err != nil {
		t.Fatalf("restored %t: %v", restored, err)
	}
	sameTree(t, f.Dir, map[string]string{"data": "old"})
}

func TestOldCopiesGo(t *testing.T) {
	f := newFolder(t, map[string]string{"data": "x"})
	at := time.Now()
	f.Now = func() time.Time { at = at.Add(time.Second); return at }
	for _, digest := range []string{"a", "b", "c", "d", "e"} {
		must(t, f.Take(t.Context(), digest))
	}
	for range 4 {
		must(t, f.Restore(t.Context(), "e"))
	}
	must(t, f.Done())
	list, err := os.ReadDir(f.Copies)
	must(t, err)
	var names []string
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), asidePrefix) {
			names = append(names, e.Name())
		}
	}
	if !slices.Equal(names, []string{"c", "d", "e"}) || len(list) != 3+keptAside {
		t.Errorf("%v, %d in all", names, len(list))
	}
	must(t, f.Purge())
	if _, err := os.Stat(f.Copies); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}

// Putting data back, once begun, is finished, whatever version is current.
func TestRecoverFinishesARestore(t *testing.T) {
	f := newFolder(t, map[string]string{"data": "old"})
	must(t, f.Take(t.Context(), "sha256:1"))
	must(t, f.Done())
	write(t, f.Dir, map[string]string{"data": "new"})
	must(t, f.Restore(t.Context(), "sha256:1"))
	must(t, os.RemoveAll(f.Dir)) // as between the two renames
	restored, err := f.Recover(t.Context(), "sha256:2")
	if !restored || err != nil {
		t.Fatalf("restored %t: %v", restored, err)
	}
	sameTree(t, f.Dir, map[string]string{"data": "old"})
}

func TestAnOlderCopyDoesNotPassForOneThatCouldNotBeMade(t *testing.T) {
	f := newFolder(t, map[string]string{"data": "old"})
	must(t, f.Take(t.Context(), "sha256:1"))
	write(t, f.Dir, map[string]string{"data": strings.Repeat("x", 1<<20), "more": "x"})
	if err := f.Take(t.Context(), "sha256:1"); err == nil || f.Has("sha256:1") {
		t.Errorf("there is a copy: %v", err)
	}
}
