//go:build amd64 || arm64

package shim

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// judge runs the filter on one system call, as the kernel would.
func judge(t *testing.T, shared bool, arch uint32, number uint32, args ...uint64) uint32 {
	t.Helper()
	vm, err := bpf.NewVM(program(shared))
	if err != nil {
		t.Fatal(err)
	}
	// The machine of the library reads words as networks have them.
	data := make([]byte, atArguments+6*8)
	binary.BigEndian.PutUint32(data[atNumber:], number)
	binary.BigEndian.PutUint32(data[atArchitecture:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[atArguments+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[atArguments+8*i+4:], uint32(a>>32))
	}
	verdict, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

func TestFilter(t *testing.T) {
	const (
		allowed = unix.SECCOMP_RET_ALLOW
		refused = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		denied  = unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)
		missing = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
		x32     = 1 << 30
		other   = unix.AUDIT_ARCH_I386
	)
	for _, c := range []struct {
		name   string
		arch   uint32
		number uint32
		args   []uint64
		own    uint32 // the verdict for a user of its own
		shared uint32 // and for the host's; 0: the same
	}{
		{"read", architecture, unix.SYS_READ, nil, allowed, 0},
		{"another architecture", other, unix.SYS_READ, nil, unix.SECCOMP_RET_KILL_PROCESS, 0},
		{"x32", architecture, unix.SYS_READ | x32, nil, missing, 0},
		{"the newest that it knows", architecture, newest, nil, allowed, 0},
		{"one newer", architecture, newest + 1, nil, missing, 0},
		{"clone3", architecture, unix.SYS_CLONE3, nil, missing, 0},
		{"a thread", architecture, unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allowed, 0},
		{"a fork", architecture, unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, allowed, 0},
		{"a user namespace", architecture, unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER}, refused, 0},
		{"a namespace among others", architecture, unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_NEWNET}, refused, 0},
		{"ptrace", architecture, unix.SYS_PTRACE, nil, refused, 0},
		{"connect", architecture, unix.SYS_CONNECT, nil, refused, 0},
		{"a Unix socket", architecture, unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_STREAM | unix.SOCK_CLOEXEC}, allowed, 0},
		{"a Unix datagram", architecture, unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_DGRAM}, denied, 0},
		{"a TCP socket", architecture, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM}, denied, 0},
		{"a family in the upper half only", architecture, unix.SYS_SOCKET, []uint64{unix.AF_INET | unix.AF_UNIX<<32, unix.SOCK_STREAM}, denied, 0},
		{"a pair", architecture, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_SEQPACKET}, allowed, 0},
		{"a pair of datagrams", architecture, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_DGRAM}, denied, 0},
		{"its own limits", architecture, unix.SYS_PRLIMIT64, []uint64{0}, allowed, 0},
		{"the limits of others", architecture, unix.SYS_PRLIMIT64, []uint64{1}, refused, 0},
		{"its own niceness", architecture, unix.SYS_SETPRIORITY, []uint64{unix.PRIO_PROCESS, 0}, allowed, 0},
		{"the niceness of all of its user", architecture, unix.SYS_SETPRIORITY, []uint64{unix.PRIO_USER, 0}, refused, 0},
		{"asking for its personality", architecture, unix.SYS_PERSONALITY, []uint64{0xffffffff}, allowed, 0},
		{"another personality", architecture, unix.SYS_PERSONALITY, []uint64{0x0400000}, refused, 0},
		{"an ioctl", architecture, unix.SYS_IOCTL, []uint64{0, unix.TIOCGWINSZ}, allowed, 0},
		{"TIOCSTI", architecture, unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI}, refused, 0},
		{"TIOCSTI with more above", architecture, unix.SYS_IOCTL, []uint64{0, 1<<32 | unix.TIOCSTI}, refused, 0},
		{"TIOCLINUX", architecture, unix.SYS_IOCTL, []uint64{0, unix.TIOCLINUX}, refused, 0},
		{"a name", architecture, unix.SYS_PRCTL, []uint64{unix.PR_SET_NAME}, allowed, 0},
		{"to end with its parent", architecture, unix.SYS_PRCTL, []uint64{unix.PR_SET_PDEATHSIG, uint64(unix.SIGKILL)}, allowed, 0},
		{"to outlive its parent", architecture, unix.SYS_PRCTL, []uint64{unix.PR_SET_PDEATHSIG, 0}, refused, 0},
		{"PR_SET_MM", architecture, unix.SYS_PRCTL, []uint64{unix.PR_SET_MM}, refused, 0},
		{"memory that is never code", architecture, unix.SYS_MEMFD_CREATE, []uint64{0, unix.MFD_NOEXEC_SEAL | unix.MFD_CLOEXEC}, allowed, 0},
		{"memory that could be", architecture, unix.SYS_MEMFD_CREATE, []uint64{0, unix.MFD_CLOEXEC}, denied, 0},
		{"another mode by path", architecture, unix.SYS_FCHMODAT, nil, allowed, refused},
		{"another mode of an open file", architecture, unix.SYS_FCHMOD, nil, allowed, 0},
		{"times by path", architecture, unix.SYS_UTIMENSAT, []uint64{0, 1 << 33}, allowed, refused},
		{"times of an open file", architecture, unix.SYS_UTIMENSAT, []uint64{3, 0}, allowed, 0},
	} {
		if c.shared == 0 {
			c.shared = c.own
		}
		if got := judge(t, false, c.arch, c.number, c.args...); got != c.own {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.own)
		}
		if got := judge(t, true, c.arch, c.number, c.args...); got != c.shared {
			t.Errorf("%s, with the host's user: %#x, want %#x", c.name, got, c.shared)
		}
	}
}

// Every number that is refused is refused for whoever asks in whatever way.
func TestRefusedAreRefused(t *testing.T) {
	for _, number := range append(refused(), refusedHere()...) {
		for _, args := range [][]uint64{nil, {1, 1, 1, 1, 1, 1}, {^uint64(0), ^uint64(0)}} {
			if got := judge(t, false, architecture, number, args...); got != unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM) {
				t.Errorf("system call %d: %#x", number, got)
			}
		}
	}
	if filter, err := assemble(true); err != nil || len(filter) > 4096 {
		t.Errorf("%d instructions, %v", len(filter), err)
	}
}

func TestLandlockAsksForWhatTheKernelKnows(t *testing.T) {
	for abi, want := range map[int][3]uint64{1: {0x1fff, 0, 0}, 2: {0x3fff, 0, 0}, 3: {0x7fff, 0, 0}, 4: {0x7fff, 3, 0}, 5: {0xffff, 3, 0}, 6: {0xffff, 3, 3}, 9: {0xffff, 3, 3}} {
		attr := handled(abi)
		if got := [3]uint64{attr.Handled_access_fs, attr.Handled_access_net, attr.Scoped}; got != want {
			t.Errorf("version %d: %#x, want %#x", abi, got, want)
		}
	}
}
