package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoCgroup says that the host has no cgroup that it may divide.
var ErrNoCgroup = errors.New("no cgroup (version 2) is delegated to the host")

// Groups is a cgroup that the host may divide.
type Groups struct{ dir string }

// Open finds the host's own cgroup and makes it ready to be divided. The error is
// ErrNoCgroup, with the reason, where that cannot be.
func Open() (*Groups, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	mount, path := mountOf(mounts), pathOf(own)
	if mount == "" || path == "" {
		return nil, fmt.Errorf("%w: there is no such file system", ErrNoCgroup)
	}
	return openAt(filepath.Join(mount, path))
}

// mountOf finds where the file system of cgroups is mounted: proc(5), mountinfo.
func mountOf(mountinfo []byte) string {
	for line := range bytes.Lines(mountinfo) {
		left, right, ok := strings.Cut(strings.TrimSpace(string(line)), " - ")
		fields, kind := strings.Fields(left), strings.Fields(right)
		if ok && len(fields) > 4 && len(kind) > 0 && kind[0] == "cgroup2" {
			return fields[4]
		}
	}
	return ""
}

// pathOf finds the process's place among the cgroups: the line with the empty
// controllers and the number 0.
func pathOf(cgroup []byte) string {
	for line := range bytes.Lines(cgroup) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "0::"); ok {
			return path
		}
	}
	return ""
}

// ownGroup is where the host itself goes: a cgroup that is divided holds no processes.
const ownGroup = "host"

// openAt makes the cgroup in dir ready to be divided.
func openAt(dir string) (*Groups, error) {
	need := []string{"memory", "pids"}
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	for _, controller := range need {
		if !slices.Contains(strings.Fields(string(have)), controller) {
			return nil, fmt.Errorf("%w: the controller %s is not handed down to %s", ErrNoCgroup, controller, dir)
		}
	}
	g := &Groups{dir: dir}
	if err := g.moveOut(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	for _, controller := range need {
		if err := write(filepath.Join(dir, "cgroup.subtree_control"), "+"+controller); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
		}
	}
	return g, nil
}

// moveOut moves the host into a group of its own. Another process in there is nobody's
// that the host may move: then the cgroup is not the host's alone.
func (g *Groups) moveOut() error {
	procs, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	own := strconv.Itoa(os.Getpid())
	pids := strings.Fields(string(procs))
	if len(pids) == 0 {
		return nil
	}
	if len(pids) != 1 || pids[0] != own {
		return fmt.Errorf("%s is not the host's alone, it holds %d processes", g.dir, len(pids))
	}
	leaf := filepath.Join(g.dir, ownGroup)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return write(filepath.Join(leaf, "cgroup.procs"), own)
}

// New makes a group with the limits of r. It must be closed.
func (g *Groups) New(name string, r Rules) (*Group, error) {
	dir := filepath.Join(g.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	group := &Group{dir: dir}
	values := map[string]string{}
	if r.Memory > 0 {
		values["memory.max"] = strconv.FormatInt(r.Memory, 10)
		values["memory.swap.max"] = "0"
		values["memory.oom.group"] = "1" // all of it or nothing
	}
	if r.Processes > 0 {
		values["pids.max"] = strconv.Itoa(r.Processes)
	}
	for file, value := range values {
		err := write(filepath.Join(dir, file), value)
		if errors.Is(err, fs.ErrNotExist) && file == "memory.swap.max" {
			continue // a kernel without swap accounting
		}
		if err != nil {
			return nil, errors.Join(err, group.Close())
		}
	}
	folder, err := os.Open(dir)
	if err != nil {
		return nil, errors.Join(err, group.Close())
	}
	group.folder = folder
	return group, nil
}

// Group is the cgroup of one process and what it starts.
type Group struct {
	dir    string
	folder *os.File
}

// FD is the descriptor to start the process with.
func (g *Group) FD() int { return int(g.folder.Fd()) }

// Kill ends every process in the group.
func (g *Group) Kill() error { return write(filepath.Join(g.dir, "cgroup.kill"), "1") }

// OutOfMemory reports whether the kernel has ended processes of the group because of
// its limit.
func (g *Group) OutOfMemory() bool {
	events, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(events) {
		fields := strings.Fields(string(line))
		if len(fields) == 2 && fields[0] == "oom_kill" {
			return fields[1] != "0"
		}
	}
	return false
}

// Close removes the group, in which no process may be left.
func (g *Group) Close() error {
	if g.folder != nil {
		g.folder.Close()
	}
	return os.Remove(g.dir)
}

func write(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
