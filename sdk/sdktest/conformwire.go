package sdktest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// ConformWire checks a way to reach an extension: a transport, and the SDK at its
// other end. Start starts Probe over it, with the options given; it is called twice.
// Conform is a part of it.
func ConformWire(t *testing.T, start func(t *testing.T, opts ...Option) *Extension) {
	t.Run("life cycle", func(t *testing.T) { wireLifeCycle(t, start) })
	dir := t.TempDir()
	e := start(t, WithDataDir(dir), WithConfig(map[string]int{"a": 1}))
	for _, part := range []struct {
		name  string
		check func(t *testing.T, e *Extension)
	}{
		{"what goes in comes out", wireRoundTrip},
		{"errors", wireErrors},
		{"panics leave others alone", wirePanics},
		{"payloads up to the limit", wirePayloads},
		{"many at once", wireMany},
		{"configuration, parameters and metrics", wireConfigure},
	} {
		t.Run(part.name, func(t *testing.T) { part.check(t, e) })
	}
	t.Run("deadline and cancellation", func(t *testing.T) { wireContexts(t, e, dir) })
	Conform(t, func(*testing.T) *Extension { return e })
}

const probeType = "sdktest.ProbeRequest"

// ask sends a probeRequest.
func ask(t *testing.T, e *Extension, in probeRequest) (probeResponse, error) {
	t.Helper()
	var out probeResponse
	err := e.Call(t.Context(), probeType, in, &out)
	return out, err
}

func wireLifeCycle(t *testing.T, start func(t *testing.T, opts ...Option) *Extension) {
	dir := t.TempDir()
	e := start(t, WithDataDir(dir), WithConfig(map[string]int{"a": 1}), WithManifest(map[string]string{"extension_version": "5.0.0010"}))
	out, err := ask(t, e, probeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"handlers", "init", "check", "activate"}; !slices.Equal(out.Calls, want) {
		t.Errorf("got the calls %q, want %q", out.Calls, want)
	}
	if out.Manifest["extension_version"] != "5.0.0010" || string(out.Config) != `{"a":1}` {
		t.Errorf("Init got %v and %s", out.Manifest, out.Config)
	}
	e.Stop()
	e.Stop()
	calls := callsIn(t, dir)
	if slices.Index(calls, "destroy") != len(calls)-1 {
		t.Errorf("destroy is not once and last: %q", calls)
	}
}

// callsIn reads what Probe has noted in its data folder.
func callsIn(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, callsFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")
}

func wireRoundTrip(t *testing.T, e *Extension) {
	caller := sdk.Caller{Subject: "ada", Roles: []string{"viewer", "operator"}, Session: "s-1", Extension: "t.Asks"}
	resp, err := e.Do(t.Context(), &sdk.Request{ID: "r-1", Type: probeType, Payload: []byte(`{"text":"é\u0000<&>"}`), Caller: caller})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Type != "sdktest.ProbeResponse" || resp.MediaType != "application/json" {
		t.Errorf("answered with %s, %s", resp.Type, resp.MediaType)
	}
	for _, want := range []string{`"id":"r-1"`, `"Subject":"ada"`, `"Roles":["viewer","operator"]`, `"Session":"s-1"`, `"text":"é\u0000`} {
		if !bytes.Contains(resp.Payload, []byte(want)) {
			t.Errorf("%s is not in %s", want, resp.Payload)
		}
	}
	resp, err = e.Do(t.Context(), &sdk.Request{Type: "sdktest.Request", MediaType: "application/x-own", Payload: []byte{0, 0xff}})
	if err != nil || resp.MediaType != "application/x-own" || !bytes.Equal(resp.Payload, []byte{0, 0xff}) {
		t.Errorf("opaque bytes came back as %+v, %v", resp, err)
	}
	resp, err = e.Do(t.Context(), &sdk.Request{Type: "sdktest.Request", MediaType: "text/plain"})
	if err != nil || resp.Type != "sdktest.Response" || resp.MediaType != "application/octet-stream" || len(resp.Payload) != 0 {
		t.Errorf("an empty payload came back as %+v, %v", resp, err)
	}
}

func wireErrors(t *testing.T, e *Extension) {
	for _, code := range sdk.Codes() {
		_, err := ask(t, e, probeRequest{Error: string(code), Text: "because"})
		want := sdk.Error{
			Code: code, Message: "because", Retryable: true, RetryAfter: 2 * time.Second,
			Violations: []sdk.Violation{{Pointer: "/text", Message: "wrong"}},
		}
		if got, ok := err.(*sdk.Error); !ok || fmt.Sprint(*got) != fmt.Sprint(want) {
			t.Errorf("%s: got %+v", code, err)
		}
	}
	if _, err := ask(t, e, probeRequest{Error: "teapot"}); sdk.CodeOf(err) != sdk.ExtensionFault {
		t.Errorf("a code that does not exist: got %v", err)
	}
	_, err := ask(t, e, probeRequest{Plain: "the password is tiger"})
	if sdk.CodeOf(err) != sdk.Internal || strings.Contains(err.Error(), "tiger") {
		t.Errorf("an error of Go: got %v", err)
	}
	if err := e.Call(t.Context(), probeType, "a string", nil); sdk.CodeOf(err) != sdk.InvalidArgument {
		t.Errorf("a payload of another type: got %v", err)
	}
}

// wireContexts looks into the data folder, because a handler whose caller has gone
// can say nothing else.
func wireContexts(t *testing.T, e *Extension, dir string) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	var out probeResponse
	err := e.Call(ctx, probeType, probeRequest{}, &out)
	cancel()
	if err != nil || out.Deadline <= 10*time.Second || out.Deadline > 20*time.Second {
		t.Errorf("a deadline of 20 s arrived as %v, %v", out.Deadline, err)
	}

	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	err = e.Call(ctx, probeType, probeRequest{Release: "slow"}, nil)
	cancel()
	if sdk.CodeOf(err) != sdk.DeadlineExceeded {
		t.Errorf("past the deadline: got %v", err)
	}
	// Either side's clock may ring first; what matters is that the handler ends.
	awaitCall(t, dir, "slow: ")

	ctx, cancel = context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() { answered <- e.Call(ctx, probeType, probeRequest{Release: "gone"}, nil) }()
	awaitCall(t, dir, "gone waits")
	cancel()
	if err := <-answered; sdk.CodeOf(err) != sdk.Canceled {
		t.Errorf("canceled: got %v", err)
	}
	awaitCall(t, dir, "gone: context canceled")
}

// awaitCall waits until Probe has noted a call that begins with prefix.
func awaitCall(t *testing.T, dir, prefix string) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !slices.ContainsFunc(callsIn(t, dir), func(call string) bool { return strings.HasPrefix(call, prefix) }) {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("the handler never noted %q", prefix)
		}
	}
}

func wirePanics(t *testing.T, e *Extension) {
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i%2 == 0 {
				if _, err := ask(t, e, probeRequest{Panic: "told to"}); sdk.CodeOf(err) != sdk.ExtensionFault {
					t.Errorf("a panic: got %v", err)
				}
				return
			}
			text := fmt.Sprint(i)
			if out, err := ask(t, e, probeRequest{Text: text}); err != nil || out.Text != text {
				t.Errorf("beside a panic: got %q, %v", out.Text, err)
			}
		})
	}
	wg.Wait()
	e.healthy(t)
}

func wirePayloads(t *testing.T, e *Extension) {
	for _, size := range []int{1, 1 << 10, 1<<16 + 1, 1 << 20, MaxPayload} {
		payload := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		resp, err := e.Do(t.Context(), &sdk.Request{Type: "sdktest.Request", MediaType: "a/b", Payload: payload})
		if err != nil || !bytes.Equal(resp.Payload, payload) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func wireMany(t *testing.T, e *Extension) {
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 10 {
				text := fmt.Sprintf("%d/%d", i, j)
				if out, err := ask(t, e, probeRequest{Text: text}); err != nil || out.Text != text {
					t.Errorf("sent %s, got %q, %v", text, out.Text, err)
				}
			}
		})
	}
	wg.Wait()
}

func wireConfigure(t *testing.T, e *Extension) {
	if err := e.Configure(t.Context(), []int{1}); err == nil || !strings.Contains(err.Error(), "not an object") {
		t.Errorf("a configuration that is refused: got %v", err)
	}
	if err := e.Configure(t.Context(), map[string]int{"a": 2}); err != nil {
		t.Error(err)
	}
	if out, err := ask(t, e, probeRequest{}); err != nil || string(out.Config) != `{"a":2}` {
		t.Errorf("the configuration is %s, %v", out.Config, err)
	}
	if got, err := e.ProjectParameters(t.Context(), "p", "fr_CA"); err != nil || string(got) != `{"locale":"fr_CA","project":"p"}` {
		t.Errorf("parameters: %s, %v", got, err)
	}
	if got, err := e.Metrics(t.Context()); err != nil || !strings.Contains(string(got), "\nprobe_calls_total ") {
		t.Errorf("metrics: %q, %v", got, err)
	}
	if got, err := e.ProjectParameters(t.Context(), "", ""); err != nil || got != nil {
		t.Errorf("no parameters: %s, %v", got, err)
	}
}
