//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// reads opens a file, or a folder, and reads of it.
func reads(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.Read(make([]byte, 1)); errors.Is(err, io.EOF) || errors.Is(err, unix.EISDIR) {
		return nil
	}
	return err
}

// writes opens a file to write, without changing it.
func writes(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// makes makes a file and removes it.
func makes(dir string) error {
	f, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// rechmods gives a file the mode that it has.
func rechmods(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm())
}

func proc(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

func files() []probe {
	in := func(elements ...string) func(Target) string {
		return func(t Target) string { return filepath.Join(append([]string{t.Home}, elements...)...) }
	}
	on := func(do func(string) error, where func(Target) string) func(*hostile, Target) error {
		return func(_ *hostile, t Target) error { return do(where(t)) }
	}
	at := func(path string) func(Target) string { return func(Target) string { return path } }
	return []probe{
		{"read another extension's data", on(reads, func(t Target) string { return t.NeighbourData })},
		{"change another extension's data", on(writes, func(t Target) string { return t.NeighbourData })},
		{"list the extensions' data folders", on(reads, in("data", "extensions"))},
		{"read the administrator's token", on(reads, in("conf", "admin.token"))},
		{"read the host's database", on(reads, in("data", "jackfield.db"))},
		{"read the logs", on(reads, in("log", "extensions"))},
		{"put a bundle into the drop folder", on(makes, in("extensions"))},
		{"give the drop folder another mode", on(rechmods, in("extensions"))},
		{"give the administrator's token another mode", on(rechmods, in("conf", "admin.token"))},
		{"write its own executable", func(h *hostile, _ Target) error { return writes(self().Path) }},
		{"give its own executable another mode", func(h *hostile, _ Target) error { return rechmods(self().Path) }},
		{"put a file beside its own code", func(h *hostile, _ Target) error { return makes(h.bundle) }},
		{"read /etc/passwd", on(reads, at("/etc/passwd"))},
		{"read /etc/passwd through a link in its data", func(h *hostile, _ Target) error {
			link := filepath.Join(h.data, "link")
			if err := os.Symlink("/etc/passwd", link); err != nil {
				return err
			}
			defer os.Remove(link)
			return reads(link)
		}},
		{"give the administrator's token a second name in its data", func(h *hostile, t Target) error {
			name := filepath.Join(h.data, "second")
			if err := os.Link(filepath.Join(t.Home, "conf", "admin.token"), name); err != nil {
				return err
			}
			return os.Remove(name)
		}},
		{"list /", on(reads, at("/"))},
		{"make a file in /tmp", on(makes, at("/tmp"))},
		{"make a file in /dev/shm", on(makes, at("/dev/shm"))},
		{"read the host's memory (/proc/PID/mem)", func(_ *hostile, t Target) error { return writes(proc(t.Host, "mem")) }},
		{"read the host's environment", func(_ *hostile, t Target) error { return reads(proc(t.Host, "environ")) }},
		{"list the host's descriptors", func(_ *hostile, t Target) error { return reads(proc(t.Host, "fd")) }},
		{"go through the host's root (/proc/PID/root)", func(_ *hostile, t Target) error { return reads(proc(t.Host, "root/etc/passwd")) }},
		{"read a neighbour's environment", func(_ *hostile, t Target) error { return reads(proc(t.Neighbour, "environ")) }},
		{"read the kernel's log (/dev/kmsg)", on(reads, at("/dev/kmsg"))},
		{"write the core pattern", on(writes, at("/proc/sys/kernel/core_pattern"))},
		{"write another /proc/sys", on(writes, at("/proc/sys/kernel/panic"))},
		{"write to /sys", on(writes, at("/sys/kernel/mm/transparent_hugepage/enabled"))},
		{"write its own cgroup", func(*hostile, Target) error {
			mounts, err := os.ReadFile("/proc/self/mountinfo")
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(mounts)) {
				if fields := strings.Fields(line); strings.Contains(line, " - cgroup") {
					return writes(filepath.Join(fields[4], "cgroup.procs"))
				}
			}
			return errors.New("no cgroup")
		}},
		{"execute /bin/true", func(*hostile, Target) error { return run("/bin/true") }},
		{"execute a file of its data", func(h *hostile, _ Target) error {
			path := filepath.Join(h.data, "program")
			defer os.Remove(path)
			if err := copySelf(func() (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o700) }); err != nil {
				return err
			}
			return run(path, "exit")
		}},
		{"execute memory (memfd_create)", func(*hostile, Target) error {
			var held *os.File
			if err := copySelf(func() (*os.File, error) {
				fd, err := unix.MemfdCreate("x", 0)
				if err != nil {
					return nil, err
				}
				held = os.NewFile(uintptr(fd), "x")
				dup, err := unix.Dup(fd)
				return os.NewFile(uintptr(dup), "x"), err
			}); err != nil {
				return err
			}
			defer held.Close()
			return run(fmt.Sprintf("/proc/self/fd/%d", held.Fd()), "exit")
		}},
		{"make a device", func(h *hostile, _ Target) error {
			path := filepath.Join(h.data, "null")
			defer os.Remove(path)
			return unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
		}},
	}
}

func run(path string, args ...string) error {
	cmd := self(args...)
	cmd.Path, cmd.Args[0] = path, path
	return cmd.Run()
}

func copySelf(open func() (*os.File, error)) error {
	from, err := os.Open(self().Path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := open()
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
