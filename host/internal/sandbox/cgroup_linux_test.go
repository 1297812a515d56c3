package sandbox

import (
	"errors"
	"flag"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// newTree makes a cgroup as the kernel would show it, of plain files.
func newTree(t *testing.T, controllers, on, procs string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"cgroup.controllers": controllers, "cgroup.subtree_control": on, "cgroup.procs": procs, "cgroup.type": "domain\n",
	} {
		put(t, text, dir, name)
	}
	return dir
}

func put(t *testing.T, text string, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

func TestClaim(t *testing.T) {
	const all = "cpuset cpu io memory pids\n"
	tests := map[string]struct {
		controllers, on, procs, leaf string
		fails                        string // a part of why, "" for success
		moved, divided               bool
	}{
		"alone":                     {all, "", "42\n", "", "", true, true},
		"in its leaf already":       {all, "memory pids\n", "", "42\n", "", false, false},
		"alone, and a leaf is left": {all, "cpu\n", "42\n", "", "", true, true},
		"not alone":                 {all, "", "41\n42\n", "", "not alone", false, false},
		"of another namespace":      {all, "", "0\n42\n", "", "not alone", false, false},
		"another is in the leaf":    {all, "memory pids\n", "42\n", "7\n", "not alone", false, false},
		"no memory controller":      {"cpu pids\n", "", "42\n", "", "no controller for memory", false, false},
		"no controllers":            {"", "", "42\n", "", "no controller for memory", false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := newTree(t, test.controllers, test.on, test.procs)
			stale := filepath.Join(dir, groupPrefix+"t.Old-123")
			if err := errors.Join(os.Mkdir(stale, 0o700), os.Mkdir(filepath.Join(dir, hostLeaf), 0o700)); err != nil {
				t.Fatal(err)
			}
			put(t, test.leaf, dir, hostLeaf, "cgroup.procs")
			_, err := claim(dir, 42, os.RemoveAll)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("it says %v, want %q", err, test.fails)
				}
				if get(t, dir, "cgroup.subtree_control") != strings.TrimSpace(test.on) {
					t.Error("what is not the host's was changed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if moved := get(t, dir, hostLeaf, "cgroup.procs") == "42" && test.leaf == ""; moved != test.moved {
				t.Errorf("moved: %t", moved)
			}
			if divided := get(t, dir, "cgroup.subtree_control") == "+memory +pids"; divided != test.divided {
				t.Errorf("divided: %t", divided)
			}
			if left, err := filepath.Glob(filepath.Join(dir, groupPrefix+"*")); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// What a box writes into its cgroup, and reads from it.
func TestGroupFiles(t *testing.T) {
	dir := newTree(t, "memory pids\n", "memory pids\n", "")
	tree, err := claim(dir, 42, os.RemoveAll)
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(Config{Log: slog.New(slog.DiscardHandler)}, tree, nil)
	defer k.Close()
	b := k.Open("../t.Ext/é", Limits{Memory: 64 << 20, Processes: 50, Files: 100}, k.cfg.Log)
	if h := b.Holds(); h.Memory != (Hold{64 << 20, Cgroup}) || h.Processes != (Hold{50, Cgroup}) || h.Files != (Hold{100, Rlimit}) {
		t.Errorf("holds %+v", h)
	}
	own := b.group.dir
	if filepath.Dir(own) != dir || !strings.HasPrefix(filepath.Base(own), "ext-.._t.Ext_") {
		t.Errorf("it is %s", own)
	}
	for name, want := range map[string]string{
		"memory.max": "67108864", "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "50",
	} {
		if got := get(t, own, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	put(t, "low 0\nhigh 0\nmax 7\noom 1\noom_kill 0\noom_group_kill 0\n", own, "memory.events")
	if text := b.Exceeded(); text != "" {
		t.Errorf("nothing was killed, but %q", text)
	}
	put(t, "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 1\n", own, "memory.events")
	if text := b.Exceeded(); !strings.Contains(text, "64.0 MiB") {
		t.Errorf("it says %q", text)
	}
	b.Kill()
	if get(t, own, "cgroup.kill") != "1" {
		t.Error("it was not killed")
	}
	b.Close()
	b.Close()
	if _, err := os.Stat(own); err == nil {
		t.Error("it is left")
	}
	free := k.Open("t.Free", Limits{}, k.cfg.Log)
	defer free.Close()
	if list, err := os.ReadDir(free.group.dir); err != nil || len(list) != 0 {
		t.Errorf("without limits: %v, %v", list, err)
	}
}

// A cgroup that cannot be made leaves the limits to sampling.
func TestGroupCannotBeMade(t *testing.T) {
	gone := &tree{dir: filepath.Join(t.TempDir(), "gone"), rmdir: os.Remove}
	k := newKeeper(Config{Log: slog.New(slog.DiscardHandler)}, gone, nil)
	defer k.Close()
	b := k.Open("t.Ext", Limits{Memory: 1 << 20}, k.cfg.Log)
	defer b.Close()
	if h := b.Holds(); h.Memory != (Hold{1 << 20, Sampling}) {
		t.Errorf("holds %+v", h)
	}
}

func TestOwnCgroup(t *testing.T) {
	const unified = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	const hybrid = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	tests := map[string]struct{ own, mounts, want string }{
		"unified":              {"0::/system.slice/jackfield.service\n", unified, "/sys/fs/cgroup/system.slice/jackfield.service"},
		"hybrid":               {"9:name=systemd:/x\n4:memory:/y\n0::/z\n", hybrid, "/sys/fs/cgroup/unified/z"},
		"top of a namespace":   {"0::/\n", unified, "/sys/fs/cgroup"},
		"a part is mounted":    {"0::/a/b/c\n", "1 2 0:3 /a/b /mnt/c\\040g rw - cgroup2 none rw\n", "/mnt/c g/c"},
		"another part":         {"0::/a/b\n", "1 2 0:3 /x /mnt rw - cgroup2 none rw\n", ""},
		"outside of its mount": {"0::/../x\n", unified, ""},
		"v1 only":              {"4:memory:/y\n", hybrid, ""},
		"no mount":             {"0::/z\n", "32 31 0:29 / /sys rw - sysfs sysfs rw\n", ""},
		"removed":              {"0::/z (deleted)\n", unified, ""},
		"garbage":              {"0::z\n0::\n", "- cgroup2 \n1 2 - cgroup2 x\n", ""},
	}
	for name, test := range tests {
		if got, err := ownCgroup(test.own, test.mounts); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}

func TestDelegatedCgroup(t *testing.T) {
	may := func(dirs ...string) func(string) bool {
		return func(dir string) bool { return strings.Contains(" "+strings.Join(dirs, " ")+" ", " "+dir+" ") }
	}
	tests := map[string]struct {
		dir  string
		may  func(string) bool
		want string
	}{
		"its own":         {"/c/x.service", may("/c/x.service"), "/c/x.service"},
		"its leaf":        {"/c/x.service/host", may("/c/x.service", "/c/x.service/host"), "/c/x.service"},
		"one called host": {"/c/host", may("/c/host"), "/c/host"},
		"nobody's":        {"/c/x.service", may("/c"), ""},
	}
	for name, test := range tests {
		if got, err := delegated(test.dir, test.may); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}

// cgroup2 is a writable mount of the machine, "" for none.
func cgroup2() string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	dir, err := ownCgroup("0::/", string(mounts))
	if err != nil {
		return ""
	}
	try, err := os.MkdirTemp(dir, "jackfield-test-*")
	if err != nil || os.Remove(try) != nil {
		return ""
	}
	return dir
}

// The kernel's part that needs no controllers: a process starts inside of its cgroup,
// what it has started is killed there wherever it has gone, and nothing is left.
func TestProcessesInACgroup(t *testing.T) {
	t.Parallel()
	mount := cgroup2()
	if mount == "" {
		t.Log("NOT TRIED: there is no cgroup2 mount here that this user may write to")
		return
	}
	top, err := os.MkdirTemp(mount, "jackfield-test-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(top)
	k := newKeeper(Config{Log: slog.New(slog.DiscardHandler)}, &tree{dir: top, rmdir: os.Remove}, nil)
	defer k.Close()
	for name, cloned := range map[string]bool{"cloned into it": true, "put into it": false} {
		t.Run(name, func(t *testing.T) {
			b := k.Open("t.Ext", Limits{}, k.cfg.Log)
			defer b.Close()
			if !cloned {
				b.closeDescriptor()
			}
			dir := b.group.dir
			cmd := launch(t, b, "setsid sleep 600 & while :; do sleep 600; done")
			var inside map[string]bool
			eventually(t, "three processes in the cgroup", func() bool {
				inside, err = words(filepath.Join(dir, "cgroup.procs"))
				return err == nil && (len(inside) == 3 || !cloned && len(inside) > 0)
			})
			if !inside[strconv.Itoa(cmd.Process.Pid)] {
				t.Errorf("%v are in the cgroup, %d is not", inside, cmd.Process.Pid)
			}
			b.Kill()
			_ = cmd.Wait()
			for word := range inside {
				pid, err := strconv.Atoi(word)
				if err != nil {
					t.Fatal(err)
				}
				eventually(t, "the end of "+word, func() bool { return gone(pid) })
			}
			b.Close()
			if _, err := os.Stat(dir); err == nil {
				t.Error("the cgroup is left")
			}
		})
	}
}

var inCgroup = flag.Bool("cgroup", false, "the test runs in a delegated cgroup v2: try what the kernel holds there")

// What the kernel holds in a cgroup. See the package comment for how to run it.
func TestDelegated(t *testing.T) {
	if !*inCgroup {
		t.Log("NOT TRIED: memory.max and pids.max need a delegated cgroup v2, and the flag -cgroup")
		return
	}
	k := New(Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	defer k.Close()
	if k.tree == nil {
		t.Fatal("this is no delegated cgroup v2: ", k.why)
	}
	t.Run("memory", func(t *testing.T) {
		b := k.Open("t.Hungry", Limits{Memory: 32 << 20, Processes: 20}, k.cfg.Log)
		cmd := launch(t, b, `setsid sleep 600 & x=$(head -c 100000000 /dev/zero | tr '\0' x); sleep 600; true`)
		eventually(t, "its end", func() bool { return gone(cmd.Process.Pid) })
		if text := b.Exceeded(); !strings.Contains(text, "32.0 MiB") {
			t.Errorf("it says %q", text)
		}
	})
	t.Run("processes", func(t *testing.T) {
		b := k.Open("t.Many", Limits{Processes: 5}, k.cfg.Log)
		cmd := launch(t, b, `for n in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; while :; do :; done`)
		eventually(t, "a fork that fails", func() bool { return !strings.Contains(get(t, b.group.dir, "pids.events")+"\n", "max 0\n") })
		if inside, err := words(filepath.Join(b.group.dir, "cgroup.procs")); err != nil || len(inside) > 5 || b.Exceeded() != "" {
			t.Errorf("%v, %v, %q", inside, err, b.Exceeded())
		}
		_ = cmd.Process.Kill()
	})
	if again := New(Config{Log: k.cfg.Log}); again.tree == nil || again.tree.dir != k.tree.dir {
		t.Errorf("a second one has %+v: %v", again.tree, again.why)
	}
}
