//go:build linux

package main

import (
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

func pointer[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// kernel are doors into the kernel. What is passed is wrong on purpose: a refusal comes
// before anybody looks at it.
func kernel() []probe {
	plain := func(number uintptr, args ...uintptr) func(*hostile, Target) error {
		return func(*hostile, Target) error { return call(number, args...) }
	}
	return []probe{
		{"mount", func(h *hostile, _ Target) error {
			at := filepath.Join(h.data, "mount")
			if err := os.MkdirAll(at, 0o700); err != nil {
				return err
			}
			defer os.Remove(at)
			if err := unix.Mount("x", at, "tmpfs", 0, ""); err != nil {
				return err
			}
			return unix.Unmount(at, 0)
		}},
		{"mount by the new calls (fsopen)", func(*hostile, Target) error {
			name := []byte("tmpfs\x00")
			fd, _, errno := unix.RawSyscall(unix.SYS_FSOPEN, pointer(&name[0]), unix.FSOPEN_CLOEXEC, 0)
			if errno != 0 {
				return errno
			}
			return unix.Close(int(fd))
		}},
		{"change the root (chroot)", func(*hostile, Target) error { return unix.Chroot("/") }},
		{"pivot_root", plain(unix.SYS_PIVOT_ROOT)},
		{"io_uring", plain(unix.SYS_IO_URING_SETUP, 1, 1)},
		{"bpf", plain(unix.SYS_BPF, 0, 0, 0)},
		{"perf_event_open", plain(unix.SYS_PERF_EVENT_OPEN, 1, 0, 0, 0, 0)},
		{"userfaultfd", plain(unix.SYS_USERFAULTFD, 1<<20)},
		{"keyctl", plain(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, ^uintptr(2), 0)},
		{"add_key", plain(unix.SYS_ADD_KEY)},
		{"name_to_handle_at", plain(unix.SYS_NAME_TO_HANDLE_AT, ^uintptr(99), 1, 1, 1)},
		{"open_by_handle_at", func(*hostile, Target) error {
			var handle [2]uint32 // no bytes: wrong, but only whoever may is told so
			return call(unix.SYS_OPEN_BY_HANDLE_AT, ^uintptr(99), pointer(&handle), 0)
		}},
		{"load a module", plain(unix.SYS_FINIT_MODULE, ^uintptr(0), 1, 0)},
		{"kexec", plain(unix.SYS_KEXEC_LOAD, 1, 1000, 1, 0)},
		{"reboot", plain(unix.SYS_REBOOT, 0, 0, 0)},
		{"swapon", plain(unix.SYS_SWAPON, 1, 0)},
		{"read the kernel's log (syslog)", plain(unix.SYS_SYSLOG, 10)},
		{"set the clock", plain(unix.SYS_SETTIMEOFDAY)},
		{"set the host's name", plain(unix.SYS_SETHOSTNAME, 1, 100000)},
		{"another personality", plain(unix.SYS_PERSONALITY, 0x0400000)}, // READ_IMPLIES_EXEC
		{"type into a terminal (TIOCSTI)", plain(unix.SYS_IOCTL, 1, unix.TIOCSTI, 1)},
		{"shared memory of System V", func(*hostile, Target) error {
			id, _, errno := unix.RawSyscall(unix.SYS_SHMGET, 0, 4096, 0o1600)
			if errno != 0 {
				return errno
			}
			return succeeds(unix.SYS_SHMCTL, id, unix.IPC_RMID, 0)
		}},
		{"a message queue", plain(unix.SYS_MQ_OPEN, 1, 0, 0, 0)},
		{"fanotify", plain(unix.SYS_FANOTIFY_INIT, 1<<30, 0)},
		{"a system call that is not there yet", func(*hostile, Target) error {
			// Whoever has a filter is told so by ENOSYS alone; nobody else can tell.
			return call(unix.SYS_RSEQ_SLICE_YIELD + 1000)
		}},
	}
}
