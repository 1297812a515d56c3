package pages

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// browser is the one that all tests of this package share.
var browser browsertest.Browser

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Close()
	os.Exit(code)
}

// serve serves pages at an address of their own.
func serve(t *testing.T, s *shelf, changes ...func(*Config)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := &url.URL{Scheme: "http", Host: server.Listener.Addr().String(), Path: "/"}
	server.Config.Handler = pagesOf(t, s, append(changes, func(c *Config) { c.Base = base })...)
	server.Start()
	t.Cleanup(server.Close)
	return "http://" + base.Host
}

// glance is a way in which a page is looked at.
type glance struct {
	name          string
	width, height int64
	theme         string
	all           bool // pages; else those that differ most
}

// TestLook looks at every page as people do: nothing is cut off, axe finds nothing
// serious, the browser has nothing to complain about. The pictures, in
// dist/screenshots/store, are for people to look at.
func TestLook(t *testing.T) {
	site := serve(t, stocked(), func(c *Config) {
		c.Root = testRoot(t)
		c.Jameica = func(context.Context) ([]byte, error) { return c.Root, nil }
	})
	tab := browser.Open(t)
	pictures := filepath.Join("..", "..", "..", "..", "dist", "screenshots", "store")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	tab.Header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("any:of-admin")))
	weather, hostile := "/extensions/org.acme.Weather", "/extensions/org.spite.One"
	for _, l := range []glance{
		{"wide-light", 1400, 1000, "light", true}, {"wide-dark", 1400, 1000, "dark", false},
		{"narrow-light", 390, 844, "light", false}, {"narrow-dark", 390, 844, "dark", true},
	} {
		tab.Window(l.width, l.height)
		tab.Prefer(l.theme)
		type page struct{ name, path string }
		pages := []page{{"front", "/"}, {"extension", weather}, {"version-revoked", weather + "/versions/2.11.0"}, {"about", "/about"}}
		if l.all {
			pages = append(pages, []page{
				{"search", "/?q=tides"}, {"extension-hebrew", weather + "?lang=he"}, {"extension-jami", "/extensions/GreenScreen"}, {"extension-jameica", "/extensions/hibiscus.reports"},
				{"extension-hostile", hostile}, {"version", weather + "/versions/2.14.0"}, {"versions", weather + "/versions"}, {"publisher", "/publishers/acme.example"},
				{"labels", "/labels"}, {"open", "/open/org.acme.Weather"}, {"publishing", "/submissions"}, {"submissions", "/submissions/mine"}, {"submission", "/submissions/59"}, {"missing", "/nothing"},
			}...)
		}
		if l.all && l.width > 1000 { // these differ in their words only
			pages = append(pages, []page{
				{"front-french", "/?lang=fr"}, {"extension-french", weather + "?lang=fr"}, {"nothing-found", "/?q=nothing+like+it"}, {"extension-unsigned", "/extensions/org.acme.Unsigned"},
				{"extension-gone", "/extensions/org.acme.Gone"}, {"versions-hostile", hostile + "/versions?from=42.0.0"},
			}...)
		}
		for _, page := range pages {
			t.Run(page.name+"/"+l.name, func(t *testing.T) {
				tab := tab.As(t)
				tab.Do("opening "+page.path, chromedp.Navigate(site+page.path), chromedp.WaitReady(chromedp.CSS("main h1")))
				tab.Fits(page.name)
				if l.all {
					tab.Accessible(page.name)
				}
				tab.Picture(filepath.Join(pictures, page.name+"-"+l.name+".png"))
			})
		}
	}
	for _, message := range tab.Complaints() {
		if !strings.Contains(message, "404") { // the page that is missing
			t.Errorf("the browser complains: %s", message)
		}
	}
}

// TestPrint prints the page of an extension, to be looked at: on paper nobody scrolls.
func TestPrint(t *testing.T) {
	site := serve(t, stocked())
	tab := browser.Open(t)
	tab.Do("the page of an extension", chromedp.Navigate(site+"/extensions/org.acme.Weather"), chromedp.WaitReady(chromedp.CSS("main h1")))
	sheet := browsertest.Run(tab, "printing", chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	if n := bytes.Count(sheet, []byte("/Type /Page\n")); n < 1 || n > 4 {
		t.Errorf("it takes %d sheets", n)
	}
	pictures := filepath.Join("..", "..", "..", "..", "dist", "screenshots", "store")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pictures, "extension.pdf"), sheet, 0o644); err != nil {
		t.Error(err)
	}
}

// TestWithoutScripts is somebody with scripts switched off who looks for an extension,
// reads about it, and opens it in their host.
func TestWithoutScripts(t *testing.T) {
	site := serve(t, stocked())
	tab := browser.Open(t)
	tab.Scripts(false)
	until := func(what, path string) {
		t.Helper()
		tab.Until(what, `location.href === "`+site+path+`"`)
	}
	tab.Do("the front page", chromedp.Navigate(site+"/"), chromedp.WaitVisible(chromedp.CSS("#q")))
	tab.Do("searching", chromedp.SendKeys(chromedp.CSS("#q"), "forecast\r"))
	until("searching", "/?q=forecast&platform=&label=&format=&sort=published")
	tab.Do("choosing", chromedp.Click(chromedp.CSS(".extension h2 a")))
	until("choosing", "/extensions/org.acme.Weather")
	tab.Do("a dependency", chromedp.Click(chromedp.CSS(`[aria-labelledby=requires] a`)))
	until("a dependency", "/extensions/org.acme.Cache")
	tab.Do("French", chromedp.Click(chromedp.CSS(`.languages a[lang=fr]`)))
	until("French", "/extensions/org.acme.Cache?lang=fr")
	tab.Do("opening in a host", chromedp.Click(chromedp.CSS(`.install .button.primary`)))
	until("opening in a host", "/open/org.acme.Cache?lang=fr")
	tab.Do("an address that is none", chromedp.SendKeys(chromedp.CSS("#host"), "http://far.example\r"), chromedp.WaitVisible(chromedp.CSS("#host-error")))
	tab.Do("an address", chromedp.Clear(chromedp.CSS("#host")), chromedp.SendKeys(chromedp.CSS("#host"), "localhost:9200\r"), chromedp.WaitVisible(chromedp.CSS(`a[href^="https://localhost:9200/admin/install?id=org.acme.Cache"]`)))
	if n := browsertest.Read[int](tab, `document.scripts.length`); n != 0 {
		t.Errorf("the page has %d scripts", n)
	}
}
