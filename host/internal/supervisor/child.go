package supervisor

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// unkillable is how long a killed process may take to go. One that the kernel
	// does not let go (a dead file server) is given up then.
	unkillable = 10 * time.Second
	// settleGrace is how long a process whose connection broke may take to end.
	settleGrace = 250 * time.Millisecond
	// cutGrace is how long requests that were cut off may take to return.
	cutGrace = time.Second
)

// child is one process from its launch to its end, with everything that belongs to it.
// Whoever holds it ends it, with end.
type child struct {
	log    *slog.Logger
	out    *output
	runner *runner
	client *plugin.Client
	// proc, wire and can are there once the handshake is done.
	proc *process
	wire *wire.Child
	can  wire.Capabilities
	// access is what it may ask of its host, nil for nothing; tracks says that its
	// requests are tracked there.
	access Access
	tracks bool

	flight  *flight
	tempDir string     // holds the socket folder, empty when it is in the run folder
	streams [2]*stream // what go-plugin carries of the child's output
	file    func()     // gives the log file back
	box     *sandbox.Box
	// exceeded says, after end, that the process was ended for its memory.
	exceeded string
	// overData says the same of its data.
	overData string
	// release gives the confinement up, and ends what the process has left.
	release func()
	// endDials ends what the host dials for the process, and waits for it.
	endDials func()
	once     sync.Once
}

// lost reports whether the process has ended, or its lane: what is sent then is lost.
func (c *child) lost() bool {
	select {
	case <-c.proc.done:
		return true
	case <-c.wire.Lost():
		return true
	default:
		return false
	}
}

// check asks once for health. Who says that the time is up, its clock or ours, makes no
// difference: then it has not answered.
func (c *child) check(ctx context.Context, timeout time.Duration) (answered bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = c.wire.Check(ctx)
	deadline, _ := ctx.Deadline()
	late := ctx.Err() != nil || sdk.CodeOf(err) == sdk.DeadlineExceeded && time.Until(deadline) < clockSkew
	return err == nil || !late, err
}

// settle gives a process whose connection broke the time to end by itself, so that
// its own way of ending is seen instead of ours.
func (c *child) settle() {
	t := time.NewTimer(settleGrace)
	defer t.Stop()
	select {
	case <-c.proc.done:
	case <-t.C:
	}
}

// dump asks a Go process for the stacks of its goroutines, which end up in its log,
// and for its end. A process that was stopped is continued, or it could not obey.
func (c *child) dump(timeout time.Duration) {
	c.out.keepDump()
	c.proc.signal(syscall.SIGQUIT)
	c.proc.signal(syscall.SIGCONT)
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-c.proc.done:
	case <-t.C:
	}
}

// land waits until no request is in flight, until the time is up or hurry is closed.
// Then the requests that are left are canceled. It reports whether none runs any more.
func (c *child) land(timeout time.Duration, hurry <-chan struct{}) bool {
	landed := c.flight.close()
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-landed:
		return true
	case <-c.proc.done:
		return false
	case <-t.C:
	case <-hurry:
	}
	c.log.Warn("requests of a stopping extension are cut off", "in_flight", c.flight.count())
	c.wire.CutOff()
	t.Reset(cutGrace)
	select {
	case <-landed:
		return true
	case <-t.C:
		return false
	}
}

// end ends the process and what belongs to it, whatever state it is in: it may never
// have been started, or have died. With a grace it is asked first. It returns when the
// process was reaped and its last words were read. Every way of a child ends here,
// and only the first call does anything.
func (c *child) end(grace time.Duration) { c.once.Do(func() { c.finish(grace) }) }

func (c *child) finish(grace time.Duration) {
	var asked sync.WaitGroup
	if proc := c.runner.started(); proc != nil {
		if grace > 0 && !proc.ended() {
			// It closes the connection by asking for an end, and waits for that
			// at most 2 s; if the child hangs in it, the kill below ends it.
			asked.Go(c.client.Kill)
			t := time.NewTimer(grace)
			select {
			case <-proc.done:
			case <-t.C:
			}
			t.Stop()
		}
		c.runner.abort()
		t := time.NewTimer(unkillable)
		select {
		case <-c.runner.ended:
		case <-t.C:
			c.log.Error("a killed process does not go away, giving it up", "pid", proc.pid)
			c.runner.hangUp()
			c.runner.handshake.Close()
		}
		t.Stop()
	}
	if c.wire != nil {
		c.wire.Close()
	}
	c.endDials()
	c.runner.release()
	asked.Wait()
	c.client.Kill() // no process is left, it clears up after itself
	for _, s := range c.streams {
		s.Close()
	}
	for _, dir := range []string{c.runner.socketDir, c.tempDir} {
		if dir == "" {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			c.log.Warn("removing the folder of a socket", "dir", dir, "err", err)
		}
	}
	c.file()
	c.exceeded, c.overData = c.box.Exceeded(), c.box.DataExceeded()
	c.box.Close()
	c.release()
}

// lastExit returns how the process ended and what it said last, nil when there was
// none. It may be called after end.
func (c *child) lastExit() *lifecycle.Exit {
	proc := c.runner.started()
	if proc == nil || !proc.ended() {
		return nil
	}
	exit, _ := proc.ownExit()
	exit.Stderr = c.out.lastLines()
	return &exit
}
