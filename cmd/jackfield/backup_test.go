package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	notesID    = "examples.notes.NotesExtension"
	settingsID = "examples.settings.SettingsExtension"
	trackingID = "jmap.extensions.tracking.server.TrackingExtension"
	echoID     = "examples.echo.EchoExtension"
)

// jackfield runs a command of the real binary and returns what it prints.
func jackfield(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryJackfield(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryJackfield(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("jackfield %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// inUse is a home with everything that a backup must bring back: extensions that run, one
// that is disabled, a configuration with a secret, a user, and what all this has left in
// history and audit trail.
func inUse(t *testing.T) *runningHost {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	for name, id := range map[string]string{"notes.jar": notesID, "settings.jar": settingsID, "tracking.jar": trackingID, "echo.jar": echoID} {
		mustDrop(t, home, name, readBundle(t, name))
		if err := h.waitState(id, "running"); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"key": "a long enough key", "password": "correct horse battery"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	jackfield(t, "ext", "config", settingsID, "set", "greeting=Salut", "key=@"+filepath.Join(dir, "key"), "--home", home)
	jackfield(t, "ext", "disable", echoID, "--home", home)
	jackfield(t, "user", "add", "vera", "--role", "viewer", "--password-file", filepath.Join(dir, "password"), "--home", home)
	return h
}

// known is what an administrator sees of a host: what must be the same in a restored one.
func (h *runningHost) known(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	var list struct {
		Extensions []struct {
			ID, Version, State, Digest, File string
			Enabled                          bool
			Grants, Denied                   any
			Versions                         []struct {
				Version, Digest string
				Current, Pinned bool
			}
		}
	}
	if err := json.Unmarshal([]byte(`{"extensions":`+jackfield(t, "ext", "list", "-o", "json", "--home", h.home)+`}`), &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Extensions {
		found[e.ID] = fmt.Sprintf("%+v", e)
	}
	found["users"] = regexp.MustCompile(`"last_seen": .*`).ReplaceAllString(jackfield(t, "user", "list", "-o", "json", "--home", h.home), "")
	found["audit"] = jackfield(t, "ext", "audit", "-o", "json", "--home", h.home)
	found["configuration"] = jackfield(t, "ext", "config", settingsID, "-o", "json", "--home", h.home)
	_, _, signed, err := h.post("examples.settings.GreetRequest", "application/json", []byte(`{"name":"Ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	found["what the secret signs"] = string(signed)
	return found
}

func (h *runningHost) notes(t *testing.T) (numbers []int) {
	t.Helper()
	status, _, body, err := h.post("examples.notes.ListRequest", "application/json", []byte(`{}`))
	var list struct{ Notes []struct{ Number int } }
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal(body, &list)
	}
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, body, err)
	}
	for _, n := range list.Notes {
		numbers = append(numbers, n.Number)
	}
	return numbers
}

// TestBackupUnderLoad backs a host up while it is asked and written to, and starts another
// from the file. Not one request fails meanwhile. What was answered before the backup
// began is there, what came later is there or not, and nothing is there in part.
func TestBackupUnderLoad(t *testing.T) {
	h := inUse(t)
	want := h.known(t)
	var acknowledged atomic.Int64 // notes
	var stop atomic.Bool
	var load errgroup.Group
	load.Go(func() error {
		for i := 1; !stop.Load() && i < 900; i++ {
			status, _, body, err := h.post("examples.notes.AddRequest", "application/json", fmt.Appendf(nil, `{"text":"Note %d"}`, i))
			if err != nil || status != http.StatusOK {
				return fmt.Errorf("note %d: %d %s %v", i, status, body, err)
			}
			acknowledged.Store(int64(i))
		}
		return nil
	})
	load.Go(func() error {
		for !stop.Load() {
			if status, _, body, err := h.post("examples.settings.GreetRequest", "application/json", []byte(`{"name":"Ada"}`)); err != nil || status != http.StatusOK {
				return fmt.Errorf("%d %s %v", status, body, err)
			}
		}
		return nil
	})
	await(t, "some load", func() bool { return acknowledged.Load() > 20 })
	before := acknowledged.Load()
	file := filepath.Join(t.TempDir(), "backup.tar.gz")
	_, err := tryJackfield("backup", "--home", h.home, file)
	after := acknowledged.Load()
	stop.Store(true)
	if err := errors.Join(err, load.Wait()); err != nil {
		t.Fatal(err)
	}
	if after <= before {
		t.Error("nothing was written while the backup was made")
	}

	home := filepath.Join(t.TempDir(), "restored")
	jackfield(t, "restore", file, "--home", home)
	restored, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(restored.kill)
	for id, state := range map[string]string{notesID: "running", settingsID: "running", trackingID: "running", echoID: "stopped"} {
		if err := restored.waitState(id, state); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range restored.known(t) {
		if text != want[name] {
			t.Errorf("%s: restored\n%s\nwas\n%s", name, text, want[name])
		}
	}
	numbers := restored.notes(t)
	if n := int64(len(numbers)); n < before || n > acknowledged.Load() {
		t.Errorf("%d notes are restored; %d were acknowledged before the backup, %d at the end", n, before, acknowledged.Load())
	}
	for i, n := range numbers {
		if n != i+1 {
			t.Fatalf("note %d is restored as number %d", i+1, n)
		}
	}
	if err := errors.Join(restored.stop(), h.stop()); err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

// TestKilledInTheMiddle kills backup and restore at the moment when they have begun. What
// they leave is told from a whole one by everybody.
func TestKilledInTheMiddle(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(filepath.Join(home, "data", "extensions", "big"))
	if err != nil {
		t.Fatal(err)
	}
	// A hole is read as slowly as anything.
	if err := errors.Join(big.Truncate(256<<20), big.Close(), os.MkdirAll(filepath.Join(home, "data", "extensions", "x"), 0o700),
		os.Rename(big.Name(), filepath.Join(home, "data", "extensions", "x", "big"))); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, to := filepath.Join(dir, "backup.tar.gz"), filepath.Join(dir, "restored")

	killWhen(t, func() bool { return hasData(filepath.Join(dir, "backup.tar.gz.incomplete-*", "backup")) }, "backup", "--home", home, file)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a backup that was killed has its name: %v", err)
	}
	cut, err := filepath.Glob(filepath.Join(dir, "backup.tar.gz.incomplete-*", "backup"))
	if err != nil || len(cut) != 1 {
		t.Fatalf("it leaves %v, %v", cut, err)
	}
	if _, err := tryJackfield("restore", cut[0], "--home", to); err == nil || !strings.Contains(err.Error(), "it is incomplete") {
		t.Errorf("what it leaves is restored: %v", err)
	}

	jackfield(t, "backup", "--home", home, file)
	killWhen(t, func() bool { return hasData(filepath.Join(to, "restore.incomplete", "data", "extensions", "x", "big")) }, "restore", "--home", to, file)
	entries, err := os.ReadDir(to)
	if err != nil || len(entries) != 2 { // with run, for the lock
		t.Errorf("a restore that was killed leaves %v, %v", entries, err)
	}
	if _, err := tryJackfield(serveArgs(to)...); err == nil || !strings.Contains(err.Error(), "a restore is under way, or was cut short") {
		t.Errorf("a host starts there: %v", err)
	}
	jackfield(t, "restore", "--home", to, file)
	if again, err := startHost(to); err != nil {
		t.Error(err)
	} else if err := again.stop(); err != nil {
		t.Error(err)
	}
}

func hasData(pattern string) bool {
	found, _ := filepath.Glob(pattern) // the pattern is well formed
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// killWhen kills a command when begun is true, before it ends.
func killWhen(t *testing.T, begun func() bool, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, strings.Join(args, " "), begun)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatalf("%v had ended already", args)
	}
}

// TestNewerHome has a home that a newer version has used.
func TestNewerHome(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	// PRAGMA user_version is a big-endian number at byte 60.
	f, err := os.OpenFile(filepath.Join(home, "data", "jackfield.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0, 0, 3, 231}, 60); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{serveArgs(home), []string{"exit status 1", "written by a newer version of Jackfield: its form is 999", "hint: this is jackfield 0.", "install the newer version again, or restore a backup"}},
		{[]string{"backup", "--home", home, filepath.Join(t.TempDir(), "x")}, []string{"exit status 1", "written by a newer version of Jackfield", "use the version of Jackfield that wrote it"}},
	} {
		_, err := tryJackfield(c.args...)
		for _, part := range c.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%v: %v does not say %q", c.args, err, part)
			}
		}
	}
}
