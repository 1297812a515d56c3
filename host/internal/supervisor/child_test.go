package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/internal/wire/lane"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// The test binary plays four parts. Started by a supervisor, which shows in the
// cookie, it is an extension whose behaviour the file "mode" in its working directory
// chooses. (It ends by syscall.Exit: os.Exit takes a second under the race detector.)
// Started by a test with hostHome set, it is a host that will be killed; with hungry,
// by an extension, it takes that many MiB of memory.
const (
	hostHome = "SUPERVISOR_TEST_HOST"
	hungry   = "SUPERVISOR_TEST_HUNGRY"
)

// program is the test binary as its own shim.
var program shim.Program

func TestMain(m *testing.M) {
	program = shim.Enter()
	switch {
	case wire.Started():
		playExtension()
	case os.Getenv(hungry) != "":
		n, err := strconv.Atoi(os.Getenv(hungry))
		if err != nil {
			panic(err)
		}
		allocate(n << 20)
		wait()
	case os.Getenv(hostHome) != "":
		playHost(os.Getenv(hostHome))
	default:
		os.Exit(m.Run())
	}
}

func playExtension() {
	mode, err := os.ReadFile("mode")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(99)
	}
	e := &extension{mode: strings.TrimSpace(string(mode)), descriptors: descriptors()}
	switch e.mode {
	case "silent":
		fmt.Fprintln(os.Stderr, "I have nothing to say")
		wait()
	case "exit early":
		fmt.Fprintln(os.Stderr, "no licence found")
		syscall.Exit(4)
	case "garbage":
		fmt.Println("Hello, world")
		syscall.Exit(0)
	case "other version":
		fmt.Printf("1|99|unix|%s/s|grpc|\n", os.Getenv("PLUGIN_UNIX_SOCKET_DIR"))
		wait()
	case "other socket":
		fmt.Println("1|1|unix|/run/other.sock|grpc|")
		wait()
	case "poison":
		fmt.Fprintln(os.Stderr, `{"@message":1,"@level":{},"@timestamp":[]}`)
		fmt.Println(`not the handshake`)
	case "control only":
		os.Unsetenv(lane.Environment)
	case "own lane":
		if e.lane, err = syscall.Dup(3); err != nil {
			panic(err)
		}
		syscall.CloseOnExec(e.lane)
	case "typed":
		serve.Main(typedExtension())
		syscall.Exit(0)
	case "live":
		serve.Main(&lively{extension: e})
		syscall.Exit(0)
	}
	serve.Main(e)
	syscall.Exit(0)
}

func typedExtension() sdk.Extension {
	return sdk.Handlers{sdk.Handle("t.Ask", "t.Answer", func(context.Context, question) (answer, error) {
		return answer{}, nil
	})}
}

type answer struct {
	Text string `json:"text"`
}

type question struct {
	Text string `json:"text"`
}

// wait blocks until the process is killed.
func wait() {
	<-time.NewTimer(24 * time.Hour).C
}

// extension answers operations that say what a process may tell about itself.
type extension struct {
	mode        string
	descriptors string // at the start
	lane        int    // in mode "own lane", the shared lane once more
	setup       sdk.Setup
}

func (e *extension) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.HandleRaw(e.handle)}
}

func (e *extension) Init(ctx context.Context, setup sdk.Setup) error {
	e.setup = setup
	switch e.mode {
	case "init put":
		_, err := setup.KeyValue.Put(ctx, "key", nil, 0)
		return err
	case "init hungry":
		allocate(500 << 20)
		wait()
	case "init error":
		setup.Log.Warn("the table is missing", "table", "positions")
		return errors.New("no such table: positions")
	case "init hang":
		wait()
	case "init exit":
		fmt.Fprintln(os.Stderr, "giving up")
		syscall.Exit(5)
	case "init once":
		if err := os.Mkdir("seen", 0o700); err == nil {
			return errors.New("not on a first start")
		}
	}
	return nil
}

func (e *extension) Activate(context.Context) error {
	if err := os.WriteFile("activated", nil, 0o600); err != nil {
		return err
	}
	switch e.mode {
	case "activate hang":
		wait()
	case "activate error":
		return errors.New("the data is of a newer version")
	case "crash loop":
		go syscall.Exit(7)
	}
	return nil
}

func (e *extension) Check(context.Context) error {
	if e.mode == "check error" {
		return errors.New("the database does not answer")
	}
	if _, err := os.Stat("hang"); err == nil {
		wait()
	}
	if _, err := os.Stat("unhealthy"); err == nil {
		return errors.New("somebody made it unhealthy")
	}
	return nil
}

// ProjectParameters answers what it was asked, and ends the process for project "end".
func (e *extension) ProjectParameters(_ context.Context, project, locale string) (any, error) {
	if project == "end" {
		os.Exit(3)
	}
	return []string{project, locale}, nil
}

// Collect ends the process when there is a file "collect end".
func (e *extension) Collect(context.Context) ([]byte, error) {
	if _, err := os.Stat("collect end"); err == nil {
		os.Exit(3)
	}
	return []byte("up 1\n"), nil
}

func (e *extension) Destroy(context.Context) error {
	if e.mode == "destroy hang" {
		wait()
	}
	return os.WriteFile("destroyed", nil, 0o600)
}

type operation struct {
	Op   string `json:"op"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

func (e *extension) handle(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	var op operation
	if err := json.Unmarshal(req.Payload, &op); err != nil {
		return nil, sdk.Errorf(sdk.InvalidArgument, "%v", err)
	}
	switch op.Op {
	case "descriptors":
		return &sdk.Response{MediaType: "text/plain", Payload: []byte(e.descriptors)}, nil
	case "write lane":
		_, err := syscall.Write(e.lane, []byte(op.Text))
		return nil, err
	case "shut lane":
		return nil, syscall.Shutdown(e.lane, syscall.SHUT_RDWR)
	case "put":
		_, err := e.setup.KeyValue.Put(ctx, "key", []byte(op.Text), 0)
		return &sdk.Response{MediaType: "text/plain"}, err
	case "ticket":
		return &sdk.Response{MediaType: "text/plain", Payload: []byte(req.Ticket)}, nil
	case "call":
		return e.setup.Call(ctx, &sdk.Request{Type: op.Text})
	case "dial":
		return e.dial(ctx, op.Text)
	case "dial without room":
		return e.dialWithoutRoom(ctx, op.Text)
	}
	text, err := op.run(ctx)
	if err != nil {
		return nil, sdk.Errorf(sdk.Internal, "%v", err)
	}
	return &sdk.Response{MediaType: "text/plain", Payload: []byte(text)}, nil
}

func (op operation) run(ctx context.Context) (string, error) {
	switch op.Op {
	case "echo":
		return op.Text, nil
	case "environment":
		env := os.Environ()
		sort.Strings(env)
		return strings.Join(env, "\x00"), nil
	case "stdin":
		rest, err := io.ReadAll(os.Stdin)
		return strconv.Itoa(len(rest)), err
	case "group":
		return fmt.Sprint(syscall.Getpgrp() == os.Getpid()), nil
	case "folder":
		return os.Getwd()
	case "arguments":
		return strings.Join(os.Args, "\n"), nil
	case "sleep":
		t := time.NewTimer(time.Duration(op.N) * time.Millisecond)
		defer t.Stop()
		select {
		case <-t.C:
			return "slept", nil
		case <-ctx.Done():
			return "", os.WriteFile("canceled", nil, 0o600)
		}
	case "print":
		for n := range op.N {
			fmt.Fprintf(os.Stderr, "%s %d\n", op.Text, n)
		}
		return "", nil
	case "crash":
		go panic(op.Text)
		wait()
	case "exit":
		syscall.Exit(op.N)
	case "allocate":
		return strconv.Itoa(len(allocate(op.N << 20))), nil
	case "limits":
		return limits()
	case "grandchild":
		// In a session of its own, holding our stdout and stderr.
		c := exec.Command("sleep", "30")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: op.Text == "session"}
		return start(c)
	case "hungry grandchild":
		c := exec.Command(os.Args[0])
		c.Env = []string{hungry + "=" + strconv.Itoa(op.N)}
		return start(c)
	}
	return "", fmt.Errorf("no operation %q", op.Op)
}

func start(c *exec.Cmd) (string, error) {
	if err := c.Start(); err != nil {
		return "", err
	}
	return strconv.Itoa(c.Process.Pid), nil
}

// descriptors lists what this process has open, with what it is, except what Go's
// runtime opens for itself: its limits, its poller.
func descriptors() string {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err.Error()
	}
	var found []string
	for _, n := range names {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", n.Name()))
		if err != nil || strings.HasPrefix(target, "/sys/fs/cgroup/") || strings.HasPrefix(target, "anon_inode:") {
			continue // an error is the one that was used for reading the folder
		}
		kind, _, _ := strings.Cut(target, ":")
		found = append(found, n.Name()+" "+kind)
	}
	return strings.Join(found, "\n")
}

// allocate takes memory and touches all of it. It is not given back.
func allocate(n int) []byte {
	memory, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	for i := 0; i < n; i += 4096 {
		memory[i] = 1
	}
	return memory
}

// limits are those of open files, soft and hard, and of a core file, as the kernel
// holds them: what Go says of the first is what it was at the start.
func limits() (string, error) {
	all, err := os.ReadFile("/proc/self/limits")
	var found []string
	for line := range strings.Lines(string(all)) {
		if strings.HasPrefix(line, "Max open files") || strings.HasPrefix(line, "Max core file size") {
			found = append(found, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(found, "\n"), err
}
