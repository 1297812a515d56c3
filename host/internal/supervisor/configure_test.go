package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// lively is an extension that takes configurations while it runs, and answers with the
// one that it has.
type lively struct {
	*extension
	config atomic.Pointer[json.RawMessage]
}

func (l *lively) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.HandleRaw(func(context.Context, *sdk.Request) (*sdk.Response, error) {
		return &sdk.Response{MediaType: "text/plain", Payload: *l.config.Load()}, nil
	})}
}

func (l *lively) Init(ctx context.Context, setup sdk.Setup) error {
	l.config.Store(&setup.Config)
	return l.extension.Init(ctx, setup)
}

func (l *lively) Configure(_ context.Context, config json.RawMessage) error {
	switch string(config) {
	case `"refuse"`:
		return errors.New("no")
	case `"panic"`:
		panic("no")
	case `"exit"`:
		syscall.Exit(3)
	case `"hang"`:
		wait()
	}
	l.config.Store(&config)
	return nil
}

// source is what is stored, and may be other than what a process has.
type source struct {
	config Configuration
	reason *lifecycle.Reason
}

func configurable(t *testing.T, mode string) (Spec, *atomic.Pointer[source]) {
	spec := newSpec(t, mode)
	stored := new(atomic.Pointer[source])
	stored.Store(&source{config: Configuration{json.RawMessage(`1`), 1}})
	spec.Configuration = func() (Configuration, *lifecycle.Reason) {
		s := stored.Load()
		return s.config, s.reason
	}
	return spec, stored
}

func has(t *testing.T, i *Instance, want string) {
	t.Helper()
	if got, err := ask(t, i, operation{}); err != nil || got != want {
		t.Errorf("it has %s, %v; want %s", got, err, want)
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	spec, stored := configurable(t, "live")
	i := running(t, newSupervisor(t), spec)
	has(t, i, "1")
	if !i.TakesConfiguration() || i.Configured() != 1 {
		t.Errorf("takes %v, has revision %d", i.TakesConfiguration(), i.Configured())
	}
	two := Configuration{json.RawMessage(`2`), 2}
	keep := func() error { stored.Store(&source{config: two}); return nil }
	if err := i.Configure(t.Context(), two, keep); err != nil || i.Configured() != 2 {
		t.Fatalf("%v, revision %d", err, i.Configured())
	}
	has(t, i, "2")

	// What cannot be kept is taken back; what is refused is not kept.
	full := errors.New("no room")
	if err := i.Configure(t.Context(), Configuration{json.RawMessage(`3`), 3}, func() error { return full }); !errors.Is(err, full) || errors.Is(err, ErrUnsure) {
		t.Errorf("keeping it has failed: %v", err)
	}
	var refused *RefusedError
	if err := i.Configure(t.Context(), Configuration{json.RawMessage(`"refuse"`), 3}, nil); !errors.As(err, &refused) || refused.Message != "no" {
		t.Errorf("it has refused: %v", err)
	}
	if err := i.Configure(t.Context(), Configuration{json.RawMessage(`"panic"`), 3}, nil); !errors.Is(err, ErrUnsure) {
		t.Errorf("it has panicked: %v", err)
	}
	has(t, i, "2")
	if i.Configured() != 2 {
		t.Errorf("it has revision %d", i.Configured())
	}

	// A process that dies with it says nothing about what it had; the next one has what
	// is stored.
	if err := i.Configure(t.Context(), Configuration{json.RawMessage(`"exit"`), 3}, nil); !errors.Is(err, ErrUnsure) {
		t.Errorf("it has died: %v", err)
	}
	eventually(t, func() bool { got, err := ask(t, i, operation{}); return err == nil && got == "2" }, func() string { return "the next process has something else" })
}

func TestConfigureThatHangs(t *testing.T) {
	t.Parallel()
	spec, _ := configurable(t, "live")
	spec.Settings.StartTimeout = 10 * time.Second // which a start has on a busy machine, and what hangs, too
	i := running(t, newSupervisor(t), spec)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // who has asked is gone: it goes on to its end all the same
	if err := i.Configure(ctx, Configuration{json.RawMessage(`"hang"`), 2}, nil); !errors.Is(err, ErrUnsure) {
		t.Errorf("it has not answered: %v", err)
	}
}

func TestConfigureWithoutConfigurer(t *testing.T) {
	t.Parallel()
	spec, _ := configurable(t, "")
	s := newSupervisor(t)
	i := running(t, s, spec)
	if err := i.Configure(t.Context(), Configuration{}, nil); !errors.Is(err, ErrNotLive) || i.TakesConfiguration() {
		t.Errorf("%v, takes %v", err, i.TakesConfiguration())
	}
	i.Stop(t.Context())
	if err := i.Configure(t.Context(), Configuration{}, nil); !errors.Is(err, ErrNoProcess) {
		t.Errorf("of a stopped one: %v", err)
	}
}

// TestNoConfiguration: no process is launched before there is one, and then a try is all
// that it takes.
func TestNoConfiguration(t *testing.T) {
	t.Parallel()
	spec, stored := configurable(t, "live")
	stored.Store(&source{reason: lifecycle.Reasonf(lifecycle.StageInit, lifecycle.CodeConfigInvalid, "nothing is set")})
	i := newSupervisor(t).Start(spec, nil)
	st := waitState(t, i, lifecycle.Failed)
	if st.Reason.Code != lifecycle.CodeConfigInvalid || st.LastExit != nil || i.Configured() != -1 {
		t.Errorf("it is %+v with %v", st, st.Reason)
	}
	stored.Store(&source{config: Configuration{json.RawMessage(`5`), 5}})
	i.Retry()
	waitState(t, i, lifecycle.Running)
	has(t, i, "5")
}
