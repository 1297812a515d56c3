package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// testMax is the payload limit of the tests' wires.
const testMax = 1 << 20

func pair(t *testing.T, ext Extension) (*Child, *record) {
	t.Helper()
	logged := new(record)
	child, stop, err := Pair(ext, slog.New(slog.NewTextHandler(logged, nil)), testMax)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if _, _, err := child.Describe(t.Context(), map[string]string{"extension_request": "x.Base"}); err != nil || !child.OnLane() {
		t.Fatalf("requests do not travel on the lane: %v", err)
	}
	return child, logged
}

// wantError checks code and a part of the message, and returns the error.
func wantError(t *testing.T, err error, code sdk.Code, text string) *sdk.Error {
	t.Helper()
	var e *sdk.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *sdk.Error", err)
	}
	if e.Code != code || !strings.Contains(e.Message, text) {
		t.Fatalf("got %v, want %s with %q", e, code, text)
	}
	return e
}

func process(t *testing.T, child *Child, typeName string) (*sdk.Response, error) {
	t.Helper()
	return child.Process(t.Context(), &sdk.Request{ID: "r1", Type: typeName, MediaType: "application/json", Payload: []byte(`{}`)})
}

func TestLifecycleCalls(t *testing.T) {
	child, logged := pair(t, probe{metrics: []byte("a 1\n")})
	ctx := t.Context()
	types, can, err := child.Describe(ctx, map[string]string{"extension_request": "x.Base"})
	if err != nil {
		t.Fatal(err)
	}
	if len(types) != 1 || types[0].Extends != "x.Base" || string(types[0].Schema) != `{"type":"object"}` {
		t.Errorf("got types %+v", types)
	}
	if can != (Capabilities{Activate: true, Destroy: true}) {
		t.Errorf("got capabilities %+v", can)
	}
	_, _, err = child.Describe(ctx, map[string]string{"describe": "fail"})
	wantError(t, err, sdk.Internal, "two handlers for x.Request")
	if err := child.Init(ctx, InitArgs{DataDir: "/data"}); err != nil {
		t.Error(err)
	}
	wantError(t, child.Init(ctx, InitArgs{Config: json.RawMessage(`"fail"`)}), sdk.Internal, "reading the licence: file does not exist")
	wantError(t, child.Init(ctx, InitArgs{Config: json.RawMessage(`"nil"`)}), sdk.Internal, "return a plain nil")
	wantError(t, child.Init(ctx, InitArgs{Config: json.RawMessage(`"panic"`)}), sdk.ExtensionFault, "panic in Init: in Init")
	if !strings.Contains(logged.String(), "probe.Init") {
		t.Errorf("no stack in the log: %s", logged)
	}
	if err := errors.Join(child.Check(ctx), child.Activate(ctx)); err != nil {
		t.Error(err)
	}
	wantError(t, child.Configure(ctx, json.RawMessage(`{}`)), sdk.InvalidArgument, "not that")
	if got, err := child.ProjectParameters(ctx, "p", "fr_CA"); err != nil || string(got) != `{"a":1}` {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := child.Collect(ctx); err != nil || string(got) != "a 1\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := child.Destroy(ctx); err != nil {
		t.Error(err)
	}
}

func TestProcess(t *testing.T) {
	child, logged := pair(t, probe{})
	t.Run("what goes in comes out", func(t *testing.T) {
		payload := bytes.Repeat([]byte{0, 1, 0xff}, 1000)
		resp, err := child.Process(t.Context(), &sdk.Request{Type: "x.Echo", MediaType: "application/x-test", Payload: payload})
		if err != nil {
			t.Fatal(err)
		}
		if resp.Type != "x.Echoed" || resp.MediaType != "application/x-test" || !bytes.Equal(resp.Payload, payload) {
			t.Errorf("got %s %s with %d bytes", resp.Type, resp.MediaType, len(resp.Payload))
		}
	})
	t.Run("id, type and caller arrive", func(t *testing.T) {
		in := &sdk.Request{
			ID: "r7", Type: "x.Caller", MediaType: "text/plain", Payload: []byte("hi"),
			Caller: sdk.Caller{Subject: "ada", Roles: []string{"a", "b"}, Session: "s"},
		}
		resp, err := child.Process(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(in)
		if !bytes.Equal(resp.Payload, want) {
			t.Errorf("got %s, want %s", resp.Payload, want)
		}
	})
	t.Run("an empty answer is opaque bytes", func(t *testing.T) {
		resp, err := process(t, child, "x.Nil")
		if err != nil || resp.Type != "" || resp.MediaType != "application/octet-stream" || len(resp.Payload) != 0 {
			t.Errorf("got %+v, %v", resp, err)
		}
	})
	for _, c := range []struct {
		name, typeName string
		code           sdk.Code
		text, logged   string
	}{
		{"panic", "x.Panic", sdk.ExtensionFault, "panicked", "probe.Process"},
		{"an error of Go", "x.Error", sdk.Internal, "cause is in its log", "password is tiger"},
		{"a timeout of its own", "x.OwnTimeout", sdk.Internal, "cause is in its log", "asking the weather"},
		{"a nil *sdk.Error", "x.NilError", sdk.Internal, "cause is in its log", "return a plain nil"},
		{"an unknown code", "x.BadCode", sdk.ExtensionFault, "short and stout", ""},
		{"an unknown type", "x.Other", sdk.UnknownType, "x.Other", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := process(t, child, c.typeName)
			e := wantError(t, err, c.code, c.text)
			if strings.Contains(e.Message, "tiger") {
				t.Error("the cause reached the client")
			}
			if !strings.Contains(logged.String(), c.logged) {
				t.Errorf("%q is not in the log", c.logged)
			}
		})
	}
	t.Run("text that is not UTF-8", func(t *testing.T) {
		_, err := child.Process(t.Context(), &sdk.Request{Type: "x.Echo", MediaType: "a/\xff"})
		wantError(t, err, sdk.InvalidArgument, "not UTF-8")
		_, err = child.ProjectParameters(t.Context(), "\xff", "fr")
		wantError(t, err, sdk.InvalidArgument, "not UTF-8")
	})
	t.Run("all of an error arrives", func(t *testing.T) {
		_, err := process(t, child, "x.Refuse")
		e := wantError(t, err, sdk.ValidationFailed, "bad \uFFFD bytes")
		if !e.Retryable || e.RetryAfter != 1500*time.Millisecond || len(e.Violations) != 1 || e.Violations[0] != (sdk.Violation{Pointer: "/a", Message: "wrong"}) {
			t.Errorf("got %+v", e)
		}
	})
}

func TestDeadlineAndCancel(t *testing.T) {
	child, _ := pair(t, probe{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := child.Process(ctx, &sdk.Request{Type: "x.Wait", MediaType: "a/b"})
	if e := wantError(t, err, sdk.DeadlineExceeded, "time"); e.Retryable {
		t.Error("retryable, although it may have been executed")
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = child.Process(ctx, &sdk.Request{Type: "x.Wait", MediaType: "a/b"})
	wantError(t, err, sdk.Canceled, "canceled")
	if _, err := process(t, child, "x.Echo"); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestLimits(t *testing.T) {
	child, _ := pair(t, probe{})
	send := func(n int) error {
		resp, err := child.Process(t.Context(), &sdk.Request{Type: "x.Echo", MediaType: "a/b", Payload: make([]byte, n)})
		if err == nil && len(resp.Payload) != n {
			t.Errorf("sent %d bytes, got %d", n, len(resp.Payload))
		}
		return err
	}
	if err := errors.Join(send(0), send(testMax)); err != nil {
		t.Error(err)
	}
	wantError(t, send(testMax+1), sdk.TooLarge, "1048577 bytes")
}

func TestManyAtOnce(t *testing.T) {
	child, _ := pair(t, probe{})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if i%8 == 0 {
				if _, err := process(t, child, "x.Panic"); sdk.CodeOf(err) != sdk.ExtensionFault {
					t.Errorf("got %v", err)
				}
				return
			}
			payload := bytes.Repeat([]byte{byte(i)}, i*100)
			resp, err := child.Process(t.Context(), &sdk.Request{Type: "x.Echo", MediaType: "a/b", Payload: payload})
			if err != nil || !bytes.Equal(resp.Payload, payload) {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}
