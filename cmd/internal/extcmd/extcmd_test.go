package extcmd

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

func TestListAndShow(t *testing.T) {
	home := string(newHome(t, http.NotFoundHandler()))
	table, err := ext("", "list", "--home", home)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"ID ", "examples.hello.HelloExtension  Hello", "running", "4711", `\x1b[31mred\u202e`, `crashed: gone\nagain`} {
		if !strings.Contains(table, part) {
			t.Errorf("the table lacks %q:\n%s", part, table)
		}
	}
	if strings.ContainsAny(table, "\x1b\u202e") || strings.Count(table, "\n") != 3 {
		t.Errorf("the table can be steered from outside: %q", table)
	}

	var list []host.Extension
	text, err := ext("", "list", "-o", "json", "--home", home)
	if err != nil || json.Unmarshal([]byte(text), &list) != nil || len(list) != 2 || list[1].Reason.Message != "gone\nagain" {
		t.Errorf("list -o json: %s, %v", text, err)
	}

	text, err = ext("", "show", "odd name%.jar", "--home", home)
	if err != nil || !strings.Contains(text, "reason    crashed: gone\\nagain (stage runtime)\n") || !strings.Contains(text, "exit      code 2\n") ||
		!strings.HasSuffix(text, "its last words:\n  panic: \\x1b[2J\n") {
		t.Errorf("show: %v\n%s", err, text)
	}
	var one host.Extension
	text, err = ext("", "show", "odd name%.jar", "-o", "json", "--home", home)
	if err != nil || json.Unmarshal([]byte(text), &one) != nil || one.ID != "odd name%.jar" {
		t.Errorf("show -o json: %s, %v", text, err)
	}
	_, err = ext("", "show", "nobody", "--home", home)
	wantError(t, err, 1, `showing "nobody": not_found`, "jackfield ext list")
}

func TestFindingTheHost(t *testing.T) {
	empty := t.TempDir()
	_, err := ext("", "list", "--home", empty)
	wantError(t, err, 1, "no host is running in "+empty, "hint: start one with 'jackfield serve --home "+empty)

	t.Setenv("JMAP_HOME", string(newHome(t, http.NotFoundHandler())))
	if _, err := ext("", "list"); err != nil {
		t.Errorf("through JMAP_HOME: %v", err)
	}
	_, err = ext("", "list", "--token", "wrong-token-wrong-token")
	wantError(t, err, 1, "unauthenticated", "hint: the token is the content of conf/admin.token")

	h, err := running.Find(host.Home(os.Getenv("JMAP_HOME")))
	if err != nil {
		t.Fatal(err)
	}
	_, err = ext("", "list", "--host", "http://"+h.Admin)
	wantError(t, err, 2, "--host needs the administrator's token")
	_, err = ext("", "list", "--host", h.Admin, "--token", testToken)
	wantError(t, err, 2, "is not the URL of a listener", "hint: write http://HOST:PORT")
	if _, err := ext("", "list", "--host", "http://"+h.Admin+"/", "--token", testToken); err != nil {
		t.Errorf("through --host: %v", err)
	}
	t.Setenv("JACKFIELD_HOST", "http://"+h.Admin)
	t.Setenv("JACKFIELD_TOKEN", testToken)
	if _, err := ext("", "list"); err != nil {
		t.Errorf("through the environment: %v", err)
	}
	_, err = ext("", "list", "--home", empty) // a flag goes before the environment
	wantError(t, err, 1, "no host is running in "+empty)
	home := os.Getenv("JMAP_HOME")
	t.Setenv("JACKFIELD_TOKEN", "of-another-host-of-another")
	if _, err := ext("", "list", "--home", home); err != nil {
		t.Errorf("a home that is named has its own token: %v", err)
	}
	t.Setenv("JACKFIELD_TOKEN", testToken)
	if err := os.Rename(host.Home(home).AdminToken(), host.Home(home).AdminToken()+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := ext("", "list", "--home", home); err != nil {
		t.Errorf("the environment's token for a home without one: %v", err)
	}
	_, err = ext("", "call", "a.Type")
	wantError(t, err, 2, "the address of the request listener must be given too", "hint: pass --requests")
	if _, err := ext("", "call", "a.Type", "--requests", "http://"+h.Requests); output.ExitCode(err) != 1 {
		t.Errorf("with --requests: %v", err)
	}
}

func TestHostDoesNotAnswer(t *testing.T) {
	home := newHome(t, http.NotFoundHandler())
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	announce(t, home, gone.Addr().String(), gone.Addr().String())
	_, err = ext("", "list", "--home", string(home))
	wantError(t, err, 1, gone.Addr().String()+" does not answer", "connection refused", "hint: is the host running")

	other := serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	announce(t, home, other, other)
	_, err = ext("", "list", "--home", string(home))
	wantError(t, err, 1, "reading the answer", "hint: is this the admin listener")

	thief := false
	away := serveOn(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { thief = true }))
	redirect := serveOn(t, http.RedirectHandler("http://"+away, http.StatusTemporaryRedirect))
	announce(t, home, redirect, redirect)
	_, err = ext("", "list", "--home", string(home))
	wantError(t, err, 1, "the host answered 307")
	if thief {
		t.Error("the client followed a redirect with the token")
	}
}

func TestCall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	type seen struct{ Path, Body, Type, Timeout, Auth string }
	var got seen
	home := string(newHome(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = seen{r.URL.EscapedPath(), string(body), r.Header.Get("Content-Type"), r.Header.Get("Request-Timeout"), r.Header.Get("Authorization")}
		w.Write([]byte("\x00\xffanswer"))
	})))
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        seen
	}{
		{"JSON", "", []string{"a.B", `{"x":1}`}, seen{"/v1/requests/a.B", `{"x":1}`, "application/json", "30", ""}},
		{"nothing", "", []string{"a.B"}, seen{"/v1/requests/a.B", `{}`, "application/json", "30", ""}},
		{"file", "", []string{"a.B", "@" + file, "--content-type", "text/plain", "--timeout", "1500ms"}, seen{"/v1/requests/a.B", "from a file", "text/plain", "1.5", ""}},
		{"stdin", "typed", []string{"a/..?b", "-"}, seen{"/v1/requests/a%2F..%3Fb", "typed", "application/json", "30", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := ext(c.stdin, append([]string{"call", "--home", home}, c.args...)...)
			if err != nil || out != "\x00\xffanswer" {
				t.Errorf("printed %q, %v", out, err)
			}
			if got != c.want {
				t.Errorf("the host saw %+v, want %+v", got, c.want)
			}
		})
	}
	_, err := ext("", "call", "a.B", "@"+file+"-missing", "--home", home)
	wantError(t, err, 1, "reading the payload", "no such file")
	_, err = ext("", "call", "a.B", "--timeout", "0s", "--home", home)
	wantError(t, err, 2, "--timeout must be positive")
}

func TestCallProblems(t *testing.T) {
	for _, c := range []struct {
		name, media, body string
		status            int
		want              []string
	}{
		{"pointers", "application/problem+json", `{"code":"validation_failed","detail":"2 faults","request_id":"r7","errors":[{"pointer":"/name","message":"must be a string"},{"pointer":"","message":"x"}]}`, 422,
			[]string{"calling a.B: validation_failed: 2 faults (request r7)\n", "  at /name: must be a string\n", "  at the whole payload: x\n", "hint: GET /v1/types/{type}"}},
		{"retry", "application/problem+json", `{"code":"unavailable","detail":"starting"}`, 503, []string{"unavailable: starting", "hint: try again in 3 s"}},
		{"unknown type", "application/problem+json; charset=utf-8", `{"code":"unknown_type","title":"Not Found"}`, 404, []string{"unknown_type: Not Found", "hint: GET /v1/types"}},
		{"hostile text", "application/problem+json", `{"code":"internal","detail":"x\nhint: run rm\u001b[2J\u202e"}`, 500, []string{`internal: x\nhint: run rm\x1b[2J\u202e`}},
		{"no problem", "text/html", "<html>", 502, []string{"the host answered 502 Bad Gateway", "hint: is this the address"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := string(newHome(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.media)
				w.Header().Set("Retry-After", "3")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})))
			out, err := ext("", "call", "a.B", "--home", home)
			wantError(t, err, 1, c.want...)
			if out != "" {
				t.Errorf("printed %q", out)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	home := string(newHome(t, http.NotFoundHandler()))
	out, err := ext("", "__complete", "show", "--home", home, "")
	if err != nil || !strings.Contains(out, "examples.hello.HelloExtension") || strings.ContainsAny(out, "\x1b\u202e") {
		t.Errorf("completion %q, %v", out, err)
	}
}
