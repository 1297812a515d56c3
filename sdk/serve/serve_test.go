package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk"
)

// modeEnv makes an extension of the test binary, of the kind that it names.
const modeEnv = "SERVE_TEST_MODE"

// Play is the test binary as an extension; TestMain calls it.
func Play(mode string) {
	switch mode {
	case "printer":
		Main(printer{})
	case "twice":
		Main(sdk.Handlers{greeter(), greeter()})
	default:
		Main(sdk.Handlers{greeter()})
	}
}

type greeting struct {
	Name string `json:"name"`
}

func greeter() sdk.Handler {
	return sdk.Handle("x.HelloRequest", "x.HelloResponse", func(_ context.Context, in greeting) (greeting, error) {
		return greeting{Name: "Hello, " + in.Name}, nil
	})
}

// printer says something on every way that an author could find.
type printer struct{}

func (printer) Handlers() []sdk.Handler {
	fmt.Println("printed in Handlers")
	return []sdk.Handler{sdk.HandleRaw(func(context.Context, *sdk.Request) (*sdk.Response, error) {
		fmt.Println("fmt")
		log.Print("log")
		slog.Warn("slog", "n", 1)
		slog.Debug("too quiet")
		return nil, nil
	})}
}

func (printer) Init(_ context.Context, setup sdk.Setup) error {
	setup.Log.Info("init", "version", setup.Manifest["extension_version"])
	return nil
}

// run runs the test binary as an extension that nobody hosts.
func run(t *testing.T, mode, stdin string, env ...string) (stdout, stderr string, exit int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), modeEnv+"="+mode), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if failed := cmd.Run(); failed != nil && cmd.ProcessState == nil {
		t.Fatal(failed)
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

func TestStartedByHand(t *testing.T) {
	stdout, stderr, exit := run(t, "hello", "")
	if exit != 1 || stdout != "" || !strings.Contains(stderr, "is an extension") || !strings.Contains(stderr, "hint: ") {
		t.Errorf("exit %d, stdout %q, stderr %q", exit, stdout, stderr)
	}
}

func TestHandlersThatCanNotWork(t *testing.T) {
	cookie := wire.Handshake()
	for _, env := range []string{describeEnv + "=1", cookie.MagicCookieKey + "=" + cookie.MagicCookieValue} {
		stdout, stderr, exit := run(t, "twice", `{"manifest":{}}`, env)
		if exit != 1 || stdout != "" || stderr != "extension: two handlers for x.HelloRequest\n" {
			t.Errorf("with %s: exit %d, stdout %q, stderr %q", env, exit, stdout, stderr)
		}
	}
}

func TestDescribeMode(t *testing.T) {
	const manifest = `{"manifest": {"extension_request": "x.Request", "extension_response": "x.Response"}}`
	stdout, stderr, exit := run(t, "hello", manifest, describeEnv+"=1")
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, stderr)
	}
	var doc sdk.Types
	dec := json.NewDecoder(strings.NewReader(stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Types) != 2 || doc.Types[0].Response != "x.HelloResponse" || doc.Types[1].Extends != "x.Response" {
		t.Errorf("got %+v", doc.Types)
	}
	for in, want := range map[string]string{
		"":                            "unexpected end",
		"{}":                          `no member "manifest"`,
		`{"manifest":{}}`:             "no extension_request",
		`{"manifest":{"a":1}}`:        "cannot unmarshal",
		strings.Repeat(" ", 1<<20+10): "more than 1048576 bytes",
	} {
		stdout, stderr, exit := run(t, "hello", in, describeEnv+"=1")
		if exit != 1 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%.30q: exit %d, stdout %q, stderr %q", in, exit, stdout, stderr)
		}
	}
	var out bytes.Buffer
	if err := describeMode(printer{}, strings.NewReader(manifest), &out); err != nil || out.String() != "{\n  \"types\": []\n}\n" {
		t.Errorf("a raw handler alone: %q, %v", &out, err)
	}
}

// No input makes the describe mode panic, and what it accepts is a manifest.
func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`{"manifest":{"extension_request":"x.R"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		manifest, err := readManifest(bytes.NewReader(data))
		if (manifest == nil) != (err != nil) {
			t.Errorf("got %v, %v", manifest, err)
		}
	})
}

// launch runs the test binary as a real child with go-plugin alone, and returns what
// it logs.
func launch(t *testing.T, mode string) (*wire.Child, *syncBuffer) {
	t.Helper()
	logged := new(syncBuffer)
	l := slog.New(slog.NewTextHandler(logged, nil))
	config := wire.ClientConfig(1 << 20)
	config.Logger = slogbridge.Hclog(slog.New(slog.DiscardHandler))
	config.Stderr = slogbridge.NewLines(l)
	config.StartTimeout = 20 * time.Second
	config.Cmd = exec.Command(os.Args[0])
	config.Cmd.Env = []string{modeEnv + "=" + mode, "TMPDIR=" + t.TempDir()}
	c := plugin.NewClient(config)
	t.Cleanup(c.Kill)
	child, err := wire.Connect(c, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, logged)
	}
	manifest := map[string]string{
		"extension_request": "x.Request", "extension_response": "x.Response", "extension_version": "5.0.0010",
		"extension_name": "Hello to all, é and è",
	}
	if _, _, err := child.Describe(t.Context(), manifest); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", config.Cmd.Process.Pid))
		if err != nil || string(comm) != "Hello to all, \n" {
			t.Errorf("the process is called %q, %v", comm, err)
		}
	}
	if err := child.Init(t.Context(), wire.InitArgs{DataDir: t.TempDir(), LogLevel: slog.LevelInfo}); err != nil {
		t.Fatal(err)
	}
	return child, logged
}

func TestMainAsAChild(t *testing.T) {
	child, _ := launch(t, "hello")
	resp, err := child.Process(t.Context(), &sdk.Request{Type: "x.HelloRequest", MediaType: "application/json", Payload: []byte(`{"name":"Ada"}`)})
	if err != nil || string(resp.Payload) != `{"name":"Hello, Ada"}` {
		t.Errorf("got %+v, %v", resp, err)
	}
	if err := child.Destroy(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEverythingPrintedIsLogged(t *testing.T) {
	child, logged := launch(t, "printer")
	if _, err := child.Process(t.Context(), &sdk.Request{Type: "x.Request", MediaType: "a/b"}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`level=INFO msg="printed in Handlers"`, "level=INFO msg=init child.version=5.0.0010",
		"level=INFO msg=fmt", "level=INFO msg=log", "level=WARN msg=slog n=1",
	}
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(want) > 0 {
		if strings.Contains(logged.String(), want[0]) {
			want = want[1:]
			continue
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q is not in the log:\n%s", want[0], logged)
		}
		<-tick.C
	}
	if strings.Contains(logged.String(), "too quiet") {
		t.Errorf("a debug line at level info:\n%s", logged)
	}
}

// The program that an author ships is small: a bare go-plugin child has 13.0 MB.
func TestSizeOfAnExtension(t *testing.T) {
	const most = 14_200_000
	path := filepath.Join(t.TempDir(), "hello")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../../examples/hello")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("examples/hello has %d bytes, the limit is %d", info.Size(), most)
	if info.Size() > most {
		t.Errorf("examples/hello has %d bytes, more than %d", info.Size(), most)
	}
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
