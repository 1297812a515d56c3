package catalog

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// countCopies makes a Catalog count the private copies it makes.
func countCopies(copies *atomic.Int32) func(*Catalog) {
	return func(c *Catalog) {
		c.shelf.toDisk = func(w io.Writer) io.Writer { copies.Add(1); return w }
	}
}

func (h home) shelved() []string {
	h.t.Helper()
	list, err := os.ReadDir(h.bundles)
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestRestartCopiesNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.put("a.jar", parcelBytes("a", "1", 100<<10))
	h.put("b.jar", parcelBytes("b", "1", 100<<10))
	var copies atomic.Int32
	r := h.run(countCopies(&copies))
	first := r.runs("a 1", "b 1")
	r.stop()
	if copies.Load() != 2 {
		t.Errorf("%d copies were made", copies.Load())
	}
	// A crash leaves folders that were being filled.
	leftover := filepath.Join(h.bundles, scratch+"123", treeName)
	if err := os.MkdirAll(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	r = h.run(countCopies(&copies))
	second := r.runs("a 1", "b 1")
	if copies.Load() != 2 {
		t.Errorf("after a restart there are %d copies", copies.Load())
	}
	if first.Desired[0].Executable != second.Desired[0].Executable {
		t.Errorf("the executable moved: %q, %q", first.Desired[0].Executable, second.Desired[0].Executable)
	}
	if left := h.shelved(); len(left) != 2 {
		t.Errorf("private storage holds %q", left)
	}
}

func TestDamagedCopyIsMadeAnew(t *testing.T) {
	t.Parallel()
	damages := map[string]func(e Entry) error{
		"the bundle has another byte": func(e Entry) error { return flip(filepath.Join(e.Dir, jarName)) },
		"the bundle is gone":          func(e Entry) error { return os.Remove(filepath.Join(e.Dir, jarName)) },
		"the executable has another byte": func(e Entry) error {
			return flip(e.Executable)
		},
		"the executable cannot be executed": func(e Entry) error { return os.Chmod(e.Executable, 0o444) },
		"a file is gone":                    func(e Entry) error { return os.Remove(filepath.Join(e.Tree, "data", "pad")) },
		"a file is cut off":                 func(e Entry) error { return os.Truncate(filepath.Join(e.Tree, "data", "pad"), 5) },
		"a file is a link": func(e Entry) error {
			pad := filepath.Join(e.Tree, "data", "pad")
			if err := os.Rename(pad, filepath.Join(e.Dir, "pad")); err != nil {
				return err
			}
			return os.Symlink("../../pad", pad)
		},
		"a file was added":   func(e Entry) error { return os.WriteFile(filepath.Join(e.Tree, "more"), nil, 0o644) },
		"the tree is gone":   func(e Entry) error { return os.RemoveAll(e.Tree) },
		"the folder is gone": func(e Entry) error { return os.RemoveAll(e.Dir) },
		"the folder is a file": func(e Entry) error {
			if err := os.RemoveAll(e.Dir); err != nil {
				return err
			}
			return os.WriteFile(e.Dir, []byte("x"), 0o644)
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.put("a.jar", parcelBytes("a", "1", 10<<10))
			r := h.run()
			e := r.runs("a 1").Desired[0]
			r.stop()
			if err := damage(e); err != nil {
				t.Fatal(err)
			}
			var copies atomic.Int32
			r = h.run(countCopies(&copies))
			again := r.runs("a 1").Desired[0]
			if copies.Load() != 1 {
				t.Errorf("%d copies were made", copies.Load())
			}
			if err := checkAgain(t, r, again); err != nil {
				t.Errorf("the new copy: %v", err)
			}
			if left := h.shelved(); len(left) != 1 {
				t.Errorf("private storage holds %q", left)
			}
		})
	}
}

func checkAgain(t *testing.T, r *running, e Entry) error {
	p, err := r.shelf.fetch(t.Context(), filepath.Base(e.Dir))
	if err == nil && p == nil {
		err = fmt.Errorf("%s is damaged", e.Dir)
	}
	return err
}

// flip changes one byte in the middle of a file.
func flip(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	if err := os.Chmod(path, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o555)
}

// narrowDisk fails with what the kernel says of a full disk once its room is used up.
type narrowDisk struct {
	w    io.Writer
	room *atomic.Int64
}

func (d narrowDisk) Write(p []byte) (int, error) {
	if d.room.Add(-int64(len(p))) < 0 {
		return 0, &os.PathError{Op: "write", Path: "disk", Err: unix.ENOSPC}
	}
	return d.w.Write(p)
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	var room atomic.Int64
	room.Store(100 << 10)
	h := newHome(t)
	r := h.run(func(c *Catalog) {
		c.shelf.toDisk = func(w io.Writer) io.Writer { return narrowDisk{w, &room} }
	})
	diskFull(h, r, func() { room.Store(1 << 30) })
}

func diskFull(h home, r *running, grow func()) {
	h.t.Helper()
	h.put("small.jar", parcelBytes("small", "1", 0))
	r.runs("small 1")
	h.put("big.jar", parcelBytes("big", "1", 1<<20))
	row := r.explained("big.jar", lifecycle.Pending, lifecycle.CodeCopying, "no space left on device")
	if !strings.Contains(row.Reason.Message, "trying again") {
		h.t.Errorf("reason: %q", row.Reason.Message)
	}
	if left := h.shelved(); len(left) != 1 {
		h.t.Errorf("private storage holds %q", left)
	}
	grow()
	r.runs("big 1", "small 1") // without a change of the file
	r.neverStops("small 1")
}

func TestEarlierCopiesAreKeptWithinBounds(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	other := parcelBytes("other", "1", 0)
	h.put("other.jar", other)
	r := h.run()
	r.runs("other 1")
	for version := range 7 {
		h.put("a.jar", parcelBytes("a", fmt.Sprint(version), 0))
		r.runs(fmt.Sprint("a ", version), "other 1")
	}
	r.stop()
	h.remove("other.jar")
	if err := os.Mkdir(filepath.Join(h.bundles, strings.Repeat("0", 64)), 0o755); err != nil {
		t.Fatal(err)
	}
	// The collection at start has come to its end when Run has.
	r = h.run()
	r.runs("a 6")
	r.stop()
	kept := map[string]int{}
	for _, digest := range h.shelved() {
		kept[r.shelf.entries[digest].id]++
	}
	if kept["a"] != 1+keptEarlier || kept["other"] != 1 || len(kept) != 2 {
		t.Errorf("kept: %v", kept)
	}
}

func TestCopyOfAChangingFileIsThrownAway(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	data := parcelBytes("a", "1", 1<<20)
	changes := 0
	r := h.run(func(c *Catalog) {
		c.shelf.toDisk = func(w io.Writer) io.Writer {
			if changes++; changes == 1 { // in the middle of the first copy
				f, err := os.OpenFile(h.path("a.jar"), os.O_WRONLY, 0)
				if err == nil {
					_, err = f.WriteAt(bytes.Repeat([]byte{0}, 100), int64(len(data))-100)
					f.Close()
				}
				if err != nil {
					t.Error(err)
				}
			}
			return w
		}
	})
	h.put("a.jar", data)
	r.await("the new bytes are judged", func(v View) bool {
		return len(v.Rows) == 1 && v.Rows[0].Reason.Code != lifecycle.CodeCopying
	})
	r.never("the old bytes run", func(v View) bool { return len(v.Desired) > 0 })
	r.stop()
	if left := h.shelved(); len(left) != 0 {
		t.Errorf("private storage holds %q", left)
	}
}
