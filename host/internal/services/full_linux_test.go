package services

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// TestReallyFullDisk stores until the disk is full. It needs the right to mount.
func TestReallyFullDisk(t *testing.T) {
	h := newHome(t)
	dir := filepath.Join(h.dir, "kv", id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatalf("this test mounts a small file system, which takes root (CAP_SYS_ADMIN): %v", err)
	}
	t.Cleanup(func() { // after the services are closed
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := h.open(t)
	kv := access(s, id)
	value := make([]byte, 50<<10)
	stored := 0
	var err error
	for ; err == nil; stored++ {
		if stored > 100 {
			t.Fatal("5 MB fit into 2 MiB")
		}
		_, err = kv.Put(t.Context(), strconv.Itoa(stored), value, 0)
	}
	stored--
	if sdk.CodeOf(err) != sdk.Exhausted || !strings.Contains(err.Error(), "disk of the host is full") {
		t.Errorf("on a full disk: %v", err)
	}
	for n := range stored {
		if e, err := kv.Get(t.Context(), strconv.Itoa(n)); err != nil || len(e.Value) != len(value) {
			t.Errorf("%d of %d on a full disk: %d bytes, %v", n, stored, len(e.Value), err)
		}
	}
	// With room again it goes on.
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	put(t, kv, "more", "room")
	wantValue(t, kv, "more", "room")
}
