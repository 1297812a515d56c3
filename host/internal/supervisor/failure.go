package supervisor

import (
	"errors"
	"strconv"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk"
)

// failure says why a process could not be started or is none any more.
type failure struct {
	reason *lifecycle.Reason
	// permanent means that the same bytes would fail again.
	permanent bool
	dump      []byte // goroutines of a hung process
}

func failf(stage lifecycle.Stage, code, format string, args ...any) *failure {
	return &failure{reason: lifecycle.Reasonf(stage, code, format, args...)}
}

// of adds to f what is known of the process, which has ended.
func (f *failure) of(c *child) *failure {
	f.reason.Stderr = c.out.lastLines()
	if proc := c.runner.started(); proc != nil && proc.ended() {
		if exit, own := proc.ownExit(); own {
			f.reason.ExitCode, f.reason.Signal = exit.ExitCode, exit.Signal
		}
	}
	return f
}

// overMemory makes f the failure of a process that was ended for its memory, wherever
// that was noticed first.
func (f *failure) overMemory(c *child) {
	f.reason.Code, f.reason.Message = lifecycle.CodeMemoryExceeded, c.exceeded+"; it was ended"
	f.permanent = false
	if exit := c.lastExit(); exit != nil {
		f.reason.ExitCode, f.reason.Signal = exit.ExitCode, exit.Signal
	}
}

// overData makes f the failure of a process that was ended for its data. They are still
// there: it is not started again until somebody has made room, or raised the limit.
func (f *failure) overData(c *child) {
	f.reason.Code = lifecycle.CodeDataExceeded
	f.reason.Message = c.overData + "; it was stopped: make room or raise limits.data, then retry it"
	f.permanent = true
}

// exitText says how a process ended in words, "" when it was us who ended it.
func exitText(exit lifecycle.Exit) string {
	switch {
	case exit.Signal != "":
		return "signal " + exit.Signal
	case exit.ExitCode != nil:
		return "exit status " + strconv.Itoa(*exit.ExitCode)
	default:
		return ""
	}
}

// openFailed explains an error of openExecutable.
func openFailed(err error) *failure {
	var changed *changedError
	if errors.As(err, &changed) {
		f := failf(lifecycle.StageLaunch, lifecycle.CodeExecutableChanged, "%v", changed)
		f.permanent = true
		return f
	}
	return failf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "opening the executable: %v", err)
}

// confineFailed explains an error of confine.Guard.
func confineFailed(err error) *failure {
	var refused *confine.RefusedError
	f := failf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "%v", err)
	if errors.As(err, &refused) {
		f.permanent = true // until the host is started otherwise
	}
	return f
}

// connectFailed explains an error of wire.Connect, which came after the deadline if
// late. The process of c has ended.
func connectFailed(c *child, err error, late bool) *failure {
	proc := c.runner.started()
	exit := ""
	if proc != nil && proc.ended() {
		if e, own := proc.ownExit(); own {
			exit = exitText(e)
		}
	}
	var step *shim.Failure
	if errors.As(err, &step) && step.Step != shim.StepExec {
		return failf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "%v", step).of(c)
	}
	launch := wire.Explain(err, exit)
	stage := lifecycle.StageHandshake
	if proc == nil {
		stage = lifecycle.StageLaunch
	}
	f := failf(stage, launch.Code, "%s", launch.Message)
	f.permanent = launch.Permanent
	if proc != nil && exit == "" && late {
		f = failf(stage, lifecycle.CodeHandshakeTimeout,
			"the handshake was not done within the start deadline (timeouts.start); does its main function call serve.Main?")
	}
	return f.of(c)
}

// step is one call of the start: what it is, and what its failure is called.
type step struct {
	stage          lifecycle.Stage
	doing          string
	failed, missed string // the codes of an error and of the deadline
}

// stepFailed explains the error of a call, which came after the deadline if late. The
// process of c has ended.
func stepFailed(c *child, s step, err error, late bool) *failure {
	exit, own := c.proc.ownExit()
	var answer *sdk.Error
	switch {
	case late:
		return failf(s.stage, s.missed, "%s took longer than the start deadline allows (timeouts.start)", s.doing).of(c)
	case own && c.proc.ended():
		return failf(s.stage, s.failed, "the process ended during %s (%s)", s.doing, exitText(exit)).of(c)
	case errors.As(err, &answer):
		return failf(s.stage, s.failed, "%s: %s", s.doing, tidy(answer.Message)).of(c)
	default:
		return failf(s.stage, s.failed, "%s: %s", s.doing, tidy(err.Error())).of(c)
	}
}

// hungUp ends a process that has closed its lane or broken its format, and explains
// it. Nearly always it is about to end by itself, and then that is what happened.
func hungUp(c *child) *failure {
	because := c.wire.LostBecause()
	if because == "" {
		c.settle()
	}
	if c.proc.ended() {
		c.end(0)
		return died(c)
	}
	c.end(0)
	if because == "" {
		return failf(lifecycle.StageRuntime, lifecycle.CodeCrashed,
			"the process closed its lane to the host and went on, it was ended").of(c)
	}
	return failf(lifecycle.StageRuntime, lifecycle.CodeProtocolMismatch,
		"%s; it was ended: rebuild it with this host's SDK, or see docs/LANE.md", because).of(c)
}

// died explains the end of a process that ran.
func died(c *child) *failure {
	exit, _ := c.proc.ownExit()
	code := lifecycle.CodeCrashed
	if exit.ExitCode != nil && *exit.ExitCode == 0 {
		code = lifecycle.CodeExited
	}
	return failf(lifecycle.StageRuntime, code, "the process ended by itself (%s)", exitText(exit)).of(c)
}
