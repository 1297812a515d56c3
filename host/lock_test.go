package host

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLockOfAKilledHost: a child that was just forked when its host was killed holds the lock
// for a moment, and nobody is told that a host runs. Of a host that lives it is told at once.
func TestLockOfAKilledHost(t *testing.T) {
	t.Parallel()
	h := Home(t.TempDir())
	unlock, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Lock(); !errors.Is(err, ErrInUse) {
		t.Errorf("the lock of a process that lives is taken: %v", err)
	}
	unlock()

	f, err := h.lock()
	if err != nil {
		t.Fatal(err)
	}
	killed := exec.Command("true")
	if err := killed.Run(); err != nil {
		t.Fatal(err)
	}
	sign(f, killed.Process.Pid)
	child := exec.Command("sleep", "0.3") // which has the lock, and is not the one that signed it
	child.ExtraFiles = []*os.File{f}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	unlock, err = h.Lock()
	if err != nil {
		t.Fatalf("the lock of a killed host's last child: %v", err)
	}
	unlock()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(h.Run(), "host.lock")); err != nil || len(text) == 0 {
		t.Errorf("the lock says %q, %v", text, err)
	}
}
