package page

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// house is a Host of rows that a test sets.
type house struct {
	Host     // nil: what these tests do not ask for
	rows     atomic.Pointer[[]host.Extension]
	measures map[string]host.Measure
	needed   map[string][]host.Dependency
	told     chan struct{} // has a value for each notice
	did      []host.Action
	refuse   map[string]error // by id
}

func newHouse(rows ...host.Extension) *house {
	h := &house{told: make(chan struct{}, 10), measures: map[string]host.Measure{}}
	h.rows.Store(&rows)
	return h
}

func (h *house) set(rows ...host.Extension) {
	h.rows.Store(&rows)
	h.told <- struct{}{}
}

func (h *house) Snapshot() []host.Extension { return *h.rows.Load() }

func (h *house) Extension(id string) (host.Extension, bool) {
	for _, e := range h.Snapshot() {
		if e.ID == id {
			return e, true
		}
	}
	return host.Extension{}, false
}

func (h *house) Act(_ context.Context, a host.Action) (host.Extension, error) {
	h.did = append(h.did, a)
	return host.Extension{}, h.refuse[a.ID]
}

func (h *house) Measures() map[string]host.Measure { return h.measures }

func (h *house) Series(id string, _ host.Range) (host.Series, bool) {
	m, ok := h.measures[id]
	return host.Series{StepSeconds: 5, RequestsPerSecond: []*float64{nil, &m.RequestsPerSecond}}, ok
}

func (h *house) Dependencies(id string) (host.Dependencies, error) {
	return host.Dependencies{NeededBy: h.needed[id]}, nil
}

// Kept are the versions of a row, each with a copy of its data.
func (h *house) Kept(id string) ([]host.Kept, error) {
	var kept []host.Kept
	e, _ := h.Extension(id)
	for _, v := range e.Versions {
		kept = append(kept, host.Kept{Version: v, Restorable: !v.Current})
	}
	return kept, nil
}
func (h *house) UIOf(string) string { return host.UINone }

func (h *house) Icon(string) (host.Icon, error) {
	return host.Icon{}, &host.Error{Code: host.CodeNotFound}
}

func (h *house) Next(ctx context.Context) (host.Notice, error) {
	select {
	case <-h.told:
		return host.Notice{Kind: host.NoticeExtension}, nil
	case <-ctx.Done():
		return host.Notice{}, ctx.Err()
	}
}

func (h *house) Close() {}

func newPages(t *testing.T, h *house) *Pages {
	t.Helper()
	p, err := New(Config{
		Host: h, Events: func(uint64) (web.Notices, error) { return h, nil }, Streams: web.NewStreams(nil), Now: time.Now,
		DropFolder: "/srv/jmap/extensions", Version: "1.0", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// People, each with a session.
func admin() access.Identity {
	return access.Identity{Name: "ada", Role: access.Administrator, Via: "session", Proof: "p"}
}
func operator() access.Identity {
	return access.Identity{Name: "otto", Role: access.Operator, Via: "session", Proof: "p"}
}
func viewer() access.Identity {
	return access.Identity{Name: "vera", Role: access.Viewer, Via: "session", Proof: "p"}
}

// get has a person look at a page.
func get(t *testing.T, serve func(http.ResponseWriter, *http.Request) error, who access.Identity, path string) (*httptest.ResponseRecorder, *html.Node) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	w := httptest.NewRecorder()
	if err := serve(w, r.WithContext(access.With(r.Context(), who))); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	doc, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return w, doc
}

// post has a person send a form.
func post(serve func(http.ResponseWriter, *http.Request) error, who access.Identity, path, form string) (*httptest.ResponseRecorder, error) {
	r := httptest.NewRequest("POST", path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	return w, serve(w, r.WithContext(access.With(r.Context(), who)))
}

// find returns the elements with this tag, and attribute if that is not empty.
func find(n *html.Node, tag, name, value string) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == tag && (name == "" || contains(attr(d, name), value)) {
			found = append(found, d)
		}
	}
	return found
}

func contains(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if w == word {
			return true
		}
	}
	return list == word
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func texts(nodes ...*html.Node) string {
	var b strings.Builder
	for _, n := range nodes {
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				b.WriteString(d.Data + " ")
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func runs(id, name string) host.Extension {
	return host.Extension{ID: id, Name: name, Version: "1.0", State: "running", File: id + "-1.0.jar", Enabled: true, Signature: host.Signature{State: "valid"}}
}

func fails(id string, state host.State, code string) host.Extension {
	e := runs(id, id)
	e.State = state
	e.Reason = &host.Reason{Code: code, Stage: "verify", Message: "this is what happened", Time: time.Now().Add(-time.Minute)}
	return e
}

func parsed(t *testing.T, w *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func fixedNow() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

func (h *house) Configuration(context.Context, string) (host.Configuration, error) {
	return host.Configuration{Schema: []byte("null"), Values: []byte("{}")}, nil
}

func (h *house) ConfigurationRevisions(context.Context, string) ([]host.ConfigurationRevision, error) {
	return nil, nil
}

func (h *house) Configure(context.Context, host.ConfigurationChange) (host.ConfigurationResult, error) {
	return host.ConfigurationResult{}, nil
}

// Nothing is installed from repositories in these tests.
func (h *house) Repositories() []host.Repository { return nil }

func (h *house) Findings() []host.Finding { return nil }

func (h *house) Plans() []host.Plan { return nil }
