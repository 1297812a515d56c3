package service

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// join serves a Client with answer.
func join(t *testing.T, answer func(context.Context, string) ([]byte, error), permissions ...string) (*Client, *stream) {
	s := serve(t, answer, permissions...)
	c := NewClient(plain())
	c.Offer(32 << 20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Serve(clientEnd{s.pipe})
	}()
	t.Cleanup(func() { s.end(); <-done })
	return c, s
}

func TestClientGivesUp(t *testing.T) {
	begun := make(chan struct{}, 1)
	canceled := make(chan struct{}, 1)
	c, _ := join(t, func(ctx context.Context, what string) ([]byte, error) {
		if what == "get quick" {
			return []byte("v"), nil
		}
		begun <- struct{}{}
		<-ctx.Done()
		canceled <- struct{}{}
		return nil, ctx.Err()
	}, "kv")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := c.Get(ctx, "slow"); sdk.CodeOf(err) != sdk.Canceled {
		t.Errorf("got %v", err)
	}
	select {
	case <-canceled: // the host was told
	case <-time.After(patience):
		t.Error("the host was not told that nobody waits")
	}
	short, cancelShort := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancelShort()
	if _, err := c.Get(short, "slow"); sdk.CodeOf(err) != sdk.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if e, err := c.Get(t.Context(), "quick"); err != nil || string(e.Value) != "v" {
		t.Errorf("afterwards: %v, %v", e, err)
	}
}

// A crowd waits for its turn; the host refuses none.
func TestCrowd(t *testing.T) {
	c, s := join(t, func(context.Context, string) ([]byte, error) { return []byte("v"), nil }, "kv")
	var wg sync.WaitGroup
	for range 20 * maxKeyValue {
		wg.Go(func() {
			if _, err := c.Get(t.Context(), "a"); err != nil {
				t.Errorf("one of a crowd: %v", err)
			}
		})
	}
	wg.Wait()
	if n := len(s.reports); n != 20*maxKeyValue {
		t.Errorf("the host has reported %d asks", n)
	}
}

func TestClientWithoutAHost(t *testing.T) {
	c := NewClient(plain())
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, "a"); sdk.CodeOf(err) != sdk.DeadlineExceeded {
		t.Errorf("before anything is known: %v", err)
	}
	c.Offer(0)
	if _, err := c.Get(t.Context(), "a"); sdk.CodeOf(err) != sdk.PermissionDenied || !strings.Contains(err.Error(), "offers no services") {
		t.Errorf("a host without services: %v", err)
	}
	c, s := join(t, nothing, "kv", "call:x.B")
	if _, err := c.Get(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), &sdk.Request{Type: "x.B", Payload: bytes.Repeat([]byte{1}, 32<<20)}); sdk.CodeOf(err) != sdk.TooLarge {
		t.Errorf("more than the host takes: %v", err)
	}
	if _, err := c.Call(t.Context(), &sdk.Request{Type: "\xff"}); sdk.CodeOf(err) != sdk.InvalidArgument {
		t.Errorf("a type that is not UTF-8: %v", err)
	}
	if err := c.Serve(clientEnd{s.pipe}); err == nil {
		t.Error("a second stream was taken")
	}
	s.end()
	<-c.done
	if _, err := c.Get(t.Context(), "a"); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("after the end of the stream: %v", err)
	}
}

func TestTicketOfTheRequest(t *testing.T) {
	got := make(chan string, 1)
	c, _ := join(t, func(_ context.Context, what string) ([]byte, error) { got <- what; return nil, nil }, "call:x.B")
	ctx := sdk.WithRequest(t.Context(), &sdk.Request{Ticket: "t-1"})
	for want, ctx := range map[string]context.Context{"call x.B t-1": ctx, "call x.B ": t.Context()} {
		if _, err := c.Call(ctx, &sdk.Request{Type: "x.B"}); err != nil {
			t.Fatal(err)
		}
		if is := <-got; is != want {
			t.Errorf("asked %q, want %q", is, want)
		}
	}
}

func TestTTLOnTheWire(t *testing.T) {
	for ttl, want := range map[time.Duration]uint64{0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, time.Hour: 3_600_000} {
		if got := ttlTo(ttl); got != want {
			t.Errorf("%s is sent as %d ms, want %d", ttl, got, want)
		}
	}
	for _, ms := range []uint64{1 << 63, 1<<64 - 1, 9_223_372_036_855} {
		if ttl, err := ttlFrom(ms); sdk.CodeOf(err) != sdk.InvalidArgument {
			t.Errorf("%d ms are read as %s, %v", ms, ttl, err)
		}
	}
}
