//go:build linux

package main

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onThread runs f on a thread of its own, which ends with it: whatever f does to its
// thread is done to nobody else.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks
		done <- f()
	}()
	return <-done
}

// call does a system call that is refused with certain numbers; any other answer comes
// from the kernel's insides, where it should not have come to.
func call(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	_, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	switch errno {
	case unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT:
		return errno
	}
	return nil
}

// succeeds does a system call that must succeed to count.
func succeeds(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func processes() []probe {
	host := func(t Target) int { return t.Host }
	neighbour := func(t Target) int { return t.Neighbour }
	attach := func(pid func(Target) int) func(*hostile, Target) error {
		return func(_ *hostile, t Target) error {
			return onThread(func() error {
				if err := unix.PtraceSeize(pid(t)); err != nil {
					return err
				}
				return nil // it is let go when the thread ends
			})
		}
	}
	return []probe{
		{"signal the host", func(_ *hostile, t Target) error { return unix.Kill(t.Host, 0) }},
		{"signal a neighbour", func(_ *hostile, t Target) error { return unix.Kill(t.Neighbour, 0) }},
		{"signal a neighbour through a pidfd", func(_ *hostile, t Target) error {
			fd, err := unix.PidfdOpen(t.Neighbour, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.PidfdSendSignal(fd, 0, nil, 0)
		}},
		{"trace the host", attach(host)},
		{"trace a neighbour", attach(neighbour)},
		{"read the host's memory (process_vm_readv)", func(_ *hostile, t Target) error {
			b := make([]byte, 8)
			local := []unix.Iovec{{Base: &b[0], Len: 8}}
			_, err := unix.ProcessVMReadv(t.Host, local, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&b[0])), Len: 8}}, 0)
			if errors.Is(err, unix.EFAULT) {
				return nil // it might have
			}
			return err
		}},
		{"take a descriptor of the host (pidfd_getfd)", func(_ *hostile, t Target) error {
			fd, err := unix.PidfdOpen(t.Host, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			got, err := unix.PidfdGetfd(fd, 0, 0)
			if err == nil {
				unix.Close(got)
			}
			return err
		}},
		{"change a limit of the host", func(_ *hostile, t Target) error {
			var is unix.Rlimit
			if err := unix.Prlimit(t.Host, unix.RLIMIT_CORE, nil, &is); err != nil {
				return err
			}
			return unix.Prlimit(t.Host, unix.RLIMIT_CORE, &is, nil)
		}},
		{"bind the host to a processor", func(_ *hostile, t Target) error {
			var set unix.CPUSet
			if err := unix.SchedGetaffinity(t.Host, &set); err != nil {
				return err
			}
			return unix.SchedSetaffinity(t.Host, &set)
		}},
		{"slow the host down", func(_ *hostile, t Target) error {
			was, err := unix.Getpriority(unix.PRIO_PROCESS, t.Neighbour)
			if err != nil {
				return err
			}
			return unix.Setpriority(unix.PRIO_PROCESS, t.Neighbour, 20-was)
		}},
		{"outlive the host", func(*hostile, Target) error {
			return onThread(func() error { return succeeds(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0) })
		}},
		{"become root, or another user", func(*hostile, Target) error {
			return onThread(func() error {
				if os.Geteuid() == 0 {
					return succeeds(unix.SYS_SETRESUID, 1, 1, 1)
				}
				return succeeds(unix.SYS_SETRESUID, 0, 0, 0)
			})
		}},
		{"take another group", func(*hostile, Target) error {
			return onThread(func() error {
				group := uint32(os.Getegid() + 1)
				return succeeds(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&group)))
			})
		}},
		{"have any capability", func(*hostile, Target) error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var sets [2]unix.CapUserData
			if err := unix.Capget(&header, &sets[0]); err != nil {
				return err
			}
			for _, s := range sets {
				if s.Effective|s.Permitted|s.Inheritable != 0 {
					return nil
				}
			}
			return errors.New("none")
		}},
		{"gain privileges by exec (no_new_privs is off)", func(*hostile, Target) error {
			set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
			if err == nil && set == 1 {
				err = errors.New("no_new_privs")
			}
			return err
		}},
		{"make a user namespace (clone)", func(*hostile, Target) error {
			cmd := self("exit")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
			return cmd.Run()
		}},
		{"make a user namespace (clone3)", func(*hostile, Target) error {
			var args [11]uint64
			args[0] = unix.CLONE_NEWUSER
			args[1] = 1 // no such place: the kernel refuses it after it has looked at the flags
			return call(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), 1)
		}},
		{"make a mount namespace (unshare)", func(*hostile, Target) error {
			return onThread(func() error { return succeeds(unix.SYS_UNSHARE, unix.CLONE_NEWNS) })
		}},
		{"enter the host's namespaces", func(_ *hostile, t Target) error {
			f, err := os.Open(proc(t.Host, "ns/net"))
			if err != nil {
				return err
			}
			defer f.Close()
			return onThread(func() error { return succeeds(unix.SYS_SETNS, f.Fd(), 0) })
		}},
	}
}
