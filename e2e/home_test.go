package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// patience is how long a step may take, in front of the browser or behind it.
const patience = browsertest.Patience

// home is a JMAP_HOME and the host that serves it, until the test ends.
type home struct {
	t               *testing.T
	dir             string
	publisher       *publisher
	requests, admin string // http://HOST:PORT
	token, password string
}

// row is what a test wants to know of an extension.
type row struct {
	ID, State, Version, File, Digest string
	PID, Restarts                    int
	Reason                           *struct{ Code, Message string }
	Consent                          *struct{ Version string }
}

// serve starts a host that asks for signatures, and trusts one publisher. Settings are
// lines of its properties file.
func serve(t *testing.T, settings ...string) *home {
	t.Helper()
	h := &home{t: t, dir: t.TempDir(), publisher: newPublisher(t, "Example Sensors", "sensors.example")}
	h.write("conf/trust/sensors.pem", h.publisher.root)
	h.write("conf/jackfield.properties", []byte(strings.Join(append([]string{
		"trust.policy = require", "trust.revocation = off",
		"backoff.first = 10m", "backoff.max = 20m", // who is to mend it must not be overtaken
		"timeouts.start = 5m", "upgrade.probation = 1s", "scan.interval = 200ms",
	}, settings...), "\n")))
	if err := os.MkdirAll(filepath.Join(h.dir, "extensions"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.token = strings.TrimSpace(string(h.read("conf/admin.token")))
	return h
}

func (h *home) start() {
	h.t.Helper()
	host := start(h.t, "host", h.dir, "serve", "--home", h.dir, "--log-format", "json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	host.await(func() bool {
		for line := range strings.Lines(string(host.said())) {
			var said struct{ Msg, Requests, Admin string }
			if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "listening" {
				h.requests, h.admin = "http://"+said.Requests, "http://"+said.Admin
				return true
			}
		}
		return false
	})
}

// await waits until something is so.
func (h *home) await(what string, so func() bool) {
	h.t.Helper()
	await(h.t, what, so)
}

func (h *home) write(name string, data []byte) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) read(name string) []byte {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return data
}

// drop lays a file into the drop folder, whole at once.
func (h *home) drop(name string, data []byte) {
	h.t.Helper()
	h.write("extensions/."+name+".part", data)
	if err := os.Rename(filepath.Join(h.dir, "extensions", "."+name+".part"), filepath.Join(h.dir, "extensions", name)); err != nil {
		h.t.Fatal(err)
	}
}

// install drops a signed version of moody into the folder and waits for its state.
func (h *home) install(name, state string, edits ...bundletest.Edit) row {
	h.t.Helper()
	h.drop(name+".jar", h.publisher.sign(h.t, name, pack(h.t, name, "1.0.0", edits...)))
	return h.awaitState(idOf(name), state)
}

// setMood has the processes of an extension behave otherwise from now on.
func (h *home) setMood(name, mood string) {
	h.t.Helper()
	h.write(filepath.Join("data", "extensions", idOf(name), "mood"), []byte(mood))
}

// call asks the host and returns status and body.
func (h *home) call(ctx context.Context, method, address, media string, body []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	if strings.HasPrefix(address, h.admin) {
		r.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// ask is call for the admin API, which must answer.
func (h *home) ask(method, path string) (int, []byte) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	status, text, err := h.call(ctx, method, h.admin+path, "", nil)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, text
}

// row returns an extension, the zero row for none.
func (h *home) row(id string) row {
	h.t.Helper()
	status, text := h.ask("GET", "/api/v1/extensions/"+url.PathEscape(id))
	if status == http.StatusNotFound {
		return row{}
	}
	var e row
	if err := json.Unmarshal(text, &e); err != nil || status != http.StatusOK {
		h.t.Fatalf("%s: %d %s, %v", id, status, text, err)
	}
	return e
}

// awaitState waits for a state, "" for an extension that is gone.
func (h *home) awaitState(id, state string) row {
	h.t.Helper()
	var last row
	h.await(fmt.Sprintf("%s is %q", id, state), func() bool {
		last = h.row(id)
		return last.State == state
	})
	return last
}

// request sends a request to an extension in the background, and waits until that is
// under way or answered. The returned function waits for the answer.
func (h *home) request(name, payload string) (answered func() int) {
	done := make(chan int, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	go func() {
		defer cancel()
		status, _, err := h.call(ctx, "POST", h.requests+"/v1/requests/"+typeOf(name), "application/octet-stream", []byte(payload))
		if err != nil {
			status = 0
		}
		done <- status
	}()
	return func() int { return <-done }
}

// rows are all of the list.
func (h *home) rows() []row {
	h.t.Helper()
	var list struct{ Extensions []row }
	if _, text := h.ask("GET", "/api/v1/extensions"); json.Unmarshal(text, &list) != nil {
		h.t.Fatalf("the list: %s", text)
	}
	return list.Extensions
}

// awaitFile waits for the state of a file, and returns the id of its row.
func (h *home) awaitFile(file, state string) (id string) {
	h.t.Helper()
	h.await(fmt.Sprintf("%s is %q", file, state), func() bool {
		for _, r := range h.rows() {
			if r.File == file && r.State == state {
				id = r.ID
				return true
			}
		}
		return false
	})
	return id
}

// awaitInFlight waits until a request to the extension is under way.
func (h *home) awaitInFlight(name string) {
	h.t.Helper()
	want := fmt.Sprintf("jackfield_requests_in_flight{extension=%q} 1\n", idOf(name))
	h.await("a request to "+name+" is under way", func() bool {
		_, text := h.ask("GET", "/metrics")
		return strings.Contains(string(text), want)
	})
}

// append goes on with a copy.
func (h *home) append(name string, data []byte) {
	h.t.Helper()
	file, err := os.OpenFile(filepath.Join(h.dir, name), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.Write(data)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) remove(name string) {
	h.t.Helper()
	if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
		h.t.Fatal(err)
	}
}
