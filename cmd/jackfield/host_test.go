package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience bounds everything a test waits for.
const patience = 20 * time.Second

// runningHost is a real `jackfield serve` in a home of its own.
type runningHost struct {
	home            string
	requests, admin string // base URLs
	cmd             *exec.Cmd
	exited          chan struct{}

	mu     sync.Mutex
	stderr bytes.Buffer // guarded by mu
}

// startHost starts the real binary on free ports and waits until it listens.
func startHost(home string, args ...string) (*runningHost, error) {
	return start(home, exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), serveArgs(home, args...)...))
}

// serveArgs are the arguments of a host on free ports whose log can be read by program.
func serveArgs(home string, args ...string) []string {
	return append([]string{"serve", "--home", home, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"}, args...)
}

// start starts a host and waits until it listens.
func start(home string, cmd *exec.Cmd) (*runningHost, error) {
	h := &runningHost{home: home, cmd: cmd, exited: make(chan struct{})}
	pipe, err := h.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	listening := make(chan [2]string, 1)
	go h.read(pipe, listening)
	select {
	case addr := <-listening:
		h.requests, h.admin = "http://"+addr[0], "http://"+addr[1]
		return h, nil
	case <-h.exited:
		return nil, fmt.Errorf("the host ended before it listened: %v\n%s", h.cmd.ProcessState, h.log())
	case <-time.After(patience):
		h.kill()
		return nil, fmt.Errorf("the host does not listen after %s\n%s", patience, h.log())
	}
}

// read keeps what the host logs, and reports the line that names its addresses.
func (h *runningHost) read(pipe io.Reader, listening chan<- [2]string) {
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		h.mu.Lock()
		h.stderr.Write(lines.Bytes())
		h.stderr.WriteByte('\n')
		h.mu.Unlock()
		var line struct{ Msg, Requests, Admin string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			listening <- [2]string{line.Requests, line.Admin}
		}
	}
	h.cmd.Wait()
	close(h.exited)
}

func (h *runningHost) log() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stderr.String()
}

// stop ends the host as an operator does and reports how it ended.
func (h *runningHost) stop() error {
	h.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-h.exited:
	case <-time.After(patience):
		h.kill()
		return fmt.Errorf("the host does not stop\n%s", h.log())
	}
	if !h.cmd.ProcessState.Success() {
		return fmt.Errorf("the host ended with %v\n%s", h.cmd.ProcessState, h.log())
	}
	return nil
}

// kill ends the host without asking, as the kernel might.
func (h *runningHost) kill() {
	h.cmd.Process.Kill()
	<-h.exited
}

// row is what these tests read of an extension in the admin API.
type row struct {
	ID, Claims, State, Version, Digest, File string
	PID, Restarts                            int
	Reason                                   *struct {
		Code, Stage, Message string
		Stderr               []string
	}
	Consent *struct{ Version string }
}

func (r row) String() string {
	if r.Reason == nil {
		return r.State
	}
	return fmt.Sprintf("%s %s/%s: %s", r.State, r.Reason.Stage, r.Reason.Code, r.Reason.Message)
}

// row asks the admin API for one extension; ok is false when there is none.
func (h *runningHost) row(id string) (r row, ok bool, err error) {
	status, err := h.adminGet("/api/v1/extensions/"+url.PathEscape(id), &r)
	return r, status == http.StatusOK, err
}

func (h *runningHost) adminGet(path string, into any) (int, error) {
	token, err := os.ReadFile(filepath.Join(h.home, "conf", "admin.token"))
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest(http.MethodGet, h.admin+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := client().Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp.StatusCode, err
	}
	return resp.StatusCode, json.Unmarshal(body, into)
}

// waitFor polls until id's row satisfies ok.
func (h *runningHost) waitFor(id string, ok func(r row, found bool) bool) error {
	deadline := time.Now().Add(patience)
	for {
		r, found, err := h.row(id)
		if err == nil && ok(r, found) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is still %v (found %v, error %v)\n%s", id, r, found, err, h.log())
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (h *runningHost) waitState(id, state string) error {
	return h.waitFor(id, func(r row, found bool) bool { return found && r.State == state })
}

// dropInto puts a file into the drop folder by rename, as the guide tells people to.
func dropInto(home, name string, data []byte) error {
	dir := filepath.Join(home, "extensions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part := filepath.Join(dir, "."+name+".part")
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(dir, name))
}

func (h *runningHost) post(typ, contentType string, body []byte) (int, http.Header, []byte, error) {
	resp, err := client().Post(h.requests+"/v1/requests/"+typ, contentType, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, answer, err
}

func client() *http.Client { return &http.Client{Timeout: patience} }
