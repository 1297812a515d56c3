package repositories_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/storetest"
)

// realStore is the store itself, over SQLite and a folder.
type realStore struct {
	t          *testing.T
	data, url  string
	adminToken string
}

func startStore(t *testing.T) *realStore {
	t.Helper()
	s := &realStore{t: t, data: t.TempDir()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	base, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	running, err := server.New(t.Context(), server.Config{
		Data: s.data, Revocation: "off", UnsignedUnsafe: true, BaseURL: base, SearchRate: 10_000, WriteRate: 10_000, Version: "1.0.0", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	s.adminToken = strings.TrimSpace(string(token))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- running.Run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the store ended with %v", err)
		}
	})
	s.until("it is ready", func() bool { return s.status("GET", "/readyz", nil) == http.StatusOK })
	return s
}

func (s *realStore) until(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) { // a poll
		if time.Now().After(deadline) {
			s.t.Fatalf("not within half a minute: %s", what)
		}
	}
}

func (s *realStore) status(method, path string, body []byte) int {
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	request.Header.Set("Authorization", "Bearer "+s.adminToken)
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode/100 != 2 && path != "/readyz" {
		s.t.Logf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	return response.StatusCode
}

// publish publishes an unsigned bundle and waits until the catalogue has it.
func (s *realStore) publish(id, name, description string, edits ...bundletest.Edit) {
	edits = append([]bundletest.Edit{
		bundletest.With("extension_id", id), bundletest.With("extension_name", name), bundletest.With("extension_description", description),
	}, edits...)
	if got := s.status("POST", "/api/v1/submissions", bundletest.Good(edits...)); got != http.StatusCreated {
		s.t.Errorf("publishing %s: status %d", id, got)
	}
}

// ids are those that a search of a host finds, in the order in which they come.
func (h *host) ids(q repositories.Query) (ids []string, more bool) {
	h.t.Helper()
	found, err := h.Search(h.t.Context(), q)
	if err != nil || len(found.Missing) > 0 {
		h.t.Fatalf("searching for %q: %+v, %v", q.Text, found.Missing, err)
	}
	for _, o := range found.Offers {
		ids = append(ids, o.Listing.ID)
	}
	return ids, found.More
}

// A host searches a real store by the store's own search: its words, its order, its pages.
// What the mirror between them sees says that it was asked, and that nothing else was read.
func TestSearchOfARealStore(t *testing.T) {
	s := startStore(t)
	const many = 14 // more than two pages of the search, as the passage between them has pages
	var crew sync.WaitGroup
	for i := range 4 {
		crew.Go(func() {
			for n := i; n < many; n += 4 {
				s.publish(fmt.Sprintf("org.many.X%03d", n), fmt.Sprintf("Widget %d", n), "One of many.")
			}
		})
	}
	crew.Wait()
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewNRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	s.publish("org.acme.Maps", "Maps", "Draws the world.", bundletest.WithFile("META-INF/extension/icon.png", drawn.Bytes()))
	s.publish("org.acme.Chart", "Charts", "For those who have no maps.")
	between := newPassage(t, s.url)
	h := newHost(t, repositories.Source{Name: "real", URL: between.URL, Kind: repositories.KindJackfield, Root: filepath.Join(s.data, "root.pem")})
	s.until("the catalogue has all of it", func() bool { return h.refresh("real").Listings == many+2 })
	for _, c := range []struct {
		name string
		q    repositories.Query
		want []string
		more bool
	}{
		{"a word of a name and of a description", repositories.Query{Text: "maps"}, []string{"org.acme.Maps", "org.acme.Chart"}, false},
		{"two words", repositories.Query{Text: "charts maps"}, []string{"org.acme.Chart"}, false},
		{"the beginning of a word", repositories.Query{Text: "wor"}, []string{"org.acme.Maps"}, false},
		{"an id, of which others have all words", repositories.Query{Text: "org.acme.Maps"}, []string{"org.acme.Maps", "org.acme.Chart"}, false},
		{"nothing of that kind", repositories.Query{Text: "submarines"}, nil, false},
		{"what looks like a query", repositories.Query{Text: `"maps* OR -1' &limit=1`}, nil, false},
	} {
		between.requests()
		ids, more := h.ids(c.q)
		if !slices.Equal(ids, c.want) || more != c.more {
			t.Errorf("%s: %q, more %v; want %q, %v", c.name, ids, more, c.want, c.more)
		}
		if asked := between.requests(); len(asked) == 0 || !strings.HasPrefix(asked[0], "/api/v1/listings ") {
			t.Errorf("%s: the store was asked %q", c.name, asked)
		}
	}
	if ids, more := h.ids(repositories.Query{Text: "widget", Limit: 10}); len(ids) != 10 || !more {
		t.Errorf("the first ten are %q, more %v", ids, more)
	}
	between.requests()
	seen := map[string]bool{}
	ids, more := h.ids(repositories.Query{Text: "widget"})
	for _, id := range ids {
		seen[id] = true
	}
	pages := 0
	for _, asked := range between.requests() {
		if strings.HasPrefix(asked, "/api/v1/listings ") {
			pages++
		}
	}
	if len(seen) != many || more || pages != 3 {
		t.Errorf("%d pages have %d of %d, more %v", pages, len(seen), many, more)
	}
	if ids, more := h.ids(repositories.Query{}); len(ids) != many+2 || more {
		t.Errorf("without a word there are %d, more %v", len(ids), more)
	}
	o, err := h.Find(t.Context(), "org.acme.Maps")
	if err != nil {
		t.Fatal(err)
	}
	if icon, err := h.Icon(t.Context(), o); err != nil || len(icon) == 0 || int64(len(icon)) != o.Listing.Pictures.Icon.Size {
		t.Errorf("its icon has %d bytes, %v", len(icon), err)
	}
	between.breaks(t, h)
}

// breaks has the store unable to search: what is known is searched instead, but for a store
// that has too much to do, which is not asked for every listing then.
func (m *mirror) breaks(t *testing.T, h *host) {
	for _, status := range []int{http.StatusNotFound, http.StatusInternalServerError, http.StatusBadGateway} {
		m.set(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v1/listings" {
				w.WriteHeader(status)
				return
			}
			m.pass.ServeHTTP(w, r)
		})
		if ids, _ := h.ids(repositories.Query{Text: "maps"}); !slices.Equal(ids, []string{"org.acme.Chart", "org.acme.Maps"}) {
			t.Errorf("with status %d there are %q", status, ids)
		}
	}
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		m.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		m.requests()
		found, err := h.Search(t.Context(), repositories.Query{Text: "maps"})
		if err != nil || len(found.Offers) != 0 || repositories.CodeOf(found.Missing["real"]) != "index_unreachable" {
			t.Errorf("with status %d it is %+v, %v", status, found, err)
		}
		if asked := m.requests(); len(asked) != 1 {
			t.Errorf("with status %d it was asked %q", status, asked)
		}
	}
	m.set(nil)
}

// newPassage is a mirror of whatever is at an address. A search has pages of five there.
func newPassage(t *testing.T, address string) *mirror {
	t.Helper()
	m := newMirror(t, storetest.New(t))
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	m.pass = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		if q := r.Out.URL.Query(); q.Has("limit") {
			q.Set("limit", "5")
			r.Out.URL.RawQuery = q.Encode()
		}
	}}
	return m
}
