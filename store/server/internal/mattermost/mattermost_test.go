package mattermost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/mattermost"
	"github.com/jackfield-host/jackfield/store/server/internal/mattermost/mattermosttest"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf/shelftest"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// market is a face that listens, over a catalogue in memory.
type market struct {
	*shelftest.Catalogue
	t        testing.TB
	url      string
	face     *mattermost.API
	handler  http.Handler
	mu       sync.Mutex
	failures []string
}

type labelled struct{ shelf.Snapshot }

func (labelled) Labels() []database.Label {
	return []database.Label{
		{ID: "finance", Texts: map[string]store.Text{"": {Name: "Finance", Description: "About money"}}, URL: "https://store.example/finance", Color: "#112233"},
		{ID: "partner", Texts: map[string]store.Text{"": {Name: "Our partners"}}},
	}
}

func open(t testing.TB) *market {
	t.Helper()
	m := &market{Catalogue: shelftest.New(), t: t}
	server := httptest.NewUnstartedServer(nil)
	m.url = "http://" + server.Listener.Addr().String()
	face := mattermost.New(mattermost.Config{
		Current: func() mattermost.Snapshot { return labelled{m.Current()} },
		Read: func(ctx context.Context, digest string, limit int64) ([]byte, error) {
			blob, err := m.Open(ctx, digest)
			if err != nil {
				return nil, err
			}
			return io.ReadAll(io.LimitReader(blob, limit))
		},
		Base: m.url, Version: "1.0.0", Summary: func(text string, n int) string { return text[:min(len(text), n)] },
		Failed: func(err error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.failures = append(m.failures, err.Error())
		},
	})
	site := &web.Site{Log: slog.New(slog.DiscardHandler), Metrics: web.NewMetrics(), Rates: web.Rates{Search: web.Rate{Second: 1e6, Burst: 1e6}}}
	m.face, m.handler = face, site.Handler(face.Routes())
	server.Config.Handler = m.handler
	server.Start()
	t.Cleanup(server.Close)
	return m
}

// publish puts a release in front of those of a bundle.
func (m *market) publish(id, version string, changes ...func(*store.Listing)) {
	m.Change(id, func(l *store.Listing) {
		l.Format, l.Texts = store.FormatBundle, map[string]store.Text{"": {Name: id, Description: "Says hello from " + id}}
		l.Releases = append([]store.Release{{
			Version: version, Channel: store.Stable, State: store.Published, Published: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
			Files: []store.File{{Name: "x.jar", Platforms: []string{"linux-amd64", "server"}, Digest: "sha256:x"}},
		}}, l.Releases...)
		for _, c := range changes {
			c(l)
		}
	})
}

func tagged(labels ...string) func(*store.Listing) {
	return func(l *store.Listing) { l.Labels = labels }
}

func beta(l *store.Listing) { l.Releases[0].Channel = store.Beta }

func needing(host string) func(*store.Listing) {
	return func(l *store.Listing) { l.Releases[0].MinHost = host }
}

func on(platforms ...string) func(*store.Listing) {
	return func(l *store.Listing) { l.Releases[0].Files[0].Platforms = platforms }
}

func in(state store.ReleaseState) func(*store.Listing) {
	return func(l *store.Listing) { l.Releases[0].State = state }
}

// answer is what came back.
type answer struct {
	*http.Response
	body []byte
}

func (m *market) get(path string, headers ...string) answer {
	m.t.Helper()
	req, err := http.NewRequest(http.MethodGet, m.url+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return answer{resp, body}
}

// shown are the entries that a query is answered with, as "id version".
func (m *market) shown(query string) string {
	m.t.Helper()
	a := m.get("/api/v1/plugins?" + query)
	var list []mattermost.MarketplaceEntry
	if err := json.Unmarshal(a.body, &list); a.StatusCode != 200 || err != nil || list == nil {
		m.t.Errorf("%s: %s %v %s", query, a.Status, err, a.body)
		return "none"
	}
	var words []string
	for _, e := range list {
		words = append(words, e.Manifest.ID+" "+e.Manifest.Version)
	}
	return strings.Join(words, ", ")
}

// TestADayWithMattermost: looking, installing, updating.
func TestADayWithMattermost(t *testing.T) {
	m := open(t)
	m.publish("org.acme.Hello", "1.0", func(l *store.Listing) {
		icon := []byte("\x89PNG")
		l.Pictures.Icon = &store.Picture{Digest: m.Put(icon), Size: int64(len(icon)), Media: "image/png"}
		l.Links = store.Links{Homepage: "https://acme.example", Support: "https://acme.example/help", ReleaseNotes: "https://acme.example/new",
			Source: "https://git.example/acme/hello.git"}
	}, tagged("finance", "partner", "unknown"), needing("1.2"))
	m.publish("org.acme.Other", "2.0.0-rc.1", beta)
	s := &mattermosttest.Server{Marketplace: m.url, Version: "9.5.0", Platform: "linux-amd64", PerPage: -1}
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	e := s.Shown["org.acme.hello"]
	if len(s.Shown) != 2 || e.Manifest.Version != "1.0.0" || e.Manifest.MinServerVersion != "1.2.0" || e.IconData != "data:image/png;base64,iVBORw==" ||
		e.AuthorType != "partner" || e.ReleaseStage != "production" || e.Signature != "" || e.Manifest.SupportURL != "https://acme.example/help" ||
		e.ReleaseNotesURL != "https://acme.example/new" || e.DownloadURL != m.url+"/api/v1/listings/org.acme.Hello/releases/1.0/download" {
		t.Errorf("%+v %+v", e, e.Manifest)
	}
	if want := []mattermosttest.Label{{Name: "Partner", Description: "By a partner of this store", Color: "#2d7ff9"},
		{Name: "Finance", Description: "About money", URL: "https://store.example/finance", Color: "#112233"}}; !slices.Equal(e.Labels, want) {
		t.Errorf("%+v", e.Labels)
	}
	if other := s.Shown["org.acme.other"]; other.ReleaseStage != "beta" || other.AuthorType != "community" || len(other.Labels) != 2 || other.Labels[1].Name != "Beta" {
		t.Errorf("%+v", other)
	}
	s.Installed = map[string]string{"org.acme.Hello": "1.0.0"}
	if err := s.Refresh(); err != nil || s.Update("org.acme.hello") {
		t.Errorf("an update to what is installed: %v", err)
	}
	m.publish("org.acme.Hello", "1.1")
	if err := s.Refresh(); err != nil || !s.Update("org.acme.hello") {
		t.Errorf("the update is not offered: %v", err)
	}
	// It can not be told that a bundle is signed within: it installs none where it has to be.
	s.RequireSignature = true
	if _, err := s.Install("org.acme.Hello"); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Error(err)
	}
	if len(m.failures) > 0 {
		t.Error(m.failures)
	}
}

// TestParameters: each of them, alone and with others.
func TestParameters(t *testing.T) {
	m := open(t)
	m.publish("org.acme.alpha", "1.0.0")
	m.publish("org.acme.alpha", "1.10.0", needing("3.0"))
	m.publish("org.acme.alpha", "2.0.0-rc.1", beta)
	m.publish("org.acme.beta", "0.1", beta, on("linux-amd64", "windows-amd64"))
	m.publish("org.acme.corp", "1.0.0", tagged("enterprise"))
	m.publish("org.acme.dream", "1.0.0", tagged("cloud"), on("server"))
	m.publish("org.acme.earth", "1.0.0", tagged("on-prem"), on("darwin-arm64"))
	m.publish("org.acme.gone", "1.0.0", in(store.Withdrawn))
	m.publish("org.acme.past", "1.0.0", in(store.Deprecated))
	const all = "org.acme.alpha 1.10.0, org.acme.beta 0.1.0, org.acme.earth 1.0.0, org.acme.past 1.0.0"
	for query, want := range map[string]string{
		"": all, "per_page=-1": all, "per_page=-1&page=7": all, "build_enterprise_ready=true&local_only=x&anything=1": all, "filter=": all, "server_version=": all,
		"per_page=0": "", "per_page=2": "org.acme.alpha 1.10.0, org.acme.beta 0.1.0", "per_page=2&page=1": "org.acme.earth 1.0.0, org.acme.past 1.0.0",
		"per_page=3&page=1": "org.acme.past 1.0.0", "page=1": "", "page=1000000&per_page=1000": "",
		"filter=ALPHA": "org.acme.alpha 1.10.0", "filter=hello+from+org.acme.be": "org.acme.beta 0.1.0", "filter=nothing": "", "filter=Org.Acme.Past": "org.acme.past 1.0.0",
		"server_version=2.9":                           "org.acme.alpha 1.0.0, org.acme.beta 0.1.0, org.acme.corp 1.0.0, org.acme.earth 1.0.0, org.acme.past 1.0.0",
		"server_version=5.24.9":                        strings.Replace(all, "org.acme.earth", "org.acme.corp 1.0.0, org.acme.earth", 1),
		"server_version=5.25.0":                        all,
		"enterprise_plugins=true&per_page=-1":          strings.Replace(all, "org.acme.earth", "org.acme.corp 1.0.0, org.acme.earth", 1),
		"enterprise_plugins=1&plugin_id=org.acme.corp": "org.acme.corp 1.0.0",
		"cloud=true":                                   strings.Replace(all, "org.acme.earth", "org.acme.dream", 1),
		"platform=windows-amd64":                       "org.acme.beta 0.1.0", "platform=windows-amd64&cloud=true": "org.acme.beta 0.1.0, org.acme.dream 1.0.0",
		"platform=darwin-arm64": "org.acme.earth 1.0.0", "platform=plan9-mips": all,
		"plugin_id=org.acme.alpha": "org.acme.alpha 1.10.0", "plugin_id=none": "", "plugin_id=org.acme.gone": "",
		"plugin_id=org.acme.alpha&return_all_versions=true":                    "org.acme.alpha 2.0.0-rc.1, org.acme.alpha 1.10.0, org.acme.alpha 1.0.0",
		"return_all_versions=true&per_page=2&page=1":                           "org.acme.alpha 1.0.0, org.acme.beta 0.1.0",
		"plugin_id=org.acme.alpha&return_all_versions=true&server_version=2.0": "org.acme.alpha 2.0.0-rc.1, org.acme.alpha 1.0.0",
	} {
		if got := m.shown(query); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", query, got, want)
		}
	}
	for _, query := range []string{
		"page=-1", "page=x", "page=1.5", "page=9223372036854775807", "page=1000001", "per_page=-2", "per_page=1001", "per_page=99999999999999999999", "page=-1&per_page=-1",
		"server_version=x", "server_version=v9", "enterprise_plugins=yes", "cloud=2", "return_all_versions=x", "page=0&page=1", "filter=a&filter=b", "%zz",
		"filter=" + strings.Repeat("x", 1001), "filter=%ff", "plugin_id=%ff",
	} {
		if a := m.get("/api/v1/plugins?" + query); a.StatusCode != 400 || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s: %s", query, a.Status)
		}
	}
}

// TestNoCacheMixesAnswers: whatever a shared cache takes for its key, it asks with the tag of
// what it has, which is that of no other answer.
func TestNoCacheMixesAnswers(t *testing.T) {
	m := open(t)
	m.publish("org.acme.alpha", "1.0.0")
	m.publish("org.acme.alpha", "1.1.0", on("windows-amd64"), needing("5.30"))
	m.publish("org.acme.corp", "1.0.0", tagged("enterprise"))
	m.publish("org.acme.dream", "1.0.0", tagged("cloud"))
	tags := map[string]string{}
	for _, query := range []string{"", "platform=linux-amd64", "enterprise_plugins=true", "cloud=true", "plugin_id=org.acme.corp&enterprise_plugins=true", "return_all_versions=true", "per_page=0",
		"cloud=true&return_all_versions=true"} {
		for _, coding := range []string{"", "gzip"} {
			a := m.get("/api/v1/plugins?"+query, "Accept-Encoding", coding)
			tag := a.Header.Get("Etag")
			if other, ok := tags[tag]; ok && coding == "" || tag == "" || a.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%q and %q have the tag %s; %v", query, other, tag, a.Header)
			}
			if len(a.body) > 1024 && a.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q: %v", query, a.Header)
			}
			tags[tag] = query
			if again := m.get("/api/v1/plugins?"+query, "Accept-Encoding", coding, "If-None-Match", tag); again.StatusCode != 304 {
				t.Errorf("%q, which is known: %s", query, again.Status)
			}
		}
	}
	before := m.get("/api/v1/plugins").Header.Get("Etag")
	m.publish("org.acme.alpha", "1.2.0")
	if a := m.get("/api/v1/plugins", "If-None-Match", before); a.StatusCode != 200 {
		t.Errorf("after a change: %s", a.Status)
	}
}

func TestLabelsAndHealth(t *testing.T) {
	m := open(t)
	var labels []mattermost.MarketplaceLabel
	if a := m.get("/api/v1/labels"); json.Unmarshal(a.body, &labels) != nil || len(labels) != 7 || labels[0].Name != "Partner" || labels[5].Name != "Finance" {
		t.Errorf("%s %s", a.Status, a.body)
	}
	var health mattermost.MarketplaceHealth
	a := m.get("/api/v1/health")
	if json.Unmarshal(a.body, &health) != nil || health.Status != "pass" || health.ReleaseID != "1.0.0" || a.Header.Get("Content-Type") != "application/health+json" {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

// TestHostileListings: what should not be in a catalogue, or what the client could not read,
// harms nothing but itself.
func TestHostileListings(t *testing.T) {
	m := open(t)
	m.publish("org.acme.Hello", "1.0.0")
	m.publish("a$b.C", "1.0")                                                                                       // an id of ours that is none there
	m.publish("ab", "1.0")                                                                                          // too short
	m.publish("org.acme.four", "1.2.3.4")                                                                           // no semantic version
	m.publish("org.acme.odd", "x")                                                                                  // no version
	m.publish("org.acme.vast", "1.99999999999999999999")                                                            // more than 64 bits
	m.publish("org.acme.needs", "1.0", needing("any"))                                                              // no version of a host
	m.publish("org.acme.blank", "1.0", func(l *store.Listing) { l.Texts = map[string]store.Text{"": {Name: " "}} }) // no name
	m.publish("org.acme.none", "1.0", func(l *store.Listing) { l.Releases[0].Files = nil })
	m.publish("org.acme.bare", "1.0", func(l *store.Listing) { l.Releases = nil })
	m.publish("org.acme.stopped", "1.0", func(l *store.Listing) { l.Releases[0].Revoked = "it" })
	m.publish("org.acme.lost", "1.0", func(l *store.Listing) {
		l.Pictures.Icon = &store.Picture{Digest: "sha256:lost", Size: 10, Media: "image/png"}
	})
	m.publish("org.acme.svg", "1.0", func(l *store.Listing) {
		l.Pictures.Icon = &store.Picture{Digest: "sha256:svg", Size: 10, Media: "image/svg+xml"}
	})
	m.publish("org.acme.huge", "1.0", func(l *store.Listing) {
		l.Pictures.Icon = &store.Picture{Digest: "sha256:huge", Size: 1 << 30, Media: "image/png"}
	})
	m.publish("org.acme.text", "01.002-003.a", func(l *store.Listing) {
		l.Texts = map[string]store.Text{"": {Name: `</script><b>"x"`, Description: "\u2028"}}
		l.Links.Source = "::"
	})
	m.Broken = "org.acme.broken"
	m.publish("org.acme.broken", "1.0")
	s := &mattermosttest.Server{Marketplace: m.url, Version: "9.5.0", Platform: "linux-amd64"}
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for id, e := range s.Shown {
		shown = append(shown, id+" "+e.Manifest.Version)
		if e.IconData != "" {
			t.Errorf("%s has an icon", id)
		}
	}
	slices.Sort(shown)
	if want := "org.acme.hello 1.0.0, org.acme.huge 1.0.0, org.acme.lost 1.0.0, org.acme.svg 1.0.0, org.acme.text 1.2.0-3.a"; strings.Join(shown, ", ") != want {
		t.Errorf("%s\nwant\n%s", strings.Join(shown, ", "), want)
	}
	if len(m.failures) != 2 { // what can not be read, and the icon that is lost
		t.Errorf("%q", m.failures)
	}
}

// TestIconsAreBounded: an answer has so many bytes of icons, and the rest of the entries has
// none.
func TestIconsAreBounded(t *testing.T) {
	m := open(t)
	icon := []byte(strings.Repeat("x", 256<<10))
	digest := m.Put(icon)
	for i := range 100 {
		m.publish(fmt.Sprintf("org.acme.n%03d", i), "1.0", func(l *store.Listing) {
			l.Pictures.Icon = &store.Picture{Digest: digest, Size: int64(len(icon)), Media: "image/png"}
		})
	}
	a := m.get("/api/v1/plugins")
	if n := strings.Count(string(a.body), "data:image/png"); n == 0 || n > 48 || len(a.body) > 17<<20 {
		t.Errorf("%d icons, %d bytes", n, len(a.body))
	}
	if m.Opened.Load() != 1 {
		t.Errorf("the icon was read %d times", m.Opened.Load())
	}
}

// TestWhatIsReadAhead: questions wait while all is read for the first time, though not for
// ever, and nothing is read for them afterwards.
func TestWhatIsReadAhead(t *testing.T) {
	m := open(t)
	m.publish("org.acme.hello", "1.0")
	m.publish("org.acme.notes", "1.0")
	reads, goOn := make(chan struct{}, 2), make(chan struct{})
	m.Load = func(string) { reads <- struct{}{}; <-goOn }
	var ahead sync.WaitGroup
	ahead.Go(func() {
		if err := m.face.Prepare(t.Context()); err != nil {
			t.Error(err)
		}
	})
	<-reads
	hurried, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/plugins", nil).WithContext(hurried))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"code":"unavailable"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	ahead.Go(func() {
		if a := m.get("/api/v1/plugins"); a.StatusCode != 200 || !strings.Contains(string(a.body), "org.acme.notes") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
	close(goOn)
	ahead.Wait()
	if n := m.Loaded.Load(); n != 2 {
		t.Errorf("%d listings were read", n)
	}
}

// FuzzQuery: whatever is asked, it is answered, or refused as wrong, and what is answered has
// no more entries than a page.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "page=1&per_page=2", "per_page=-1&return_all_versions=1", "filter=%C3%BC&server_version=1.0-rc", "platform=linux-amd64&cloud=t&enterprise_plugins=F",
		"page=-9223372036854775808", "plugin_id=a;b", "page=1000000&per_page=1000"} {
		f.Add(seed)
	}
	m := open(f)
	for i := range 30 {
		m.publish(fmt.Sprintf("org.acme.n%d", i/3), fmt.Sprintf("1.%d", i), needing(fmt.Sprintf("%d.0", i%4)))
	}
	f.Fuzz(func(t *testing.T, query string) {
		w := httptest.NewRecorder()
		m.handler.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/api/v1/plugins", RawQuery: query}, Header: http.Header{}, Body: http.NoBody})
		var list []mattermost.MarketplaceEntry
		switch w.Code {
		case http.StatusBadRequest:
		case http.StatusOK:
			if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || list == nil || len(list) > 30 {
				t.Fatalf("%q: %v, %d entries", query, err, len(list))
			}
		default:
			t.Fatalf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}
