package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/internal/openapi/openapitest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/trust"
)

// long is for a machine of one's own: as much as the contract asks for, some minutes in all.
var long = flag.Bool("long", false, "as much as the contract asks for, on every backend")

const helloID = "examples.hello.HelloExtension"

// running is a store that serves.
type running struct {
	t     *testing.T
	data  string
	url   string
	admin string // a token
	log   *syncBuffer
	stop  func() error
	cfg   server.Config
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start starts a store over b that trusts roots.
func start(t *testing.T, b backends.Backend, roots []byte, change ...func(*server.Config)) *running {
	t.Helper()
	r := &running{t: t, data: t.TempDir(), log: &syncBuffer{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + listener.Addr().String()
	base, _ := url.Parse(r.url)
	cfg := server.Config{
		Data: r.data, Database: b.DatabaseURL, Blobs: b.BlobsURL, S3AccessKey: b.BlobOptions.AccessKey, S3SecretKey: b.BlobOptions.SecretKey,
		Revocation: "off", BaseURL: base, MetricsOpen: true, SearchRate: 10_000, WriteRate: 10_000, Version: "1.0.0", Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	if roots != nil {
		if err := os.MkdirAll(filepath.Join(r.data, "trust"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.data, "trust", "root.pem"), roots, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := server.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := os.ReadFile(filepath.Join(r.data, "admin-token")); err == nil {
		r.admin = strings.TrimSpace(string(token))
	}
	r.cfg = cfg
	r.run(s, listener)
	return r
}

// run runs s until stop, or the end of the test.
func (r *running) run(s *server.Server, listener net.Listener) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	r.stop = stop
	r.t.Cleanup(func() {
		if err := stop(); err != nil {
			r.t.Errorf("the store ended with %v", err)
		}
		if r.t.Failed() {
			r.t.Logf("the log of the store:\n%s", r.log)
		}
	})
	r.until("it is ready", func() bool { return r.get("/readyz").status == 200 })
}

// restart runs a store that has stopped again, once something is done with it that does not
// run yet: it answers, and checks nothing.
func (r *running) restart(before func(*server.Server)) {
	r.t.Helper()
	s, err := server.New(r.t.Context(), r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	before(s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.url = "http://" + listener.Addr().String()
	r.run(s, listener)
}

// until polls a condition.
func (r *running) until(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			r.t.Fatalf("not within half a minute: %s", what)
		}
		time.Sleep(10 * time.Millisecond) // a poll
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is that of a problem.
func (a answer) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(a.body, &p)
	return p.Code
}

type option func(*http.Request)

func bearer(token string) option {
	return func(r *http.Request) {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
	}
}

func header(name, value string) option { return func(r *http.Request) { r.Header.Set(name, value) } }

// send sends a request, and holds the answer to the description of the API.
func (r *running) send(method, path string, body io.Reader, options ...option) answer {
	r.t.Helper()
	a, err := ask(&http.Transport{DisableCompression: true, DisableKeepAlives: true}, method, r.url+path, body, options...)
	if err != nil {
		r.t.Fatal(err)
	}
	if strings.HasPrefix(path, "/api/v1/") && path != "/api/v1/openapi.json" {
		escaped, _, _ := strings.Cut(path, "?")
		described := openapitest.Answer{Method: method, Path: escaped, Status: a.status, Header: a.header, Body: a.body}
		if err := r.description().Check(described, 405); err != nil {
			r.t.Error(err)
		}
	}
	return a
}

// ask sends one request, and reads the answer to its end.
func ask(by http.RoundTripper, method, url string, body io.Reader, options ...option) (answer, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return answer{}, err
	}
	for _, o := range options {
		o(req)
	}
	resp, err := by.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, text}, err
}

var document = struct {
	sync.Once
	d *openapitest.Description
}{}

// description is the document of the API: the same of every store.
func (r *running) description() *openapitest.Description {
	r.t.Helper()
	document.Do(func() {
		a := r.get("/api/v1/openapi.json")
		d, err := openapitest.Read(bytes.NewReader(a.body))
		if a.status != 200 || err != nil {
			r.t.Fatalf("the description: %d %s %v\n%s", a.status, a.body, err, r.log)
		}
		document.d = d
	})
	return document.d
}

func (r *running) get(path string, options ...option) answer {
	r.t.Helper()
	return r.send("GET", path, nil, options...)
}

// post sends v as JSON, as the administrator unless options say otherwise.
func (r *running) post(path string, v any, options ...option) answer {
	r.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.send("POST", path, bytes.NewReader(text), append([]option{bearer(r.admin), header("Content-Type", "application/json")}, options...)...)
}

// read decodes an answer that must be one of success.
func read[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if a.status/100 != 2 {
		t.Fatalf("answered %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// submit sends a file with a token.
func (r *running) submit(token string, file []byte, query string, options ...option) answer {
	r.t.Helper()
	return r.send("POST", "/api/v1/submissions"+query, bytes.NewReader(file), append([]option{bearer(token), header("Content-Type", "application/octet-stream")}, options...)...)
}

// publisher adds the organization of a signer, and returns a token of it.
func (r *running) publisher(s *bundletest.Signer, host string) string {
	r.t.Helper()
	pin, err := trust.Pin(s.Organization)
	if err != nil {
		r.t.Fatal(err)
	}
	if a := r.post("/api/v1/organizations", store.OrganizationRequest{Name: host, Title: host, Pins: []string{pin}}); a.status != 200 {
		r.t.Fatalf("adding %s: %d %s", host, a.status, a.body)
	}
	return r.token(store.TokenRequest{Name: "ci of " + host, Role: store.RolePublisher, Organization: host})
}

func (r *running) token(asked store.TokenRequest) string {
	r.t.Helper()
	return read[store.NewToken](r.t, r.post("/api/v1/tokens", asked)).Secret
}

// hello is a signed bundle of a version.
func hello(s *bundletest.Signer, version string, edits ...bundletest.Edit) []byte {
	return s.Sign(bundletest.Good(append([]bundletest.Edit{bundletest.With("extension_version", version)}, edits...)...))
}

// published submits what must be published, and waits until the catalogue has it.
func (r *running) published(token string, file []byte) store.Submission {
	r.t.Helper()
	a := r.submit(token, file, "")
	if a.status != 201 {
		r.t.Fatalf("not published: %d %s", a.status, a.body)
	}
	s := read[store.Submission](r.t, a)
	r.shows(s.Listing, s.Version, store.Published)
	return s
}

// shows waits until the catalogue has a release in a state.
func (r *running) shows(id, version string, state store.ReleaseState) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s %s is %s", id, version, state), func() bool {
		a := r.get("/api/v1/listings/" + id)
		if a.status != 200 {
			return false
		}
		for _, release := range read[store.Listing](r.t, a).Releases {
			if release.Version == version {
				return release.State == state
			}
		}
		return false
	})
}

// view is the signed index, verified by the store's own root.
func (r *running) view() *store.View {
	r.t.Helper()
	source, err := store.NewHTTPSource(r.url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	view, err := store.NewReader(store.ReaderConfig{Source: source, Roots: rootsOf(r.t, r.data)}).Refresh(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return view
}

// rootsOf has the root that a store has made for itself.
func rootsOf(t *testing.T, data string) *trust.Roots {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "root.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	roots, problems := trust.LoadRoots(dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return roots
}

// trustOf is a folder with the root of a signer.
func trustOf(t *testing.T, s *bundletest.Signer) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "root.pem"), bundletest.ChainPEM(s.Root), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readToken(t *testing.T, data string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
