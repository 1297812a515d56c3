package supervisor

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes gives a child its own process group and lets it die with the fork
// thread, which is to say with the host. It stays in the host's session: the kernel
// schedules sessions as groups, and with one of its own for each child a request took a
// tenth longer (12 of 120 µs).
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// closeOnExec marks every descriptor of the host to be closed by exec. What Go opens is
// marked already; what the host itself was started with (make's and systemd's
// descriptors, for some) is not, and is no business of a child's.
func closeOnExec() error {
	err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// A kernel before 5.11: one by one.
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return err
}

// executablePath returns a path that executes exactly the open file f, good until
// release is called. Between fork and exec the child moves its descriptors around:
// those in files down to 0, 1, 2, its error pipe to one above the highest of them.
// The descriptor to execute must be out of their way.
func executablePath(f *os.File, _ string, files ...*os.File) (path string, release func(), err error) {
	highest := 0
	for _, other := range files {
		err := control(other, func(fd uintptr) { highest = max(highest, int(fd)) })
		if err != nil {
			return "", nil, err
		}
	}
	var fd int
	var dupErr error
	err = control(f, func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, highest+16)
	})
	if err = errors.Join(err, dupErr); err != nil {
		return "", nil, fmt.Errorf("duplicating the executable's descriptor: %w", err)
	}
	return "/proc/self/fd/" + strconv.Itoa(fd), func() { unix.Close(fd) }, nil
}

// control lends the descriptor of f without making it blocking, as Fd would.
func control(f *os.File, use func(fd uintptr)) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(use)
}

// wait waits for the end of p, kills what is left of its group and reaps it, in this
// order: until it is reaped nobody else can have its pid, or a group of that number.
func (p *process) wait() (*os.ProcessState, error) {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	p.box.Kill()
	p.reaped = true
	return p.cmd.Process.Wait()
}
