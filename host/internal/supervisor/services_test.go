package supervisor

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

// accesses are what the processes of one test were given.
type accesses struct {
	kv   sdk.KeyValue
	mu   sync.Mutex // guards all
	all  []*noted
	call func(ctx context.Context, ticket string) error
}

// noted is an Access that notes what the supervisor tells it.
type noted struct {
	sdk.KeyValue
	of      *accesses
	granted []string
	active  atomic.Bool
	tracked atomic.Int64 // requests that were begun
	done    atomic.Int64 // requests that have ended
}

func (n *noted) Offer() service.Config {
	return service.Config{
		Services: n, Grants: service.ParseGrants(n.granted), MayWrite: n.active.Load, Log: slog.New(slog.DiscardHandler),
	}
}

func (n *noted) Activate()   { n.active.Store(true) }
func (n *noted) Calls() bool { return service.ParseGrants(n.granted).Calls() }

func (n *noted) Track(_ context.Context, req *sdk.Request) (*sdk.Request, func()) {
	sent := *req
	sent.Ticket = "ticket " + req.ID
	n.tracked.Add(1)
	return &sent, func() { n.done.Add(1) }
}

func (n *noted) Call(ctx context.Context, ticket string, _ *sdk.Request) (*sdk.Response, error) {
	return &sdk.Response{Payload: []byte("called")}, n.of.call(ctx, ticket)
}

func (a *accesses) open(_ string, _, granted []string, _ *slog.Logger) Access {
	n := &noted{KeyValue: a.kv, of: a, granted: granted}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, n)
	return n
}

// last is the access of the newest process.
func (a *accesses) last() *noted {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[len(a.all)-1]
}

func offering(t *testing.T) (*Supervisor, *accesses) {
	a := &accesses{kv: sdktest.NewKeyValue(0)}
	s := New(Config{Log: slog.New(noBugs{t}), Services: a.open})
	t.Cleanup(s.Close)
	return s, a
}

func TestServicesOfAProcess(t *testing.T) {
	s, a := offering(t)
	spec := newSpec(t, "")
	spec.Asked, spec.Granted = []string{"kv", "events"}, []string{"kv", "events"}
	i := running(t, s, spec)
	mustAsk(t, i, operation{Op: "put", Text: "value"})
	if e, err := a.kv.Get(t.Context(), "key"); err != nil || string(e.Value) != "value" {
		t.Errorf("stored is %q, %v", e.Value, err)
	}
	if _, err := ask(t, i, operation{Op: "call", Text: "x.B"}); sdk.CodeOf(err) != sdk.PermissionDenied {
		t.Errorf("a call without permission: %v", err)
	}
	if got := mustAsk(t, i, operation{Op: "ticket"}); got != "" || a.last().tracked.Load() != 0 {
		t.Errorf("the requests of a process that may not call are tracked: %q", got)
	}
	if got := a.last().granted; !slices.Equal(got, spec.Granted) {
		t.Errorf("granted are %q", got)
	}
	// The next process has an access of its own.
	if _, err := ask(t, i, operation{Op: "exit"}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Fatal(err)
	}
	waitStatus(t, i, "restart", func(st Status) bool { return st.Restarts == 1 && st.State == lifecycle.Running })
	mustAsk(t, i, operation{Op: "put", Text: "after the restart"})
	if len(a.all) != 2 {
		t.Errorf("two processes had %d accesses", len(a.all))
	}
}

func TestNoServicesAreOffered(t *testing.T) {
	spec := newSpec(t, "")
	spec.Asked, spec.Granted = []string{"kv"}, []string{"kv"}
	i := running(t, newSupervisor(t), spec)
	if _, err := ask(t, i, operation{Op: "put"}); sdk.CodeOf(err) != sdk.PermissionDenied || !strings.Contains(err.Error(), "offers no services") {
		t.Errorf("got %v", err)
	}
}

// A process that is held may not write what the one that serves has stored.
func TestHeldProcessOnlyReads(t *testing.T) {
	s, a := offering(t)
	spec := newSpec(t, "init put")
	spec.Granted, spec.Held, spec.Tries = []string{"kv"}, true, 1
	st := waitState(t, s.Start(spec, nil), lifecycle.Failed)
	if !strings.Contains(st.Reason.Message, "can only be read before Activate") {
		t.Errorf("a write in Init fails with %s", st.Reason.Message)
	}
	spec = newSpec(t, "")
	spec.Granted, spec.Held = []string{"kv"}, true
	i := s.Start(spec, nil)
	waitStatus(t, i, "prepared process", func(st Status) bool { return st.Prepared })
	if a.last().active.Load() {
		t.Error("a held process may write")
	}
	i.Activate()
	waitState(t, i, lifecycle.Running)
	mustAsk(t, i, operation{Op: "put"})
}

// What a process has asked for ends with it.
func TestCallsEndWithTheProcess(t *testing.T) {
	s, a := offering(t)
	begun, ended := make(chan string, 1), make(chan struct{}, 1)
	a.call = func(ctx context.Context, ticket string) error {
		begun <- ticket
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	}
	spec := newSpec(t, "")
	spec.Asked, spec.Granted = []string{"call:x.B"}, []string{"call:x.B"}
	i := running(t, s, spec)
	if got := mustAsk(t, i, operation{Op: "ticket"}); got != "ticket 1" {
		t.Errorf("the ticket is %q", got)
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() {
		if _, err := askWith(t.Context(), i, operation{Op: "call", Text: "x.B"}); sdk.CodeOf(err) != sdk.Unavailable {
			t.Errorf("a request whose process died: %v", err)
		}
	})
	if ticket := <-begun; ticket != "ticket 1" {
		t.Errorf("called within %q", ticket)
	}
	access := a.last()
	if _, err := ask(t, i, operation{Op: "exit"}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Error(err)
	}
	<-ended
	asking.Wait()
	if access.tracked.Load() != access.done.Load() {
		t.Errorf("%d requests were tracked, %d to their end", access.tracked.Load(), access.done.Load())
	}
}
