package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

func TestCrash(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		op     operation
		code   string
		exit   int
		signal string
		stderr string
	}{
		"panic":          {operation{Op: "crash", Text: "out of luck"}, lifecycle.CodeCrashed, 2, "", "panic: out of luck"},
		"exit status":    {operation{Op: "exit", N: 7}, lifecycle.CodeCrashed, 7, "", "last words"},
		"exit status 0":  {operation{Op: "exit", N: 0}, lifecycle.CodeExited, 0, "", "last words"},
		"killed outside": {operation{Op: "sleep", N: 60_000}, lifecycle.CodeCrashed, 0, "SIGKILL", "last words"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t)
			spec := newSpec(t, "")
			var mu sync.Mutex
			var seen []Status
			var i *Instance
			started := make(chan struct{})
			i = s.Start(spec, func() {
				<-started
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, i.Status())
			})
			close(started)
			first := waitState(t, i, lifecycle.Running)
			mustAsk(t, i, operation{Op: "print", N: 1, Text: "last words"})

			failed := make(chan error, 1)
			go func() { _, err := askWith(context.WithoutCancel(t.Context()), i, test.op); failed <- err }()
			if test.signal != "" {
				eventually(t, func() bool { return i.live.Load().flight.count() == 1 }, func() string { return "no request in flight" })
				if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			var answer *sdk.Error
			if err := <-failed; !errors.As(err, &answer) || answer.Code != sdk.Unavailable || answer.Retryable {
				t.Errorf("the request that was in flight: %v, want unavailable, not retryable", err)
			}
			st := waitStatus(t, i, "second process", func(st Status) bool { return st.State == lifecycle.Running && st.PID != first.PID })
			if st.Restarts != 1 || st.Reason != nil {
				t.Errorf("status after the restart: %+v", st)
			}
			exit := st.LastExit
			if exit == nil || exit.Signal != test.signal || (exit.ExitCode == nil) != (test.signal != "") ||
				exit.ExitCode != nil && *exit.ExitCode != test.exit {
				t.Errorf("last exit: %+v", exit)
			}
			mu.Lock()
			defer mu.Unlock()
			at := slices.IndexFunc(seen, func(st Status) bool { return st.Reason != nil && st.Reason.Code == test.code })
			if at < 0 {
				t.Fatalf("no status with code %s in %+v", test.code, seen)
			}
			if r := seen[at].Reason; r.Stage != lifecycle.StageRuntime || !strings.Contains(strings.Join(r.Stderr, "\n"), test.stderr) {
				t.Errorf("reason %v with stderr %q", r, r.Stderr)
			}
			if slices.ContainsFunc(seen, func(st Status) bool { return st.State == lifecycle.Backoff }) {
				t.Error("the first crash went into back-off")
			}
		})
	}
}

func TestCrashLoop(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "crash loop")
	i := s.Start(spec, nil)
	waitStatus(t, i, "crash loop", func(st Status) bool {
		return st.State == lifecycle.Backoff && strings.Contains(st.Reason.Message, "crash loop") && st.Restarts >= loopCrashes-1
	})
	err := i.unavailable()
	if !err.Retryable || err.RetryAfter <= 0 {
		t.Errorf("in back-off it answers %+v", err)
	}
}

func TestHung(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.CheckInterval, spec.Settings.CheckTimeout = 100*time.Millisecond, 400*time.Millisecond
	i := running(t, s, spec)
	first := i.Status()
	if err := syscall.Kill(first.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	st := waitStatus(t, i, "new process", func(st Status) bool { return st.State == lifecycle.Running && st.PID != first.PID })
	if st.LastExit == nil || !slices.ContainsFunc(st.LastExit.Stderr, func(l string) bool { return strings.Contains(l, "goroutine") }) {
		t.Errorf("no goroutine dump in the last exit: %+v", st.LastExit)
	}
	if n := testCounter(t, s, spec.ID, lifecycle.CodeHung); n != 1 {
		t.Errorf("%v restarts counted with reason hung, want 1", n)
	}
	log, err := os.ReadFile(spec.LogFile)
	if err != nil || !strings.Contains(string(log), "SIGQUIT") {
		t.Errorf("the log has no dump: %v", err)
	}
}

func TestUnhealthy(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.CheckInterval = 20 * time.Millisecond
	spec.Settings.BackoffFirst, spec.Settings.BackoffMax = time.Minute, time.Minute
	i := running(t, s, spec)
	mustWrite(filepath.Join(spec.DataDir, "unhealthy"), "")
	st := waitState(t, i, lifecycle.Backoff) // the restart fails its first check
	if st.Reason.Code != lifecycle.CodeCheckFailed || !strings.Contains(st.Reason.Message, "somebody made it unhealthy") {
		t.Errorf("reason %v", st.Reason)
	}
}

func TestStopDrains(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	i := running(t, s, spec)
	c := i.live.Load()
	answered := make(chan string, 1)
	go func() {
		text, err := askWith(context.WithoutCancel(t.Context()), i, operation{Op: "sleep", N: 300})
		if err != nil {
			text = err.Error()
		}
		answered <- text
	}()
	eventually(t, func() bool { return c.flight.count() == 1 }, func() string { return "no request in flight" })
	var stops sync.WaitGroup
	for range 3 {
		stops.Go(func() { i.Stop(t.Context()) })
	}
	waitState(t, i, lifecycle.Draining)
	if _, err := ask(t, i, operation{Op: "echo"}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("a request while draining: %v", err)
	}
	stops.Wait()
	if text := <-answered; text != "slept" {
		t.Errorf("the request in flight was answered %q", text)
	}
	if _, err := os.Stat(filepath.Join(spec.DataDir, "destroyed")); err != nil {
		t.Error(err)
	}
}

// When the drain is cut short, the requests in flight are canceled before Destroy.
func TestStopCutsOff(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.DrainTimeout = 20 * time.Millisecond
	i := running(t, s, spec)
	c := i.live.Load()
	failed := make(chan error, 1)
	go func() {
		_, err := askWith(context.WithoutCancel(t.Context()), i, operation{Op: "sleep", N: 600_000})
		failed <- err
	}()
	eventually(t, func() bool { return c.flight.count() == 1 }, func() string { return "no request in flight" })
	i.Stop(t.Context())
	if err := <-failed; sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("the request that was cut off: %v", err)
	}
	if _, err := os.Stat(filepath.Join(spec.DataDir, "destroyed")); err != nil {
		t.Error(err)
	}
}

func TestStopInEveryState(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode  string
		state lifecycle.State
	}{
		"silent at the handshake": {"silent", lifecycle.Starting},
		"hangs in init":           {"init hang", lifecycle.Starting},
		"backs off":               {"init error", lifecycle.Backoff},
		"failed":                  {"typed", lifecycle.Failed},
		"hangs in destroy":        {"destroy hang", lifecycle.Running},
	}
	s := newSupervisor(t)
	s.cfg.DestroyTimeout = 200 * time.Millisecond
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(t, test.mode)
			spec.Settings.BackoffFirst, spec.Settings.BackoffMax = time.Minute, time.Minute
			i := s.Start(spec, nil)
			waitState(t, i, test.state)
			i.Stop(t.Context())
			if st := i.Status(); st.State != lifecycle.Stopped || st.PID != 0 {
				t.Errorf("status %+v", st)
			}
		})
	}
}

// A grandchild that holds the process's output delays nothing, and dies with the
// group when it is in it.
func TestGrandchild(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"group", "session"} {
		t.Run(where, func(t *testing.T) {
			s := newSupervisor(t)
			spec := newSpec(t, "")
			spec.Settings.BackoffFirst = time.Minute
			i := running(t, s, spec)
			first := i.Status().PID
			pid, err := strconv.Atoi(mustAsk(t, i, operation{Op: "grandchild", Text: where}))
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Kill(pid, syscall.SIGKILL)
			inFlight := make(chan error, 2)
			for range cap(inFlight) {
				go func() {
					_, err := askWith(context.WithoutCancel(t.Context()), i, operation{Op: "sleep", N: 600_000})
					inFlight <- err
				}()
			}
			eventually(t, func() bool { return i.live.Load().flight.count() == 2 }, func() string { return "no requests in flight" })
			began := time.Now()
			if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			waitStatus(t, i, "news of the crash", func(st Status) bool { return st.LastExit != nil })
			for range cap(inFlight) {
				if err := <-inFlight; sdk.CodeOf(err) != sdk.Unavailable {
					t.Errorf("a request in flight: %v", err)
				}
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the crash was noticed after %s", took)
			}
			if where == "group" {
				eventually(t, func() bool { return dead(pid) }, func() string { return "the grandchild lives" })
			}
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	files := openDescriptors(t)
	s := New(Config{Log: newSupervisor(t).cfg.Log})
	var pids []int
	for _, mode := range []string{"", "init error", "exit early", "silent", "other version", "crash loop"} {
		i := s.Start(newSpec(t, mode), nil)
		if mode == "" {
			waitState(t, i, lifecycle.Running)
			mustAsk(t, i, operation{Op: "echo"})
			pids = append(pids, i.Status().PID)
		} else if mode != "silent" {
			waitStatus(t, i, "failure", func(st Status) bool { return st.LastExit != nil })
		}
	}
	s.Close()
	for _, pid := range pids {
		if !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			t.Errorf("process %d is left", pid)
		}
	}
	// The other supervisor that newSupervisor made has one goroutine.
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, func() string {
		stacks := make([]byte, 1<<20)
		return "goroutines are left\n" + string(stacks[:runtime.Stack(stacks, true)])
	})
	eventually(t, func() bool { return openDescriptors(t) <= files }, func() string { return "descriptors are left" })
	if i := s.Start(newSpec(t, ""), nil); i.Status().State != lifecycle.Stopped {
		t.Error("a closed supervisor starts something")
	}
}
