package repositories_test

import (
	"bytes"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

const platform = "linux-amd64"

// mirror stands between a host and a store: a real HTTP proxy that passes on what it is
// asked, unless an attack is set for it.
type mirror struct {
	*httptest.Server
	store  *storetest.Store
	pass   *httputil.ReverseProxy
	mu     sync.Mutex
	attack http.HandlerFunc // nil: none
	asked  []string         // methods, paths and statuses
}

func newMirror(t testing.TB, s *storetest.Store) *mirror {
	t.Helper()
	origin := httptest.NewServer(s)
	t.Cleanup(origin.Close)
	to, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	m := &mirror{store: s, pass: httputil.NewSingleHostReverseProxy(to)}
	m.pass.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.close)
	return m
}

// close ends what still hangs, too.
func (m *mirror) close() {
	m.CloseClientConnections()
	m.Server.Close()
}

func (m *mirror) set(attack http.HandlerFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attack = attack
}

// ServeHTTP attacks, or passes on.
func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	attack := m.attack
	m.mu.Unlock()
	noted := &noting{ResponseWriter: w, note: func(status int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.asked = append(m.asked, r.URL.Path+" "+http.StatusText(status))
	}}
	if attack != nil {
		attack(noted, r)
	} else {
		m.pass.ServeHTTP(noted, r)
	}
}

// requests returns what was asked since the last call.
func (m *mirror) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.asked
	m.asked = nil
	return asked
}

// noting notes the status of an answer before anybody can have it.
type noting struct {
	http.ResponseWriter
	note  func(status int)
	noted bool
}

func (n *noting) WriteHeader(status int) {
	if !n.noted && status >= 200 {
		n.noted = true
		n.note(status)
	}
	n.ResponseWriter.WriteHeader(status)
}

func (n *noting) Write(p []byte) (int, error) {
	if !n.noted {
		n.WriteHeader(http.StatusOK)
	}
	return n.ResponseWriter.Write(p)
}

func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// answer fetches what the honest store answers.
func (m *mirror) answer(r *http.Request) (status int, header http.Header, body []byte) {
	recorder := httptest.NewRecorder()
	m.store.ServeHTTP(recorder, r)
	return recorder.Code, recorder.Header(), recorder.Body.Bytes()
}

// host is a Set with its folder, which may be made again as after a restart.
type host struct {
	*repositories.Set
	t      testing.TB
	config repositories.Config
}

func newHost(t testing.TB, sources ...repositories.Source) *host {
	t.Helper()
	h := &host{t: t, config: repositories.Config{
		Sources: sources, Dir: filepath.Join(t.TempDir(), "repositories"), HostVersion: "1.5.0", Platform: platform,
		Roots: func() *trust.Roots { return &trust.Roots{} }, Patience: time.Minute, Rate: 1 << 20,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
	h.restart()
	return h
}

func (h *host) restart() {
	h.t.Helper()
	set, err := repositories.New(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Set = set
}

// impatient begins anew with a host that soon gives up, until the function that it returns is
// called. Only what never ends, or never answers, may be tried on it.
func (h *host) impatient() (patient func()) {
	h.t.Helper()
	before := h.config.Patience
	h.config.Patience = 300 * time.Millisecond
	h.restart()
	return func() {
		h.config.Patience = before
		h.restart()
	}
}

// refresh looks at one repository and returns how it stands.
func (h *host) refresh(name string) repositories.Status {
	h.t.Helper()
	s, err := h.Refresh(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *host) status(name string) repositories.Status {
	h.t.Helper()
	for _, s := range h.Status() {
		if s.Name == name {
			return s
		}
	}
	h.t.Fatalf("no status of %s", name)
	return repositories.Status{}
}

// sourceOf is how a store at an address is configured.
func sourceOf(t testing.TB, name, url string, s *storetest.Store) repositories.Source {
	t.Helper()
	return repositories.Source{Name: name, URL: url, Kind: repositories.KindJackfield, Root: rootOf(t, s.Authority)}
}

func rootOf(t testing.TB, a *trusttest.Authority) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(path, trusttest.PEM(a.Root.Cert), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// partial is a file on its way.
func partial(t testing.TB, content []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "partial-*")
	if err == nil {
		_, err = f.Write(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func contentOf(t testing.TB, f *os.File) []byte {
	t.Helper()
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantOf is the file of a release as a plan names it.
func wantOf(repository string, l *store.Listing, version string) repositories.Want {
	for _, r := range l.Releases {
		if r.Version == version {
			return repositories.Want{Repository: repository, ID: l.ID, Version: version, Digest: r.Files[0].Digest}
		}
	}
	return repositories.Want{}
}

// works says that a repository is all there: read, searched, resolved and fetched from.
func (h *host) works(name string, l *store.Listing) {
	h.t.Helper()
	if s := h.refresh(name); s.State != repositories.StateOK || s.Code != "" {
		h.t.Errorf("%s is %s: %s %s", name, s.State, s.Code, s.Message)
	}
	found, err := h.Search(h.t.Context(), repositories.Query{Text: l.ID})
	if err != nil || len(found.Offers) == 0 || found.Offers[0].Repository != name {
		h.t.Errorf("searching finds %+v, %v", found, err)
	}
	u, err := h.Universe(h.t.Context(), repositories.Reach{IDs: []string{l.ID}})
	if err != nil {
		h.t.Fatal(err)
	}
	has := 0
	for _, r := range u.Repositories {
		releases, err := r.Releases(l.ID)
		if err == nil && r.Name == name {
			has = len(releases)
		}
	}
	if has == 0 {
		h.t.Errorf("the universe has nothing of %s from %s", l.ID, name)
	}
	into := partial(h.t, nil)
	version := l.Releases[0].Version
	fetched, err := h.Fetch(h.t.Context(), wantOf(name, l, version), into, nil)
	if err != nil || fetched.Digest != store.Digest(contentOf(h.t, into)) || fetched.Digest != l.Releases[0].Files[0].Digest {
		h.t.Errorf("fetching gives %+v, %v", fetched, err)
	}
}

// endless writes without an end, until nobody reads any more.
func endless(w io.Writer) {
	for block := bytes.Repeat([]byte("x"), 64<<10); ; {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// files are all files below a folder.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
