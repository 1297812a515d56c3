package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What is made in the host's cgroup: the leaf that the host is in, and one cgroup for
// each box.
const (
	hostLeaf    = "host"
	groupPrefix = "ext-"
)

// How long a killed cgroup may take to become empty.
const (
	emptyPatience = time.Second
	emptyPause    = 5 * time.Millisecond
)

// tree is a cgroup v2 that is the host's to divide.
type tree struct {
	dir   string
	rmdir func(string) error // os.Remove; a test's tree of plain files needs more
}

// claim makes dir, a cgroup with this process in it, one that can be divided: a cgroup
// with controllers for its children may have no processes of its own, so the host moves
// into a leaf if it is alone.
func claim(dir string, pid int, rmdir func(string) error) (*tree, error) {
	t := &tree{dir: dir, rmdir: rmdir}
	have, err := words(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	for _, controller := range []string{"memory", "pids"} {
		if !have[controller] {
			return nil, fmt.Errorf("%s has no controller for %s", dir, controller)
		}
	}
	moved, err := t.clear(pid)
	if err == nil {
		err = t.divide()
	}
	if err != nil {
		if moved {
			err = errors.Join(err, write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)))
		}
		return nil, err
	}
	t.sweep()
	return t, nil
}

// clear moves the host out of the way.
func (t *tree) clear(pid int) (moved bool, err error) {
	inside, err := words(filepath.Join(t.dir, "cgroup.procs"))
	if err != nil || len(inside) == 0 {
		return false, err
	}
	leaf := filepath.Join(t.dir, hostLeaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	others, err := words(filepath.Join(leaf, "cgroup.procs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	own := strconv.Itoa(pid)
	delete(inside, own)
	delete(others, own)
	if len(inside)+len(others) > 0 {
		return false, fmt.Errorf("the host is not alone in the cgroup %s: give it one of its own (systemd: Delegate=yes)", t.dir)
	}
	return true, write(filepath.Join(leaf, "cgroup.procs"), own)
}

// divide has the kernel hold limits for children of the tree, and tries it.
func (t *tree) divide() error {
	path := filepath.Join(t.dir, "cgroup.subtree_control")
	on, err := words(path)
	if err != nil {
		return err
	}
	if !on["memory"] || !on["pids"] {
		if err := write(path, "+memory +pids"); err != nil {
			return err
		}
	}
	g, err := t.make("try", Limits{Memory: 1 << 30, Processes: 1 << 10})
	if err != nil {
		return err
	}
	return g.remove()
}

// sweep removes the cgroups that a killed host left, those in which nothing lives.
func (t *tree) sweep() {
	left, _ := filepath.Glob(filepath.Join(t.dir, groupPrefix+"*"))
	for _, dir := range left {
		_ = t.rmdir(dir)
	}
}

// make makes the cgroup of a box. The name is for people.
func (t *tree) make(name string, l Limits) (*group, error) {
	dir, err := os.MkdirTemp(t.dir, groupPrefix+plain(name)+"-*")
	if err != nil {
		return nil, err
	}
	g := &group{dir: dir, rmdir: t.rmdir}
	if err := g.limit(l); err != nil {
		return nil, errors.Join(err, g.remove())
	}
	return g, nil
}

// plain is what of a name is good for one of a folder.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 64)]
}

// group is the cgroup of one box.
type group struct {
	dir   string
	rmdir func(string) error
}

func (g *group) limit(l Limits) error {
	settings := [][2]string{}
	if l.Memory > 0 {
		settings = append(settings, [2]string{"memory.max", strconv.FormatInt(l.Memory, 10)}, [2]string{"memory.oom.group", "1"})
	}
	if l.Processes > 0 {
		settings = append(settings, [2]string{"pids.max", strconv.Itoa(l.Processes)})
	}
	for _, s := range settings {
		if err := write(filepath.Join(g.dir, s[0]), s[1]); err != nil {
			return err
		}
	}
	if l.Memory <= 0 {
		return nil
	}
	// A kernel that does not account for swap has no such file.
	if err := write(filepath.Join(g.dir, "memory.swap.max"), "0"); err != nil && !missing(err) {
		return err
	}
	return nil
}

// add puts a process that runs into the cgroup.
func (g *group) add(pid int) error {
	return write(filepath.Join(g.dir, "cgroup.procs"), strconv.Itoa(pid))
}

// kill ends everything in the cgroup.
func (g *group) kill() error {
	err := write(filepath.Join(g.dir, "cgroup.kill"), "1")
	if !missing(err) {
		return err
	}
	pids, err := words(filepath.Join(g.dir, "cgroup.procs")) // a kernel before 5.14
	for word := range pids {
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return err
}

// remove ends everything in the cgroup and removes it.
func (g *group) remove() error {
	for deadline := time.Now().Add(emptyPatience); ; <-time.After(emptyPause) {
		err := g.rmdir(g.dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		// Again and again: without cgroup.kill what was just forked is missed.
		if err := g.kill(); err != nil {
			return err
		}
	}
}

// oomKills is how many processes the kernel has killed in the cgroup for its limit.
func (g *group) oomKills() int {
	data, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		if name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte{' '}); string(name) == "oom_kill" {
			n, _ := strconv.Atoi(string(value)) // what is no number is none
			return n
		}
	}
	return 0
}

// write writes to a file of a cgroup, which cannot be made by writing.
func write(path, text string) error { return os.WriteFile(path, []byte(text), 0o644) }

// missing reports whether write found no such file. A cgroup has no way of making one,
// which is refused rather than not found.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// words reads a file of words.
func words(path string) (map[string]bool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found := make(map[string]bool)
	for _, word := range strings.Fields(string(data)) {
		found[word] = true
	}
	return found, nil
}
