package sandbox

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. It is long because the
// machine may be busy; nothing waits for all of it.
const patience = 30 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("not within " + patience.String() + ": " + what)
		}
	}
}

func gone(pid int) bool {
	p, ok := readProcess("/proc", pid)
	return !ok || p.zombie
}

// launch starts a shell as a supervisor would, in b.
func launch(t *testing.T, b *Box, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b.Attach(cmd.SysProcAttr)
	err := cmd.Start()
	if b.Declined(err) {
		t.Fatalf("clone3 into the cgroup: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.Started(cmd.Process.Pid, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	b.Settled()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		b.Close()
	})
	return cmd
}

func TestParseProcess(t *testing.T) {
	// A process may call itself anything.
	line := "42 (a) 1 2 3) S 7 41 42 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 9 0 1000 999999 256 18446744073709551615\n"
	want := process{pid: 42, parent: 7, group: 41, started: 1000, resident: 256 * int64(os.Getpagesize())}
	if p, ok := parseProcess(42, []byte(line)); !ok || p != want {
		t.Errorf("%+v, %t", p, ok)
	}
	if p, ok := parseProcess(42, []byte(strings.Replace(line, " S ", " Z ", 1))); !ok || !p.zombie {
		t.Errorf("%+v, %t", p, ok)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1 2", strings.Replace(line, "1000", "-1", 1), strings.Replace(line, "256", "many", 1)} {
		if p, ok := parseProcess(42, []byte(bad)); ok {
			t.Errorf("%q is taken: %+v", bad, p)
		}
	}
}

func FuzzParseProcess(f *testing.F) {
	f.Add([]byte("42 (a) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 9 0 1000 999999 256"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if p, ok := parseProcess(1, line); ok && (p.pid != 1 || p.parent < 0 || p.group < 0) {
			t.Errorf("%+v", p)
		}
	})
}

// Who belongs to which box: by group, by descent, and by having belonged to it.
func TestAssign(t *testing.T) {
	a, b := &Box{pid: 10, started: 100}, &Box{pid: 20, started: 200}
	gone := &Box{pid: 30, started: 300}
	first := []process{
		{pid: 1, started: 1}, {pid: 2, parent: 1, group: 2, started: 2}, // init, the host
		{pid: 10, parent: 2, group: 10, started: 100},
		{pid: 11, parent: 10, group: 10, started: 101}, // a child
		{pid: 12, parent: 11, group: 12, started: 102}, // its child, in a group of its own
		{pid: 13, parent: 1, group: 10, started: 103},  // an orphan in the group
		{pid: 14, parent: 10, group: 10, started: 104, zombie: true},
		{pid: 20, parent: 2, group: 20, started: 200},
		{pid: 30, parent: 2, group: 30, started: 999}, // another that got the pid
		{pid: 31, parent: 30, group: 30, started: 301},
		{pid: 40, parent: 41, started: 400}, {pid: 41, parent: 40, started: 401}, // a ring
	}
	second := []process{ // 11 has ended, 12 is an orphan; another has got the pid of 13
		{pid: 1, started: 1}, {pid: 10, parent: 2, group: 10, started: 100}, {pid: 20, parent: 2, group: 20, started: 200},
		{pid: 12, parent: 1, group: 12, started: 102}, {pid: 13, parent: 1, group: 13, started: 900},
	}
	for n, test := range []struct {
		all  []process
		want string
	}{{first, "a [10 11 12 13] b [20] gone []"}, {second, "a [10 12] b [20] gone []"}} {
		all := make(map[int]process)
		for _, p := range test.all {
			all[p.pid] = p
		}
		found := assign(all, map[int]*Box{10: a, 20: b, 30: gone})
		pids := func(of *Box) []int {
			var pids []int
			for _, p := range found[of] {
				pids = append(pids, p.pid)
			}
			slices.SortFunc(pids, cmp.Compare)
			return pids
		}
		if got := fmt.Sprintf("a %v b %v gone %v", pids(a), pids(b), pids(gone)); got != test.want {
			t.Errorf("look %d: %s, want %s", n+1, got, test.want)
		}
	}
}

// Processes beyond the limit go, also those that have left the group, but never the
// extension's own.
func TestSamplingEndsTheNewest(t *testing.T) {
	t.Parallel()
	k := newKeeper(Config{Log: slog.New(slog.DiscardHandler), Period: 20 * time.Millisecond}, nil, errNoCgroup)
	t.Cleanup(k.Close) // after the boxes
	b := k.Open("t.Many", Limits{Processes: 3, Files: 100}, k.cfg.Log)
	if h := b.Holds(); h.Processes != (Hold{3, Sampling}) || h.Files != (Hold{100, Rlimit}) || h.Memory != (Hold{0, None}) {
		t.Errorf("holds %+v", h)
	}
	cmd := launch(t, b, `sleep 60 & sleep 60 & for n in 1 2 3 4; do setsid sleep 60 & done; wait`)
	var left []int
	eventually(t, "three processes", func() bool {
		left = nil
		for pid, p := range scan("/proc") {
			if !p.zombie && (p.group == cmd.Process.Pid || p.parent == cmd.Process.Pid) {
				left = append(left, pid)
			}
		}
		return len(left) == 3 && slices.Contains(left, cmd.Process.Pid)
	})
	if b.Exceeded() != "" {
		t.Error("processes are not memory")
	}
}

func TestSamplingEndsWhatHoldsTooMuch(t *testing.T) {
	t.Parallel()
	k := newKeeper(Config{Log: slog.New(slog.DiscardHandler), Period: 20 * time.Millisecond}, nil, errNoCgroup)
	t.Cleanup(k.Close)
	b := k.Open("t.Hungry", Limits{Memory: 32 << 20}, k.cfg.Log)
	good := k.Open("t.Good", Limits{Memory: 1 << 30}, k.cfg.Log)
	other := launch(t, good, "sleep 60; true")
	cmd := launch(t, b, `x=$(head -c 60000000 /dev/zero | tr '\0' x); sleep 60; true`)
	eventually(t, "its end", func() bool { return gone(cmd.Process.Pid) })
	if text := b.Exceeded(); !strings.Contains(text, "the limit is 32.0 MiB (limits.memory)") {
		t.Errorf("it says %q", text)
	}
	if gone(other.Process.Pid) || good.Exceeded() != "" {
		t.Error("another box was ended, too")
	}
}

// A look costs one small read for each process of the machine, however many boxes.
func BenchmarkLook(b *testing.B) {
	boxes := make(map[int]*Box)
	for range 200 {
		cmd := exec.Command("/bin/sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
		p, _ := readProcess("/proc", cmd.Process.Pid)
		boxes[p.pid] = &Box{pid: p.pid, started: p.started, limits: Limits{Memory: 1 << 40}}
	}
	for b.Loop() {
		for box, all := range assign(scan("/proc"), boxes) {
			box.judge(all)
		}
	}
}
