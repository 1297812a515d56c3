package sdktest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestConformOverThePair(t *testing.T) {
	for name, own := range map[string][]Option{"lane": {}, "control": {OverControl()}} {
		t.Run(name, func(t *testing.T) {
			ConformWire(t, func(t *testing.T, opts ...Option) *Extension {
				return Start(t, Probe(), append(append(own, WithLog(Silent())), opts...)...)
			})
		})
	}
}

func TestConformOfBareExtensions(t *testing.T) {
	type request struct {
		Name string `json:"name"`
	}
	typed := sdk.Handle("x.HelloRequest", "x.HelloResponse", func(_ context.Context, in request) (request, error) { return in, nil })
	raw := sdk.HandleRaw(func(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
		return &sdk.Response{Payload: bytes.Clone(req.Payload)}, nil
	})
	for name, handlers := range map[string]sdk.Handlers{"typed": {typed}, "raw": {raw}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			Conform(t, func(t *testing.T) *Extension { return Start(t, handlers, WithLog(Silent())) })
		})
	}
}

func TestStartsThatFail(t *testing.T) {
	handler := sdk.HandleRaw(func(context.Context, *sdk.Request) (*sdk.Response, error) { return nil, nil })
	for _, c := range []struct {
		name string
		ext  sdk.Extension
		opts []Option
		text string
	}{
		{"two raw handlers", sdk.Handlers{handler, handler}, nil, "more than one raw handler"},
		{"init", Probe(), []Option{WithConfig(map[string]string{"init": "fail"})}, "init: internal: told to fail"},
		{"describe", Probe(), []Option{WithManifest(map[string]string{"extension_request": ""})}, "describe: internal: extension: the manifest has no extension_request"},
		{"check", ill{}, nil, "check: unavailable: the database is away"},
		{"activate", lazy{}, nil, "activate: internal: not today"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := TryStart(t, c.ext, append(c.opts, WithLog(Silent()))...)
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}

type ill struct{}

func (ill) Handlers() []sdk.Handler { return nil }

func (ill) Check(context.Context) error {
	return sdk.Errorf(sdk.Unavailable, "the database is away")
}

type lazy struct{}

func (lazy) Handlers() []sdk.Handler { return nil }

func (lazy) Activate(context.Context) error { return errors.New("not today") }

func TestBaseTypeWithoutHandler(t *testing.T) {
	type empty struct{}
	e := Start(t, sdk.Handlers{sdk.Handle("x.A", "x.B", func(context.Context, empty) (empty, error) { return empty{}, nil })})
	if err := e.Call(t.Context(), "sdktest.Request", empty{}, nil); sdk.CodeOf(err) != sdk.Unimplemented {
		t.Errorf("got %v", err)
	}
	if err := e.Call(t.Context(), "x.Other", empty{}, nil); sdk.CodeOf(err) != sdk.UnknownType {
		t.Errorf("got %v", err)
	}
}

func TestTheLogHoldsCausesAndStacks(t *testing.T) {
	var log bytes.Buffer
	e := Start(t, Probe(), WithLog(slog.New(slog.NewTextHandler(&log, nil))))
	_, err := ask(t, e, probeRequest{Plain: "the password is tiger"})
	if sdk.CodeOf(err) != sdk.Internal {
		t.Error(err)
	}
	if _, err = ask(t, e, probeRequest{Panic: "told to"}); sdk.CodeOf(err) != sdk.ExtensionFault {
		t.Error(err)
	}
	e.Stop()
	for _, want := range []string{"the password is tiger", "panic=\"told to\"", "(*probe).answer", "type=sdktest.ProbeRequest", "request_id=sdktest"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, &log)
		}
	}
}

// dialler answers with what is said at the address that it is asked for.
type dialler struct{ setup sdk.Setup }

func (d *dialler) Init(_ context.Context, setup sdk.Setup) error {
	d.setup = setup
	return nil
}

func (d *dialler) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.HandleRaw(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		conn, err := d.setup.DialContext(ctx, "tcp", string(req.Payload))
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		said, err := io.ReadAll(conn)
		return &sdk.Response{Payload: said}, err
	})}
}

func TestDialContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var serving sync.WaitGroup
	serving.Go(func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("hello"))
			c.Close()
		}
	})
	defer serving.Wait()
	address := l.Addr().String()
	e := Start(t, &dialler{}, WithManifest(map[string]string{"extension_permissions": "kv, net:" + address + ", net:example.org:1"}))
	resp, err := e.Do(t.Context(), &sdk.Request{Type: "sdktest.Request", Payload: []byte(address)})
	if err != nil || string(resp.Payload) != "hello" {
		t.Errorf("got %+v, %v", resp, err)
	}
	_, err = e.Do(t.Context(), &sdk.Request{Type: "sdktest.Request", Payload: []byte("example.org:2")})
	if sdk.CodeOf(err) != sdk.PermissionDenied || !strings.Contains(err.Error(), "net:example.org:2") {
		t.Errorf("got %v", err)
	}
	if _, err := TryStart(t, &dialler{}, WithManifest(map[string]string{"extension_permissions": "net:*:1"})); err == nil {
		t.Error("a permission that is none was taken")
	}
}
