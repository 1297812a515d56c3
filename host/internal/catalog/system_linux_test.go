package catalog

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Tests that need system calls of Linux.

func TestAnotherFolderIsWatched(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run(func(c *Catalog) { c.cfg.Interval = time.Hour }) // file events alone
	h.put("a.jar", parcelBytes("a", "1", 0))
	r.runs("a 1")
	other := h.drop + ".other"
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := exchange(h.drop, other); err != nil {
		t.Fatal(err)
	}
	r.runs() // an empty folder is an empty folder
	h.put("b.jar", parcelBytes("b", "1", 0))
	r.runs("b 1")
	h.remove("b.jar")
	r.runs()
}

func TestUnreadableFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		// Root reads everything: run this very test as nobody.
		const nobody = 65534
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestUnreadableFolder$", "-test.v")
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestUnreadableFolder") {
			t.Fatalf("as nobody: %v\n%s", err, out)
		}
		return
	}
	h := newHome(t)
	t.Cleanup(func() { os.Chmod(h.drop, 0o755) })
	r := h.run()
	h.put("a.jar", parcelBytes("a", "1", 0))
	r.runs("a 1")
	for _, mode := range []os.FileMode{0, 0o444} { // no list, then a list without stat
		if err := os.Chmod(h.drop, mode); err != nil {
			t.Fatal(err)
		}
		r.await("the folder is unreadable and a runs on", func(v View) bool {
			return v.Err != nil && strings.Contains(v.Err.Error(), "permission denied") && len(v.Desired) == 1
		})
		if err := os.Chmod(h.drop, 0o755); err != nil {
			t.Fatal(err)
		}
		r.runs("a 1")
	}
	h.put("secret.jar", parcelBytes("secret", "1", 0))
	r.runs("a 1", "secret 1")
	if err := os.Chmod(h.path("secret.jar"), 0); err != nil {
		t.Fatal(err)
	}
	row := r.turned("secret.jar", "failed", "unreadable")
	if !strings.Contains(row.Reason.Message, "permission denied") || row.Claims != "secret" {
		t.Errorf("row: %+v, %q", row, row.Reason.Message)
	}
	if err := os.Chmod(h.path("secret.jar"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.runs("a 1", "secret 1")
}

// TestLostTmpfs mounts a file system over the folder, as a lost mount looks from the
// other side, and takes it away again.
func TestLostTmpfs(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if err := mountTmpfs(h.drop, "1m"); err != nil {
		t.Logf("no mount (%v): TestLostMount has the rule", err)
		return
	}
	mounted := true
	t.Cleanup(func() {
		if mounted {
			unix.Unmount(h.drop, unix.MNT_DETACH)
		}
	})
	r := h.run()
	h.put("a.jar", parcelBytes("a", "1", 0))
	r.runs("a 1")
	if err := mountTmpfs(h.drop, "1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(h.drop, unix.MNT_DETACH) })
	r.await("another device is noticed", func(v View) bool { return v.Err != nil && len(v.Desired) == 1 })
	if err := unix.Unmount(h.drop, 0); err != nil {
		t.Fatal(err)
	}
	r.runs("a 1")
	if err := unix.Unmount(h.drop, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	mounted = false
	r.await("the mount is missed", func(v View) bool { return v.Err != nil && len(v.Desired) == 1 })
	r.neverStops("a 1")
}

// TestDiskFullForReal does the same on a small file system, where mounting is allowed.
func TestDiskFullForReal(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if err := os.Mkdir(h.bundles, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mountTmpfs(h.bundles, "200k"); err != nil {
		t.Logf("no mount (%v): TestDiskFull has the rule", err)
		return
	}
	t.Cleanup(func() { unix.Unmount(h.bundles, unix.MNT_DETACH) })
	r := h.run()
	t.Cleanup(r.stop)
	diskFull(h, r, func() {
		if err := growTmpfs(h.bundles, "20m"); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPublishOnARealDisk publishes into a folder that is too small, and into one that
// is read-only, where mounting is allowed.
func TestPublishOnARealDisk(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if err := mountTmpfs(h.drop, "64k"); err != nil {
		t.Logf("no mount (%v): TestPublishWhereItCannotBe has the rule", err)
		return
	}
	t.Cleanup(func() { unix.Unmount(h.drop, unix.MNT_DETACH) })
	r := h.run()
	t.Cleanup(r.stop)
	r.runs()
	received := r.upload(parcelBytes("a", "1", 200<<10))
	_, err := r.Publish(t.Context(), received)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "is full") {
		t.Errorf("on a full disk: %v", err)
	}
	if left := h.dropped(); len(left) != 0 {
		t.Errorf("the folder holds %q", left)
	}
	if err := growTmpfs(h.drop, "20m"); err != nil {
		t.Fatal(err)
	}
	r.publish(received)
	r.runs("a 1")
	if err := unix.Mount("tmpfs", h.drop, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err = r.Publish(t.Context(), r.upload(parcelBytes("a", "2", 0)))
	if !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), "may not write") {
		t.Errorf("into a read-only folder: %v", err)
	}
	if files, err := r.Withdraw(t.Context(), "a"); !errors.Is(err, unix.EROFS) || len(files) != 0 {
		t.Errorf("withdrawn from a read-only folder: %q, %v", files, err)
	}
	r.runs("a 1")
	r.neverStops("a 1")
}

func mountTmpfs(dir, size string) error {
	return unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
}

func growTmpfs(dir, size string) error {
	return unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size="+size)
}

// exchange swaps two folders in one step.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
