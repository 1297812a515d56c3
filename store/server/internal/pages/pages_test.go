package pages

import (
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// get asks for a path; more are headers, name and value.
func get(p http.Handler, path string, more ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func parsed(t *testing.T, w *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func find(n *html.Node, tag string) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == tag {
			found = append(found, d)
		}
	}
	return found
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
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// paths are all pages of a stocked store, each with what has to be read on it.
func paths() []struct{ path, says string } {
	hostile := "/extensions/org.spite.One"
	return []struct{ path, says string }{
		{"/", "Weather Acme Weather Works"},
		{"/?q=tide", "Results for “ tide ”"},
		{"/?q=nothing+like+this", "No extension is like that"},
		{"/?platform=android-arm64&format=jpl&label=video&sort=name", "GreenScreen"},
		{"/?q=" + url.QueryEscape(spite), "Free"},
		{"/extensions/org.acme.Weather", "Connect over the network to api.weather.example:443"},
		{"/extensions/org.acme.Weather/versions", "14 versions"},
		{"/extensions/org.acme.Weather/versions/2.14.0", "the file LICENSE is not in the bundle"},
		{"/extensions/org.acme.Weather/versions/2.13.0", "It forgot its stations at midnight"},
		{"/extensions/org.acme.Weather/versions/2.11.0", "Its signing key was stolen."},
		{"/extensions/org.acme.Weather/versions/2.9.0", "It sent stations to a third party."},
		{"/extensions/org.acme.Tracker", "A geofence can be left unseen"},
		{"/extensions/org.acme.Unsigned", "Nobody has signed this release."},
		{"/extensions/org.acme.Gone", "no version of this extension must run any more"},
		{"/extensions/GreenScreen", "In Jami, open the settings"},
		{"/extensions/hibiscus.reports", "https://store.acme.example/jameica/"},
		{"/publishers/acme.example", "Cache"},
		{"/publishers/" + url.PathEscape(savoir().Pin), "Account reports"},
		{"/labels", "Chosen by us 1"},
		{"/about", "repository.store.url=https://store.acme.example/"},
		{"/open/org.acme.Weather", "jackfield ext install org.acme.Weather"},
		{"/open/org.acme.Weather?version=2.12.0", "jackfield ext install org.acme.Weather@2.12.0"},
		{"/submissions", "An administrator of this store adds your organization"},
		{hostile, "Free"}, {hostile + "/versions", "3,000 versions"}, {hostile + "/versions?from=42.0.0", "42.0.0"}, {hostile + "/versions/3000.0.0", "3000.0.0"},
		{hostile + "/versions/" + url.PathEscape("2999.0.0"+spite), "2999.0.0"},
		{"/publishers/" + url.PathEscape("spite.example\"><script>"), "Free"}, {"/open/org.spite.One", "jackfield ext install org.spite.One"},
	}
}

// TestEveryPage asks for all pages in both languages: each is there, says what it is for,
// and has nothing in it that could load, run or lead where it should not, whatever
// publishers have written.
func TestEveryPage(t *testing.T) {
	p := pagesOf(t, stocked())
	for _, c := range paths() {
		t.Run(strings.Trim(fmt.Sprintf("%.60q", c.path), `"`), func(t *testing.T) {
			w := get(p, c.path)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %.2000s", w.Code, w.Body)
			}
			doc := parsed(t, w)
			if !strings.Contains(textOf(doc), c.says) {
				t.Errorf("it does not say %q: %.3000s", c.says, textOf(doc))
			}
			harmless(t, doc, w.Body.String())
			french := get(p, c.path, "Accept-Language", "fr-CA,fr;q=0.9")
			if french.Code != http.StatusOK || french.Header().Get("Content-Language") != "fr" || !strings.Contains(french.Body.String(), "Aller au contenu") {
				t.Errorf("in French: status %d, %s", french.Code, french.Header())
			}
			if w.Body.Len() > 1<<20 {
				t.Errorf("it is %d bytes long", w.Body.Len())
			}
		})
	}
}

// harmless fails for what must be in no page.
func harmless(t *testing.T, doc *html.Node, source string) {
	t.Helper()
	for _, tag := range []string{"script", "iframe", "object", "embed", "style", "base", "svg", "video", "audio", "template"} {
		if found := find(doc, tag); len(found) > 0 {
			t.Errorf("there is a %s", tag)
		}
	}
	ids := map[string]bool{}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcset", a.Key == "ping":
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "src" || n.Data == "link" && a.Key == "href":
				if !strings.HasPrefix(a.Val, "/pictures/") && !strings.HasPrefix(a.Val, "/static/") && !strings.HasPrefix(a.Val, "/extensions/") && !strings.HasPrefix(a.Val, "/feed.atom") {
					t.Errorf("%s loads %q", n.Data, a.Val)
				}
			case a.Key == "href" && n.Data == "a":
				u, err := url.Parse(a.Val)
				if err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" || u.User != nil || strings.HasPrefix(a.Val, "//") {
					t.Errorf("a link leads to %q", a.Val)
				}
				if u.Host != "" && u.Host != "store.acme.example" && !strings.Contains(attribute(n, "rel"), "noreferrer") {
					t.Errorf("a link to %s says who sent it", u.Host)
				}
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("the id %q stands twice", a.Val)
				}
				ids[a.Val] = true
			}
		}
	}
	turns := regexp.MustCompile(`[\x{202a}-\x{202e}\x{2066}-\x{2069}\x{0}]`)
	for n := range doc.Descendants() {
		seen := []string{}
		if n.Type == html.TextNode {
			seen = append(seen, n.Data)
		}
		for _, a := range n.Attr {
			if slices.Contains([]string{"title", "alt", "placeholder", "content"}, a.Key) {
				seen = append(seen, a.Val)
			}
		}
		for _, text := range seen {
			if turns.MatchString(text) {
				t.Errorf("a character that turns the reading direction stands in %q", text)
			}
		}
	}
	if strings.Contains(source, "<no value>") || strings.Contains(source, "ZgotmplZ") {
		t.Error("a template was given the wrong thing")
	}
}

func TestHeaders(t *testing.T) {
	w := get(pagesOf(t, stocked()), "/")
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script") {
		t.Errorf("the policy is %q", csp)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8", "Vary": "Accept-Language, Accept-Encoding",
		"Cache-Control": "public, max-age=30", "Set-Cookie": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestWhatIsNotThere: every answer is a page.
func TestWhatIsNotThere(t *testing.T) {
	s := stocked()
	p := pagesOf(t, s)
	for _, c := range []struct {
		path   string
		status int
	}{
		{"/nothing", 404}, {"/extensions/org.acme.Nothing", 404}, {"/extensions/org.acme.Weather/versions/9.9.9", 404}, {"/publishers/nobody.example", 404},
		{"/extensions/org.acme.Weather/versions?from=9", 404}, {"/open/GreenScreen", 404}, {"/open/org.acme.Gone", 404}, {"/root.pem", 404}, {"/static/x/none.css", 404},
		{"/pictures/org.acme.Weather/sha256:00", 404}, {"/pictures/org.spite.One/" + url.PathEscape(spite), 404}, {"/?sort=magic", 400}, {"/?format=exe", 400}, {"/?q=" + strings.Repeat("a", 201), 400},
		{"/submissions/mine", 401}, {"/submissions/1", 401}, {"/%2F%2Fevil.example", 404}, {"/extensions/%2E%2E", 404},
	} {
		w := get(p, c.path)
		if w.Code != c.status || !strings.Contains(w.Body.String(), "<main") {
			t.Errorf("%s: status %d, want %d: %.200s", c.path, w.Code, c.status, w.Body)
		}
		harmless(t, parsed(t, w), w.Body.String())
	}
	for path, to := range map[string]string{"/extensions": "/", "/extensions/ORG_acme-weather": "/extensions/org.acme.Weather", "/extensions/orgacmeweather/versions/2.14.0?lang=fr": "/extensions/org.acme.Weather/versions/2.14.0?lang=fr"} {
		if w := get(p, path); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != to {
			t.Errorf("%s: status %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("DELETE", "/about", nil))
	if w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Body.String(), "<main") {
		t.Errorf("DELETE: status %d", w.Code)
	}
	s.broken = errors.New("the database is away: password=secret")
	s.sequence.Add(1)
	if w := get(p, "/"); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a mistake: status %d, %s: %.500s", w.Code, w.Header(), w.Body)
	}
	s.broken = nil
	if w := get(p, "/"); w.Code != http.StatusOK {
		t.Errorf("after a mistake: status %d", w.Code)
	}
}

// TestKeptPages: a page is made once for a catalogue, a language and a form.
func TestKeptPages(t *testing.T) {
	s := stocked()
	p := pagesOf(t, s)
	first := get(p, "/extensions/org.acme.Weather")
	looked := s.looked.Load()
	etag := first.Header().Get("ETag")
	for _, c := range []struct {
		name, header, value, path string
		status                    int
	}{
		{"again", "", "", "", 200}, {"known", "If-None-Match", etag, "", 304}, {"known weakly", "If-None-Match", "W/" + etag, "", 304},
		{"another known", "If-None-Match", `"x"`, "", 200}, {"with what means nothing", "", "", "?utm_source=x", 200},
	} {
		if w := get(p, "/extensions/org.acme.Weather"+c.path, c.header, c.value); w.Code != c.status || w.Code == 304 && w.Body.Len() > 0 {
			t.Errorf("%s: status %d", c.name, w.Code)
		}
	}
	if now := s.looked.Load(); now != looked {
		t.Errorf("the catalogue was looked into %d times for a page that is kept", now-looked)
	}
	zipped := get(p, "/extensions/org.acme.Weather", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(zipped.Body)
	if err != nil || zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Header().Get("ETag") == etag {
		t.Fatalf("compressed: %v, %s", err, zipped.Header())
	}
	if body, err := io.ReadAll(z); err != nil || string(body) != first.Body.String() {
		t.Errorf("compressed it is another page: %v", err)
	}
	r := httptest.NewRequest("HEAD", "/extensions/org.acme.Weather", nil)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Content-Length") != fmt.Sprint(first.Body.Len()) {
		t.Errorf("HEAD: %d, %d bytes, %s", w.Code, w.Body.Len(), w.Header())
	}
	s.entries[0].Listing.License = "changed"
	if w := get(p, "/extensions/org.acme.Weather"); strings.Contains(w.Body.String(), "changed") {
		t.Error("a page was made anew for the same catalogue")
	}
	s.sequence.Add(1)
	if w := get(p, "/extensions/org.acme.Weather", "If-None-Match", etag); w.Code != 200 || !strings.Contains(w.Body.String(), "changed") {
		t.Errorf("a page was kept for another catalogue: %d", w.Code)
	}
}

// TestLanguages: the page speaks the reader's language, and so do the texts that have it.
func TestLanguages(t *testing.T) {
	p := pagesOf(t, stocked())
	for _, c := range []struct{ name, path, accept, page, name2, locale string }{
		{"nothing said", "", "", "en", "Weather", ""},
		{"French", "", "fr", "fr", "Météo", "fr"},
		{"French of Canada, by address", "?lang=fr_CA", "en", "fr", "Météo", "fr"},
		{"Hebrew", "", "he,en;q=0.5", "en", "מזג אוויר", "he"},
		{"German", "", "de", "en", "Weather", ""},
		{"nonsense", "?lang=%22%3E%3Cscript%3E", "\xff", "en", "Weather", ""},
	} {
		w := get(p, "/extensions/org.acme.Weather"+c.path, "Accept-Language", c.accept)
		doc := parsed(t, w)
		h1 := find(doc, "h1")[0]
		if attribute(find(doc, "html")[0], "lang") != c.page || textOf(h1) != c.name2 || attribute(h1, "lang") != c.locale {
			t.Errorf("%s: page in %q, title %q in %q", c.name, attribute(find(doc, "html")[0], "lang"), textOf(h1), attribute(h1, "lang"))
		}
		if strings.HasPrefix(c.path, "?lang=fr") {
			for _, a := range find(doc, "a") {
				if href := attribute(a, "href"); strings.HasPrefix(href, "/") && !strings.Contains(href, "lang=") && !strings.Contains(href, "/api/") && !strings.Contains(href, "/pictures/") {
					t.Errorf("%s: the language is lost on the way to %s", c.name, href)
				}
			}
		}
	}
}

// TestPaging walks through all listings by the links of the pages.
func TestPaging(t *testing.T) {
	s := newShelf()
	cache := *vivid()[1]
	for i := range 70 {
		l := cache
		l.ID = fmt.Sprintf("org.acme.Cache%d", i)
		s.entries = append(s.entries, newShelf(&l).entries...)
	}
	p := pagesOf(t, s)
	seen := map[string]bool{}
	path, pages := "/?sort=name", 0
	for path != "" {
		doc := parsed(t, get(p, path))
		path = ""
		for _, a := range find(doc, "a") {
			if href := attribute(a, "href"); strings.HasPrefix(href, "/extensions/") {
				seen[href] = true
			}
			if attribute(a, "rel") == "next" {
				path = attribute(a, "href")
			}
		}
		if pages++; pages > 10 {
			t.Fatal("the pages do not end")
		}
	}
	if len(seen) != 70 || pages != 3 {
		t.Errorf("%d listings on %d pages", len(seen), pages)
	}
}

func TestFeeds(t *testing.T) {
	p := pagesOf(t, stocked())
	for path, want := range map[string]int{"/feed.atom": 9, "/extensions/org.acme.Weather/feed.atom": 12, "/extensions/org.spite.One/feed.atom": 50} {
		w := get(p, path)
		var feed atom
		if err := xml.Unmarshal(w.Body.Bytes(), &feed); err != nil || len(feed.Entries) != want || w.Header().Get("Content-Type") != "application/atom+xml; charset=utf-8" {
			t.Errorf("%s: %d entries, %v, %s", path, len(feed.Entries), err, w.Header())
		}
		if feed.ID != "https://store.acme.example"+path || feed.Updated < "2026-11" {
			t.Errorf("%s: id %q, updated %q", path, feed.ID, feed.Updated)
		}
	}
}

// TestBelowAPath: a store that is not at the root of its host leads nowhere else.
func TestBelowAPath(t *testing.T) {
	p := pagesOf(t, stocked(), func(c *Config) { c.Base = &url.URL{Scheme: "http", Host: "acme.example", Path: "/store/"} })
	for _, path := range []string{"/store/", "/store/extensions/org.acme.Weather", "/store/about", "/store/open/org.acme.Weather", "/store/nothing", "/store/?q=tides&lang=fr", "/about"} {
		w := get(p, path)
		if (w.Code == http.StatusNotFound) != (path == "/store/nothing" || path == "/about") {
			t.Errorf("%s: status %d", path, w.Code)
		}
		doc := parsed(t, w)
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				if (a.Key == "href" || a.Key == "src" || a.Key == "action") && strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "/store/") {
					t.Errorf("%s leads to %s", path, a.Val)
				}
			}
		}
	}
	for path, to := range map[string]string{"/store/extensions": "/store/", "/store/extensions/orgacmeweather": "/store/extensions/org.acme.Weather"} {
		if w := get(p, path); w.Header().Get("Location") != to {
			t.Errorf("%s leads to %s", path, w.Header().Get("Location"))
		}
	}
}

func TestFiles(t *testing.T) {
	p := pagesOf(t, stocked())
	icon := attribute(find(find(parsed(t, get(p, "/extensions/org.acme.Weather")), "header")[1], "img")[0], "src")
	w := get(p, icon)
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("Cache-Control") != immutable || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: %d %s", icon, w.Code, w.Header())
	}
	if w := get(p, icon, "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("known: %d", w.Code)
	}
	if w := get(p, icon, "Range", "bytes=0-7"); w.Code != 206 || w.Body.String() != "\x89PNG\r\n\x1a\n" {
		t.Errorf("a part: %d %q", w.Code, w.Body)
	}
	for path, media := range map[string]string{p.staticPath("look.css"): "text/css; charset=utf-8", p.staticPath("store.css"): "text/css; charset=utf-8", "/favicon.ico": "image/x-icon", "/robots.txt": "text/plain; charset=utf-8"} {
		if w := get(p, path); w.Code != 200 || w.Header().Get("Content-Type") != media {
			t.Errorf("%s: %d %s", path, w.Code, w.Header())
		}
	}
}
