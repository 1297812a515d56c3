package sdktest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestKeyValueInMemory(t *testing.T) {
	ConformKeyValue(t, func(_ *testing.T, quota int64) sdk.KeyValue { return NewKeyValue(quota) })
}

// TestKeyValueOverTheWire asks the same of what an extension gets at Init.
func TestKeyValueOverTheWire(t *testing.T) {
	for name, opts := range map[string][]Option{"lane": nil, "control": {OverControl()}} {
		t.Run(name, func(t *testing.T) {
			ConformKeyValue(t, func(t *testing.T, quota int64) sdk.KeyValue {
				_, setup := startKept(t, append(opts, WithKeyValue(NewKeyValue(quota)))...)
				return setup.KeyValue
			})
		})
	}
}

// kept is an extension that shows what it was given.
type kept struct {
	handlers []sdk.Handler
	init     func(ctx context.Context, setup sdk.Setup)
	setup    sdk.Setup
}

func (k *kept) Handlers() []sdk.Handler { return k.handlers }
func (k *kept) Init(ctx context.Context, setup sdk.Setup) error {
	k.setup = setup
	if k.init != nil {
		k.init(ctx, setup)
	}
	return nil
}

func startKept(t *testing.T, opts ...Option) (*Extension, sdk.Setup) {
	k := &kept{}
	return Start(t, k, append(opts, WithLog(Silent()))...), k.setup
}

func TestWritesBeforeActivate(t *testing.T) {
	k := &kept{}
	k.init = func(ctx context.Context, setup sdk.Setup) {
		if _, err := setup.KeyValue.Get(ctx, "a"); sdk.CodeOf(err) != sdk.NotFound {
			t.Errorf("reading in Init: %v", err)
		}
		_, err := setup.KeyValue.Put(ctx, "a", nil, 0)
		if sdk.CodeOf(err) != sdk.Unavailable {
			t.Errorf("writing in Init: got %v, want unavailable", err)
		}
		if err := setup.KeyValue.Delete(ctx, "a"); sdk.CodeOf(err) != sdk.Unavailable {
			t.Errorf("deleting in Init: got %v, want unavailable", err)
		}
	}
	Start(t, k, WithManifest(map[string]string{"extension_permissions": "kv"}))
	if _, err := k.setup.KeyValue.Put(t.Context(), "a", nil, 0); err != nil {
		t.Errorf("writing after Activate: %v", err)
	}
}

// greeting is what the callee of these tests is asked with and answers.
type greeting struct {
	Text string `json:"text"`
}

func TestCallsInATest(t *testing.T) {
	var mu sync.Mutex
	var callers []sdk.Caller
	callee := sdk.Handle("t.Greet", "t.Greeting", func(ctx context.Context, in greeting) (greeting, error) {
		mu.Lock()
		defer mu.Unlock()
		callers = append(callers, sdk.RequestFrom(ctx).Caller)
		if in.Text == "" {
			return greeting{}, sdk.Errorf(sdk.InvalidArgument, "no name")
		}
		return greeting{"hello " + in.Text}, nil
	})
	k := &kept{}
	k.handlers = []sdk.Handler{sdk.HandleRaw(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		out, err := sdk.Call[greeting](ctx, k.setup, "t.Greet", greeting{string(req.Payload)})
		return &sdk.Response{Payload: []byte(out.Text)}, err
	})}
	e := Start(t, k, WithCallee(callee), WithLog(Silent()),
		WithManifest(map[string]string{"extension_permissions": "call:t.Unknown, kv"}))
	resp, err := e.Do(t.Context(), &sdk.Request{Type: "sdktest.Request", Payload: []byte("Ada"), Caller: sdk.Caller{Subject: "ada", Roles: []string{"viewer"}}})
	if err != nil || string(resp.Payload) != "hello Ada" {
		t.Errorf("got %v, %v", resp, err)
	}
	_, err = e.Do(t.Context(), &sdk.Request{Type: "sdktest.Request"})
	wantCode(t, "what the callee refuses", err, sdk.InvalidArgument)
	_, err = sdk.Call[greeting](t.Context(), k.setup, "t.Greet", greeting{"nobody"})
	wantCode(t, "outside of a request", err, "")
	for i, want := range []string{"ada", "", ""} {
		if i >= len(callers) || callers[i].Subject != want || callers[i].Extension != "sdktest" {
			t.Errorf("call %d is by %+v, want %q through sdktest", i, callers, want)
		}
	}
	_, err = k.setup.Call(t.Context(), &sdk.Request{Type: "t.Unknown"})
	wantCode(t, "a type that nobody answers", err, sdk.UnknownType)
	_, err = k.setup.Call(t.Context(), &sdk.Request{Type: "t.Other"})
	wantCode(t, "a type without permission", err, sdk.PermissionDenied)
	wantText(t, err, "call:t.Other", "extension_permissions", "manifest.mf")
	_, err = k.setup.Call(t.Context(), &sdk.Request{Type: "t.Greet", Payload: make([]byte, 2*MaxPayload)})
	wantCode(t, "a payload over the limit", err, sdk.TooLarge)
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestNothingIsGranted(t *testing.T) {
	_, setup := startKept(t)
	_, err := setup.KeyValue.Put(t.Context(), "a", nil, 0)
	wantCode(t, "put", err, sdk.PermissionDenied)
	wantText(t, err, "would need kv", "extension_permissions", "manifest.mf")
	_, err = setup.Call(t.Context(), &sdk.Request{Type: "t.Greet"})
	wantCode(t, "call", err, sdk.PermissionDenied)
}
