package supervisor

import (
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox"
	"github.com/jackfield-host/jackfield/sdk"
)

// A process that takes more memory than it may is ended and started again; nobody else
// notices.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ops     []operation
		message string
	}{
		"the process":        {[]operation{{Op: "allocate", N: 500}}, "the process held "},
		"with its processes": {[]operation{{Op: "hungry grandchild", N: 250}, {Op: "hungry grandchild", N: 250}}, "its 3 processes together held "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t)
			neighbour := running(t, s, newSpec(t, ""))
			before := neighbour.Status()
			spec, seen := newHeld(t, "")
			spec.ID, spec.Held, spec.Settings.Memory = "t.Hungry", false, 400<<20
			i := running(t, s, spec)
			first := i.Status()
			if got := i.Limits().Memory; got.Value != 400<<20 || got.By != sandbox.Sampling && got.By != sandbox.Cgroup {
				t.Errorf("limits %+v", i.Limits())
			}
			var others []int
			for _, op := range test.ops {
				text, err := ask(t, i, op)
				if pid, bad := strconv.Atoi(text); bad == nil && op.Op == "hungry grandchild" {
					others = append(others, pid)
				}
				if err != nil && sdk.CodeOf(err) != sdk.Unavailable {
					t.Fatal(err)
				}
			}
			st := waitStatus(t, i, "second process", func(st Status) bool { return st.State == lifecycle.Running && st.PID != first.PID })
			if st.Restarts != 1 || st.LastExit == nil || st.LastExit.Signal != "SIGKILL" {
				t.Errorf("status %+v", st)
			}
			all := seen.list()
			if len(all) != 1 || all[0].Reason.Code != lifecycle.CodeMemoryExceeded || all[0].Reason.Signal != "SIGKILL" {
				t.Fatalf("failures %+v", all)
			}
			if m := all[0].Reason.Message; !strings.HasPrefix(m, test.message) && i.Limits().Memory.By == sandbox.Sampling {
				t.Errorf("message %q", m)
			}
			for _, pid := range others {
				eventually(t, func() bool { return dead(pid) }, func() string { return "a grandchild is left" })
			}
			if after := neighbour.Status(); after.PID != before.PID || after.Restarts != 0 {
				t.Errorf("the neighbour: %+v, before %+v", after, before)
			}
			mustAsk(t, neighbour, operation{Op: "echo"})
			mustAsk(t, i, operation{Op: "echo"})
		})
	}
}

// Memory that is taken in the start is the same failure.
func TestMemoryLimitInTheStart(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "init hungry")
	spec.Settings.Memory, spec.Tries = 400<<20, 1
	i := s.Start(spec, nil)
	st := waitState(t, i, lifecycle.Failed)
	if st.Reason.Code != lifecycle.CodeMemoryExceeded || st.Reason.Stage != lifecycle.StageInit || !strings.Contains(st.Reason.Message, "400.0 MiB") {
		t.Errorf("reason %v", st.Reason)
	}
}

// The newest processes go, the extension stays.
func TestProcessLimit(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.Processes = 3
	i := running(t, s, spec)
	pid := i.Status().PID
	if i.Limits().Processes.By == sandbox.Cgroup {
		t.Log("cgroups hold it: a fork fails, nothing is killed; TestDelegated of package sandbox shows that")
		return
	}
	var pids []int
	for range 5 {
		n, err := strconv.Atoi(mustAsk(t, i, operation{Op: "grandchild"}))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, n)
	}
	eventually(t, func() bool { return dead(pids[4]) && dead(pids[3]) && dead(pids[2]) }, func() string { return "too many are left" })
	if dead(pids[0]) || dead(pids[1]) || i.Status().PID != pid {
		t.Error("what was within the limit was ended")
	}
	mustAsk(t, i, operation{Op: "echo"})
	for _, pid := range pids[:2] {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestFilesLimit(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	for files, want := range map[int]string{
		0:   "", // the host's own
		200: "Max open files 200 200",
	} {
		spec := newSpec(t, "")
		spec.Settings.Files = files
		i := running(t, s, spec)
		got := mustAsk(t, i, operation{Op: "limits"})
		if !strings.Contains(got, want) || !strings.Contains(got, "Max core file size 0 0 bytes") {
			t.Errorf("%d: the process has %q", files, got)
		}
		hold := sandbox.Hold{Value: int64(files), By: sandbox.Rlimit}
		if files == 0 {
			hold.By = sandbox.None
		}
		if limits := i.Limits(); limits.Files != hold || limits.Memory.By != sandbox.None {
			t.Errorf("%d: limits %+v", files, limits)
		}
	}
	if n := DefaultSettings().Files; n != 1024 {
		t.Errorf("%d files by default", n)
	}
}

// One goroutine looks at all, and ends with the supervisor.
func TestLimitsLeaveNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	s := New(Config{Log: newSupervisor(t).cfg.Log})
	for range 3 {
		spec := newSpec(t, "")
		spec.Settings.Memory, spec.Settings.Processes = 1<<30, 100
		running(t, s, spec)
	}
	s.Close()
	// The other supervisor that newSupervisor made has one goroutine.
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, func() string { return "goroutines are left" })
}
