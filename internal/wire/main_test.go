package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/rpc"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/internal/wire/lane"
	"github.com/jackfield-host/jackfield/sdk"
)

// modeEnv makes of the test binary a child (or a host) of the kind it names.
const modeEnv = "WIRE_TEST_MODE"

func TestMain(m *testing.M) {
	mode := os.Getenv(modeEnv)
	if mode == "" {
		os.Exit(m.Run())
	}
	play, ok := modes()[mode]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such mode:", mode)
		os.Exit(99)
	}
	play()
}

func modes() map[string]func() {
	logTo := func(w io.Writer) *slog.Logger {
		return slog.New(slogbridge.NewHandler(w, slog.LevelDebug))
	}
	return map[string]func(){
		"serve": func() { Serve(probe{}, logTo(os.Stderr), inherited()) },
		"newer": func() { serveVersion(probe{}, logTo(os.Stderr), nil, ProtocolVersion+1) },
		"older": func() { serveVersion(probe{}, logTo(os.Stderr), nil, ProtocolVersion-1) },
		"chatty": func() {
			fmt.Println("a line before the handshake")
			fmt.Print("and half a one ")
			early := log.New(os.Stdout, "", 0)
			Serve(probe{printer: early}, logTo(os.Stderr), inherited())
		},
		"hostile log": func() {
			fmt.Fprintln(os.Stderr, `{"@message":1,"@level":true,"@timestamp":[]}`)
			fmt.Fprintln(os.Stderr, `{"@level":"warn","@message":"still here","n":7}`)
			Serve(probe{}, logTo(os.Stderr), inherited())
		},
		"exit 3":  func() { fmt.Fprintln(os.Stderr, "no licence"); os.Exit(3) },
		"hang":    func() { stay() },
		"garbage": func() { fmt.Println("Welcome to my program"); stay() },
		"cookie": func() {
			plugin.Serve(&plugin.ServeConfig{HandshakeConfig: plugin.HandshakeConfig{MagicCookieKey: "OTHER", MagicCookieValue: "x"}})
		},
		"netrpc": func() {
			plugin.Serve(&plugin.ServeConfig{
				HandshakeConfig:  Handshake(),
				VersionedPlugins: map[int]plugin.PluginSet{ProtocolVersion: {serviceName: netRPC{}}},
			})
		},
		"no tls": func() {
			fmt.Println("1|1|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/none|grpc|")
			stay()
		},
		"bad tls": func() {
			fmt.Println("1|1|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/none|grpc|" + strings.Repeat("A", 100))
			stay()
		},
		"host": playHost,
	}
}

// inherited takes the lanes over, as an SDK does first thing.
func inherited() *lane.Ends {
	ends, err := Inherit()
	if err != nil {
		panic(err)
	}
	return ends
}

// stay is a process that does nothing more until a signal ends it.
func stay() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
}

// playHost launches a child, says its pid on stdout and waits to be killed.
func playHost() {
	c := launch("serve", slog.New(slog.NewTextHandler(io.Discard, nil)), os.Stderr)
	child, err := Connect(c, nil)
	if err == nil {
		_, _, err = child.Describe(context.Background(), nil)
	}
	fmt.Println(c.ID(), err)
	stay()
}

type netRPC struct{}

func (netRPC) Server(*plugin.MuxBroker) (any, error)              { return struct{}{}, nil }
func (netRPC) Client(*plugin.MuxBroker, *rpc.Client) (any, error) { return struct{}{}, nil }

// launch makes a go-plugin client for this test binary in a mode, with the runner
// that HandshakeLine is made for. What the child prints goes to lines.
func launch(mode string, engine *slog.Logger, lines io.Writer) *plugin.Client {
	return launchLanes(mode, nil, engine, lines)
}

// launchLanes is launch for a child that inherits lanes, unless these are nil.
func launchLanes(mode string, lanes *Lanes, engine *slog.Logger, lines io.Writer) *plugin.Client {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return launchFile(exe, lanes, engine, lines, modeEnv+"="+mode)
}

func launchFile(exe string, lanes *Lanes, engine *slog.Logger, lines io.Writer, env ...string) *plugin.Client {
	config := ClientConfig(testMax)
	config.Logger = slogbridge.Hclog(engine)
	config.Stderr = lines
	config.StartTimeout = 20 * time.Second
	if strings.HasSuffix(env[0], "hang") || strings.HasSuffix(env[0], "garbage") {
		config.StartTimeout = 300 * time.Millisecond
	}
	config.RunnerFunc = func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
		own := exec.Command(exe)
		own.Env = append(cmd.Env, env...)
		if lanes != nil {
			own.ExtraFiles = lanes.ChildFiles()
			own.Env = append(own.Env, lanes.Env()...)
		}
		stdout, err := own.StdoutPipe()
		if err != nil {
			return nil, err
		}
		stderr, err := own.StderrPipe()
		if err != nil {
			return nil, err
		}
		return &testRunner{cmd: own, stdout: HandshakeLine(stdout, lines), stderr: stderr}, nil
	}
	return plugin.NewClient(config)
}

type testRunner struct {
	cmd            *exec.Cmd
	stdout, stderr io.ReadCloser
}

func (r *testRunner) Start(context.Context) error     { return r.cmd.Start() }
func (r *testRunner) Diagnose(context.Context) string { return "" }
func (r *testRunner) Stdout() io.ReadCloser           { return r.stdout }
func (r *testRunner) Stderr() io.ReadCloser           { return r.stderr }
func (r *testRunner) Name() string                    { return r.cmd.Path }
func (r *testRunner) Wait(context.Context) error      { return r.cmd.Wait() }
func (r *testRunner) Kill(context.Context) error {
	if r.cmd.Process == nil {
		return nil
	}
	if err := r.cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
func (r *testRunner) ID() string {
	if r.cmd.Process == nil {
		return ""
	}
	return fmt.Sprint(r.cmd.Process.Pid)
}
func (r *testRunner) PluginToHost(n, a string) (string, string, error) { return n, a, nil }
func (r *testRunner) HostToPlugin(n, a string) (string, string, error) { return n, a, nil }

// probe is an Extension whose requests say what it shall do.
type probe struct {
	printer *log.Logger
	metrics []byte // that Collect answers
}

func (p probe) Describe(_ context.Context, manifest map[string]string) ([]sdk.Type, Capabilities, error) {
	if manifest["describe"] == "fail" {
		return nil, Capabilities{}, errors.New("two handlers for x.Request")
	}
	return []sdk.Type{{Name: "x.Request", Role: sdk.RoleRequest, Extends: manifest["extension_request"], Schema: json.RawMessage(`{"type":"object"}`)}},
		Capabilities{Activate: true, Destroy: true}, nil
}

func (p probe) Init(_ context.Context, args InitArgs) error {
	switch string(args.Config) {
	case `"fail"`:
		return fmt.Errorf("reading the licence: %w", os.ErrNotExist)
	case `"nil"`:
		var e *sdk.Error
		return e
	case `"panic"`:
		panic("in Init")
	}
	return nil
}

func (p probe) Activate(context.Context) error { return nil }
func (p probe) Check(context.Context) error    { return nil }
func (p probe) Configure(context.Context, json.RawMessage) error {
	return sdk.Errorf(sdk.InvalidArgument, "not that")
}

func (p probe) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	switch req.Type {
	case "x.Echo":
		return &sdk.Response{Type: "x.Echoed", MediaType: req.MediaType, Payload: req.Payload}, nil
	case "x.Caller":
		data, err := json.Marshal(req)
		return &sdk.Response{Type: "x.Called", MediaType: "application/json", Payload: data}, err
	case "x.Panic":
		panic("in Process")
	case "x.Wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "x.OwnTimeout":
		return nil, fmt.Errorf("asking the weather: %w", context.Canceled)
	case "x.Error":
		return nil, errors.New("secret: password is tiger")
	case "x.Refuse":
		return nil, fmt.Errorf("wrapped: %w", &sdk.Error{
			Code: sdk.ValidationFailed, Message: "bad \xff bytes", Retryable: true, RetryAfter: 1500 * time.Millisecond,
			Violations: []sdk.Violation{{Pointer: "/a", Message: "wrong"}},
		})
	case "x.BadCode":
		return nil, sdk.Errorf("teapot", "short and stout")
	case "x.NilError":
		var e *sdk.Error
		return nil, e
	case "x.Nil":
		return nil, nil
	case "x.Print":
		fmt.Println("printed to stdout")
		fmt.Fprintln(os.Stderr, "printed to stderr")
		if p.printer != nil {
			p.printer.Print("printed to an early stdout")
		}
		slog.New(slogbridge.NewHandler(os.Stderr, slog.LevelDebug)).Warn("logged", "n", 7)
		return &sdk.Response{Type: "x.Printed"}, nil
	case "x.Exit":
		os.Exit(4)
	}
	return nil, sdk.Errorf(sdk.UnknownType, "%s", req.Type)
}

func (p probe) ProjectParameters(context.Context, string, string) (json.RawMessage, error) {
	return json.RawMessage(`{"a":1}`), nil
}

func (p probe) Collect(context.Context) ([]byte, error) { return p.metrics, nil }

func (p probe) Destroy(context.Context) error { return nil }

// record is an io.Writer that a test can read while it is written.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		<-tick.C
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
