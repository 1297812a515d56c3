package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	p, err := parseStat([]byte("42 (a) b (c) Z 7 42 42 0 -1 4228096 1 2 3 4 5 6 7 8 20 0 1 0 987654 0 0\n"))
	if err != nil || p.pid != 42 || p.parent != 7 || p.start != 987654 || !p.dead() {
		t.Errorf("read %+v, %v", p, err)
	}
	for _, text := range []string{"", "42 (x", "42 (x) S 1 2"} {
		if _, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestProcesses(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(home, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	cmd.Dir = work
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child, found := look(cmd.Process.Pid)
	if !found || !child.alive() {
		t.Fatal("the process is not found")
	}
	isChild := func(p process) bool { return p.pid == child.pid }
	if !slices.ContainsFunc(below(processes(), os.Getpid()), isChild) {
		t.Error("it is not found below its parent")
	}
	// The working folder is the new one only once the process has become sleep.
	if err := await(t.Context(), patience, "it runs in its home", func() (bool, error) {
		return slices.ContainsFunc(living(home, 0), isChild), nil
	}); err != nil {
		t.Error(err)
	}
	if len(living(home+"x", 0)) > 0 {
		t.Error("it is found in a home that is not its own")
	}
	if err := child.kill(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Nobody has reaped it yet, and it is dead.
	if err := await(t.Context(), 5*time.Second, "it is dead", func() (bool, error) { return !child.alive(), nil }); err != nil {
		t.Error(err)
	}
	if len(living(home, 0)) > 0 {
		t.Error("a zombie counts as alive")
	}
	_ = cmd.Wait() // says that it was killed
}
