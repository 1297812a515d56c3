package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// backend is a router.Backend that is a function.
type backend func(ctx context.Context, req *sdk.Request) (*sdk.Response, error)

func (b backend) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	return b(ctx, req)
}

// echo answers the payload and its media type.
func echo(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
	return &sdk.Response{MediaType: req.MediaType, Payload: req.Payload}, nil
}

// failing answers every request so.
func failing(err error) backend {
	return func(context.Context, *sdk.Request) (*sdk.Response, error) { return nil, err }
}

func answering(resp sdk.Response) backend {
	return func(context.Context, *sdk.Request) (*sdk.Response, error) { r := resp; return &r, nil }
}

const helloSchema = `{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}`

func mustCompile(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opaque is a route of a type without a schema, at x.Raw.
func opaque(b backend) *router.Route {
	return &router.Route{
		Type: "x.Raw", Base: "x.Raw", Response: "x.Answer", Extension: "x.Extension", Version: "1.0",
		State: lifecycle.Running, Handled: true, Timeout: 30 * time.Second,
		RequestBytes: 1 << 20, ResponseBytes: 1 << 20, Gate: router.NewGate(16, 16), Backend: b,
		Responses: router.NewFamily("x.Answer", nil),
	}
}

// typed is a route of a type with a schema, at x.Hello.
func typed(t testing.TB, b backend) *router.Route {
	rt := opaque(b)
	rt.Type, rt.Schema, rt.Validator = "x.Hello", json.RawMessage(helloSchema), mustCompile(t, helloSchema)
	return rt
}

// listener is a request listener with these routes.
type listener struct {
	t       testing.TB
	url     string
	handler http.Handler
	router  *router.Router
	log     *safeBuffer
}

// safeBuffer is a log that handlers write while the test reads.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func listen(t testing.TB, cfg Config, routes ...*router.Route) *listener {
	t.Helper()
	l := &listener{t: t, router: router.New(router.Config{Dev: cfg.Dev}), log: &safeBuffer{}}
	l.router.Swap(router.NewTable(routes))
	cfg.Router, cfg.Version, cfg.Validate = l.router, "1.2.3", true
	cfg.Log = slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l.handler = New(cfg)
	server := httptest.NewServer(l.handler)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// reply is an answer, read to its end.
type reply struct {
	*http.Response
	body    string
	problem problem // zero unless the answer is one
}

// send sends a request with pairs of header names and values. The header Host sets
// the request's host.
func (l *listener) send(method, path, body string, headers ...string) reply {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.url+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	return l.roundTrip(req)
}

func (l *listener) roundTrip(req *http.Request) reply {
	l.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	r := reply{Response: resp, body: string(body)}
	l.checkAnswer(&r, req.Method)
	return r
}

// checkAnswer checks what every answer must be, whatever was asked.
func (l *listener) checkAnswer(r *reply, method string) {
	l.t.Helper()
	if r.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(r.Header.Get("Content-Security-Policy"), "sandbox;") {
		l.t.Errorf("headers %v let a browser run the answer", r.Header)
	}
	if r.Header.Get("Request-Id") == "" {
		l.t.Error("no Request-Id")
	}
	if r.StatusCode < 400 || method == http.MethodHead || r.Header.Get("Content-Type") == "application/json" {
		return
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		l.t.Errorf("status %d as %q", r.StatusCode, ct)
	}
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r.problem); err != nil {
		l.t.Errorf("%v in %s", err, r.body)
	}
	p := r.problem
	if p.Type != "about:blank" || p.Title == "" || p.Status != r.StatusCode || p.Detail == "" || p.RequestID != r.Header.Get("Request-Id") {
		l.t.Errorf("problem %+v with status %d and Request-Id %s", p, r.StatusCode, r.Header.Get("Request-Id"))
	}
}

func (r reply) want(t testing.TB, status int, code sdk.Code, says string) {
	t.Helper()
	if r.StatusCode != status || r.problem.Code != code || !strings.Contains(r.problem.Detail, says) {
		t.Errorf("got %d %s, want %d %s with %q", r.StatusCode, r.body, status, code, says)
	}
}

func TestRequest(t *testing.T) {
	var got sdk.Request
	l := listen(t, Config{}, typed(t, func(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
		got = *req
		got.Payload = bytes.Clone(req.Payload)
		return &sdk.Response{Type: "x.Answer", MediaType: "application/json", Payload: []byte(`{"greeting":"Hello"}`)}, nil
	}))
	r := l.send("POST", "/v1/requests/x.Hello", `{"name":"W"}`, "Content-Type", "application/json", "Request-Id", "my-1")
	if r.StatusCode != 200 || r.body != `{"greeting":"Hello"}` {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Response-Type": "x.Answer", "Extension-Id": "x.Extension",
		"Extension-Version": "1.0", "Request-Id": "my-1", "Content-Length": "20",
	} {
		if r.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, r.Header.Get(name), want)
		}
	}
	if got.ID != "my-1" || got.Type != "x.Hello" || got.MediaType != "application/json" || string(got.Payload) != `{"name":"W"}` {
		t.Errorf("the extension got %+v", got)
	}
	if !strings.Contains(l.log.String(), "level=DEBUG msg=request request_id=my-1") || strings.Contains(l.log.String(), "level=INFO") {
		t.Errorf("logged %s", l.log)
	}
}

// TestCodes has a row for every code that a request can end with.
func TestCodes(t *testing.T) {
	notRunning := opaque(nil)
	notRunning.State, notRunning.RetryAfter = lifecycle.Backoff, 2500*time.Millisecond
	notRunning.Backend = nil
	unhandled := opaque(echo)
	unhandled.Handled = false
	slow := opaque(func(ctx context.Context, _ *sdk.Request) (*sdk.Response, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	busy := opaque(func(context.Context, *sdk.Request) (*sdk.Response, error) {
		return nil, &sdk.Error{Code: sdk.Exhausted, Message: "busy", RetryAfter: time.Second, Retryable: true}
	})
	small := opaque(echo)
	small.RequestBytes = 3
	large := opaque(answering(sdk.Response{Payload: make([]byte, 2<<20)}))
	seen := map[sdk.Code]bool{}
	for _, tc := range []struct {
		name    string
		route   *router.Route
		method  string
		path    string
		body    string
		headers []string
		status  int
		code    sdk.Code
		says    string
		check   func(reply) bool
	}{
		{name: "timeout header", route: opaque(echo), headers: []string{"Request-Timeout", "soon"}, status: 400, code: sdk.InvalidArgument, says: `Request-Timeout is "soon"`},
		{name: "malformed JSON", route: typed(t, echo), path: "/v1/requests/x.Hello", body: `{"name":`, status: 400, code: sdk.InvalidArgument, says: "malformed JSON"},
		{name: "two JSON values", route: typed(t, echo), path: "/v1/requests/x.Hello", body: `{"name":"a"}{}`, status: 400, code: sdk.InvalidArgument, says: "malformed JSON"},
		{name: "no body for a schema", route: typed(t, echo), path: "/v1/requests/x.Hello", status: 400, code: sdk.InvalidArgument, says: "malformed JSON"},
		{name: "extension wants a login", route: opaque(failing(sdk.Errorf(sdk.Unauthenticated, "who?"))), status: 401, code: sdk.Unauthenticated, says: "who?"},
		{name: "foreign page", route: opaque(echo), headers: []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, status: 403, code: sdk.PermissionDenied, says: "requests.origins"},
		{name: "unknown type", route: opaque(echo), path: "/v1/requests/x.Nobody", status: 404, code: sdk.UnknownType, says: `"x.Nobody"`},
		{name: "unknown path", route: opaque(echo), path: "/v2/requests", status: 404, code: sdk.NotFound, says: `"/v2/requests"`},
		{name: "no project", route: opaque(failing(sdk.Errorf(sdk.NotFound, "no such project"))), status: 404, code: sdk.NotFound, says: "no such project"},
		{name: "method", route: opaque(echo), method: "DELETE", status: 405, code: methodNotAllowed, says: "POST",
			check: func(r reply) bool { return r.Header.Get("Allow") == "POST, OPTIONS" }},
		{name: "post to a document", route: opaque(echo), path: "/v1/types", status: 405, code: methodNotAllowed, says: "GET",
			check: func(r reply) bool { return r.Header.Get("Allow") == "GET, HEAD, OPTIONS" }},
		{name: "conflict", route: opaque(failing(sdk.Errorf(sdk.Conflict, "taken"))), status: 409, code: sdk.Conflict, says: "taken"},
		{name: "too large", route: small, body: "four", status: 413, code: sdk.TooLarge, says: "more than the 3 bytes"},
		{name: "media type", route: typed(t, echo), path: "/v1/requests/x.Hello", body: "a: b", headers: []string{"Content-Type", "application/yaml"}, status: 415, code: sdk.UnsupportedMedia, says: "application/yaml"},
		{name: "host", route: opaque(echo), headers: []string{"Host", "evil.example"}, status: 421, code: misdirected, says: `not "evil.example"`},
		{name: "schema", route: typed(t, echo), path: "/v1/requests/x.Hello", body: `{"name":1}`, status: 422, code: sdk.ValidationFailed, says: "x.Hello",
			check: func(r reply) bool { return len(r.problem.Errors) == 1 && r.problem.Errors[0].Pointer == "/name" }},
		{name: "busy", route: busy, status: 429, code: sdk.Exhausted, check: func(r reply) bool { return r.problem.Retryable && r.Header.Get("Retry-After") == "1" }},
		{name: "extension gives up", route: opaque(failing(sdk.Errorf(sdk.Canceled, "not any more"))), status: 499, code: sdk.Canceled},
		{name: "foreign error", route: opaque(failing(errors.New("/etc/secret"))), status: 500, code: sdk.Internal,
			check: func(r reply) bool { return !strings.Contains(r.body, "secret") }},
		{name: "no handler", route: unhandled, status: 501, code: sdk.Unimplemented, says: "declared types"},
		{name: "foreign answer", route: opaque(answering(sdk.Response{Type: "y.Answer"})), status: 502, code: sdk.ExtensionFault, says: "y.Answer"},
		{name: "large answer", route: large, status: 502, code: sdk.ExtensionFault, says: "2097152 bytes"},
		{name: "bad media type", route: opaque(answering(sdk.Response{MediaType: "text/html\r\nX-A: b"})), status: 502, code: sdk.ExtensionFault, says: "no media type"},
		{name: "not running", route: notRunning, status: 503, code: sdk.Unavailable, says: "it is backoff",
			check: func(r reply) bool {
				return r.Header.Get("Retry-After") == "3" && r.problem.Retryable && r.problem.State == "backoff"
			}},
		{name: "deadline", route: slow, headers: []string{"Request-Timeout", "0.02"}, status: 504, code: sdk.DeadlineExceeded, says: "before the deadline"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := listen(t, Config{}, tc.route)
			method, path := "POST", "/v1/requests/x.Raw"
			if tc.method != "" {
				method = tc.method
			}
			if tc.path != "" {
				path = tc.path
			}
			r := l.send(method, path, tc.body, tc.headers...)
			r.want(t, tc.status, tc.code, tc.says)
			if tc.check != nil && !tc.check(r) {
				t.Errorf("headers %v, problem %+v", r.Header, r.problem)
			}
			seen[r.problem.Code] = true
		})
	}
	for _, s := range statuses() {
		if !seen[s.code] {
			t.Errorf("no case ends with %s", s.code)
		}
	}
}

func TestProblemNamesTheExtension(t *testing.T) {
	l := listen(t, Config{}, opaque(failing(sdk.Errorf(sdk.Conflict, "<script>"))))
	r := l.send("POST", "/v1/requests/x.Raw", "")
	if r.problem.Extension != "x.Extension" || r.Header.Get("Extension-Id") != "x.Extension" || r.Header.Get("Extension-Version") != "1.0" {
		t.Errorf("problem %+v, headers %v", r.problem, r.Header)
	}
	if strings.Contains(r.body, "<script>") || r.problem.Detail != "<script>" {
		t.Errorf("body %s", r.body)
	}
	if r := l.send("POST", "/v1/requests/y.Raw", ""); r.problem.Extension != "" || r.Header.Get("Extension-Id") != "" {
		t.Errorf("problem %+v, headers %v", r.problem, r.Header)
	}
}

func TestCausesAreShownInDevelopmentOnly(t *testing.T) {
	for _, dev := range []bool{false, true} {
		l := listen(t, Config{Dev: dev}, opaque(failing(errors.New("the cause"))))
		if r := l.send("POST", "/v1/requests/x.Raw", ""); strings.Contains(r.body, "the cause") != dev {
			t.Errorf("development %v: %s", dev, r.body)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	l := listen(t, Config{}, opaque(echo), typed(t, echo))
	for _, tc := range []struct {
		name, typ string
		headers   []string
		status    int
		media     string // of the echoed answer
	}{
		{"schema, JSON", "x.Hello", []string{"Content-Type", "application/json"}, 200, "application/json"},
		{"schema, suffix", "x.Hello", []string{"Content-Type", "application/geo+json"}, 200, "application/geo+json"},
		{"schema, letter case and charset", "x.Hello", []string{"Content-Type", "Application/JSON; charset=UTF-8"}, 200, "Application/JSON; charset=UTF-8"},
		{"schema, nothing said", "x.Hello", nil, 200, "application/json"},
		{"schema, empty", "x.Hello", []string{"Content-Type", ""}, 200, "application/json"},
		{"schema, other charset", "x.Hello", []string{"Content-Type", "application/json; charset=iso-8859-1"}, 415, ""},
		{"schema, form", "x.Hello", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, ""},
		{"schema, text", "x.Hello", []string{"Content-Type", "text/plain"}, 415, ""},
		{"schema, JSON of another kind", "x.Hello", []string{"Content-Type", "text/json"}, 415, ""},
		{"schema, twice", "x.Hello", []string{"Content-Type", "application/json", "Content-Type", "text/plain"}, 415, ""},
		{"schema, compressed", "x.Hello", []string{"Content-Encoding", "gzip"}, 415, ""},
		{"schema, not compressed", "x.Hello", []string{"Content-Encoding", "identity"}, 200, "application/json"},
		{"opaque, nothing said", "x.Raw", nil, 200, "application/octet-stream"},
		{"opaque, anything", "x.Raw", []string{"Content-Type", "image/png"}, 200, "image/png"},
		{"opaque, JSON that is none", "x.Raw", []string{"Content-Type", "application/json"}, 200, "application/json"},
		{"opaque, page", "x.Raw", []string{"Content-Type", "text/html; charset=utf-8"}, 200, "text/html; charset=utf-8"},
		{"opaque, no media type", "x.Raw", []string{"Content-Type", "nonsense"}, 415, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.send("POST", "/v1/requests/"+tc.typ, `{"name":"a"}`, tc.headers...)
			if r.StatusCode != tc.status || tc.status == 200 && (r.Header.Get("Content-Type") != tc.media || r.body != `{"name":"a"}`) {
				t.Errorf("%d %q: %s", r.StatusCode, r.Header.Get("Content-Type"), r.body)
			}
			if tc.status == 415 && r.problem.Code != sdk.UnsupportedMedia {
				t.Errorf("problem %+v", r.problem)
			}
		})
	}
}

func TestWithoutValidation(t *testing.T) {
	rt := typed(t, echo)
	r := router.New(router.Config{})
	r.Swap(router.NewTable([]*router.Route{rt}))
	h := New(Config{Router: r, Log: slog.New(slog.DiscardHandler), Hosts: []string{"example.com"}})
	for body, media := range map[string]string{`{"name": 1}`: "application/json", `{`: "application/json"} {
		w := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/requests/x.Hello", strings.NewReader(body))
		req.Header.Set("Content-Type", media)
		h.ServeHTTP(w, req)
		if w.Code != 200 || w.Body.String() != body {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestTypesInPathsAreHostile(t *testing.T) {
	dollar := opaque(echo)
	dollar.Type = "x.Outer$Inner"
	l := listen(t, Config{}, opaque(echo), dollar)
	for _, tc := range []struct {
		path   string
		status int
	}{
		{"x.Raw", 200},
		{"x%2ERaw", 200},
		{"x.Outer$Inner", 200},
		{"x.Outer%24Inner", 200},
		{"x.raw", 404},
		{"x.Raw/", 404},
		{"x%2fRaw", 404},
		{"x.Raw%00", 404},
		{"..%2f..%2fetc%2fpasswd", 404},
		{"%2e%2e", 404},
		{"../x.Raw", 404},
		{"./x.Raw", 404},
		{"%f0%28%8c%28", 404},
		{"%3Cscript%3E", 404},
		{strings.Repeat("x", 8000), 404},
		{"", 404},
	} {
		r := l.send("POST", "/v1/requests/"+tc.path, "")
		if r.StatusCode != tc.status {
			t.Errorf("%.40q: %d %s", tc.path, r.StatusCode, r.body)
		}
		if strings.Contains(r.body, "<") || len(r.body) > 2000 {
			t.Errorf("%.40q is given back: %.200s", tc.path, r.body)
		}
	}
	if r := l.send("POST", "/v1/requests/x.Raw?x=/%00&type=y", ""); r.StatusCode != 200 {
		t.Errorf("a query: %d", r.StatusCode)
	}
}

func TestRequestIDs(t *testing.T) {
	l := listen(t, Config{}, opaque(echo))
	for _, tc := range []struct {
		ids  []string
		keep bool
	}{
		{[]string{"a.B_c-9"}, true},
		{[]string{strings.Repeat("a", 64)}, true},
		{[]string{strings.Repeat("a", 65)}, false},
		{[]string{""}, false},
		{[]string{"a b"}, false},
		{[]string{"a\"b"}, false},
		{[]string{"ä"}, false},
		{[]string{"a", "b"}, false},
		{nil, false},
	} {
		var headers []string
		for _, id := range tc.ids {
			headers = append(headers, "Request-Id", id)
		}
		got := l.send("POST", "/v1/requests/x.Raw", "", headers...).Header.Get("Request-Id")
		if kept := len(tc.ids) > 0 && got == tc.ids[0]; kept != tc.keep || !tc.keep && len(got) != 24 {
			t.Errorf("%q became %q", tc.ids, got)
		}
	}
	first := l.send("GET", "/healthz", "").Header.Get("Request-Id")
	if second := l.send("GET", "/healthz", "").Header.Get("Request-Id"); first == second || len(first) != 24 {
		t.Errorf("ids %s and %s", first, second)
	}
}

func TestPanicsInTheEdge(t *testing.T) {
	for _, dev := range []bool{false, true} {
		l := listen(t, Config{Dev: dev, Ready: func() bool { panic("boom") }})
		r := l.send("GET", "/readyz", "")
		r.want(t, 500, sdk.Internal, "the host failed")
		if strings.Contains(r.body, "boom") != dev {
			t.Errorf("development %v: %s", dev, r.body)
		}
		if !strings.Contains(l.log.String(), "level=ERROR") || !strings.Contains(l.log.String(), "panic=boom") {
			t.Errorf("logged %s", l.log)
		}
	}
}

func TestMethods(t *testing.T) {
	l := listen(t, Config{}, opaque(echo))
	for _, tc := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"HEAD", "/v1/requests/x.Raw", 405, "POST, OPTIONS"},
		{"GET", "/v1/requests/x.Raw", 405, "POST, OPTIONS"},
		{"BREW", "/v1/types", 405, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/v1/types", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/v1/nothing", 404, ""},
		{"HEAD", "/v1/types", 200, ""},
		{"HEAD", "/v1/types/x.Raw", 200, ""},
		{"HEAD", "/v1/openapi.json", 200, ""},
		{"HEAD", "/healthz", 200, ""},
		{"HEAD", "/readyz", 200, ""},
	} {
		r := l.send(tc.method, tc.path, "")
		if r.StatusCode != tc.status || r.Header.Get("Allow") != tc.allow {
			t.Errorf("%s %s: %d, Allow %q", tc.method, tc.path, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	ready := false
	starting := opaque(nil)
	starting.State, starting.Backend = lifecycle.Starting, nil
	l := listen(t, Config{Ready: func() bool { return ready }}, starting)
	if r := l.send("GET", "/healthz", ""); r.StatusCode != 200 || r.body != `{"status":"ok"}` {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	r := l.send("GET", "/readyz", "")
	if r.StatusCode != 503 || r.body != `{"status":"starting","starting":["x.Extension"]}` || r.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	ready = true
	if r := l.send("GET", "/readyz", ""); r.StatusCode != 200 || r.body != `{"status":"ready"}` {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}
