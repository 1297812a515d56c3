// Package page is the admin page: what people see. New makes Pages of what they need,
// and Routes is their part of the table of routes.
//
// What is promised: every string that comes from a bundle or a process is treated as
// hostile; a page is rendered completely before its first byte is sent; no page loads
// or runs anything that is not ours.
package page

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/ownpages"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// Host is what the pages show, and change.
type Host interface {
	Snapshot() []host.Extension
	Extension(id string) (host.Extension, bool)
	UIOf(id string) string
	Act(ctx context.Context, a host.Action) (host.Extension, error)
}

// Config is what the pages are made from; all but DropFolder, TokenFile and Version is
// required.
type Config struct {
	Host   Host
	Access *access.Control
	// OwnPages are the frames of what extensions show themselves.
	OwnPages *ownpages.Site
	// Loopback says that the listener is for this machine only.
	Loopback bool
	// DropFolder and TokenFile are shown to people: where bundles go, and where the
	// token for signing in is to be found.
	DropFolder, TokenFile string
	// Version is the host's own.
	Version string
	Log     *slog.Logger
	Now     func() time.Time
}

// Pages answers people.
type Pages struct {
	cfg       Config
	templates *template.Template
}

// New parses the templates.
func New(cfg Config) (*Pages, error) {
	templates, err := template.New("").Funcs(templateFuncs()).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	return &Pages{cfg: cfg, templates: templates}, nil
}

// Routes are those of the pages.
func (p *Pages) Routes() []web.Route {
	return append(p.signInRoutes(), []web.Route{
		{Method: "GET", Path: "/admin/{$}", Right: access.See, Page: true, Serve: p.extensionsPage},
		{Method: "POST", Path: "/admin/consent", Right: access.Install, Page: true, Serve: p.consent},
		{Method: "GET", Path: "/admin/extensions/{id}/ui", Right: access.See, Page: true, Serve: p.ownPages},
		{Method: "GET", Path: "/admin/static/", Right: access.Open, Page: true, Serve: p.static},
		{Method: "GET", Path: "/admin/", Right: access.See, Page: true, Serve: p.missingPage},
		{Method: "GET", Path: "/{$}", Right: access.Open, Page: true, Serve: toAdmin},
		{Method: "GET", Path: "/admin", Right: access.Open, Page: true, Serve: toAdmin},
		// Browsers ask for it whatever the page says.
		{Method: "GET", Path: "/favicon.ico", Right: access.Open, Page: true, Serve: noContent},
		{Path: "/", Right: access.See, Page: true, Serve: p.missingPage},
	}...)
}

func toAdmin(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/admin/", http.StatusSeeOther)
	return nil
}

func noContent(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// frame is what every page shows around its content.
type frame struct {
	Title    string
	Version  string
	SignedIn bool
}

// templateFuncs are the words of the templates. text and dotted are how a string
// from outside reaches a page; html/template escapes what they return.
func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"text":   func(s string) string { return visible.Clip(s, maxText) },
		"line":   line,
		"dotted": dotted,
	}
}

const (
	maxText = 2000 // characters of a message
	maxLine = 500  // characters of a line of stderr
	maxName = 260  // characters of an id or a type
)

// line is one line of what a process has said. Stack traces are indented by tabs.
func line(s string) string {
	return visible.Clip(strings.ReplaceAll(s[:min(len(s), 4*maxLine)], "\t", "    "), maxLine)
}

// dotted cuts a name behind its dots, where a narrow page may break it.
func dotted(s string) []string {
	return strings.SplitAfter(visible.Clip(s, maxName), ".")
}

func (p *Pages) extensionsPage(w http.ResponseWriter, r *http.Request) error {
	now := p.cfg.Now()
	rows := p.cfg.Host.Snapshot()
	return p.render(w, http.StatusOK, "extensions.html", struct {
		frame
		Rows       []row
		Summary    string
		DropFolder string
		Proof      string // for forms; "" for none
	}{
		frame:   frame{Title: "Extensions", Version: p.cfg.Version, SignedIn: true},
		Rows:    rowsOf(rows, now),
		Summary: summary(rows), DropFolder: p.cfg.DropFolder, Proof: access.Of(r.Context()).Proof,
	})
}

func (p *Pages) missingPage(_ http.ResponseWriter, r *http.Request) error {
	return web.NewProblem(http.StatusNotFound, "not_found", "there is no page at "+visible.Clip(r.URL.Path, 100))
}

// Error answers a person what a program gets as a problem.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, problem *web.Problem) error {
	return p.render(w, problem.Status, "error.html", struct {
		frame
		Problem *web.Problem
	}{frame{Title: problem.Title, SignedIn: access.Of(r.Context()).Known()}, problem})
}

// render executes a template completely before the first byte is sent.
func (p *Pages) render(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that is gone is not an error of ours
	return nil
}

// static serves the files of the page, no folders.
func (p *Pages) static(w http.ResponseWriter, r *http.Request) error {
	name := path.Join("static", strings.TrimPrefix(r.URL.Path, "/admin/static/"))
	body, err := fs.ReadFile(staticFiles, name)
	if err != nil {
		return p.missingPage(w, r)
	}
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	w.Header().Set("Content-Type", types[path.Ext(name)])
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	return nil
}
