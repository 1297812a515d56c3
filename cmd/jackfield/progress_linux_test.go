package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/internal/ttytest"
)

// TestBackupAtATerminal: who looks sees how far a backup, a look at it and a restore are,
// and a clean line when they are through; who does not, sees nothing.
func TestBackupAtATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	home, file := filepath.Join(dir, "home"), filepath.Join(dir, "monday.tar.gz")
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		bar  string
	}{
		{[]string{"backup", "--home", home, file}, "\rmonday.tar.gz  ["},
		{[]string{"backup", "--home", home, "-"}, "\rbackup  ["},
		{[]string{"restore", "--verify", file}, "\rmonday.tar.gz  ["},
		{[]string{"restore", "--home", filepath.Join(dir, "to"), file}, "\rmonday.tar.gz  ["},
	} {
		if seen := atTerminal(t, c.args...); !strings.Contains(seen, c.bar) || !strings.Contains(seen, " MiB\x1b[K") || !strings.Contains(seen, "\r\x1b[K") {
			t.Errorf("%v shows %q", c.args, seen)
		}
	}
	cmd := exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), "restore", "--verify", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Errorf("to nobody it says %q, %v", stderr.String(), err)
	}
}

// atTerminal runs a command whose standard error is a terminal, and returns what was to be
// seen there. The command must succeed.
func atTerminal(t *testing.T, args ...string) string {
	t.Helper()
	person, tty := ttytest.Open(t, 100, 30)
	cmd := exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), args...)
	cmd.Stderr = tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close() // so that reading ends with the command
	var seen bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := person.Read(buf)
		seen.Write(buf[:n])
		if err != nil { // EIO: nobody has the terminal any more
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v\n%s", args, err, seen.String())
	}
	return seen.String()
}
