package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/sdk"
)

// connect starts this test binary as a child in a mode, and collects its log.
func connect(t *testing.T, mode string) (*plugin.Client, *Child, *record) {
	t.Helper()
	logged := new(record)
	lanes, err := NewLanes()
	if err != nil {
		t.Fatal(err)
	}
	lines := slogbridge.NewLines(slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slogbridge.LevelTrace})))
	c := launchLanes(mode, lanes, slogbridge.Quiet(slog.New(slog.NewTextHandler(t.Output(), nil))), lines)
	t.Cleanup(c.Kill)
	child, err := Connect(c, lanes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(child.Close)
	return c, child, logged
}

func TestRealChild(t *testing.T) {
	c, child, _ := connect(t, "serve")
	if _, _, err := child.Describe(t.Context(), map[string]string{"extension_request": "x.Base"}); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(c.ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
		if _, err := process(t, child, "x.Echo"); err != nil {
			t.Fatalf("after %v: %v", signal, err)
		}
	}
	if err := child.Destroy(t.Context()); err != nil {
		t.Error(err)
	}
	c.Kill()
	if !c.Exited() {
		t.Error("the child lives")
	}
	_, err = process(t, child, "x.Echo")
	if e := wantError(t, err, sdk.Unavailable, "lost"); !e.Retryable {
		t.Error("not retryable, although nothing was sent")
	}
}

func TestChildDiesWithRequestsInFlight(t *testing.T) {
	_, child, _ := connect(t, "serve")
	waiting := make(chan error, 1)
	go func() {
		_, err := child.Process(t.Context(), &sdk.Request{Type: "x.Wait", MediaType: "a/b"})
		waiting <- err
	}()
	if _, err := process(t, child, "x.Echo"); err != nil {
		t.Fatal(err)
	}
	_, err := process(t, child, "x.Exit")
	wantError(t, err, sdk.Unavailable, "lost")
	wantError(t, <-waiting, sdk.Unavailable, "lost")
}

func TestStrangersAreRefused(t *testing.T) {
	c, _, _ := connect(t, "serve")
	addr, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial(addr.Network(), addr.String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err == nil { // TLS 1.3: the server's refusal arrives with the first read
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want a refusal for want of a certificate", err)
	}
}

// A child may print what it likes, when it likes: nothing of it is taken for the
// handshake and nothing gets lost.
func TestStdoutBelongsToTheLog(t *testing.T) {
	_, child, logged := connect(t, "chatty")
	if _, err := process(t, child, "x.Print"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`level=INFO msg="a line before the handshake"`,
		`level=INFO msg="and half a one "`,
		`level=INFO msg="printed to stdout"`,
		`level=INFO msg="printed to stderr"`,
		`level=INFO msg="printed to an early stdout"`,
		`level=WARN msg=logged n=7`,
	} {
		eventually(t, want+" in the log", func() bool { return strings.Contains(logged.String(), want) })
	}
}

// go-plugin's own parser of a child's stderr panics here, in the host.
func TestHostileLogLine(t *testing.T) {
	_, child, logged := connect(t, "hostile log")
	if _, err := process(t, child, "x.Echo"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second line", func() bool {
		return strings.Contains(logged.String(), `level=WARN msg="still here" n=7`)
	})
}

func TestLaunchErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, mode, file string
		code, text       string
		permanent        bool
	}{
		{name: "newer SDK", mode: "newer", code: CodeProtocolMismatch, text: "version 2, this host speaks 1: upgrade the host", permanent: true},
		{name: "older SDK", mode: "older", code: CodeProtocolMismatch, text: "version 0, this host speaks 1: upgrade the extension", permanent: true},
		{name: "net/rpc", mode: "netrpc", code: CodeProtocolMismatch, text: "net/rpc", permanent: true},
		{name: "exits", mode: "exit 3", code: CodeLaunchFailed, text: "ended before the handshake (exit status 3)"},
		{name: "another program's plugin", mode: "cookie", code: CodeLaunchFailed, text: "ended before the handshake (exit status 1)"},
		{name: "hangs", mode: "hang", code: CodeHandshakeTimeout, text: "start deadline"},
		{name: "speaks something else", mode: "garbage", code: CodeHandshakeTimeout, text: "start deadline"},
		{name: "no certificate", mode: "no tls", code: CodeLaunchFailed, text: ""},
		{name: "a certificate that is none", mode: "bad tls", code: CodeLaunchFailed, text: "AutoMTLS"},
		{name: "another platform", file: file("foreign", "\x7fELF\x02\x01\x01garbage", 0o755), code: CodeLaunchFailed, text: "not built for this platform", permanent: true},
		{name: "missing", file: filepath.Join(dir, "none"), code: CodeLaunchFailed, text: "does not exist"},
		{name: "missing interpreter", file: file("script", "#!/no/such/interpreter\n", 0o755), code: CodeLaunchFailed, text: "interpreter"},
		{name: "not executable", file: file("plain", "x", 0o644), code: CodeLaunchFailed, text: "may not be executed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.file == "" {
				c.file = self
			}
			client := launchFile(c.file, nil, slog.New(slog.NewTextHandler(io.Discard, nil)), io.Discard, modeEnv+"="+c.mode)
			t.Cleanup(client.Kill)
			child, err := Connect(client, nil)
			if c.mode == "no tls" && err == nil {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if _, _, err := child.Describe(ctx, nil); sdk.CodeOf(err) != sdk.Unavailable {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("connected")
			}
			e := Explain(err, exitOf(t, client, c.mode))
			if e.Code != c.code || !strings.Contains(e.Message, c.text) || e.Permanent != c.permanent {
				t.Errorf("got %+v", e)
			}
			if e.Err == nil || !strings.HasPrefix(e.Error(), c.code+": ") || strings.Contains(e.Message, "\n") {
				t.Errorf("got %q with cause %v", e, e.Err)
			}
		})
	}
}

// exitOf says how the child ended, as a supervisor knows it.
func exitOf(t *testing.T, c *plugin.Client, mode string) string {
	t.Helper()
	switch mode {
	case "exit 3", "cookie":
		eventually(t, "the exit", c.Exited)
		if mode == "cookie" {
			return "exit status 1"
		}
		return "exit status 3"
	}
	return ""
}

func TestExplainKeepsWhatItKnows(t *testing.T) {
	first := Explain(errors.New("plugin exited before we could connect"), "")
	second := Explain(fmt.Errorf("starting: %w", first), "signal: killed")
	if !strings.Contains(second.Message, "(signal: killed)") || second.Err != first.Err {
		t.Errorf("got %+v", second)
	}
	e := Explain(errors.New("Unrecognized remote plugin message: Hello\x1b[2J\nmore"), "")
	if want := `first line on stdout was "Hello\x1b[2J"`; !strings.Contains(e.Message, want) {
		t.Errorf("got %q, want %q", e.Message, want)
	}
}

// The portable second line of defence: no parent-death signal is set here.
func TestChildEndsWithItsHost(t *testing.T) {
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), modeEnv+"=host")
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	var failed string
	if _, err := fmt.Sscan(line, &pid, &failed); err != nil || failed != "<nil>" {
		t.Fatalf("the host said %q", line)
	}
	if !alive(pid) {
		t.Fatal("the child is not alive")
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	eventually(t, "the end of the orphan", func() bool { return !alive(pid) })
}

// alive reports whether a process runs; a zombie that nobody reaps does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}
