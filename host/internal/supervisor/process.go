package supervisor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
)

// How long a launch puts up with an executable that somebody has open for writing: a
// fork elsewhere in the host holds a copy of the unpacker's descriptor until it execs.
const (
	busyPatience = 2 * time.Second
	busyPause    = 5 * time.Millisecond
)

// command is a process to be started.
type command struct {
	executable     *os.File // what is executed, opened and hashed
	path           string   // its name, for argv[0]
	dir            string
	env            []string
	stdout, stderr *os.File
	extra          []*os.File // that it inherits, as descriptors 3 and following
	box            *sandbox.Box
	confinement    *confine.Confinement
	policy         *shim.Policy // that of confinement; nil: nothing confines it
}

// process is a child that was started. It is always reaped.
type process struct {
	pid     int
	started time.Time

	mu     sync.Mutex // held while the pid is used, so that it cannot be another's by then
	cmd    *exec.Cmd
	box    *sandbox.Box
	reaped bool
	killed bool // by us, if it had not ended by itself just then

	done chan struct{} // closed when the process was reaped; guards the fields below
	exit lifecycle.Exit
	cpu  time.Duration // that it used in all
}

// startProcess starts c on the fork thread. When it returns the process executes the
// executable.
func startProcess(ctx context.Context, forks *forkThread, c command) (*process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	begin := startConfined
	if c.policy == nil {
		begin = startUnconfined
	}
	for deadline := time.Now().Add(busyPatience); ; {
		p, err := begin(ctx, forks, c, null)
		if err == nil {
			return p, nil
		}
		if c.box.Declined(err) {
			continue
		}
		if !errors.Is(err, syscall.ETXTBSY) || time.Now().After(deadline) {
			return nil, bareExecError(err)
		}
		if !waitFor(ctx, busyPause) {
			return nil, context.Cause(ctx)
		}
	}
}

// startUnconfined starts the executable itself.
func startUnconfined(_ context.Context, forks *forkThread, c command, null *os.File) (*process, error) {
	path, release, err := executablePath(c.executable, c.path, append([]*os.File{null, c.stdout, c.stderr}, c.extra...)...)
	if err != nil {
		return nil, err
	}
	defer release()
	return fork(forks, c, &exec.Cmd{
		Path: path, Args: []string{c.path}, Stdin: null, ExtraFiles: c.extra, SysProcAttr: processAttributes(),
	})
}

// startConfined starts the shim and waits until it has become the executable.
func startConfined(ctx context.Context, forks *forkThread, c command, null *os.File) (*process, error) {
	link, err := shim.NewLink(*c.policy)
	if err != nil {
		return nil, err
	}
	defer link.Close()
	c.box.Confined()
	p, err := fork(forks, c, &exec.Cmd{
		Path: shim.Self, Args: link.Args(3 + len(c.extra)), Stdin: null,
		ExtraFiles: slices.Concat(c.extra, link.Files(c.executable)), SysProcAttr: processAttributes(),
	})
	if err != nil {
		return nil, err
	}
	if err := link.Wait(ctx); err != nil {
		p.kill()
		<-p.done
		return nil, err
	}
	return p, nil
}

// fork starts cmd, which is filled in from c.
func fork(forks *forkThread, c command, cmd *exec.Cmd) (p *process, err error) {
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env, c.stdout, c.stderr
	c.box.Attach(cmd.SysProcAttr)
	forks.do(func() {
		if err = closeOnExec(); err == nil {
			err = cmd.Start()
		}
	})
	if err != nil {
		return nil, err
	}
	p = &process{pid: cmd.Process.Pid, started: time.Now(), cmd: cmd, box: c.box, done: make(chan struct{})}
	c.box.Started(p.pid, p.kill)
	go p.reap()
	return p, nil
}

// bareExecError takes the descriptor's path out of err: /proc/self/fd/N tells nobody
// anything.
func bareExecError(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// reap waits for the end of p. It is the only goroutine that does.
func (p *process) reap() {
	state, err := p.wait()
	p.exit.Time = time.Now()
	if err == nil {
		p.cpu = state.UserTime() + state.SystemTime()
		p.exit.ExitCode, p.exit.Signal = exitOf(state)
	}
	close(p.done)
}

func exitOf(state *os.ProcessState) (code *int, signal string) {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		if name := unix.SignalName(status.Signal()); name != "" {
			return nil, name
		}
		return nil, status.Signal().String()
	}
	n := state.ExitCode()
	return &n, ""
}

// signal sends sig to the process alone, unless it has ended.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		// It fails only when the process has just ended.
		_ = p.cmd.Process.Signal(sig)
	}
}

// kill ends the process and its group. The process itself is named too, because it
// may have left its group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	p.killed = true
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	_ = p.cmd.Process.Kill()
	p.box.Kill()
}

// settle tells the process's box that it is past its own start, unless it has ended.
func (p *process) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.box.Settled()
	}
}

// ended reports whether the process has been reaped.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ownExit returns how the process ended, and whether it did so without our doing.
// It may be called when done is closed.
func (p *process) ownExit() (lifecycle.Exit, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit, !p.killed || p.exit.Signal != "SIGKILL"
}

// usage reads what the kernel knows of the process, false when it has ended.
func (p *process) usage() (usage, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return usage{}, false
	}
	u, err := readUsage(p.pid)
	return u, err == nil
}

// waitFor waits for d and reports whether it could before ctx ended.
func waitFor(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
