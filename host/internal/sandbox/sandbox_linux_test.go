package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestMountAndPath(t *testing.T) {
	mounts := "22 28 0:20 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
		"30 23 0:26 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"
	if got := mountOf([]byte(mounts)); got != "/sys/fs/cgroup/unified" {
		t.Errorf("mounted at %q", got)
	}
	if got := mountOf([]byte("garbage\n1 2 - \n")); got != "" {
		t.Errorf("mounted at %q", got)
	}
	if got := pathOf([]byte("4:memory:/x\n0::/system.slice/jackfield.service\n")); got != "/system.slice/jackfield.service" {
		t.Errorf("the path is %q", got)
	}
}

// folder makes what looks like a cgroup.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestACgroupThatCannotBeDivided(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for name, files := range map[string]map[string]string{
		"none":                 {},
		"without memory":       {"cgroup.controllers": "cpu pids", "cgroup.procs": own, "cgroup.subtree_control": ""},
		"with other processes": {"cgroup.controllers": "memory pids", "cgroup.procs": own + "\n1\n", "cgroup.subtree_control": ""},
		"read only":            {"cgroup.controllers": "memory pids", "cgroup.procs": ""},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := openAt(folder(t, files)); !errors.Is(err, ErrNoCgroup) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOutOfMemory(t *testing.T) {
	for events, want := range map[string]bool{
		"low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n": true,
		"low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\n": false,
		"garbage": false,
	} {
		g := &Group{dir: folder(t, map[string]string{"memory.events": events})}
		if got := g.OutOfMemory(); got != want {
			t.Errorf("%q: %t", events, got)
		}
	}
}

// TestDelegated runs over a real cgroup, where one is delegated: see the package.
func TestDelegated(t *testing.T) {
	groups, err := Open()
	if os.Getenv("JACKFIELD_TEST_CGROUPS") == "" {
		t.Logf("not tried over a real cgroup (%v)", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	g, err := groups.New("test-1", Rules{Memory: 64 << 20, Processes: 2})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", "sleep 60 & sleep 60 & sleep 60 & wait")
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: g.FD()}
	out := new(strings.Builder)
	c.Stderr = out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err == nil {
		t.Errorf("it ended well: %s", out)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

func TestParseStat(t *testing.T) {
	line := func(name, state string) string {
		return "42 (" + name + ") " + state + " 1 7 7 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 9 0 12345 1000000 25 18446744073709551615"
	}
	want := Process{PID: 42, Group: 7, Resident: 25 * int64(os.Getpagesize()), Started: 12345}
	for _, name := range []string{"sh", "a) Z 9 9 (b", ""} {
		if p, ok := parseStat(42, []byte(line(name, "S"))); !ok || p != want {
			t.Errorf("%q: %+v %t", name, p, ok)
		}
	}
	for _, bad := range []string{"", "42 (sh", "42 (sh) S 1", line("sh", "Z")} {
		if p, ok := parseStat(42, []byte(bad)); ok {
			t.Errorf("%q: %+v", bad, p)
		}
	}
	groups, err := Processes()
	if err != nil || len(groups[syscall.Getpgrp()]) == 0 || Resident(groups[syscall.Getpgrp()]) == 0 {
		t.Errorf("we are not among %d groups: %v", len(groups), err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (sh) S 1 7 7 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 9 0 12345 1000000 25 18"))
	f.Add([]byte("42 (a) b) R 1"))
	f.Fuzz(func(t *testing.T, stat []byte) {
		if p, ok := parseStat(1, stat); ok && p.PID != 1 {
			t.Errorf("%+v", p)
		}
	})
}

func TestHold(t *testing.T) {
	r := Rules{Memory: 1, Files: 3}
	if got := r.Hold(false); got != (Limits{Limit{1, Sampling}, Limit{0, None}, Limit{3, Rlimit}}) {
		t.Errorf("%+v", got)
	}
	if got := r.Hold(true); got.Memory.By != Cgroup || got.Processes.By != None {
		t.Errorf("%+v", got)
	}
}
