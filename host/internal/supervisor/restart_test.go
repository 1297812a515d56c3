package supervisor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

func TestRequestsWaitForARestart(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Settings.BackoffFirst, spec.Settings.BackoffMax = time.Hour, time.Hour
	i := running(t, s, spec)
	first := i.Status()
	if _, err := ask(t, i, operation{Op: "exit", N: 7}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Fatalf("the request that ended the process: %v", err)
	}
	// A busy machine may take longer than a request waits, but sends none to the dead.
	eventually(t, func() bool {
		_, err := ask(t, i, operation{Op: "echo"})
		var fault *sdk.Error
		if err != nil && (!errors.As(err, &fault) || !fault.Retryable) {
			t.Errorf("after the crash: %v", err)
		}
		return err == nil
	}, func() string { return "no restart" })
	if st := i.Status(); st.PID == first.PID || st.Restarts != 1 || st.Restarting {
		t.Errorf("after the restart: %+v", st)
	}

	if _, err := ask(t, i, operation{Op: "exit", N: 7}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Fatalf("the request that ended the second process: %v", err)
	}
	var fault *sdk.Error
	if _, err := ask(t, i, operation{Op: "echo"}); !errors.As(err, &fault) || fault.Code != sdk.Unavailable || fault.RetryAfter < time.Minute {
		t.Errorf("in back-off: %v, want unavailable at once, to be tried after the pause", err)
	}
}

// TestNoEndlessWaitForARestart: a process that does not come back costs a request
// restartWait, or what is left of its own time.
func TestNoEndlessWaitForARestart(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	i := newInstance(s, newSpec(t, ""), nil, func() {})
	i.update(same, func(st *Status) { st.Restarting = true })
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancelLate()
	for _, test := range []struct {
		ctx  context.Context
		code sdk.Code
	}{{t.Context(), sdk.Unavailable}, {canceled, sdk.Canceled}, {late, sdk.DeadlineExceeded}} {
		var fault *sdk.Error
		if _, err := askWith(test.ctx, i, operation{Op: "echo"}); !errors.As(err, &fault) || fault.Code != test.code || !fault.Retryable {
			t.Errorf("got %v, want a retryable %s", err, test.code)
		}
	}
	i.update(lifecycle.Pause, func(*Status) {})
	if i.Status().Restarting {
		t.Error("back-off counts as a restart at once")
	}
}
