package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReallyFullDisk fills a small file system to the last byte, at every size of the
// room that is left. It needs the right to mount.
func TestReallyFullDisk(t *testing.T) {
	h := newHome(t)
	dir := filepath.Dir(h.cfg.Path)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatalf("this test mounts a small file system, which takes root (CAP_SYS_ADMIN): %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	h.filled(t, 1)
	ballast := filepath.Join(dir, "ballast")
	fill := func(left int64) {
		t.Helper()
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for n := 1 << 16; n > 0; {
			if _, err := f.Write(make([]byte, n)); err != nil {
				n /= 2
			}
		}
		if info, err := f.Stat(); err != nil || f.Truncate(max(0, info.Size()-left)) != nil {
			t.Fatal("cannot fill the disk", err)
		}
	}
	room := func() {
		t.Helper()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}

	for left := int64(0); left <= 128<<10; left += 8 << 10 {
		fill(left)
		s, err := Open(h.cfg)
		if err != nil {
			if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some space") {
				t.Errorf("Open with %d bytes left: %v", left, err)
			}
			room()
			s = h.open(t, Opened)
			fill(left)
		} else if s.Origin() != Opened {
			t.Fatalf("Open with %d bytes left: Origin is %s", left, s.Origin())
		}
		failed := false
		for i := range 20 {
			before, _ := s.Extension("big")
			err := s.Change(t.Context(), Change{ID: "big", Edit: func(e *Extension) { e.File += "x" },
				Events: []Event{{Kind: "x", Message: strings.Repeat("m", 4000)}}})
			if after, _ := s.Extension("big"); err != nil && after.File != before.File {
				t.Errorf("with %d bytes left, change %d failed and memory has changed", left, i)
			}
			if err != nil && !errors.Is(err, ErrFull) {
				t.Errorf("with %d bytes left: %v", left, err)
			}
			failed = failed || err != nil
		}
		if left == 0 && !failed {
			t.Error("nothing failed on a full disk")
		}
		if err := s.file.Backup(t.Context()); err != nil && !errors.Is(err, ErrFull) {
			t.Errorf("backup with %d bytes left: %v", left, err)
		}
		room()
		s.mustChange(t, Change{ID: "big", Edit: func(e *Extension) { e.File = "" }})
		saved, _ := s.Extension("big")
		if err := s.Purge(t.Context(), "x", AuditEntry{}); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = h.open(t, Opened)
		if e, _ := s.Extension("big"); e.File != saved.File {
			t.Errorf("with %d bytes left: %q is there, %q was saved", left, e.File, saved.File)
		}
		if err := s.Purge(t.Context(), "big", AuditEntry{}); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}

	// A damaged database on a full disk stays where it is until there is room.
	overwrite(t, h.cfg.Path, 0, 100)
	fill(0)
	if _, err := Open(h.cfg); !errors.Is(err, ErrFull) || len(h.damaged(t)) != 0 {
		t.Errorf("recovery on a full disk: %v; moved aside: %v", err, h.damaged(t))
	}
	room()
	h.open(t, Restored).Close()
}
