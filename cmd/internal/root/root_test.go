package root

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// run executes one command line and returns what it wrote.
func run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Run(ctx, Program{Version: "1.2.3"}, args, Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	return code, out.String(), err.String()
}

func TestExitCodesAndWords(t *testing.T) {
	for _, c := range []struct {
		line   string
		code   int
		stderr []string
	}{
		{"", 2, []string{"jackfield: say which command\n", "hint: 'jackfield --help' lists the commands\n"}},
		{"nonsense", 2, []string{`jackfield: there is no command "nonsense"`}},
		{"serv", 2, []string{"hint: did you mean 'jackfield serve'"}},
		{"ext", 2, []string{"jackfield: ext: say which command"}},
		{"ext lst", 2, []string{"hint: did you mean 'jackfield ext list'?"}},
		{"--nope", 2, []string{"jackfield: unknown flag: --nope"}},
		{"version extra", 2, []string{"unknown command \"extra\"", "hint: 'jackfield version --help'"}},
		{"version -o xml", 2, []string{`"xml" is not table or json`}},
		{"ext show", 2, []string{"accepts 1 arg(s)", "hint: 'jackfield ext show --help'"}},
		{"completion tcsh", 2, []string{`"tcsh"`}},
		{"completion", 2, []string{"hint: 'jackfield completion --help'"}},
		{"serve --home HOME --limits-queue many", 2, []string{`--limits-queue: limits.queue = "many"`}},
		{"serve --home HOME --set novalue", 2, []string{"--set takes KEY=VALUE"}},
		{"serve --home HOME --listen 0.0.0.0:0", 2, []string{"requests.auth is not set", "hint: listen on 127.0.0.1"}},
		{"ext list --home HOME", 1, []string{"jackfield: no host is running", "hint: start one with"}},
		{"--help", 0, nil},
		{"ext call --help", 0, nil},
	} {
		t.Run(c.line, func(t *testing.T) {
			args := strings.Fields(strings.ReplaceAll(c.line, "HOME", t.TempDir()))
			code, out, stderr := run(t.Context(), args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, stderr)
			}
			for _, part := range c.stderr {
				if !strings.Contains(stderr, part) {
					t.Errorf("stderr lacks %q: %s", part, stderr)
				}
			}
			if (code == 0) != (stderr == "") || code != 0 && out != "" {
				t.Errorf("exit code %d with stdout %q, stderr %q", code, out, stderr)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if code, out, _ := run(t.Context(), "version"); code != 0 || !strings.HasPrefix(out, "jackfield 1.2.3 (go1.") {
		t.Errorf("version: %d %q", code, out)
	}
	code, out, _ := run(t.Context(), "version", "-o", "json")
	var b map[string]string
	if err := json.Unmarshal([]byte(out), &b); code != 0 || err != nil || b["version"] != "1.2.3" || b["go"] != runtime.Version() || b["platform"] != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("version -o json: %d %s %v", code, out, err)
	}
	if _, has := b["commit"]; !has {
		t.Error("version -o json has no commit")
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, _ := run(t.Context(), "completion", shell); code != 0 || !strings.Contains(out, "jackfield") {
			t.Errorf("completion %s: %d, %d bytes", shell, code, len(out))
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short help", cmd.CommandPath())
		}
		if first := cmd.Short[:min(1, len(cmd.Short))]; strings.ToLower(first) != first || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q is not lower case without a full stop", cmd.CommandPath(), cmd.Short)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(Program{Version: "1.2.3"}))
}

// log collects what a host says and tells when it listens.
type log struct {
	mu     sync.Mutex
	text   bytes.Buffer // guarded by mu
	listen chan listening
}

type listening struct {
	Msg, Requests, Admin string
	TokenFile            string `json:"token_file"`
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var line listening
	if json.Unmarshal(p, &line) == nil && line.Msg == "listening" {
		l.listen <- line
	}
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestServe runs a real host without extensions through a whole life.
func TestServe(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	l := &log{listen: make(chan listening, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, Program{Version: "1.2.3"}, []string{"serve", "--home", home, "--listen", "127.0.0.1:0", "--admin-listen", "localhost:0", "--log-format", "json"},
			Streams{In: strings.NewReader(""), Out: io.Discard, Err: l})
	}()
	var at listening
	select {
	case at = <-l.listen:
	case code := <-ended:
		t.Fatalf("serve ended with %d\n%s", code, l)
	case <-time.After(20 * time.Second):
		t.Fatalf("serve does not listen\n%s", l)
	}
	checkRunning(t, ctx, home, at)

	stop()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("serve ended with %d\n%s", code, l)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("serve does not stop\n%s", l)
	}
	if _, err := os.Stat(filepath.Join(home, "run", "host.json")); err == nil {
		t.Error("host.json is left behind")
	}
	token, err := os.ReadFile(at.TokenFile)
	if err != nil || strings.Contains(l.String(), strings.TrimSpace(string(token))) {
		t.Errorf("the token is in the log, or not in its file: %v", err)
	}
}

func checkRunning(t *testing.T, ctx context.Context, home string, at listening) {
	t.Helper()
	for _, c := range []struct {
		url  string
		want int
	}{
		{"http://" + at.Requests + "/healthz", 200},
		{"http://" + at.Admin + "/metrics", 200},
		{"http://" + at.Admin + "/api/v1/extensions", 401},
		{"http://" + at.Admin + "/admin/", 200}, // the sign-in form
	} {
		resp, err := http.Get(c.url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.url, resp.StatusCode, c.want)
		}
	}
	if code, out, stderr := run(ctx, "ext", "list", "--home", home, "-o", "json"); code != 0 || strings.TrimSpace(out) != "[]" {
		t.Errorf("ext list: %d %s %s", code, out, stderr)
	}
	if code, _, stderr := run(ctx, "ext", "call", "no.such.Type", "--home", home); code != 1 || !strings.Contains(stderr, "unknown_type") {
		t.Errorf("ext call: %d %s", code, stderr)
	}
	if code, _, stderr := run(ctx, "serve", "--home", home, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"); code != 1 || !strings.Contains(stderr, "in use by another host") {
		t.Errorf("a second host in the same home: %d %s", code, stderr)
	}
	if code, _, stderr := run(ctx, "serve", "--home", t.TempDir(), "--listen", at.Requests, "--admin-listen", "127.0.0.1:0"); code != 1 || !strings.Contains(stderr, "listen: the address "+at.Requests+" is in use") {
		t.Errorf("a second host on the same address: %d %s", code, stderr)
	}
}
