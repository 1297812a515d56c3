package lane

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// direct is the socket of a sync lane. It stays out of the runtime's poller as long as
// its bytes come soon: a socket in there wakes a thread for everything that arrives and
// for everything the other side takes, whether or not a goroutine waits for it. Where
// it has to wait it goes into the poller, until looking is worth it again. One
// goroutine at a time reads and writes; cut, uncut and Close may be called by others.
type direct struct {
	// wait is called before something that may take long, and crowded reports whether
	// others have better use for the processor than looking; nil for nothing and never.
	wait     func()
	crowded  func() bool
	patience patience

	mu     sync.Mutex // guards what follows
	fd     int        // does not block
	uses   int        // of fd, just now
	closed bool
	past   bool          // everything that waits fails, as after a deadline
	conn   *net.UnixConn // the same socket in the poller; nil when it is not there
}

// newDirect takes the descriptor fd over.
func newDirect(fd int) (*direct, error) {
	// Nothing but a socket has a type.
	_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &direct{fd: fd}, nil
}

// enter keeps fd open until leave.
func (d *direct) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	d.uses++
	return nil
}

func (d *direct) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.uses--; d.uses == 0 && d.closed {
		unix.Close(d.fd)
	}
}

// Read is part of io.Reader.
func (d *direct) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := d.enter(); err != nil {
		return 0, err
	}
	defer d.leave()
	if look, rare := d.patience.tries(); look {
		looks := fewLooks
		if rare {
			looks = manyLooks
		}
		switch n, err := d.lookFor(p, looks); {
		case n > 0:
			d.patience.found()
			d.unpoll()
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err != syscall.EAGAIN:
			return 0, os.NewSyscallError("read", err)
		}
	}
	conn, err := d.poll()
	if err != nil {
		return 0, err
	}
	return conn.Read(p)
}

// Write is part of io.Writer.
func (d *direct) Write(p []byte) (int, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	defer d.leave()
	n, err := writeNow(d.fd, p)
	switch {
	case n == len(p):
		return n, nil
	case err != nil && err != syscall.EAGAIN:
		return n, os.NewSyscallError("write", err)
	}
	conn, err := d.poll()
	if err != nil {
		return n, err
	}
	more, err := conn.Write(p[n:])
	return n + more, err
}

// poll puts the socket into the poller, where it can wait.
func (d *direct) poll() (*net.UnixConn, error) {
	if d.wait != nil {
		d.wait()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, net.ErrClosed
	}
	if d.conn != nil {
		return d.conn, nil
	}
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if d.conn, err = connOf(fd, nameSync); err != nil {
		return nil, err
	}
	if d.past {
		_ = d.conn.SetDeadline(time.Unix(1, 0)) // it is open
	}
	return d.conn, nil
}

// unpoll takes the socket out of the poller.
func (d *direct) unpoll() {
	if d.conn == nil { // it is only who reads and writes that changes it
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.conn.Close() // of the copy; what was written was written
	d.conn = nil
}

// cut makes what waits fail with os.ErrDeadlineExceeded, and what will, until uncut.
func (d *direct) cut() { d.expire(true, time.Unix(1, 0)) }

func (d *direct) uncut() { d.expire(false, time.Time{}) }

func (d *direct) expire(past bool, deadline time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.past = past
	if d.conn != nil {
		_ = d.conn.SetDeadline(deadline) // it fails only when the socket is closed
	}
}

// Close ends what is under way. It may be called more than once.
func (d *direct) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	_ = unix.Shutdown(d.fd, unix.SHUT_RDWR) // the other side may have closed it already
	if d.conn != nil {
		_ = d.conn.Close()
	}
	if d.uses == 0 {
		return unix.Close(d.fd)
	}
	return nil
}
