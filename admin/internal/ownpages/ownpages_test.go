package ownpages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const theID = "org.x.Paged"

// told is a Host that keeps what it was told.
type told struct {
	tries   []host.TryRequest
	changes []host.ConfigurationChange
	answer  host.TryResult
}

type kept struct{ *bytes.Reader }

func (kept) Close() error { return nil }

func (h *told) OpenUI(id, name string) (*host.UIFile, error) {
	switch {
	case id != theID:
		return nil, &host.Error{Code: host.CodeNotFound}
	case name == "large.js":
		return nil, &host.Error{Code: host.CodeTooLarge}
	case name != "" && name != "index.html":
		return nil, &host.Error{Code: host.CodeNotFound, Message: "/srv/home/secret/place"}
	}
	return &host.UIFile{ReadSeekCloser: kept{bytes.NewReader([]byte("<p>pages"))}, MediaType: "text/html; charset=utf-8", Size: 8}, nil
}

func (h *told) Try(_ context.Context, r host.TryRequest) (host.TryResult, error) {
	h.tries = append(h.tries, r)
	return h.answer, nil
}

func (h *told) Configuration(context.Context, string) (host.Configuration, error) {
	return host.Configuration{Values: json.RawMessage(`{"a":1}`), Revision: 3}, nil
}

func (h *told) Configure(_ context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error) {
	h.changes = append(h.changes, c)
	return host.ConfigurationResult{Configuration: host.Configuration{Values: c.Values, Revision: 4}, Diff: []host.Difference{}}, nil
}

// serve answers one request to the route with this pattern, of who.
func serve(t *testing.T, s *Site, who access.Identity, method, target, form string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	for _, route := range s.Routes() {
		mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, r *http.Request) {
			if err := route.Serve(w, r); err != nil {
				p, ok := err.(*web.Problem)
				if !ok {
					t.Fatal(err)
				}
				w.WriteHeader(p.Status)
				fmt.Fprint(w, p.Code)
			}
		})
	}
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	w.Header().Set("X-Frame-Options", "DENY") // as the guard does
	mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), who)))
	return w
}

func alice() access.Identity {
	return access.Identity{Name: "alice", Role: access.Operator, Proof: "proof"}
}

func TestFilesNeedAKey(t *testing.T) {
	now := time.Now()
	s := New(&told{}, func() time.Time { return now })
	frame := s.Frame(theID)
	for _, c := range []struct {
		name, path string
		status     int
		body       string
	}{
		{"the entry", frame, 200, "<p>pages"},
		{"the entry by its name", frame + "index.html", 200, "<p>pages"},
		{"the client of the bridge", frame + "jackfield.js", 200, "globalThis.jackfield"},
		{"no such file", frame + "other.js", 404, "There is no such file."},
		{"a large file", frame + "large.js", 413, "too large"},
		{"no key", "/admin/ui/x/index.html", 404, "not valid any more"},
		{"the id for a key", "/admin/ui/" + theID + "/index.html", 404, "not valid any more"},
		{"the client without a key", "/admin/ui/x/jackfield.js", 404, "not valid any more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serve(t, s, access.Identity{}, "GET", c.path, "")
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || strings.Contains(w.Body.String(), "/srv/home") {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			head := w.Header()
			csp := strings.Split(head.Get("Content-Security-Policy"), "; ")
			for _, directive := range []string{
				"sandbox allow-scripts allow-forms", "default-src 'none'", "script-src 'self'", "connect-src 'none'", "form-action 'none'",
				"base-uri 'none'", "frame-src 'none'", "frame-ancestors 'self'",
			} {
				if !slices.Contains(csp, directive) {
					t.Errorf("the policy lacks %s: %q", directive, csp)
				}
			}
			if text := head.Get("Content-Security-Policy"); strings.Contains(text, "unsafe") || strings.Contains(text, "allow-same-origin") || strings.Contains(text, "allow-top") || strings.Contains(text, "allow-popups") {
				t.Errorf("policy %s", text)
			}
			if head.Get("X-Frame-Options") != "" || head.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("headers %v", head)
			}
		})
	}
}

// What authors read of the policy is the policy.
func TestPolicyIsTold(t *testing.T) {
	page, err := os.ReadFile("../../../docs/ui-bridge.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "| `"+policy+"` |") {
		t.Errorf("docs/ui-bridge.md does not have the policy %s", policy)
	}
}

func TestKeysEnd(t *testing.T) {
	now := time.Now()
	k := newKeys(func() time.Time { return now })
	key := k.issue(theID)
	if id, ok := k.opens(key); !ok || id != theID {
		t.Fatalf("a new key opens %q, %v", id, ok)
	}
	for range 48 { // it is used every quarter of an hour, nearly
		now = now.Add(keyIdle - time.Second)
		if _, ok := k.opens(key); !ok {
			t.Fatal("a key that is used ends")
		}
	}
	now = now.Add(keyIdle - time.Second)
	if _, ok := k.opens(key); ok {
		t.Error("a key is good for ever")
	}
	idle := k.issue(theID)
	now = now.Add(keyIdle)
	if _, ok := k.opens(idle); ok {
		t.Error("a key that was not used does not end")
	}
	first := k.issue("first")
	for range mostKeys {
		now = now.Add(time.Millisecond)
		k.issue("another")
	}
	if _, ok := k.opens(first); ok || len(k.known) > mostKeys {
		t.Errorf("%d keys are kept", len(k.known))
	}
}

func TestBridge(t *testing.T) {
	form := func(members ...string) string {
		v := url.Values{"proof": {"proof"}}
		for i := 0; i < len(members); i += 2 {
			v.Set(members[i], members[i+1])
		}
		return v.Encode()
	}
	const one = "/admin/extensions/" + theID + "/ui/"
	for _, c := range []struct {
		name, method, path, form string
		status                   int
		body                     string
		tried, changed           int
	}{
		{name: "config.get", method: "GET", path: "config", status: 200, body: `"values":{"a":1}`},
		{name: "config.set", method: "POST", path: "config", form: form("values", `{"a":2}`, "revision", "3", "dry_run", "false"), status: 200, body: `"diff":[]`, changed: 1},
		{name: "a change without dry_run is one", method: "POST", path: "config", form: form("values", `{"a":2}`, "revision", "3"), status: 200, changed: 1},
		{name: "a form of nobody", method: "POST", path: "config", form: strings.Replace(form("values", `{}`, "revision", "3"), "proof=proof", "proof=guess", 1), status: 403},
		{name: "a form without proof", method: "POST", path: "call", form: "type=x&payload={}", status: 403},
		{name: "no object", method: "POST", path: "config", form: form("values", `[1]`, "revision", "3"), status: 400},
		{name: "no JSON", method: "POST", path: "config", form: form("values", `{`, "revision", "3"), status: 400},
		{name: "no values", method: "POST", path: "config", form: form("revision", "3"), status: 400},
		{name: "no revision", method: "POST", path: "config", form: form("values", `{}`), status: 400},
		{name: "types.call", method: "POST", path: "call", form: form("type", "org.x.Ask", "payload", `{"q":1}`), status: 200, body: `"payload":{"answer":1}`, tried: 1},
		{name: "a large payload", method: "POST", path: "call", form: form("type", "org.x.Ask", "payload", strings.Repeat("é", host.MaxTry/2)), status: 200, tried: 1},
		{name: "a form that never ends", method: "POST", path: "call", form: form("type", "org.x.Ask", "payload", strings.Repeat("x", maxForm)), status: 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &told{answer: host.TryResult{Status: 200, Code: "ok", MediaType: "application/json; charset=utf-8", Payload: []byte(`{"answer":1}`), Bytes: 12}}
			w := serve(t, New(h, time.Now), alice(), c.method, one+c.path, c.form)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if len(h.tries) != c.tried || len(h.changes) != c.changed {
				t.Fatalf("%d requests and %d changes", len(h.tries), len(h.changes))
			}
			for _, r := range h.tries {
				if r.ID != theID || !r.OwnPage || r.Roles != nil || r.Actor.Name != "alice" || r.Timeout != callTime {
					t.Errorf("the request %+v", r)
				}
			}
			for _, change := range h.changes {
				if change.ID != theID || change.Actor.Name != "alice" || change.DryRun == strings.Contains(c.form, "dry_run=false") {
					t.Errorf("the change %+v", change)
				}
			}
		})
	}
}

func TestAnswersOfCalls(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer host.TryResult
		status int
		want   string
	}{
		{"bytes", host.TryResult{Status: 200, Code: "ok", MediaType: "image/png", Payload: []byte("\x89PNG"), Bytes: 4}, 200, `"payload_base64":"iVBORw=="`},
		{"JSON that is none", host.TryResult{Status: 200, Code: "ok", MediaType: "application/json", Payload: []byte("{"), Bytes: 1}, 200, `"payload_base64":"ew=="`},
		{"of another kind", host.TryResult{Status: 200, Code: "ok", MediaType: "application/geo+json", Payload: []byte("{}"), Bytes: 2}, 200, `"payload":{}`},
		{"cut off", host.TryResult{Status: 200, Code: "ok", MediaType: "application/json", Payload: []byte("{}"), Bytes: 9}, 502, "too_large"},
		{"a refusal", host.TryResult{Status: 422, Code: "validation_failed", Message: "no"}, 200, `"code":"validation_failed","message":"no"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serve(t, New(&told{answer: c.answer}, time.Now), alice(), "POST", "/admin/extensions/"+theID+"/ui/call", "proof=proof&type=x")
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
