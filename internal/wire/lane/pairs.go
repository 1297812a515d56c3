package lane

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Environment is the variable that tells a child which of its descriptors are lanes:
// names and numbers, as in "shared=3 bulk=4 sync=5 sync=6 dial=7".
const Environment = "JACKFIELD_LANES"

// The names in Environment.
const (
	nameShared = "shared"
	nameBulk   = "bulk"
	nameSync   = "sync"
	nameDial   = "dial"
)

// syncLanes is how many callers may each have a lane of their own.
const syncLanes = 2

// firstFile is the descriptor that the first of exec.Cmd.ExtraFiles becomes.
const firstFile = 3

// Ends are one side's ends of the lanes.
type Ends struct {
	shared, bulk *net.UnixConn
	sync         []*direct
	dial         *net.UnixConn // of the child alone; no lane, but it comes the same way
}

// DialConn hands the child's end of the dial pair over, nil when there is none.
func (e *Ends) DialConn() *net.UnixConn {
	conn := e.dial
	e.dial = nil
	return conn
}

// Close closes all ends. It may be called more than once.
func (e *Ends) Close() {
	for _, c := range []*net.UnixConn{e.shared, e.bulk, e.dial} {
		if c != nil {
			_ = c.Close() // nothing is written any more, and a second close is fine
		}
	}
	for _, c := range e.sync {
		_ = c.Close()
	}
}

// Pairs are the socket pairs of one child.
type Pairs struct {
	// Host are the host's ends.
	Host  *Ends
	files []*os.File
	names []string
}

// NewPairs makes the socket pairs of one child. The caller closes both sides.
func NewPairs() (*Pairs, error) {
	p := &Pairs{Host: &Ends{}}
	for _, name := range append([]string{nameShared, nameBulk}, slices.Repeat([]string{nameSync}, syncLanes)...) {
		if err := p.add(name); err != nil {
			p.Close()
			return nil, fmt.Errorf("making the socket pair of a lane: %w", err)
		}
	}
	return p, nil
}

// add makes a connected pair of stream sockets, which close on exec.
func (p *Pairs) add(name string) error {
	// Between making and marking them no other goroutine may fork.
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err
	}
	p.files, p.names = append(p.files, os.NewFile(uintptr(fds[1]), name)), append(p.names, name)
	return p.Host.add(name, fds[0])
}

// connOf takes the descriptor fd over.
func connOf(fd int, name string) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, errors.New("not a Unix socket")
	}
	return u, nil
}

// AddDial passes the child's end of a dial pair on with the lanes, and owns it.
func (p *Pairs) AddDial(child *os.File) {
	p.files, p.names = append(p.files, child), append(p.names, nameDial)
}

// ChildFiles are the child's ends, to be the first of its exec.Cmd.ExtraFiles.
func (p *Pairs) ChildFiles() []*os.File { return p.files }

// Env tells the child about them, as elements of exec.Cmd.Env.
func (p *Pairs) Env() []string {
	var b strings.Builder
	b.WriteString(Environment + "=")
	for i, name := range p.names {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name + "=" + strconv.Itoa(firstFile+i))
	}
	return []string{b.String()}
}

// CloseFiles closes this process's copies of the child's ends, without which the end
// of the child is not seen. It is called as soon as the child has them.
func (p *Pairs) CloseFiles() {
	for _, f := range p.files {
		_ = f.Close() // it was not written to
	}
	p.files = nil
}

// Close closes both sides.
func (p *Pairs) Close() {
	p.CloseFiles()
	p.Host.Close()
}

// Child returns the child's ends for use in this process, where tests want both.
func (p *Pairs) Child() (*Ends, error) {
	e := &Ends{}
	for i, f := range p.files {
		fd, err := unix.Dup(int(f.Fd()))
		if err != nil {
			e.Close()
			return nil, err
		}
		if err := e.add(p.names[i], fd); err != nil {
			e.Close()
			return nil, err
		}
	}
	p.CloseFiles()
	return e, nil
}

// add takes the descriptor fd over, as the end with this name.
func (e *Ends) add(name string, fd int) error {
	if name == nameSync && len(e.sync) < 16 {
		conn, err := newDirect(fd)
		if err == nil {
			e.sync = append(e.sync, conn)
		}
		return err
	}
	conn, err := connOf(fd, name)
	if err != nil {
		return err
	}
	switch {
	case name == nameShared && e.shared == nil:
		e.shared = conn
	case name == nameBulk && e.bulk == nil:
		e.bulk = conn
	case name == nameDial && e.dial == nil:
		e.dial = conn
	default: // of a newer host, or one too many
		conn.Close()
	}
	return nil
}

// Inherit takes the child's ends over from its host, and keeps them from the child's
// own children. It is called first thing, before anything could be started. Nil means
// that the host offers no lanes.
func Inherit() (*Ends, error) {
	value := os.Getenv(Environment)
	if value == "" {
		return nil, nil
	}
	if err := os.Unsetenv(Environment); err != nil {
		return nil, err
	}
	type end struct {
		name string
		fd   int
	}
	var ends []end
	for item := range strings.FieldsSeq(value) {
		name, number, _ := strings.Cut(item, "=")
		fd, err := strconv.Atoi(number)
		if err != nil || fd < firstFile {
			return nil, fmt.Errorf("%s=%q: %q names no descriptor", Environment, value, item)
		}
		unix.CloseOnExec(fd)
		ends = append(ends, end{name, fd})
	}
	e := &Ends{}
	for _, end := range ends {
		if err := e.add(end.name, end.fd); err != nil {
			e.Close()
			return nil, fmt.Errorf("%s=%q: descriptor %d: %w", Environment, value, end.fd, err)
		}
	}
	if e.shared == nil || e.bulk == nil {
		e.Close()
		return nil, fmt.Errorf("%s=%q lacks %s or %s", Environment, value, nameShared, nameBulk)
	}
	return e, nil
}
