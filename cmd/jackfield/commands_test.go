package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The commands of the stories. Beside them there are `jackfield` itself and `http`.

// hosts are the running hosts of the stories, by story: a command of a story has no
// other place to keep what the next one needs.
var hosts hostTable

type hostTable struct{ byStory sync.Map }

func (t *hostTable) put(ts *testscript.TestScript, h *runningHost) { t.byStory.Store(ts, h) }

func (t *hostTable) get(ts *testscript.TestScript) *runningHost {
	h, ok := t.byStory.Load(ts)
	if !ok {
		ts.Fatalf("no host runs; begin the story with `host`")
	}
	return h.(*runningHost)
}

// cmdHost: host [flags]: starts a host in $JMAP_HOME; sets $REQUESTS, $ADMIN, $TOKEN.
func cmdHost(ts *testscript.TestScript, neg bool, args []string) {
	h, err := startHost(ts.Getenv("JMAP_HOME"), args...)
	if neg {
		if err == nil {
			h.kill()
			ts.Fatalf("the host started, which it should not")
		}
		ts.Logf("%v", err)
		return
	}
	ts.Check(err)
	token, err := os.ReadFile(filepath.Join(h.home, "conf", "admin.token"))
	ts.Check(err)
	ts.Setenv("REQUESTS", h.requests)
	ts.Setenv("ADMIN", h.admin)
	ts.Setenv("TOKEN", strings.TrimSpace(string(token)))
	ts.Setenv("HOSTPID", strconv.Itoa(h.cmd.Process.Pid))
	ts.Defer(h.kill)
	hosts.put(ts, h)
}

// cmdStopHost: stophost [-9]: ends the host, gracefully unless -9 is given.
func cmdStopHost(ts *testscript.TestScript, neg bool, args []string) {
	h := hosts.get(ts)
	if slices.Contains(args, "-9") {
		ts.Check(h.cmd.Process.Signal(syscall.SIGKILL))
		<-h.exited
		return
	}
	ts.Check(h.stop())
}

// cmdDrop: drop FILE [NAME]: puts FILE into the drop folder by rename.
func cmdDrop(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: drop FILE [NAME]")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	name := filepath.Base(args[len(args)-1])
	ts.Check(dropInto(ts.Getenv("JMAP_HOME"), name, data))
}

// cmdState: state ID STATE: waits until the extension is in the state.
func cmdState(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: state ID STATE")
	}
	ts.Check(hosts.get(ts).waitState(args[0], args[1]))
}

// cmdReady: ready: waits until the host is: it has looked into its folder then.
func cmdReady(ts *testscript.TestScript, neg bool, args []string) {
	h := hosts.get(ts)
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		resp, err := client().Get(h.requests + "/readyz")
		ts.Check(err)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the host is not ready: %s", resp.Status)
		}
	}
}

// cmdMeasured: measured ID: waits until the host has looked at what the extension does.
func cmdMeasured(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: measured ID")
	}
	ts.Check(hosts.get(ts).waitMeasured(args[0]))
}

// waitMeasured waits until the host has looked at what the extension does.
func (h *runningHost) waitMeasured(id string) error {
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		var now struct{ Measure map[string]any }
		_, err := h.adminGet("/api/v1/extensions/"+id+"/metrics", &now)
		if err == nil && now.Measure != nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing of %s was measured: %v", id, err)
		}
	}
}

// cmdWaits: waits ID: waits until a version of the extension waits for consent.
func cmdWaits(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: waits ID")
	}
	ts.Check(hosts.get(ts).waitFor(args[0], func(r row, found bool) bool { return found && r.Consent != nil }))
}

// cmdRestarts: restarts ID N: waits until the extension runs after N restarts.
func cmdRestarts(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: restarts ID N")
	}
	ts.Check(hosts.get(ts).waitFor(args[0], func(r row, found bool) bool {
		return found && r.State == "running" && strconv.Itoa(r.Restarts) == args[1]
	}))
}

// cmdLogged: logged ID REGEXP: waits until a line of the extension's log matches.
func cmdLogged(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: logged ID REGEXP")
	}
	want := regexp.MustCompile(args[1])
	path := filepath.Join(ts.Getenv("JMAP_HOME"), "log", "extensions", args[0]+".log")
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		log, err := os.ReadFile(path)
		if err == nil && want.Match(log) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("nothing in the log matches %s: %v\n%s", args[1], err, log)
		}
	}
}

// cmdReason: reason ID REGEXP: waits until the reason's stage/code: message matches.
func cmdReason(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: reason ID REGEXP")
	}
	want := regexp.MustCompile(args[1])
	ts.Check(hosts.get(ts).waitFor(args[0], func(r row, found bool) bool {
		return found && r.Reason != nil && want.MatchString(r.String())
	}))
}

// cmdGone: gone ID: waits until the host knows no such extension.
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: gone ID")
	}
	ts.Check(hosts.get(ts).waitFor(args[0], func(_ row, found bool) bool { return !found }))
}

// cmdExits: exits CODE PROGRAM [ARGS]: runs a program that must end with CODE.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGS]")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s ended with %d, not %s", args[1], code, args[0])
	}
}

// httpMain: http METHOD URL [-H 'Name: value']... [-d BODY | -f FILE]: prints the
// status line, the headers and the body, like curl -i, and exits 0 for any status.
func httpMain() {
	if err := httpRun(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "http:", err)
		os.Exit(1)
	}
}

func httpRun(args []string) error {
	if len(args) < 2 || len(args)%2 != 0 {
		return fmt.Errorf("usage: http METHOD URL [-H 'Name: value']... [-d BODY | -f FILE] [-r stay]")
	}
	method, url, body := args[0], args[1], io.Reader(nil)
	header, asking := http.Header{}, client()
	for i := 2; i < len(args); i += 2 {
		switch args[i] {
		case "-H":
			name, value, _ := strings.Cut(args[i+1], ":")
			header.Add(name, strings.TrimSpace(value))
		case "-d":
			body = strings.NewReader(args[i+1])
		case "-f":
			file, err := os.Open(args[i+1])
			if err != nil {
				return err
			}
			defer file.Close()
			body = file
		case "-r": // -r stay: a redirect is an answer
			asking.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		default:
			return fmt.Errorf("unknown option %s", args[i])
		}
	}
	// An answer may go on as long as the story does, if it only goes on.
	asking.Timeout = 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	silence := time.AfterFunc(patience, cancel)
	defer silence.Stop()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	req.Header = header
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := asking.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println(resp.Proto, resp.Status)
	resp.Header.Write(os.Stdout)
	fmt.Println()
	_, err = io.Copy(os.Stdout, io.LimitReader(&lively{resp.Body, silence}, 64<<20))
	return err
}

// lively puts off the end of patience each time that something comes.
type lively struct {
	from    io.Reader
	silence *time.Timer
}

func (l *lively) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.silence.Reset(patience)
	return n, err
}
