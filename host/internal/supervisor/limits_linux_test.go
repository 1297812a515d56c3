package supervisor

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox"
)

func TestAProcessThatTakesTooMuchMemoryIsEnded(t *testing.T) {
	s := newSupervisor(t)
	if s.groups != nil {
		t.Log("the kernel keeps the limit here, in a cgroup")
	}
	other := running(t, s, newSpec(t, ""))
	neighbour := other.Status().PID
	spec := newSpec(t, "")
	spec.Settings.Memory = 256 << 20
	failures := make(chan Failure, 10)
	spec.Failed = func(f Failure) { failures <- f }
	i := running(t, s, spec)
	first := i.Status().PID
	if by := i.Limits().Memory; by.Value != 256<<20 || by.By == sandbox.None {
		t.Errorf("the limit is %+v", by)
	}
	go func() { _, _ = ask(t, i, operation{Op: "allocate", N: 512 << 20}) }()
	st := waitStatus(t, i, "new process", func(st Status) bool { return st.State == lifecycle.Running && st.PID != first })
	if st.Restarts != 1 || st.LastExit == nil || st.LastExit.Signal != "SIGKILL" {
		t.Errorf("%d restarts, the last exit was %+v", st.Restarts, st.LastExit)
	}
	if f := <-failures; f.Reason.Code != lifecycle.CodeMemoryExceeded || !strings.Contains(f.Reason.Message, "limits.memory") || !f.Ran {
		t.Errorf("the failure is %+v", f)
	}
	if other.Status().PID != neighbour {
		t.Error("a neighbour was ended, too")
	}
}

func TestSurplusProcessesAreEnded(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.Processes = 3
	i := running(t, s, spec)
	leader := i.Status().PID
	var pids []int
	for range 4 { // with the extension itself 5
		pid, err := strconv.Atoi(mustAsk(t, i, operation{Op: "grandchild"}))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	eventually(t, func() bool { return dead(pids[2]) && dead(pids[3]) }, func() string { return "the surplus lives" })
	if dead(pids[0]) || dead(pids[1]) || i.Status().PID != leader {
		t.Error("more than the surplus was ended")
	}
}

func TestOpenFilesAreLimited(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.Files = 200
	i := running(t, s, spec)
	if got := mustAsk(t, i, operation{Op: "files"}); got != "200 of 200" {
		t.Errorf("the limit is %s", got)
	}
	if by := i.Limits().Files; by != (sandbox.Limit{Value: 200, By: sandbox.Rlimit}) {
		t.Errorf("the limit is said to be %+v", by)
	}
	if by := i.Limits().Memory; by != (sandbox.Limit{By: sandbox.None}) {
		t.Errorf("no limit is said to be %+v", by)
	}
}

// A cgroup of the host's own would make all of this the kernel's task: see package
// sandbox.
func TestAHungProcessLeavesItsGoroutines(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.CheckInterval, spec.Settings.CheckTimeout = 20_000_000, 100_000_000
	failures := make(chan Failure, 10)
	spec.Failed = func(f Failure) { failures <- f }
	i := running(t, s, spec)
	if err := syscall.Kill(i.Status().PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	f := <-failures
	if f.Reason.Code != lifecycle.CodeHung || !strings.Contains(string(f.Dump), "goroutine ") || len(f.Dump) > maxDump {
		t.Errorf("%s, with %d bytes of goroutines", f.Reason, len(f.Dump))
	}
}
