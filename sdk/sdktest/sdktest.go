// Package sdktest runs an extension in a test, without a host and without a process,
// through the wire that a host uses:
//
//	func TestHello(t *testing.T) {
//		ext := sdktest.Start(t, extension())
//		var out HelloResponse
//		if err := ext.Call(t.Context(), "examples.hello.HelloRequest", HelloRequest{Name: "Ada"}, &out); err != nil {
//			t.Fatal(err)
//		}
//	}
//
// Start does what a host does at start (Describe, Init, Check, Activate) and ends the
// extension, with Destroy, when the test ends. Errors are what a client would get.
// Conform is the suite that every extension passes; ConformWire is the one for
// transports, driven by Probe.
package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/internal/wire/dial"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// MaxPayload is the limit of requests and responses, in bytes.
const MaxPayload = 16 << 20

// timeout is the deadline of a call whose context has none, as in a host.
const timeout = 30 * time.Second

// Option changes how Start starts an extension.
type Option func(*options)

type options struct {
	manifest map[string]string
	config   json.RawMessage
	dataDir  string
	bundle   string
	log      *slog.Logger
	control  bool
	keyValue sdk.KeyValue
	callees  []sdk.Handler
}

// WithManifest sets attributes of the manifest, names in lower case. Without it,
// extension_request is "sdktest.Request" and extension_response "sdktest.Response".
// What extension_permissions grants, as in "net:127.0.0.1:8443", Setup.DialContext
// connects to, and nothing else; so it is with kv, for Setup.KeyValue, and call:TYPE, for
// Setup.Call (see WithCallee).
func WithManifest(attributes map[string]string) Option {
	return func(o *options) { maps.Copy(o.manifest, attributes) }
}

// WithConfig sets the configuration to v, encoded as JSON unless it is a
// json.RawMessage. Without it there is none.
func WithConfig(v any) Option {
	return func(o *options) {
		data, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("sdktest: the configuration can not be encoded: %v", err))
		}
		o.config = data
	}
}

// WithDataDir sets the data folder, for tests of restarts. Without it the extension
// gets a folder of its own.
func WithDataDir(dir string) Option { return func(o *options) { o.dataDir = dir } }

// WithBundleDir sets the folder of the unpacked bundle. Without it that is an empty
// folder.
func WithBundleDir(dir string) Option { return func(o *options) { o.bundle = dir } }

// WithLog sends the extension's log to l. Without it the log goes to the test's.
func WithLog(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// OverControl sends requests over the control connection, as a host does with an
// extension whose SDK does not serve the lane.
func OverControl() Option { return func(o *options) { o.control = true } }

// Extension is a running extension. Its methods may be called by many goroutines at
// once.
type Extension struct {
	t        testing.TB
	child    wire.Extension
	types    []sdk.Type
	can      wire.Capabilities
	manifest map[string]string
	services *services // nil for one that was attached
	stop     func()
	once     sync.Once
}

// Start runs ext until the test ends. A start that fails ends the test.
func Start(t testing.TB, ext sdk.Extension, opts ...Option) *Extension {
	t.Helper()
	e, err := TryStart(t, ext, opts...)
	if err != nil {
		t.Fatalf("starting the extension: %v", err)
	}
	return e
}

// TryStart is Start for tests of starts that fail.
func TryStart(t testing.TB, ext sdk.Extension, opts ...Option) (*Extension, error) {
	t.Helper()
	o := newOptions(t, opts)
	level := new(slog.LevelVar)
	bound, err := serve.Bind(ext, o.log, level)
	if err != nil {
		return nil, err
	}
	dialer, stopDials, err := dialer(o)
	if err != nil {
		return nil, err
	}
	pair := wire.Pair
	if o.control {
		pair = wire.PairControl
	}
	child, stopWire, err := pair(wire.WithDialer(bound, dialer), o.log, MaxPayload)
	if err != nil {
		stopDials()
		return nil, err
	}
	asked := newServices(o)
	child.Offer(asked.offer(o.log))
	return attach(t, child, func() { stopWire(); stopDials() }, asked, o)
}

// dialer makes what is behind Setup.DialContext: both halves of a dial pair, with the
// grants of the manifest's extension_permissions.
func dialer(o *options) (d *dial.Dialer, stop func(), err error) {
	grants, err := dial.ParseGrants(strings.Split(o.manifest["extension_permissions"], ","))
	if err != nil {
		return nil, nil, fmt.Errorf("extension_permissions: %w", err)
	}
	return dial.Local(dial.Config{Grants: grants}, o.log)
}

// Attach is Start for an extension at the other end of a wire that runs already.
// Stop ends that wire; it is called once, after Destroy.
func Attach(t testing.TB, child wire.Extension, stop func(), opts ...Option) *Extension {
	t.Helper()
	e, err := attach(t, child, stop, nil, newOptions(t, opts))
	if err != nil {
		t.Fatalf("starting the extension: %v", err)
	}
	return e
}

func newOptions(t testing.TB, opts []Option) *options {
	t.Helper()
	o := &options{manifest: map[string]string{
		"extension_class":    "sdktest.Extension",
		"extension_request":  "sdktest.Request",
		"extension_response": "sdktest.Response",
		"extension_name":     "sdktest",
		"extension_version":  "1.0",
	}}
	for _, opt := range opts {
		opt(o)
	}
	if o.dataDir == "" {
		o.dataDir = t.TempDir()
	}
	if o.bundle == "" {
		o.bundle = t.TempDir()
	}
	if o.log == nil {
		o.log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return o
}

// attach does what a host does between the handshake and the first request.
func attach(t testing.TB, child wire.Extension, stop func(), asked *services, o *options) (*Extension, error) {
	e := &Extension{t: t, child: child, manifest: o.manifest, services: asked, stop: stop}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), timeout)
	defer cancel()
	err := func() (err error) {
		if e.types, e.can, err = child.Describe(ctx, o.manifest); err != nil {
			return fmt.Errorf("describe: %w", err)
		}
		args := wire.InitArgs{Config: o.config, DataDir: o.dataDir, BundleDir: o.bundle, LogLevel: slog.LevelDebug}
		if err := child.Init(ctx, args); err != nil {
			return fmt.Errorf("init: %w", err)
		}
		if err := child.Check(ctx); err != nil {
			return fmt.Errorf("check: %w", err)
		}
		if asked != nil {
			asked.active.Store(true)
		}
		if err := child.Activate(ctx); err != nil {
			return fmt.Errorf("activate: %w", err)
		}
		return nil
	}()
	if err != nil {
		stop()
		return nil, err
	}
	t.Cleanup(e.Stop)
	return e, nil
}

// Stop ends the extension as a host does: Destroy, then the wire. It happens once,
// at the end of the test if not before.
func (e *Extension) Stop() {
	e.once.Do(func() {
		// The test's own context is over when its clean-up runs.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.t.Context()), timeout)
		defer cancel()
		if err := e.child.Destroy(ctx); err != nil {
			e.t.Errorf("destroy: %v", err)
		}
		e.stop()
	})
}

// Types returns what the extension declares.
func (e *Extension) Types() []sdk.Type { return e.types }

// Do has one request answered. A request without media type is JSON.
func (e *Extension) Do(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	sent := *req
	if sent.MediaType == "" {
		sent.MediaType = "application/json"
	}
	defer e.services.track(&sent)()
	return e.child.Process(ctx, &sent)
}

// Call sends in, encoded as JSON, as a request of the named type and decodes the
// answer into out, unless out is nil. The error is an *sdk.Error, or says that in or
// the answer is not JSON.
func (e *Extension) Call(ctx context.Context, typeName string, in, out any) error {
	payload, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", typeName, err)
	}
	resp, err := e.Do(ctx, &sdk.Request{ID: "sdktest", Type: typeName, Payload: payload})
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(resp.Payload, out); err != nil {
		return fmt.Errorf("decoding %s: %w", resp.Type, err)
	}
	return nil
}

// Check asks for the extension's health.
func (e *Extension) Check(ctx context.Context) error {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	return e.child.Check(ctx)
}

// Configure gives a new configuration, v encoded as JSON.
func (e *Extension) Configure(ctx context.Context, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the configuration: %w", err)
	}
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	return e.child.Configure(ctx, data)
}

// ProjectParameters returns the extension's parameters as JSON, nil for none.
func (e *Extension) ProjectParameters(ctx context.Context, project, locale string) (json.RawMessage, error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	return e.child.ProjectParameters(ctx, project, locale)
}

// Metrics returns the extension's own metrics as text, in the format of Prometheus.
func (e *Extension) Metrics(ctx context.Context) ([]byte, error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	return e.child.Collect(ctx)
}

func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// Silent is a log for WithLog that keeps nothing.
func Silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
