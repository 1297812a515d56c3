package supervisor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// dial answers with what the machine at address says.
func (e *extension) dial(ctx context.Context, address string) (*sdk.Response, error) {
	conn, err := e.setup.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	return &sdk.Response{MediaType: "text/plain", Payload: said}, err
}

// dialWithoutRoom dials while this process can open nothing more, and then again.
func (e *extension) dialWithoutRoom(ctx context.Context, address string) (*sdk.Response, error) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		return nil, err
	}
	var taken []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	_, err := e.dial(ctx, address)
	for _, f := range taken {
		f.Close()
	}
	if err == nil {
		return nil, errors.New("a dial without room was successful")
	}
	if again, err := e.dial(ctx, address); err != nil || len(again.Payload) == 0 {
		return nil, errors.Join(errors.New("dialling again"), err)
	}
	return &sdk.Response{Payload: []byte(err.Error())}, nil
}

// greeter says hello to everyone who connects.
func greeter(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello " + c.RemoteAddr().String()))
			c.Close()
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

func TestDialsForAnExtension(t *testing.T) {
	var log logged
	s := New(Config{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	defer s.Close()
	address := greeter(t)
	spec := newSpec(t, "")
	spec.Granted = []string{"kv", "net:" + address}
	i := running(t, s, spec)
	got := mustAsk(t, i, operation{Op: "dial", Text: address})
	if !strings.HasPrefix(got, "hello 127.0.0.1:") {
		t.Errorf("got %q", got)
	}
	for range 3 {
		_, err := ask(t, i, operation{Op: "dial", Text: "example.org:443"})
		if sdk.CodeOf(err) != sdk.PermissionDenied || !strings.Contains(err.Error(), "would need net:example.org:443") {
			t.Errorf("got %v", err)
		}
	}

	// The next process has a dial pair of its own.
	if _, err := ask(t, i, operation{Op: "exit", N: 1}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("a crash: %v", err)
	}
	waitStatus(t, i, "restart", func(st Status) bool { return st.State == lifecycle.Running && st.Restarts == 1 })
	mustAsk(t, i, operation{Op: "dial", Text: address})

	// A dial is counted when it was answered.
	dialled := func() int { return strings.Count(log.String(), `level=DEBUG msg="dialled for an extension"`) }
	eventually(t, func() bool { return dialled() == 5 }, func() string { return "not all dials were logged" })
	text := log.String()
	if n := strings.Count(text, `level=INFO msg="an extension was refused a connection"`); n != 1 || !strings.Contains(text, "address=example.org:443") {
		t.Errorf("the refusal was logged %d times:\n%s", n, text)
	}
	for result, want := range map[string]float64{"ok": 2, string(sdk.PermissionDenied): 3} {
		if got := testutil.ToFloat64(s.metrics.dials.WithLabelValues(spec.ID, result)); got != want {
			t.Errorf("%s was counted %v times, want %v", result, got, want)
		}
	}
	i.Stop(t.Context())
	s.Forget(spec.ID)
	if n := testutil.CollectAndCount(s.metrics.dials); n != 0 {
		t.Errorf("%d counters of an extension that was removed", n)
	}
}

// An extension that has used up its descriptors loses that connection, and not the
// ability to make any.
func TestDialWithoutRoom(t *testing.T) {
	s := newSupervisor(t)
	address := greeter(t)
	spec := newSpec(t, "")
	spec.Granted = []string{"net:" + address}
	i := running(t, s, spec)
	if got := mustAsk(t, i, operation{Op: "dial without room", Text: address}); !strings.Contains(got, "too many open files") {
		t.Errorf("got %q", got)
	}
}

// Permissions that make no sense start nothing.
func TestPermissionsThatAreNone(t *testing.T) {
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.Granted = []string{"net:*:443"}
	i := s.Start(spec, nil)
	st := waitState(t, i, lifecycle.Backoff)
	if st.Reason.Code != lifecycle.CodeLaunchFailed || !strings.Contains(st.Reason.Message, `"net:*:443"`) {
		t.Errorf("got %v", st.Reason)
	}
}

func TestRefusalsInTheLog(t *testing.T) {
	var r refusals
	now := time.Now()
	for n := range 2 * loggedRefusals {
		fresh, last := r.note(strings.Repeat("x", n), now)
		if fresh != (n < loggedRefusals) || last != (n == loggedRefusals-1) {
			t.Errorf("destination %d: fresh %v, last %v", n, fresh, last)
		}
	}
	if fresh, _ := r.note("", now.Add(time.Minute)); fresh {
		t.Error("a destination is news twice")
	}
	if fresh, _ := r.note("", now.Add(2*refusalPeriod)); !fresh {
		t.Error("a destination is never news again")
	}
}
