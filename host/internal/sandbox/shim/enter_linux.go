//go:build amd64 || arm64

package shim

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Enter becomes the shim if this process was started as one, and does not return then.
// Else it returns the Program that may be started as one: this. It is called first of
// all in main, before anything is opened or started.
func Enter() Program {
	if len(os.Args) == 2 && os.Args[0] == name {
		// The credentials, the domain and the filter belong to a thread, and exec
		// keeps those of the one that calls it: all of it is done on this one, by
		// system calls that concern it alone.
		runtime.LockOSThread()
		s := &shim{}
		s.fail(s.run(os.Args[1]))
	}
	return Program{entered: true}
}

// shim is one run between fork and exec.
type shim struct {
	first   int // descriptor of the policy; the report and the executable follow
	ruleset int // Landlock's, -1 for none
	policy  Policy
}

func (s *shim) report() int     { return s.first + 1 }
func (s *shim) executable() int { return s.first + 2 }

// fail reports f and ends the process.
func (s *shim) fail(f *Failure) {
	if data, err := json.Marshal(f); err == nil && s.first > 0 {
		_, _ = unix.Write(s.report(), data) // nobody else could be told
	}
	syscall.Exit(127)
}

// run does all steps. It returns only when one of them has failed.
func (s *shim) run(first string) *Failure {
	n, err := strconv.Atoi(first)
	if err != nil || n < 3 {
		return failed(StepPolicy, "", fmt.Errorf("no descriptor: %q", first))
	}
	s.first, s.ruleset = n, -1
	for fd := n; fd < n+3; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return failed(StepClose, strconv.Itoa(fd), err)
		}
	}
	if s.policy, err = readPolicy(n); err != nil {
		return failed(StepPolicy, "", err)
	}
	if s.policy.Inherit != n-3 {
		return failed(StepClose, "", fmt.Errorf("%d descriptors are inherited, %d are meant to be", n-3, s.policy.Inherit))
	}
	for _, step := range []func() *Failure{
		s.bind, s.prepareFiles, s.limit, s.shutOut, s.changeUser, s.giveAway,
		s.bind, // a change of the user has undone it
		s.noNew, s.confineFiles, s.filter,
	} {
		if f := step(); f != nil {
			return f
		}
	}
	if s.policy.Sweep {
		return s.sweep()
	}
	return s.exec()
}

func readPolicy(fd int) (Policy, error) {
	data := make([]byte, 0, MaxPolicy+1)
	for len(data) < cap(data) {
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Policy{}, err
		}
		if n == 0 {
			return decodePolicy(data)
		}
		data = data[:len(data)+n]
	}
	return Policy{}, fmt.Errorf("it has more than %d bytes", MaxPolicy)
}

// prctl is for the calling thread.
func prctl(option int, args ...uintptr) error {
	var a [4]uintptr
	copy(a[:], args)
	_, _, number := unix.RawSyscall6(unix.SYS_PRCTL, uintptr(option), a[0], a[1], a[2], a[3], 0)
	if number != 0 {
		return number
	}
	return nil
}

// bind makes the process end with the host, which may have ended already.
func (s *shim) bind() *Failure {
	if err := prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL)); err != nil {
		return failed(StepParent, "", err)
	}
	if parent := os.Getppid(); parent != s.policy.Host {
		return failed(StepParent, "", fmt.Errorf("the host has ended, the parent is process %d", parent))
	}
	return nil
}

// limit sets resource limits, and never lifts one.
func (s *shim) limit() *Failure {
	for _, l := range s.policy.Limits {
		var is unix.Rlimit
		if err := unix.Prlimit(0, l.Resource, nil, &is); err != nil {
			return failed(StepLimits, strconv.Itoa(l.Resource), err)
		}
		value := min(l.Value, is.Max)
		if err := unix.Prlimit(0, l.Resource, &unix.Rlimit{Cur: value, Max: value}, nil); err != nil {
			return failed(StepLimits, strconv.Itoa(l.Resource), err)
		}
	}
	return nil
}

// shutOut empties the set of capabilities that an exec by root could bring back. Without
// CAP_SETPCAP it stays: then no_new_privs alone keeps them away.
func (s *shim) shutOut() *Failure {
	for c := uintptr(0); c < 64; c++ {
		if prctl(unix.PR_CAPBSET_READ, c) != nil {
			break // the kernel knows no more
		}
		if err := prctl(unix.PR_CAPBSET_DROP, c); err != nil && err != unix.EPERM {
			return failed(StepBounding, strconv.Itoa(int(c)), err)
		}
	}
	return nil
}

// changeUser gives the process its own user, group and no other groups. With the uid
// goes what the process may do in the kernel's keyrings: the session's is left first.
func (s *shim) changeUser() *Failure {
	// Filters of containers refuse it; then there is no keyring to inherit either.
	_, _, _ = unix.RawSyscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
	id := uintptr(s.policy.User)
	if id == 0 {
		return nil
	}
	for _, call := range []struct {
		name   string
		number uintptr
		args   [3]uintptr
	}{
		{"setgroups", unix.SYS_SETGROUPS, [3]uintptr{}},
		{"setresgid", unix.SYS_SETRESGID, [3]uintptr{id, id, id}},
		{"setresuid", unix.SYS_SETRESUID, [3]uintptr{id, id, id}},
	} {
		if _, _, number := unix.RawSyscall(call.number, call.args[0], call.args[1], call.args[2]); number != 0 {
			return failed(StepUser, fmt.Sprintf("%s %d", call.name, s.policy.User), number)
		}
	}
	return nil
}

// giveAway leaves the process without capabilities.
func (s *shim) giveAway() *Failure {
	if err := prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL); err != nil && err != unix.EINVAL {
		return failed(StepGive, "ambient", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, number := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
	if number != 0 {
		return failed(StepGive, "", number)
	}
	return nil
}

// noNew keeps every exec from now on from giving privileges. The memory of the shim is
// still the host's program: until the exec nobody may look into it.
func (s *shim) noNew() *Failure {
	if err := prctl(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return failed(StepNoNew, "", err)
	}
	if err := prctl(unix.PR_SET_DUMPABLE, 0); err != nil {
		return failed(StepNoNew, "dumpable", err)
	}
	return nil
}

// sweep ends every other process of its user, all at once: none can fork out of it.
func (s *shim) sweep() *Failure {
	user := int(s.policy.User)
	real, effective, saved := unix.Getresuid()
	if user == 0 || real != user || effective != user || saved != user {
		return failed(StepSweep, "", fmt.Errorf("the user is %d, not %d", effective, user))
	}
	if _, _, number := unix.RawSyscall(unix.SYS_KILL, ^uintptr(0), uintptr(unix.SIGKILL), 0); number != 0 && number != unix.ESRCH {
		return failed(StepSweep, "", number)
	}
	if _, err := unix.Write(s.report(), []byte(aboutToExec)); err != nil {
		return failed(StepSweep, "", err)
	}
	syscall.Exit(0)
	return nil
}

// exec becomes the executable: that of the descriptor, which the host has hashed.
func (s *shim) exec() *Failure {
	args, err := syscall.SlicePtrFromStrings(s.policy.Args)
	if err != nil {
		return failed(StepExec, "", err)
	}
	env, err := syscall.SlicePtrFromStrings(os.Environ())
	if err != nil {
		return failed(StepExec, "", err)
	}
	if _, err := unix.Write(s.report(), []byte(aboutToExec)); err != nil {
		return failed(StepExec, "", err)
	}
	empty := [1]byte{}
	_, _, number := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(s.executable()), uintptr(unsafe.Pointer(&empty)),
		uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&env[0])), unix.AT_EMPTY_PATH, 0)
	return failed(StepExec, "", number)
}
