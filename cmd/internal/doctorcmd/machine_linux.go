package doctorcmd

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// probeKernel asks the kernel what a host would find, where none runs that could say.
func (e *exam) probeKernel() {
	doc := "docs/sandbox.md says what follows from it"
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		e.addAbout("kernel", Note, "Landlock", "the kernel has none: "+errno.Error(), doc)
	} else {
		e.addAbout("kernel", OK, "Landlock", fmt.Sprintf("version %d of its interface", abi), "")
	}
	actions, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil || !strings.Contains(string(actions), "errno") {
		e.addAbout("kernel", Note, "seccomp", "the kernel filters no system calls", doc)
	} else {
		e.addAbout("kernel", OK, "seccomp", "the kernel filters system calls", "")
	}
	var group unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &group); err != nil || group.Type != unix.CGROUP2_SUPER_MAGIC {
		e.addAbout("kernel", Note, "cgroup", "there is no cgroup v2 at /sys/fs/cgroup: limits of memory and processes can be passed for a moment", doc)
	} else {
		e.addAbout("kernel", OK, "cgroup", "there is cgroup v2; a running host says whether a part of it is its own", "")
	}
	if os.Geteuid() != 0 {
		e.addAbout("kernel", Note, "users", "a host of this user gives extensions no user of their own", doc)
	} else {
		e.addAbout("kernel", OK, "users", "a host of root gives each extension a user of its own", "")
	}
}

// openFiles is how many descriptors a process of this shell may have, 0 for unknown.
func openFiles() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return limit.Max // the host raises its own limit as far as it may
}
