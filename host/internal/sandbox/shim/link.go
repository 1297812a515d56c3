//go:build unix

package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

// name is argv[0] of a shim: what Enter knows one by.
const name = "jackfield-shim"

// maxReport bounds what a shim says.
const maxReport = 4 << 10

// Self is the path by which a shim is started: the running program, whatever became of
// its file.
const Self = "/proc/self/exe"

// Link is the host's half of one launch.
type Link struct {
	data           []byte      // the policy
	policy, report *os.File    // ours: written, read
	child          [2]*os.File // the shim's ends of the same
}

// NewLink makes the pipes of one launch under p. Close gives them up.
func NewLink(p Policy) (*Link, error) {
	data, err := p.encode()
	if err != nil {
		return nil, fmt.Errorf("the policy of a process: %w", err)
	}
	l := &Link{data: data}
	if l.child[0], l.policy, err = os.Pipe(); err == nil {
		l.report, l.child[1], err = os.Pipe()
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Args are the arguments of a shim that inherits the files of Files from the
// descriptor first on.
func (l *Link) Args(first int) []string { return []string{name, strconv.Itoa(first)} }

// Files are what a shim inherits: its ends of the link and the executable.
func (l *Link) Files(executable *os.File) []*os.File {
	return []*os.File{l.child[0], l.child[1], executable}
}

// Wait tells the shim its policy and waits until it has become the executable (nil), has
// failed (the error is a *Failure then) or has ended. It must be called after the start,
// once.
func (l *Link) Wait(ctx context.Context) error {
	l.closeChild()
	stop := context.AfterFunc(ctx, func() {
		_ = l.policy.SetWriteDeadline(time.Unix(1, 0))
		_ = l.report.SetReadDeadline(time.Unix(1, 0))
	})
	defer stop()
	_, failedWrite := l.policy.Write(l.data) // a shim that has ended says why
	l.policy.Close()
	said, err := io.ReadAll(io.LimitReader(l.report, maxReport))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the process was not confined in time: %w", context.Cause(ctx))
	}
	if err == nil && len(said) == 0 {
		err = failedWrite
	}
	if err != nil {
		return fmt.Errorf("confining the process: %w", err)
	}
	return readReport(said)
}

func (l *Link) closeChild() {
	for i, f := range l.child {
		if f != nil {
			f.Close()
			l.child[i] = nil
		}
	}
}

// Close gives the link up. It may be called more than once.
func (l *Link) Close() {
	l.closeChild()
	for _, f := range []*os.File{l.policy, l.report} {
		if f != nil {
			f.Close()
		}
	}
}

// failed makes a Failure of err.
func failed(step Step, what string, err error) *Failure {
	f := &Failure{Step: step, What: what}
	var number syscall.Errno
	if errors.As(err, &number) {
		f.Errno = int(number)
	} else {
		f.Text = err.Error()
	}
	return f
}
