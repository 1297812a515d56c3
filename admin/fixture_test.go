package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
)

const testToken = "TESTTOKENTESTTOKENTESTTOKEN"

// shelf is a Host whose rows a test changes, and which keeps what it was asked.
type shelf struct {
	rows atomic.Pointer[[]host.Extension]
	told chan struct{} // has a value for each change
	// What a test sets before it asks.
	measures map[string]host.Measure
	series   map[string]host.Series
	needed   map[string][]host.Dependency
	icons    map[string]host.Icon

	mu      sync.Mutex // guards the rest
	actions []host.Action
	uploads []received
	// config and revisions are the configuration of every extension; configured is what
	// was asked of it.
	config     host.Configuration
	revisions  []host.ConfigurationRevision
	configured []host.ConfigurationChange
	stale      bool                                     // somebody else configures it before the next change is made
	asked      []string                                 // Settle, History and Audit, with what
	refuse     error                                    // the answer to everything, if it is set
	settle     func(context.Context, string) error      // what Settle waits for
	read       func(io.Reader) (int64, [32]byte, error) // how Upload reads
	staging                                             // what Stage and its kin know
	stocked                                             // what repositories and plans are
}

// received is an upload that came.
type received struct {
	host.Upload
	bytes int64
	sum   [32]byte
	err   error
}

func newShelf(rows ...host.Extension) *shelf {
	s := &shelf{read: readAll, told: make(chan struct{}, 100), config: host.Configuration{Schema: []byte("null"), Values: []byte("{}"), Secrets: []host.Secret{}}}
	s.set(rows...)
	return s
}

func (s *shelf) set(rows ...host.Extension) {
	s.rows.Store(&rows)
	select {
	case s.told <- struct{}{}:
	default:
	}
}

// events are those of the shelf, for one follower at a time.
func (s *shelf) events(uint64) (Notices, error) { return told{s.told}, nil }

type told struct{ changes <-chan struct{} }

func (t told) Next(ctx context.Context) (host.Notice, error) {
	select {
	case <-t.changes:
		return host.Notice{Kind: host.NoticeExtension}, nil
	case <-ctx.Done():
		return host.Notice{}, ctx.Err()
	}
}

func (told) Close() {}

func (s *shelf) Snapshot() []host.Extension { return *s.rows.Load() }

func (s *shelf) Extension(id string) (host.Extension, bool) {
	i := slices.IndexFunc(s.Snapshot(), func(e host.Extension) bool { return e.ID == id })
	if i < 0 {
		return host.Extension{}, false
	}
	return s.Snapshot()[i], true
}

// did is what the host was asked to do so far.
func (s *shelf) did() []host.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.actions)
}

func (s *shelf) row(id string) (host.Extension, error) {
	if e, ok := s.Extension(id); ok {
		return e, nil
	}
	return host.Extension{}, &host.Error{Code: host.CodeNotFound, Message: "no extension has the id " + id}
}

func (s *shelf) Act(_ context.Context, a host.Action) (host.Extension, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.actions = append(s.actions, a)
	if s.refuse != nil {
		return host.Extension{}, s.refuse
	}
	return s.row(a.ID)
}

func (s *shelf) Settle(ctx context.Context, id string) (host.Extension, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, "settle "+id)
	if s.settle != nil {
		if err := s.settle(ctx, id); err != nil {
			return host.Extension{}, err
		}
	}
	return s.row(id)
}

func readAll(r io.Reader) (int64, [32]byte, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	return n, [32]byte(sum.Sum(nil)), err
}

func (s *shelf) Upload(ctx context.Context, u host.Upload) (host.Uploaded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := received{Upload: u}
	got.bytes, got.sum, got.err = s.read(u.Body)
	got.Body = nil
	s.uploads = append(s.uploads, got)
	if got.err != nil { // as a host that forgets why would say it
		return host.Uploaded{}, &host.Error{Code: "unreadable", Message: "the upload can not be read"}
	}
	if err := cmp.Or(s.refuse, ctx.Err()); err != nil {
		return host.Uploaded{}, err
	}
	done := host.Uploaded{ID: running().ID, Version: "6.0", Digest: fmt.Sprintf("sha256:%x", got.sum), Action: "upgrade", From: "5.0.0010", State: "starting"}
	if !u.DryRun {
		done.Job = "7"
	}
	return done, nil
}

func (s *shelf) History(_ context.Context, id, cursor string, limit int) (host.HistoryPage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf("history %s %q %d", id, cursor, limit))
	if cursor == "end" {
		return host.HistoryPage{}, s.refuse
	}
	return host.HistoryPage{Events: []host.Event{{Kind: "started", Version: "5.0.0010", Actor: "folder"}}, Next: "end"}, s.refuse
}

func (s *shelf) Types(id string) ([]host.DeclaredType, error) {
	_, err := s.row(id)
	return []host.DeclaredType{{Type: running().Request, Role: "request", Response: running().Response, Handled: true, State: "running"}}, err
}

func (s *shelf) Dependencies(id string) (host.Dependencies, error) {
	_, err := s.row(id)
	return host.Dependencies{Needs: []host.Dependency{{ID: "org.base", Constraint: ">=3", State: "running", Met: true}}, NeededBy: append([]host.Dependency{}, s.needed[id]...)}, err
}

func (s *shelf) Icon(id string) (host.Icon, error) {
	if icon, ok := s.icons[id]; ok {
		return icon, nil
	}
	if id != running().ID {
		return host.Icon{}, &host.Error{Code: host.CodeNotFound, Message: id + " has no picture"}
	}
	return host.Icon{Data: []byte("a picture"), Media: "image/png", ETag: `"1"`}, nil
}

func (s *shelf) UIOf(string) string { return host.UINone }

func (s *shelf) OpenUI(string, string) (*host.UIFile, error) {
	return nil, &host.Error{Code: host.CodeNotFound}
}

func (s *shelf) Try(context.Context, host.TryRequest) (host.TryResult, error) {
	return host.TryResult{}, s.refuse
}

func (s *shelf) About(context.Context) host.About {
	if s.about != nil { // as a test has set it
		return *s.about
	}
	return host.About{
		Version: "0.1.0", PID: 7, Counts: host.Counts{States: map[host.State]int{"running": 1}},
		Machine: host.Machine{LimitsBy: map[string]string{"memory": "cgroup"}, Sandbox: []host.Protection{}},
		Trust:   host.TrustFacts{Roots: []host.Root{}, Problems: []string{}},
	}
}

func (s *shelf) Settings() []host.Setting {
	if s.settings != nil {
		return s.settings
	}
	return []host.Setting{{Key: "listen", Value: "127.0.0.1:8080", Default: "127.0.0.1:8080", Source: "default"}}
}

func (s *shelf) lastUpload(t *testing.T) received {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.uploads) == 0 {
		t.Fatal("no upload reached the host")
	}
	return s.uploads[len(s.uploads)-1]
}

func testConfig(rows ...host.Extension) Config {
	shelf := newShelf(rows...)
	return Config{
		Host: shelf, Events: shelf.events, Metrics: prometheus.NewRegistry(), MetricsOpen: true,
		Address: "127.0.0.1:8081", Version: "0.1.0", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		MaxUpload:  1 << 20,
		DropFolder: "/srv/jmap/extensions", TokenFile: "/srv/jmap/conf/admin.token",
	}
}

// opened are the accounts of tests, by test: a table of many handlers needs them once.
var opened sync.Map

// accountsOf opens the accounts of a home of their own, once for a test. Now is their
// clock, nil for that of the world.
func accountsOf(t *testing.T, now func() time.Time) *host.Accounts {
	t.Helper()
	if a, ok := opened.Load(t); ok && now == nil {
		return a.(*host.Accounts)
	}
	home := t.TempDir()
	if now == nil {
		fresh, err := freshHome()
		for path, data := range fresh {
			err = errors.Join(err, os.MkdirAll(filepath.Dir(filepath.Join(home, path)), 0o750), os.WriteFile(filepath.Join(home, path), data, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a, done, err := host.OpenAccounts(host.AccountsConfig{
		Home: host.Home(home), AdminToken: testToken, Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	opened.Store(t, a)
	t.Cleanup(func() {
		opened.Delete(t)
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// freshHome is the files of a home in which nothing has happened yet, by path, made once:
// making its database takes longer than most of these tests.
var freshHome = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "jackfield-admin-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	_, done, err := host.OpenAccounts(host.AccountsConfig{Home: host.Home(dir), AdminToken: testToken, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = done()
	}
	if err != nil {
		return nil, err
	}
	kept := map[string][]byte{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		kept[path], err = os.ReadFile(filepath.Join(dir, path))
		return err
	})
	return kept, err
})

// tested is a handler whose answers are held to their description.
type tested struct {
	*handler
	t *testing.T
}

// mustNew is newHandler, with accounts if cfg has none.
func mustNew(t *testing.T, cfg Config) *tested {
	t.Helper()
	if cfg.Accounts == nil {
		cfg.Accounts = accountsOf(t, nil)
	}
	h, err := newHandler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &tested{h, t}
}

func (h *tested) serve() http.Handler { return described{h.site.Handler(h.routes()), h.t} }

// ask sends one request as a browser or a program on this machine would.
func ask(h http.Handler, method, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:8081"
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if d, ok := h.(described); ok {
		d.check(r, w)
	}
	return w
}

func withToken(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken) }

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
}

func withBody(media, body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if media != "" {
			r.Header.Set("Content-Type", media)
		}
	}
}

func withForm(form string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
}

func parse(t *testing.T, body string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// all returns the elements with this tag ("" for any) and class ("" for any).
func all(n *html.Node, tag, class string) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (tag == "" || d.Data == tag) &&
			(class == "" || slices.Contains(strings.Fields(attribute(d, "class")), class)) {
			found = append(found, d)
		}
	}
	return found
}

// one returns the text of the only such element below n.
func one(t *testing.T, n *html.Node, tag, class string) string {
	t.Helper()
	found := all(n, tag, class)
	if len(found) != 1 {
		t.Fatalf("%d elements %s.%s, want 1", len(found), tag, class)
	}
	return textOf(found[0])
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func ptr[T any](v T) *T { return &v }

func running() host.Extension {
	return host.Extension{
		ID: "jmap.extensions.tracking.server.TrackingExtension", Name: "Tracking", Version: "5.0.0010",
		Class:    "jmap.extensions.tracking.server.TrackingExtension",
		Request:  "jmap.extensions.tracking.common.TrackingRequest",
		Response: "jmap.extensions.tracking.common.TrackingResponse",
		State:    "running", PID: 48213, Started: ptr(time.Now().Add(-3 * time.Hour)), ResidentBytes: 21 << 20,
		Digest: "sha256:8c1f0a9be2d4471fa5d0c6cf3a2be9d07b66a2f3c1f3de2a0c9e5b7f8f1d2c3b",
		File:   "tracking.jar", Signature: host.Signature{State: "unsigned", Chain: []string{}},
	}
}

func crashed() host.Extension {
	stderr := []string{
		"2026-11-21T09:14:02.113Z INFO listening for telemetry port=7400",
		"panic: runtime error: index out of range [7] with length 7",
		"",
		"goroutine 41 [running]:",
		"main.(*decoder).frame(0xc00012c000, {0xc000412000, 0x7, 0x400})",
		"\t/build/telemetry/decode.go:118 +0x2c5",
		"main.main.func1()",
		"\t/build/telemetry/main.go:64 +0x1b",
		"exit status 2",
	}
	return host.Extension{
		ID: "org.example.telemetry.Telemetry", Name: "Vehicle telemetry", Version: "1.4.2",
		Class: "org.example.telemetry.Telemetry", Request: "org.example.telemetry.TelemetryRequest", Response: "org.example.telemetry.TelemetryResponse",
		State: "backoff", Restarts: 6, NextTry: ptr(time.Now().Add(23 * time.Second)),
		Digest: "sha256:0d6e4079e36703ebd37c00722f5891d28b0e2811dc114b129215123adcce3605",
		File:   "telemetry-1.4.2.jar", Signature: host.Signature{State: "unchecked", Chain: []string{}}, Permissions: []string{"net:10.0.0.7:7400", "kv"},
		Reason: &host.Reason{
			Code: "crashed", Stage: "runtime", Message: "the process ended; five crashes in a minute: it is restarted more and more slowly",
			Time: time.Now().Add(-9 * time.Second), ExitCode: ptr(2), Stderr: stderr,
		},
	}
}

func (s *shelf) Configuration(_ context.Context, id string) (host.Configuration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, "configuration "+id)
	if _, err := s.row(id); err != nil {
		return host.Configuration{}, err
	}
	return s.config, nil
}

func (s *shelf) ConfigurationRevisions(_ context.Context, id string) ([]host.ConfigurationRevision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, "revisions "+id)
	if _, err := s.row(id); err != nil {
		return nil, err
	}
	return s.revisions, nil
}

func (s *shelf) Configure(_ context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configured = append(s.configured, c)
	if s.refuse != nil {
		return host.ConfigurationResult{}, s.refuse
	}
	if s.stale {
		s.stale = false
		return host.ConfigurationResult{}, &host.Error{Code: host.CodeConflict, Message: "it is another one by now", Stale: true}
	}
	result := host.ConfigurationResult{Configuration: s.config, Diff: []host.Difference{{Pointer: "/limit", Kind: "changed", Before: []byte("1"), After: []byte("2")}}}
	result.Applied = host.AppliedLive
	if !c.DryRun {
		result.Revision++
	}
	return result, nil
}
