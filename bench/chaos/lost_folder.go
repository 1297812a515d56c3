package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lostFolder takes the drop folder away and brings it back.
func lostFolder(ctx context.Context, s *stage) error {
	if err := s.renamedFolder(ctx); err != nil {
		return fmt.Errorf("renamed: %w", err)
	}
	switch err := s.lostMount(ctx); {
	case errors.Is(err, syscall.EPERM):
		s.note("lost-folder: no real mount was lost: %v", err)
	case err != nil:
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}

func (s *stage) renamedFolder(ctx context.Context) error {
	h, err := s.host("renamed", s.plan.upgradeSettings())
	if err != nil {
		return err
	}
	first := good("renamed", 1, true)
	if err := s.startWith(ctx, h, first); err != nil {
		return err
	}
	w := s.watch(ctx, h, first.name)
	defer w.end()
	before, err := h.row(ctx, first.name)
	if err != nil {
		return err
	}
	if err := os.Rename(h.drop(), h.drop()+".away"); err != nil {
		return err
	}
	if err := pause(ctx, s.plan.away); err != nil {
		return err
	}
	if err := w.keeps(ctx, "folder renamed away"); err != nil {
		return err
	}
	_ = os.Remove(h.drop()) // a host may have made an empty one
	if err := os.Rename(h.drop()+".away", h.drop()); err != nil {
		return err
	}
	if err := pause(ctx, s.plan.away); err != nil {
		return err
	}
	if err := w.keeps(ctx, "folder renamed back"); err != nil {
		return err
	}
	after, err := h.row(ctx, first.name)
	if err != nil {
		return err
	}
	s.figure("folder renamed back: the same process", fmt.Sprint(after.PID == before.PID), "true", after.PID == before.PID)
	if err := h.put("next.jar", w.parcel()); err != nil {
		return err
	}
	return w.becomes(ctx, "folder renamed back")
}

// lostMount has the drop folder on a file system of its own, which goes away under the
// host, and while the host is down.
func (s *stage) lostMount(ctx context.Context) error {
	h, err := s.host("mounted", s.plan.upgradeSettings())
	if err != nil {
		return err
	}
	if err := s.mount(h.drop(), "64m"); err != nil {
		return err
	}
	first := good("mounted", 1, true)
	if err := s.startWith(ctx, h, first); err != nil {
		return err
	}
	w := s.watch(ctx, h, first.name)
	if err := s.unmount(h.drop()); err != nil {
		w.end()
		return err
	}
	err = pause(ctx, s.plan.away)
	if err == nil {
		err = w.keeps(ctx, "mount lost")
	}
	w.end()
	if err != nil {
		return err
	}
	// What stands on the disk below the mount is an empty folder.
	if err := h.stop(); err != nil {
		return err
	}
	if err := h.start(ctx); err != nil {
		return err
	}
	_, err = h.awaitVersion(ctx, first.name, first.version)
	text := "runs"
	if err != nil {
		text = err.Error()
	}
	s.figure("host started without the mount: what ran", text, "runs", err == nil)
	if err != nil {
		return nil // it is told
	}
	w = s.watch(ctx, h, first.name)
	defer w.end()
	if err := s.mount(h.drop(), "64m"); err != nil {
		return err
	}
	if err := h.put(first.file(), s.kit.pack(first)); err != nil {
		return err
	}
	if err := pause(ctx, s.plan.away); err != nil {
		return err
	}
	if err := w.keeps(ctx, "mount back"); err != nil {
		return err
	}
	if err := h.put("next.jar", w.parcel()); err != nil {
		return err
	}
	return w.becomes(ctx, "mount back")
}

// unmount takes a mount away, at once even if somebody holds it.
func (s *stage) unmount(at string) error {
	if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting %s: %w", at, err)
	}
	return nil
}

// fullDisk fills the file system of the home.
func fullDisk(ctx context.Context, s *stage) error {
	h, err := s.host("home", s.plan.upgradeSettings())
	if err != nil {
		return err
	}
	if err := s.mount(h.home, "160m"); err != nil {
		return err
	}
	if err := h.furnish(); err != nil {
		return err
	}
	first := good("full", 1, true)
	if err := s.startWith(ctx, h, first); err != nil {
		return err
	}
	w := s.watch(ctx, h, first.name)
	defer w.end()
	// Room for the file, none for the private copy of it.
	jar := w.parcel()
	filler := filepath.Join(h.home, "filler")
	if err := fill(filler, int64(len(jar))+1<<20); err != nil {
		return err
	}
	if err := h.put("next.jar", jar); err != nil {
		return err
	}
	shown, err := s.awaitFile(ctx, w, patience, "next.jar", func(state string, why *reason) bool {
		return (state == "pending" || state == "failed") && why != nil && strings.Contains(why.Message, "no space")
	})
	s.figure("disk full: the new version is shown", shown, "pending or failed, for want of space", err == nil)
	if err := fill(filler, 0); err != nil {
		return err
	}
	status, err := h.verb(ctx, first.name, "restart", "")
	s.figure("disk full: a verb is answered", fmt.Sprintf("%d (%v)", status, err), "200, or 4xx or 5xx that says so", err == nil && status != 404 && status != 405)
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	if _, err := h.awaitVersion(ctx, first.name, version(1)); err != nil {
		return err
	}
	if err := w.keeps(ctx, "disk full"); err != nil {
		return err
	}
	return s.fullStart(ctx, w, filler)
}

// fullStart starts the host on the full disk, and then makes room.
func (s *stage) fullStart(ctx context.Context, w *watched, filler string) error {
	w.total.add(w.load.end())
	w.kill()
	if left := w.orphans(); len(left) > 0 {
		s.figure("disk full: children alive a second after kill -9", fmt.Sprint(len(left)), "0", false)
	}
	err := w.start(ctx)
	if err == nil {
		_, err = w.awaitVersion(ctx, w.name, version(1))
	}
	text := "runs"
	if err != nil {
		text = err.Error()
	}
	s.figure("disk full: what ran before kill -9 of the host runs again", text, "runs", err == nil)
	if err != nil {
		return nil // it is told
	}
	w.load = w.host.load(ctx, w.name, loadRate/2, loadClients, loadTimeout)
	if err := os.Remove(filler); err != nil {
		return err
	}
	// As an administrator would, who has made room.
	now := time.Now()
	if err := os.Chtimes(filepath.Join(w.drop(), "next.jar"), now, now); err != nil {
		return err
	}
	return w.becomes(ctx, "room again")
}

// fill makes path so large that about room bytes are left on its file system.
func fill(path string, room int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		var fs syscall.Statfs_t
		if err := syscall.Fstatfs(int(f.Fd()), &fs); err != nil {
			return err
		}
		free := int64(fs.Bavail) * fs.Bsize
		if free <= room {
			return nil
		}
		if _, err := f.Write(block[:min(int64(len(block)), free-room)]); err != nil {
			return err
		}
	}
}
