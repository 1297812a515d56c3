package supervisor

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

func prepared(st Status) bool { return st.Prepared }

func TestAHeldProcessWaitsForItsTurn(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "activate once")
	spec.Held = true
	i := s.Start(spec, nil)
	st := waitStatus(t, i, "prepared process", prepared)
	if st.State != lifecycle.Starting || st.PID == 0 || st.Reason == nil {
		t.Errorf("it is %+v", st)
	}
	if _, err := os.Stat(filepath.Join(spec.DataDir, "activated")); err == nil {
		t.Error("it was activated before its turn")
	}
	if _, err := ask(t, i, operation{Op: "echo"}); err == nil {
		t.Error("it answers before its turn")
	}
	i.Activate()
	i.Activate()
	st = waitState(t, i, lifecycle.Running)
	if st.Prepared {
		t.Error("what runs does not wait")
	}
	mustAsk(t, i, operation{Op: "echo"})
}

func TestAHeldProcessThatDiesIsPreparedAgain(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Held, spec.Tries = true, 3
	failures := make(chan Failure, 10)
	spec.Failed = func(f Failure) { failures <- f }
	i := s.Start(spec, nil)
	for range 2 {
		pid := waitStatus(t, i, "prepared process", prepared).PID
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if f := <-failures; f.Ran || f.Reason.Code != lifecycle.CodeCrashed {
			t.Errorf("the failure is %+v", f)
		}
		waitStatus(t, i, "another process", func(st Status) bool { return st.Prepared && st.PID != pid })
	}
	if err := syscall.Kill(i.Status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	st := waitState(t, i, lifecycle.Failed)
	if !strings.Contains(st.Reason.Message, "tried 3 times") {
		t.Errorf("the reason is %s", st.Reason)
	}
	i.Retry()
	waitStatus(t, i, "prepared process", prepared)
	i.Activate()
	waitState(t, i, lifecycle.Running)
}

func TestAFailedActivationOfAHeldProcessIsFinal(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "activate error")
	spec.Held = true
	i := s.Start(spec, nil)
	waitStatus(t, i, "prepared process", prepared)
	i.Activate()
	st := waitState(t, i, lifecycle.Failed)
	if st.Reason.Code != lifecycle.CodeInitFailed || st.PID != 0 || st.Restarts != 0 {
		t.Errorf("it is %+v", st)
	}
}

func TestAHeldProcessCanBeStopped(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Held = true
	i := s.Start(spec, nil)
	pid := waitStatus(t, i, "prepared process", prepared).PID
	i.Stop(t.Context())
	if st := i.Status(); st.State != lifecycle.Stopped || !dead(pid) {
		t.Errorf("it is %+v", st)
	}
}

func TestTriesAreBounded(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "init error")
	spec.Tries = 2
	count := 0
	spec.Failed = func(Failure) { count++ }
	i := s.Start(spec, nil)
	st := waitState(t, i, lifecycle.Failed)
	i.Stop(t.Context())
	if count != 2 || st.Reason.Code != lifecycle.CodeInitFailed {
		t.Errorf("%d tries: %s", count, st.Reason)
	}
}

// Whatever happens to a process, nothing happens that the machine does not know.
func TestNothingImpossibleHappens(t *testing.T) {
	var log lockedBuffer
	s := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	var all []*Instance
	for _, mode := range []string{"", "init error", "exit early", "crash loop", "activate error", "check error"} {
		for _, held := range []bool{false, true} {
			spec := newSpec(t, mode)
			spec.Held, spec.Tries = held, 2
			i := s.Start(spec, nil)
			i.Activate()
			all = append(all, i)
		}
	}
	for _, i := range all {
		waitStatus(t, i, "outcome", func(st Status) bool { return st.State != lifecycle.Starting })
		i.Retry()
	}
	s.Close()
	if text := log.String(); strings.Contains(text, "impossible") {
		t.Error(text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
