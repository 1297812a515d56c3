package supervisor

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// An SDK that knows nothing of the lane is served all the same.
func TestAnExtensionWithoutTheLane(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	i := running(t, s, newSpec(t, "control only"))
	if i.live.Load().wire.OnLane() {
		t.Error("requests travel on the lane")
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got, err := ask(t, i, operation{Op: "echo", Text: "hello"}); err != nil || got != "hello" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if _, err := ask(t, i, operation{Op: "exit", N: 3}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("a crash: got %v", err)
	}
	waitStatus(t, i, "restart", func(st Status) bool { return st.State == lifecycle.Running && st.Restarts == 1 })
}

// What an extension does to its lane ends the instance, says why, and starts another.
func TestLanesThatBreak(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		op         operation
		code, says string
	}{
		"garbage": {operation{Op: "write lane", Text: strings.Repeat("garbage ", 20)}, lifecycle.CodeProtocolMismatch, "the lane's format is broken: a frame of kind"},
		"closed":  {operation{Op: "shut lane"}, lifecycle.CodeCrashed, "closed its lane to the host and went on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t)
			var mu sync.Mutex
			var reasons []string
			var known atomic.Pointer[Instance]
			i := s.Start(newSpec(t, "own lane"), func() {
				if i := known.Load(); i != nil && i.Status().Reason != nil {
					mu.Lock()
					defer mu.Unlock()
					reasons = append(reasons, i.Status().Reason.Error())
				}
			})
			known.Store(i)
			waitState(t, i, lifecycle.Running)
			if _, err := ask(t, i, test.op); err != nil && sdk.CodeOf(err) != sdk.Unavailable {
				t.Errorf("got %v", err)
			}
			waitStatus(t, i, "restart", func(st Status) bool { return st.State == lifecycle.Running && st.Restarts == 1 })
			mu.Lock()
			defer mu.Unlock()
			if all := strings.Join(reasons, "\n"); !strings.Contains(all, test.code) || !strings.Contains(all, test.says) {
				t.Errorf("the reasons were\n%s\nwant %s: %s", all, test.code, test.says)
			}
			mustAsk(t, i, operation{Op: "echo"})
		})
	}
}
