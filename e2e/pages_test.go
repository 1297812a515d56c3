package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// page is a page that is looked at.
type page struct{ name, path string }

// pages are all pages for people, each a line. Whoever adds a page adds its line.
func pages() []page {
	one := "/admin/extensions/" + idOf("weather")
	return []page{
		{"overview", "/admin/"},
		{"overview-filtered", "/admin/?state=running&sort=memory"},
		{"extension", one},
		{"extension-trust", one + "/trust"},
		{"extension-types", one + "/types"},
		{"extension-logs", one + "/logs"},
		{"extension-metrics", one + "/metrics"},
		{"extension-versions", one + "/versions"},
		{"extension-history", one + "/history"},
		{"extension-config", one + "/config"},
		{"extension-ui", one + "/ui"},
		{"extension-crashed", "/admin/extensions/" + idOf("crashing")},
		{"file", "/admin/extensions/letter.jar"},
		{"available", "/admin/available"},
		{"updates", "/admin/updates"},
		{"repositories", "/admin/repositories"},
		{"install", "/admin/install"},
		{"audit", "/admin/audit"},
		{"users", "/admin/users"},
		{"tokens", "/admin/tokens"},
		{"account", "/admin/account"},
		{"settings", "/admin/settings"},
		{"about", "/admin/about"},
	}
}

// look is a way in which a page is looked at.
type look struct {
	name          string
	width, height int64
	theme         string
}

func looks() []look {
	return []look{
		{"wide-light", 1400, 1000, "light"}, {"wide-dark", 1400, 1000, "dark"},
		{"narrow-light", 390, 844, "light"}, {"narrow-dark", 390, 844, "dark"},
	}
}

// TestEveryPage looks at every page in every size and colour: it is there, nothing is cut
// off, axe finds nothing serious, the browser has nothing to complain about. The pictures
// are for people to look at.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	h := serve(t)
	h.install("weather", "running", configured())
	h.install("crashing", "running")
	h.setMood("crashing", "crash")
	for h.row(idOf("crashing")).State == "running" {
		h.request("crashing", "{}")()
	}
	h.awaitState(idOf("crashing"), "backoff")
	h.drop("letter.jar", []byte("Dear administrator,"))
	h.awaitState("letter.jar", "failed")
	for range 20 {
		h.request("weather", `{"station":"Montréal"}`)()
	}
	pictures := filepath.Join("..", "dist", "screenshots")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	p := visit(t, h)
	for _, look := range looks() {
		p.choose(look.theme)
		p.Window(look.width, look.height)
		for _, page := range pages() {
			t.Run(page.name+"/"+look.name, func(t *testing.T) {
				p.as(t).look(h.admin, page, filepath.Join(pictures, page.name+"-"+look.name+".png"))
			})
		}
	}
	for _, message := range p.Complaints() {
		t.Errorf("the browser complains: %s", message)
	}
}

// choose takes a theme from the menu.
func (p *person) choose(theme string) {
	p.t.Helper()
	p.open("/admin/")
	p.click("the switch of themes", fmt.Sprintf(`document.querySelector('button[name="theme"][value="%s"]')`, theme))
	p.Until("the theme "+theme, fmt.Sprintf(`document.documentElement.dataset.theme === "%s"`, theme))
}

// look is one look at one page of a site.
func (p *person) look(site string, page page, picture string) {
	p.t.Helper()
	if answer := browsertest.Run(p.Tab, page.path, chromedp.NavigateResponse(site+page.path)); answer == nil || answer.Status != http.StatusOK {
		p.t.Fatalf("%s is not there: %s", page.path, p.Text())
	}
	p.Until("the page "+page.name, `document.querySelector("main h1") !== null`)
	if title := browsertest.Read[string](p.Tab, `document.title`); title == "" {
		p.t.Error("it has no title")
	}
	p.Fits(page.name)
	p.Accessible(page.name)
	p.Picture(picture)
}
