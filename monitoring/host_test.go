package monitoring

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// aHost is a running host with a home of its own.
type aHost struct {
	t               *testing.T
	home            string // where a test finds the home, which is not always where the host does
	requests, admin string // HOST:PORT
	scheme          string // of both
	cmd             *exec.Cmd
	ended           chan error
}

// start starts a host with these lines in its configuration, and these files in its home.
// Before says what a shell does first; the home is $1 in it.
func start(t *testing.T, before string, files map[string][]byte, settings ...string) *aHost {
	t.Helper()
	h := &aHost{t: t, home: t.TempDir(), ended: make(chan error, 1)}
	settings = append([]string{"listen = 127.0.0.1:0", "admin.listen = 127.0.0.1:0", "scan.interval = 200ms", "sandbox = off"}, settings...)
	// The home may be made by before, so what is in it is copied there afterwards.
	seed := t.TempDir()
	put(t, filepath.Join(seed, "conf", "jackfield.properties"), []byte(strings.Join(settings, "\n")))
	for name, data := range files {
		put(t, filepath.Join(seed, name), data)
	}
	script := before + "\n" + `cp -r "$2"/. "$1" && exec "$3" serve --home "$1" --log-format json`
	how := []string{"sh", "-euc", script, "sh", h.home, seed, programs.jackfield}
	if strings.Contains(before, "mount") {
		unshare := []string{"unshare", "--mount"}
		if os.Getuid() != 0 {
			unshare = append(unshare, "--map-root-user")
		}
		how = append(unshare, how...)
	}
	h.cmd = exec.Command(how[0], how[1:]...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "JACKFIELD_") && !strings.HasPrefix(variable, "JMAP_") {
			h.cmd.Env = append(h.cmd.Env, variable)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	h.cmd.Stderr, h.cmd.Stdout = file, file
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file.Close()
	go func() { h.ended <- h.cmd.Wait() }()
	t.Cleanup(func() {
		h.stop()
		if text, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("the host said:\n%s", text[max(0, len(text)-4000):])
		}
	})
	await(t, func() string {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-h.ended:
			h.cmd = nil
			t.Fatalf("the host ended: %v\n%s", err, text)
		default:
		}
		for line := range strings.Lines(string(text)) {
			var said struct{ Msg, Requests, Admin, Scheme string }
			if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "listening" {
				h.requests, h.admin, h.scheme = said.Requests, said.Admin, said.Scheme
				return ""
			}
		}
		return "the host does not listen\n" + string(text)
	})
	h.home = fmt.Sprintf("/proc/%d/root%s", h.cmd.Process.Pid, h.home)
	return h
}

// stop ends the host; a second call does nothing.
func (h *aHost) stop() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Signal(syscall.SIGTERM)
	<-h.ended
	h.cmd = nil
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// Whole at once, for those who look at a folder.
	if err := os.WriteFile(path+".part", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// echo is a bundle of examples/echo under another name.
func echo(t *testing.T, name string, edits ...bundletest.Edit) []byte {
	return bundletest.Good(append([]bundletest.Edit{named(name), bundletest.WithExecutable(read(t, filepath.Join(programs.dir, "echo")))}, edits...)...)
}

func named(name string) bundletest.Edit {
	return func(c *bundletest.Content) {
		for key, value := range map[string]string{
			"extension_class": idOf(name), "extension_request": typeOf(name),
			"extension_response": "org." + name + ".Response", "extension_name": name,
		} {
			bundletest.With(key, value)(c)
		}
	}
}

func idOf(name string) string   { return "org." + name + ".Extension" }
func typeOf(name string) string { return "org." + name + ".Request" }

// post sends a request; the status of the answer is 0 when there is none.
func (h *aHost) post(ctx context.Context, typ, payload string) int {
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+h.requests+"/v1/requests/"+typ, strings.NewReader(payload))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return resp.StatusCode
}

// anyCertificate asks hosts whose certificates nobody has issued.
var anyCertificate = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // of a test, on this machine

// scrape is the text of /metrics.
func (h *aHost) scrape() []byte {
	resp, err := anyCertificate.Get(h.scheme + "://" + h.admin + "/metrics")
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return text
}

// awaitLine waits for a line of the scrape.
func (h *aHost) awaitLine(line string) {
	h.t.Helper()
	await(h.t, func() string {
		if bytes.Contains(h.scrape(), []byte("\n"+line+"\n")) {
			return ""
		}
		return line + " is not in the scrape"
	})
}
