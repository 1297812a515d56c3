package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var errNoCgroup = errors.New("there is no cgroup v2")

// claimOwn claims the cgroup that the host is in, if that was delegated to it.
func claimOwn(pid, euid int) (*tree, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	dir, err := ownCgroup(string(own), string(mounts))
	if err != nil {
		return nil, err
	}
	top := isTop(string(own))
	dir, err = delegated(dir, func(dir string) bool { return mayDivide(dir, euid, top) })
	if err != nil {
		return nil, err
	}
	return claim(dir, pid, os.Remove)
}

// ownCgroup finds the folder of the cgroup that /proc/self/cgroup names, under the
// cgroup2 mount that /proc/self/mountinfo names.
func ownCgroup(own, mounts string) (string, error) {
	path, ok := ownPath(own)
	if !ok {
		return "", errNoCgroup
	}
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		// The mount may show a part of the hierarchy only.
		root, point := unescape(fields[3]), unescape(fields[4])
		inside, err := filepath.Rel(root, path)
		if err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
			continue
		}
		return filepath.Join(point, inside), nil
	}
	return "", errNoCgroup
}

// ownPath is the path of the v2 line of /proc/self/cgroup.
func ownPath(own string) (string, bool) {
	for line := range strings.Lines(own) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok && strings.HasPrefix(path, "/") {
			// A path out of the own namespace leads nowhere here.
			return path, !strings.HasSuffix(path, " (deleted)") && !strings.Contains(path, "/..")
		}
	}
	return "", false
}

// isTop reports whether the host is in the uppermost cgroup that it can see, or in our
// leaf of that.
func isTop(own string) bool {
	path, _ := ownPath(own)
	return path == "/" || path == "/"+hostLeaf
}

// unescape undoes what mountinfo does to blanks in names.
func unescape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' && i+3 < len(name) {
			if n, err := strconv.ParseUint(name[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// delegated returns the cgroup to divide: dir, or the one above it when the host is in
// its leaf already, by its own doing or by systemd's DelegateSubgroup=.
func delegated(dir string, may func(dir string) bool) (string, error) {
	if above := filepath.Dir(dir); filepath.Base(dir) == hostLeaf && may(above) {
		return above, nil
	}
	if may(dir) {
		return dir, nil
	}
	return "", fmt.Errorf("the cgroup %s was not delegated to the host (systemd: Delegate=yes)", dir)
}

// mayDivide reports whether the cgroup at dir is the host's to divide. Other users can
// write only to what was given to them. Root can write to everything: there it is what
// systemd has marked, or the top of a namespace (a container), but never the machine's
// own top.
func mayDivide(dir string, euid int, top bool) bool {
	if unix.Access(dir, unix.W_OK) != nil || unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) != nil {
		return false
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.type")); err != nil {
		return false // the machine's own top has no type
	}
	if euid != 0 || top {
		return true
	}
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		mark := make([]byte, 8)
		if n, err := unix.Getxattr(dir, name, mark); err == nil && string(mark[:n]) == "1" {
			return true
		}
	}
	return false
}
