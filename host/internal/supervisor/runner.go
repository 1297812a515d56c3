package supervisor

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/internal/wire"
)

// outputGrace is how long the pipes of a process that has ended are still read. They
// reach their end at once, unless a grandchild that left the group holds them: then the
// next process waits for this.
const outputGrace = 50 * time.Millisecond

var errEnded = errors.New("the process has ended")

// runner starts one process for go-plugin, whose runner.Runner it implements. It
// differs from go-plugin's own in what the process inherits (nothing), in how its end
// is noticed (at once, by waiting for it, not when its pipes close) and in that
// go-plugin sees nothing of what it prints but the line of the handshake.
type runner struct {
	forks   *forkThread
	command command // its stdout and stderr are set by Start
	out     *output

	socketDir string        // go-plugin's folder for the socket
	released  chan struct{} // closed by release
	ended     chan struct{} // closed when the process was reaped and its output read

	handshake io.ReadCloser // what go-plugin reads as stdout

	quit     chan struct{} // closed by abort: the start is not waited for any more
	quitOnce sync.Once

	lanes interface{ Close() } // the host's ends, closed when the process has ended

	open atomic.Int32 // how many conns there are

	mu      sync.Mutex // guards what follows
	aborted bool       // no process may be started any more
	proc    *process
	address string // of the child's socket
	conns   map[net.Conn]struct{}
	gone    bool // the process has ended
}

func newRunner(forks *forkThread, c command, out *output) *runner {
	return &runner{
		forks: forks, command: c, out: out,
		released: make(chan struct{}), ended: make(chan struct{}), quit: make(chan struct{}),
		conns: make(map[net.Conn]struct{}),
	}
}

// Start starts the process. It is go-plugin that calls it, once, with the variables
// that it wants the child to have already in the command.
func (r *runner) Start(ctx context.Context) error {
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer outWrite.Close()
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		outRead.Close()
		return err
	}
	defer errWrite.Close()
	r.command.stdout, r.command.stderr = outWrite, errWrite

	if r.command.policy, err = r.command.confinement.Policy(r.socketDir, []string{r.command.path}, len(r.command.extra)); err != nil {
		outRead.Close()
		errRead.Close()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-r.quit:
			cancel()
		case <-ctx.Done():
		}
	})
	defer waiting.Wait()
	defer cancel()

	r.mu.Lock()
	defer r.mu.Unlock()
	err = errEnded
	if !r.aborted {
		r.proc, err = startProcess(ctx, r.forks, r.command)
	}
	if err != nil {
		outRead.Close()
		errRead.Close()
		return err
	}
	r.read(outRead, errRead)
	return nil
}

// read begins to read what the process prints.
func (r *runner) read(stdout, stderr *os.File) {
	proc := r.proc
	outLines, errLines := r.out.stream(proc.done), r.out.stream(proc.done)
	handshake, toGoPlugin := io.Pipe()
	r.handshake = handshake

	var readers sync.WaitGroup
	readers.Go(func() {
		_, _ = io.Copy(toGoPlugin, wire.HandshakeLine(stdout, outLines))
		toGoPlugin.Close()
	})
	readers.Go(func() { _, _ = io.Copy(errLines, stderr) })
	go func() {
		<-proc.done
		r.hangUp()
		deadline := time.Now().Add(outputGrace)
		_ = stdout.SetReadDeadline(deadline)
		_ = stderr.SetReadDeadline(deadline)
		// Nobody may be reading the handshake any more.
		cut := time.AfterFunc(outputGrace, func() { handshake.Close() })
		readers.Wait()
		cut.Stop()
		stdout.Close()
		stderr.Close()
		outLines.Close()
		errLines.Close()
		close(r.ended)
	}()
}

// abort makes Start fail from now on and kills what it started.
func (r *runner) abort() {
	r.quitOnce.Do(func() { close(r.quit) })
	r.mu.Lock()
	r.aborted = true
	proc := r.proc
	r.mu.Unlock()
	if proc != nil {
		proc.kill()
	}
}

// started returns the process, nil when there is none.
func (r *runner) started() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proc
}

// dial connects to the child's socket, for gRPC. Connections are kept account of, so
// that they break when the process ends even if somebody else holds the other end.
func (r *runner) dial(ctx context.Context, _ string) (net.Conn, error) {
	r.mu.Lock()
	address, gone := r.address, r.gone
	r.mu.Unlock()
	if gone || address == "" {
		return nil, errEnded
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		c.Close()
		return nil, errEnded
	}
	r.conns[c] = struct{}{}
	r.open.Store(int32(len(r.conns)))
	return &trackedConn{Conn: c, runner: r}, nil
}

// hangUp breaks all connections: every call that is under way fails now.
func (r *runner) hangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	for c := range r.conns {
		c.Close()
	}
	clear(r.conns)
	r.open.Store(0)
	// Somebody else may hold the child's ends, too.
	r.lanes.Close()
}

// release lets go-plugin know that the process has ended. Until then it believes that
// it lives, because what it does on the news depends on where it is at the time, and
// it leaks a connection when it is in the middle of making one.
func (r *runner) release() { close(r.released) }

// Wait is called by go-plugin.
func (r *runner) Wait(context.Context) error {
	<-r.released
	return nil
}

// Kill is called by go-plugin.
func (r *runner) Kill(context.Context) error {
	r.abort()
	return nil
}

// Stdout is what go-plugin reads the handshake from.
func (r *runner) Stdout() io.ReadCloser { return r.handshake }

// Stderr is empty for go-plugin: what is printed there is for our log.
func (r *runner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the executable's path.
func (r *runner) Name() string { return r.command.path }

// ID is the process id.
func (r *runner) ID() string {
	if proc := r.started(); proc != nil {
		return strconv.Itoa(proc.pid)
	}
	return ""
}

// Diagnose is asked when the handshake failed; the supervisor says it better.
func (r *runner) Diagnose(context.Context) string { return "" }

// PluginToHost takes the address that the child wants to be called at: a socket in the
// folder that it was given, and nothing else.
func (r *runner) PluginToHost(network, address string) (string, string, error) {
	if err := wire.CheckAddress(network, address, r.socketDir); err != nil {
		return "", "", err
	}
	// A link would lead out of the folder.
	info, err := os.Lstat(address)
	if err != nil {
		return "", "", err
	}
	if info.Mode().Type() != os.ModeSocket {
		return "", "", errors.New("the extension's address is not a socket")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.address = address
	return network, address, nil
}

// HostToPlugin changes nothing: both see the same file system.
func (r *runner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// trackedConn is a connection that the runner can break.
type trackedConn struct {
	net.Conn
	runner *runner
}

// Close takes the connection off the runner's account.
func (c *trackedConn) Close() error {
	c.runner.mu.Lock()
	delete(c.runner.conns, c.Conn)
	c.runner.open.Store(int32(len(c.runner.conns)))
	c.runner.mu.Unlock()
	return c.Conn.Close()
}
