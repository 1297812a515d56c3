package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOneRequestInEveryLog follows one request, that of a client who traces, through the
// log of the host and that of the extension, by its request id and by its trace id; and
// one request to the admin API, which has no trace.
func TestOneRequestInEveryLog(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	mustDrop(t, home, "echo.jar", readBundle(t, "echo.jar"))
	h, err := startHost(home, "--set", "log.level=debug", "--set", "tracing.endpoint=http://127.0.0.1:9") // where nobody collects
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	const extension, trace = "examples.echo.EchoExtension", "0af7651916cd43dd8448eb211c80319c"
	if err := h.waitState(extension, "running"); err != nil {
		t.Fatal(err)
	}
	send := func(url, id string) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(`{"panic":true}`))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"Content-Type": "application/json", "Request-Id": id, "Traceparent": "00-" + trace + "-b7ad6b7169203331-01",
		} {
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Request-Id"); got != id {
			t.Errorf("%s: the answer has Request-Id %q", url, got)
		}
	}
	send(h.requests+"/v1/requests/examples.echo.EchoRequest", "asked-1")
	send(h.admin+"/api/v1/extensions/nobody/restart", "asked-2")

	said := h.await(t, "request", "asked-1")
	if said["trace_id"] != trace || said["ext"] != extension || said["code"] != "extension_fault" {
		t.Errorf("the host's line of the request is %v", said)
	}
	said = h.await(t, "admin request", "asked-2")
	if said["status"] != 401.0 || said["method"] != "POST" || said["path"] != "/api/v1/extensions/nobody/restart" {
		t.Errorf("the host's line of the admin request is %v", said)
	}
	path := filepath.Join(home, "log", "extensions", extension+".log")
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		log, err := os.ReadFile(path)
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, "the process lives on") && strings.Contains(line, "request_id=asked-1") && strings.Contains(line, "trace_id="+trace) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the extension's log does not name request and trace: %v\n%s", err, log)
		}
	}
}

// await waits for the line of the host's log with this message about this request.
func (h *runningHost) await(t *testing.T, msg, id string) map[string]any {
	t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		for line := range strings.Lines(h.log()) {
			said := map[string]any{}
			if json.Unmarshal([]byte(line), &said) == nil && said["msg"] == msg && said["request_id"] == id {
				return said
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the host never said %q of %s\n%s", msg, id, h.log())
		}
	}
}
