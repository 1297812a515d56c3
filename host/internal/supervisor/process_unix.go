//go:build unix && !linux

package supervisor

import (
	"os"
	"syscall"
)

// processAttributes gives a child its own process group. There is no parent-death
// signal here: a child whose host was killed ends when its connection does.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// closeOnExec has nothing to do: what Go opens is closed by exec already.
func closeOnExec() error { return nil }

// executablePath returns the path itself: here a descriptor cannot be executed. What
// protects the file between hash and exec is that only the host may write its folder.
func executablePath(_ *os.File, path string, _ ...*os.File) (string, func(), error) {
	return path, func() {}, nil
}

// wait waits for the end of p, reaps it and kills what is left of its group.
func (p *process) wait() (*os.ProcessState, error) {
	state, err := p.cmd.Process.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	return state, err
}
