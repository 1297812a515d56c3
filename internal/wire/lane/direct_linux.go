package lane

import (
	"syscall"
	"unsafe"
)

// The calls below do without the runtime's part of a system call, which would give the
// processor to another goroutine: they do not block, and what they are about is over
// before that pays.

// lookFor reads what is there, and looks a few times if there is nothing yet; between
// two looks other processes may run. EAGAIN means that nothing came, 0 and nil the end.
func (d *direct) lookFor(p []byte, looks int) (int, error) {
	for range looks {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(d.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EAGAIN, syscall.EINTR:
			if d.crowded != nil && d.crowded() {
				return 0, syscall.EAGAIN
			}
			yieldProcess()
		default:
			return 0, errno
		}
	}
	return 0, syscall.EAGAIN
}

// writeNow writes what fd, which does not block, takes of p.
func writeNow(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	switch errno {
	case 0:
		return int(n), nil
	case syscall.EINTR:
		return 0, syscall.EAGAIN
	}
	return 0, errno
}

// yieldProcess lets other processes run.
func yieldProcess() { _, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
