package services

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// asked is what the rest of the host got from a call.
type asked struct {
	ctx context.Context
	req *sdk.Request
}

// listening is a home whose host notes each call and answers it.
func listening(t *testing.T) (*Services, chan asked) {
	calls := make(chan asked, 100)
	h := newHome(t)
	h.ask = func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		calls <- asked{ctx, req}
		return &sdk.Response{Type: "t.Answer"}, nil
	}
	return h.open(t), calls
}

func TestCallInTheNameOfTheCaller(t *testing.T) {
	s, calls := listening(t)
	a := access(s, "t.A", "call:t.B")
	if !a.Calls() || access(s, "t.C", "kv").Calls() {
		t.Error("who may call is not told")
	}
	ada := sdk.Caller{Subject: "ada", Roles: []string{"viewer"}, Session: "s", Extension: "t.Before"}
	req := &sdk.Request{ID: "r-1", Type: "t.A", Caller: ada, Trace: sdk.Trace{Parent: "p"}}
	sent, done := a.Track(t.Context(), req)
	if sent == req || req.Ticket != "" || sent.Ticket == "" || sent.ID != "r-1" {
		t.Fatalf("tracked is %+v", sent)
	}
	other, otherDone := a.Track(t.Context(), &sdk.Request{ID: "r-1", Caller: sdk.Caller{Subject: "mallory"}})
	defer otherDone()
	ask := func(ticket string, req *sdk.Request) *sdk.Request {
		t.Helper()
		if _, err := a.Call(t.Context(), ticket, req); err != nil {
			t.Fatal(err)
		}
		return (<-calls).req
	}
	got := ask(sent.Ticket, &sdk.Request{Type: "t.B", MediaType: "a/b", Payload: []byte("p"), ID: "forged", Caller: sdk.Caller{Subject: "root"}, Ticket: "x"})
	if c := got.Caller; c.Subject != "ada" || !slices.Equal(c.Roles, ada.Roles) || c.Session != "s" || c.Extension != "t.A" {
		t.Errorf("asked in the name of %+v", c)
	}
	if got.ID != "r-1" || got.Type != "t.B" || got.MediaType != "a/b" || string(got.Payload) != "p" || got.Trace.Parent != "p" || got.Ticket != "" {
		t.Errorf("asked with %+v", got)
	}
	if got := ask(other.Ticket, &sdk.Request{Type: "t.B", Trace: sdk.Trace{Parent: "own"}}); got.Caller.Subject != "mallory" || got.Trace.Parent != "own" {
		t.Errorf("two requests with one id: asked with %+v", got)
	}
	done()
	seen := map[string]bool{"r-1": true}
	for _, ticket := range []string{sent.Ticket, "", "r-1", "99"} {
		got := ask(ticket, &sdk.Request{Type: "t.B"})
		if c := got.Caller; c.Subject != "" || c.Roles != nil || c.Session != "" || c.Extension != "t.A" {
			t.Errorf("outside of a request asked in the name of %+v", c)
		}
		if seen[got.ID] || len(got.ID) < 16 {
			t.Errorf("outside of a request asked with the id %q", got.ID)
		}
		seen[got.ID] = true
	}
}

func TestCallEndsWithItsRequest(t *testing.T) {
	s, calls := listening(t)
	a := access(s, "t.A", "call:t.B")
	soon, cancel := context.WithTimeout(t.Context(), time.Hour)
	sent, done := a.Track(soon, &sdk.Request{})
	defer done()
	long, cancelLong := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancelLong()
	want, _ := soon.Deadline()
	s.cfg.Ask = func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		calls <- asked{ctx, req}
		if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
			t.Errorf("the deadline is %v, want that of the request, %v", got, want)
		}
		cancel() // the client goes away
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if _, err := a.Call(long, sent.Ticket, &sdk.Request{Type: "t.B"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// The deadline of the call itself counts when it is sooner.
	minute, cancelMinute := context.WithTimeout(t.Context(), time.Minute)
	defer cancelMinute()
	want, _ = minute.Deadline()
	fresh, doneToo := a.Track(long, &sdk.Request{})
	defer doneToo()
	s.cfg.Ask = func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
			t.Errorf("the deadline is %v, want that of the call, %v", got, want)
		}
		return &sdk.Response{}, nil
	}
	if _, err := a.Call(minute, fresh.Ticket, &sdk.Request{Type: "t.B"}); err != nil {
		t.Error(err)
	}
}

// A calls B and B calls A, for as long as they are let.
func TestCallsInACircle(t *testing.T) {
	h := newHome(t)
	s := h.open(t)
	who := map[string]*Access{"t.A": access(s, "t.A", "call:t.B"), "t.B": access(s, "t.B", "call:t.A")}
	next := map[string]string{"t.A": "t.B", "t.B": "t.A"}
	depth := 0
	answer := func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		a := who[req.Type]
		sent, done := a.Track(ctx, req)
		defer done()
		depth++
		return a.Call(ctx, sent.Ticket, &sdk.Request{Type: next[req.Type]})
	}
	s.cfg.Ask = answer
	_, err := answer(t.Context(), &sdk.Request{Type: "t.A"})
	if sdk.CodeOf(err) != sdk.ExtensionFault || depth != maxDepth+1 {
		t.Errorf("%d handlers ran, and then %v", depth, err)
	}
	if path := strings.Repeat("t.A → t.B → ", maxDepth/2) + "t.A → t.B"; err == nil || !strings.HasSuffix(err.Error(), ": "+path) {
		t.Errorf("%v does not end with the path %s", err, path)
	}
}
