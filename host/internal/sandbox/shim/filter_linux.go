//go:build amd64 || arm64

package shim

import (
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Where a filter finds what it judges: struct seccomp_data of seccomp(2), little-endian.
const (
	atNumber       = 0
	atArchitecture = 4
	atArguments    = 16
)

func argument(i uint32) bpf.LoadAbsolute { return bpf.LoadAbsolute{Off: atArguments + 8*i, Size: 4} }

func refuse(number unix.Errno) bpf.RetConstant {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(number)}
}

func allow() bpf.RetConstant { return bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW} }
func kill() bpf.RetConstant  { return bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS} }

// newest is the last system call that this filter knows. What a newer kernel has beyond
// does not exist for an extension: it could be anything.
const newest = unix.SYS_RSEQ_SLICE_YIELD

// program is the filter. shared says that the process has the user of the host, whose
// files it could then give other modes and owners.
func program(shared bool) []bpf.Instruction {
	code := []bpf.Instruction{
		bpf.LoadAbsolute{Off: atArchitecture, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: architecture, SkipTrue: 1},
		kill(), // the numbers would mean something else
		bpf.LoadAbsolute{Off: atNumber, Size: 4},
		// Also the numbers of x32, which have bit 30 set.
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: newest, SkipTrue: 1},
		refuse(unix.ENOSYS),
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1},
		refuse(unix.ENOSYS), // its flags cannot be seen: libraries then use clone
	}
	numbers := append(refused(), refusedHere()...)
	if shared {
		numbers = append(numbers, metadata()...)
		numbers = append(numbers, metadataHere()...)
	}
	for _, number := range numbers {
		code = append(code, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: number, SkipTrue: 1}, refuse(unix.EPERM))
	}
	for _, j := range judged(shared) {
		code = append(code, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: j.number, SkipTrue: uint8(len(j.code))})
		code = append(code, j.code...)
	}
	return append(code, allow())
}

// refused are the system calls that no extension needs and that lead out of its
// confinement, into the kernel's rarely used parts, or to other processes.
func refused() []uint32 {
	return []uint32{
		// Into a network, or to whoever listens at a path: the host dials. On a
		// connected socket that the host has passed, connect would lead elsewhere.
		unix.SYS_CONNECT,
		// Other processes.
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
		unix.SYS_PROCESS_MRELEASE, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
		// Queues that every call of them leaves the filter behind.
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		// What the file system looks like.
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		unix.SYS_OPEN_TREE_ATTR, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
		unix.SYS_MOUNT_SETATTR, unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT, unix.SYS_OPEN_BY_HANDLE_AT,
		unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
		unix.SYS_FANOTIFY_INIT,
		// Namespaces.
		unix.SYS_SETNS, unix.SYS_UNSHARE, unix.SYS_LISTNS,
		// The kernel.
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
		unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT, unix.SYS_SYSLOG,
		unix.SYS_ACCT, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
		unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_VHANGUP, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
		// Keys.
		unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		// Memory that belongs to nobody: it outlives the process and counts for none.
		unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMCTL,
		unix.SYS_SEMTIMEDOP, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL, unix.SYS_MQ_OPEN,
		unix.SYS_MQ_UNLINK, unix.SYS_MEMFD_SECRET,
	}
}

// metadata are the system calls that change modes, owners, times and attributes of what
// a path names: Landlock does not hold them, only the owner of a file does.
func metadata() []uint32 {
	return []uint32{
		unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWNAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR,
		unix.SYS_SETXATTRAT, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_REMOVEXATTRAT, unix.SYS_FILE_SETATTR,
	}
}

// judgement refuses a system call for some of its arguments. Its code ends with a
// verdict, whatever they are.
type judgement struct {
	number uint32
	code   []bpf.Instruction
}

// unless jumps over the next instruction, a verdict, if A is one of values.
func unless(values ...uint32) []bpf.Instruction {
	code := make([]bpf.Instruction, len(values))
	for i, v := range values {
		code[i] = bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(len(values) - i)}
	}
	return code
}

// only allows a system call if each of some arguments, lower half, is one of its values.
func only(number uint32, because unix.Errno, arguments map[uint32][]uint32) judgement {
	j := judgement{number: number}
	for i := range uint32(6) {
		values, ok := arguments[i]
		if !ok {
			continue
		}
		j.code = append(j.code, argument(i))
		j.code = append(j.code, unless(values...)...)
		j.code = append(j.code, refuse(because))
	}
	j.code = append(j.code, allow())
	return j
}

// namespaces are the flags of clone that make some.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

const (
	wholePersonality = 0xffffffff // asks, and changes nothing
	ioprioProcess    = 1
	typeBits         = 0xf
)

// sockets allows a system call that makes sockets if they are Unix sockets with a
// connection: a datagram could be sent to any path without a connect.
func sockets(number uint32) judgement {
	return judgement{number, append(append([]bpf.Instruction{
		argument(0),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_UNIX, SkipTrue: 1},
		refuse(unix.EACCES),
		argument(1),
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: typeBits},
	}, unless(unix.SOCK_STREAM, unix.SOCK_SEQPACKET)...), refuse(unix.EACCES), allow())}
}

func judged(shared bool) []judgement {
	self := map[uint32][]uint32{0: {0}}
	list := []judgement{
		sockets(unix.SYS_SOCKET),
		sockets(unix.SYS_SOCKETPAIR),
		{unix.SYS_CLONE, []bpf.Instruction{
			argument(0),
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: namespaces, SkipTrue: 1},
			refuse(unix.EPERM),
			allow(),
		}},
		only(unix.SYS_PERSONALITY, unix.EPERM, map[uint32][]uint32{0: {0, wholePersonality}}),
		{unix.SYS_IOCTL, []bpf.Instruction{
			argument(1),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.TIOCSTI, SkipTrue: 2}, // types into a terminal
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.TIOCLINUX, SkipTrue: 1},
			allow(),
			refuse(unix.EPERM),
		}},
		{unix.SYS_PRCTL, []bpf.Instruction{
			argument(0),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PR_SET_MM, SkipTrue: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PR_SET_PDEATHSIG, SkipTrue: 2},
			argument(1), // it could outlive the host
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(unix.SIGKILL), SkipTrue: 1},
			allow(),
			refuse(unix.EPERM),
		}},
		// Code that no file holds would be executed in spite of Landlock.
		{unix.SYS_MEMFD_CREATE, []bpf.Instruction{
			argument(1),
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MFD_NOEXEC_SEAL, SkipTrue: 1},
			refuse(unix.EACCES),
			allow(),
		}},
		// With the user of the host, or of another version, these reach other processes.
		only(unix.SYS_PRLIMIT64, unix.EPERM, self),
		only(unix.SYS_SCHED_SETAFFINITY, unix.EPERM, self),
		only(unix.SYS_SCHED_SETSCHEDULER, unix.EPERM, self),
		only(unix.SYS_SCHED_SETPARAM, unix.EPERM, self),
		only(unix.SYS_SCHED_SETATTR, unix.EPERM, self),
		only(unix.SYS_SETPRIORITY, unix.EPERM, map[uint32][]uint32{0: {unix.PRIO_PROCESS}, 1: {0}}),
		only(unix.SYS_IOPRIO_SET, unix.EPERM, map[uint32][]uint32{0: {ioprioProcess}, 1: {0}}),
	}
	if shared {
		list = append(list, timesByPath())
	}
	return list
}

// timesByPath refuses to change the times of what a path names; without a path they are
// those of an open file.
func timesByPath() judgement {
	return judgement{unix.SYS_UTIMENSAT, []bpf.Instruction{
		argument(1),
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		bpf.LoadAbsolute{Off: atArguments + 8 + 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		allow(),
		refuse(unix.EPERM),
	}}
}

// assemble makes the filter as the kernel takes it.
func assemble(shared bool) ([]unix.SockFilter, error) {
	raw, err := bpf.Assemble(program(shared))
	if err != nil {
		return nil, err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return filter, nil
}

// filter begins to refuse system calls.
func (s *shim) filter() *Failure {
	if !s.policy.Filter {
		return nil
	}
	filter, err := assemble(s.policy.User == 0)
	if err != nil {
		return failed(StepFilter, "", err)
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, number := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if number != 0 {
		return failed(StepFilter, "", number)
	}
	return nil
}
