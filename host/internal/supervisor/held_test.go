package supervisor

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// failures collects what Spec.Failed is told.
type failures struct {
	mu  sync.Mutex
	all []Failure
}

func (f *failures) add(one Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, one)
}

func (f *failures) list() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all)
}

func newHeld(t *testing.T, mode string) (Spec, *failures) {
	t.Helper()
	spec, seen := newSpec(t, mode), new(failures)
	spec.Held, spec.Failed = true, seen.add
	return spec, seen
}

func waitPrepared(t *testing.T, i *Instance) Status {
	t.Helper()
	return waitStatus(t, i, "prepared process", func(st Status) bool { return st.Prepared })
}

func exists(path ...string) bool {
	_, err := os.Stat(filepath.Join(path...))
	return err == nil
}

func TestHeldUntilActivated(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec, seen := newHeld(t, "")
	i := s.Start(spec, nil)
	st := waitPrepared(t, i)
	if st.State != lifecycle.Starting || st.PID == 0 || st.Started != nil || st.Reason == nil {
		t.Errorf("prepared: %+v", st)
	}
	if exists(spec.DataDir, "activated") {
		t.Error("it was activated before it was told")
	}
	if _, err := ask(t, i, operation{Op: "echo"}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("a prepared process was asked: %v", err)
	}
	i.Activate()
	i.Activate()
	after := waitState(t, i, lifecycle.Running)
	if after.PID != st.PID || after.Prepared || !exists(spec.DataDir, "activated") {
		t.Errorf("activated: %+v", after)
	}
	// From here on it is an instance like any other.
	if _, err := ask(t, i, operation{Op: "exit", N: 7}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("the request that ended it: %v", err)
	}
	waitStatus(t, i, "second process", func(st Status) bool { return st.State == lifecycle.Running && st.PID != after.PID })
	if all := seen.list(); len(all) != 1 || !all[0].Ran || all[0].Reason.Code != lifecycle.CodeCrashed || *all[0].Reason.ExitCode != 7 || all[0].Dump != nil {
		t.Errorf("failures: %+v", all)
	}
}

// Told early, it does not wait.
func TestActivatedBeforeItIsPrepared(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec, _ := newHeld(t, "")
	i := s.Start(spec, nil)
	i.Activate()
	waitState(t, i, lifecycle.Running)
}

// An extension that has no Activate waits all the same.
func TestHeldWithoutActivate(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec, _ := newHeld(t, "typed")
	var err error
	if spec.Types, err = serve.Describe(typedExtension(), spec.Manifest); err != nil {
		t.Fatal(err)
	}
	spec.HasTypes = true
	i := s.Start(spec, nil)
	waitPrepared(t, i)
	i.Activate()
	waitState(t, i, lifecycle.Running)
}

func TestHeldIsStopped(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec, seen := newHeld(t, "")
	i := s.Start(spec, nil)
	pid := waitPrepared(t, i).PID
	i.Stop(t.Context())
	if st := i.Status(); st.State != lifecycle.Stopped || st.PID != 0 || st.Prepared || !dead(pid) {
		t.Errorf("stopped: %+v", st)
	}
	// What was never activated has no say in the data.
	if exists(spec.DataDir, "activated") || exists(spec.DataDir, "destroyed") {
		t.Error("it wrote its data")
	}
	if all := seen.list(); len(all) != 0 {
		t.Errorf("failures: %+v", all)
	}
}

// What dies or hangs while it waits is prepared again.
func TestHeldFailsWhileItWaits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		signal syscall.Signal
		code   string
		dump   bool
	}{
		"dies":  {syscall.SIGKILL, lifecycle.CodeCrashed, false},
		"hangs": {syscall.SIGSTOP, lifecycle.CodeHung, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t)
			spec, seen := newHeld(t, "")
			spec.Settings.CheckInterval, spec.Settings.CheckTimeout = 100*time.Millisecond, 400*time.Millisecond
			i := s.Start(spec, nil)
			first := waitPrepared(t, i)
			if err := syscall.Kill(first.PID, test.signal); err != nil {
				t.Fatal(err)
			}
			second := waitStatus(t, i, "second process", func(st Status) bool { return st.Prepared && st.PID != first.PID })
			if second.State != lifecycle.Starting || second.Restarts != 0 || second.LastExit == nil || exists(spec.DataDir, "activated") {
				t.Errorf("prepared again: %+v", second)
			}
			all := seen.list()
			if len(all) != 1 || all[0].Ran || all[0].Reason.Code != test.code || (all[0].Dump != nil) != test.dump {
				t.Fatalf("failures: %+v", all)
			}
			i.Activate()
			waitState(t, i, lifecycle.Running)
		})
	}
}

// Once activation has failed nobody knows what became of the data: it is not tried again.
func TestHeldActivateFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode, code, message string
	}{
		"says no":        {"activate error", lifecycle.CodeInitFailed, "newer version"},
		"takes too long": {"activate hang", lifecycle.CodeInitTimeout, "timeouts.start"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t)
			spec, seen := newHeld(t, test.mode)
			if test.code == lifecycle.CodeInitTimeout {
				spec.Settings.StartTimeout = 3 * time.Second
			}
			i := s.Start(spec, nil)
			pid := waitPrepared(t, i).PID
			before := len(seen.list()) // a busy machine may have needed more than one try to prepare it in time
			i.Activate()
			st := waitState(t, i, lifecycle.Failed)
			if st.Reason.Code != test.code || !strings.Contains(st.Reason.Message, test.message) || st.PID != 0 || st.Restarts != 0 {
				t.Errorf("status %+v, reason %v", st, st.Reason)
			}
			if all := seen.list()[before:]; len(all) != 1 || all[0].Ran || all[0].Reason.Code != test.code {
				t.Errorf("failures: %+v", all)
			}
			if !dead(pid) || entries(t, spec.RunDir) != 0 {
				t.Error("something is left of it")
			}
		})
	}
}

func TestTries(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec, seen := newHeld(t, "init error")
	spec.Held, spec.Tries = false, 3
	i := s.Start(spec, nil)
	st := waitState(t, i, lifecycle.Failed)
	if st.Reason.Code != lifecycle.CodeInitFailed || !strings.HasSuffix(st.Reason.Message, "; tried 3 times") || st.NextTry != nil {
		t.Errorf("reason %v", st.Reason)
	}
	if all := seen.list(); len(all) != 3 || st.Restarts != 2 {
		t.Errorf("%d failures, %d restarts", len(all), st.Restarts)
	}
}

// What ran once is tried for ever.
func TestTriesAreForTheFirstStart(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec, seen := newHeld(t, "")
	spec.Held, spec.Tries = false, 2
	i := running(t, s, spec)
	mustWrite(filepath.Join(spec.DataDir, "unhealthy"), "")
	if err := syscall.Kill(i.Status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitStatus(t, i, "fourth process", func(st Status) bool { return st.Restarts >= 4 && st.State == lifecycle.Starting })
	if all := seen.list(); !all[0].Ran || all[1].Ran || all[1].Reason.Code != lifecycle.CodeCheckFailed {
		t.Errorf("failures: %+v", all)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	for name, tries := range map[string]int{"from failed": 1, "from backoff": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t)
			spec := newSpec(t, "init once")
			spec.Tries = tries
			spec.Settings.BackoffFirst, spec.Settings.BackoffMax = time.Hour, time.Hour
			i := s.Start(spec, nil)
			i.Retry() // it is starting: nothing to do
			want := lifecycle.Backoff
			if tries > 0 {
				want = lifecycle.Failed
			}
			waitState(t, i, want)
			i.Retry()
			st := waitState(t, i, lifecycle.Running)
			if st.Restarts != 1 || st.NextTry != nil {
				t.Errorf("status %+v", st)
			}
			i.Retry() // it runs: nothing to do
			mustAsk(t, i, operation{Op: "echo"})
		})
	}
}

// The goroutines of a hung process are in the evidence, those of a stopped one, too.
func TestDumpOfAHungProcess(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"hangs", "is stopped"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t)
			spec, seen := newHeld(t, "")
			spec.Held = false
			spec.Settings.CheckInterval, spec.Settings.CheckTimeout = 100*time.Millisecond, 400*time.Millisecond
			i := running(t, s, spec)
			if way == "hangs" {
				mustWrite(filepath.Join(spec.DataDir, "hang"), "")
			} else if err := syscall.Kill(i.Status().PID, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool { return len(seen.list()) > 0 }, func() string { return "no failure" })
			f := seen.list()[0]
			if f.Reason.Code != lifecycle.CodeHung || !f.Ran || !strings.Contains(string(f.Dump), "SIGQUIT") ||
				!strings.Contains(string(f.Dump), "goroutine ") || len(f.Dump) > dumpBytes {
				t.Errorf("failure %v, ran %v, dump of %d bytes: %.300s", f.Reason, f.Ran, len(f.Dump), f.Dump)
			}
			if log, err := os.ReadFile(spec.LogFile); err != nil || !strings.Contains(string(log), "SIGQUIT") {
				t.Errorf("the log has no dump: %v", err)
			}
		})
	}
}

func TestDumpIsBounded(t *testing.T) {
	o := newOutput(newSupervisor(t).cfg.Log, slog.LevelInfo, nil)
	in := o.stream(nil)
	in.Write([]byte("before\n"))
	o.keepDump()
	for range 100 {
		in.Write([]byte(strings.Repeat("x", 1000) + "\n"))
	}
	if dump := o.dumped(); len(dump) != dumpBytes || dump[0] != 'x' {
		t.Errorf("%d bytes: %.20s", len(dump), dump)
	}
}

// What the machine does not know is said and changes nothing.
func TestImpossibleEvent(t *testing.T) {
	t.Parallel()
	var log logged
	s := newSupervisor(t)
	i := newInstance(s, newSpec(t, ""), nil, func() {})
	i.log = slog.New(slog.NewTextHandler(&log, nil))
	before := i.Status()
	i.update(lifecycle.Crash, func(st *Status) { st.PID = 42 })
	if i.Status() != before || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "event=crash") {
		t.Errorf("status %+v, log %s", i.Status(), log.String())
	}
}
