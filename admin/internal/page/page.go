// Package page is the admin page: what people see. New makes Pages of what they need,
// and Routes is their part of the table of routes.
//
// Every page is a view that show puts into the frame (frame.go, templates/frame.html);
// its words come from package words, its parts from templates/parts.html, its look from
// package look and static/page.css. docs/DESIGN.md is the guide to these.
//
// What is promised: every string that comes from a bundle or a process is treated as
// hostile; a page is rendered completely before its first byte is sent; no page loads
// or runs anything that is not ours; all of it works without scripts.
package page

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/configure"
	"github.com/jackfield-host/jackfield/admin/internal/detail"
	"github.com/jackfield-host/jackfield/admin/internal/ownpages"
	"github.com/jackfield-host/jackfield/admin/internal/stores"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/internal/look"
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
	// UIOf is where the pages of an extension's own come from.
	UIOf(id string) string
	Act(ctx context.Context, a host.Action) (host.Extension, error)
	// Measures is what extensions do and take, Series how that went, Dependencies who
	// needs whom, Icon a picture.
	Measures() map[string]host.Measure
	Series(id string, over host.Range) (host.Series, bool)
	Dependencies(id string) (host.Dependencies, error)
	Icon(id string) (host.Icon, error)
	detail.Host
	configure.Host

	web.Stores
	web.Plans
	installHost
	auditHost
	aboutHost
}

// Config is what the pages are made from; all but DropFolder, TokenFile and Version is
// required.
type Config struct {
	Host Host
	// Events subscribes to what changes, as host.Events does.
	Events func(after uint64) (web.Notices, error)
	// Follow begins to follow a log.
	Follow func(ctx context.Context, id string, q host.LogQuery, after string) (web.Lines, error)
	// Streams are where what is followed goes.
	Streams *web.Streams
	Access  *access.Control
	// Accounts are who may come in.
	Accounts *host.Accounts
	// Uploads take the bundles of the install page.
	Uploads *web.Uploads
	// OwnPages are the frames of what extensions show themselves.
	OwnPages *ownpages.Site
	// Loopback says that the listener is for this machine only.
	Loopback bool
	// DropFolder and TokenFile are shown to people: where bundles go, and where the
	// token for signing in is to be found.
	DropFolder, TokenFile string
	// RequestAddress and AdminAddress are where the two listeners listen, HOST:PORT.
	RequestAddress, AdminAddress string
	// Version is the host's own.
	Version string
	Log     *slog.Logger
	Now     func() time.Time
}

// Pages answers people.
type Pages struct {
	cfg       Config
	desk      *detail.Desk
	stores    *stores.Desk
	languages map[words.Language]spoken
}

// New parses the templates, once for each language.
func New(cfg Config) (*Pages, error) {
	p := &Pages{cfg: cfg, languages: map[words.Language]spoken{}}
	for _, l := range language.Languages() {
		w := words.In(l)
		templates, err := template.New("").Funcs(functions(w, cfg.Now)).Funcs(detailFunctions(w)).Funcs(storesFunctions(w)).ParseFS(templateFiles, "templates/*.html")
		if err != nil {
			return nil, err
		}
		p.languages[l] = spoken{w, templates}
	}
	p.desk = detail.New(detail.Config{
		Host: cfg.Host, Render: p.detailPage, Follow: cfg.Follow, Streams: cfg.Streams, Log: cfg.Log, Now: cfg.Now,
	})
	p.stores = p.storesDesk()
	return p, nil
}

// Routes are those of the pages.
func (p *Pages) Routes() []web.Route {
	routes := []web.Route{
		{Method: "GET", Path: "/admin/{$}", Right: access.See, Page: true, Serve: p.overview},
		{Method: "GET", Path: "/admin/extensions/{id}/ui", Right: access.See, Page: true, Serve: p.ownPages},
		{Method: "POST", Path: "/admin/preferences", Right: access.Open, Page: true, Serve: p.prefer},
		{Method: "GET", Path: "/admin/static/", Right: access.Open, Page: true, Serve: p.static},
		{Method: "GET", Path: "/admin/", Right: access.See, Page: true, Serve: p.missingPage},
		{Method: "GET", Path: "/{$}", Right: access.Open, Page: true, Serve: toAdmin},
		{Method: "GET", Path: "/admin", Right: access.Open, Page: true, Serve: toAdmin},
		// Browsers ask for it whatever the page says.
		{Method: "GET", Path: "/favicon.ico", Right: access.Open, Page: true, Serve: noContent},
		{Path: "/", Right: access.See, Page: true, Serve: p.missingPage},
	}
	return slices.Concat(routes, p.signInRoutes(), p.actionRoutes(), p.installRoutes(), p.auditRoutes(), p.userRoutes(), p.tokenRoutes(), p.aboutRoutes(), p.desk.Routes(), p.configureRoutes(), p.stores.Routes())
}

func toAdmin(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/admin/", http.StatusSeeOther)
	return nil
}

func noContent(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (p *Pages) missingPage(_ http.ResponseWriter, r *http.Request) error {
	return web.NewProblem(http.StatusNotFound, "not_found", "there is no page at "+visible.Clip(r.URL.Path, 100))
}

// Error answers a person what a program gets as a problem.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, problem *web.Problem) error {
	said := p.words(r)
	title, next := said.Say("error.title"), ""
	if key := "error." + said.Count(problem.Status); said.Has(key) {
		title = said.Say(key)
	}
	if key := "error.next." + said.Count(problem.Status); said.Has(key) {
		next = said.Say(key)
	}
	return p.show(w, r, view{
		Template: "error.html", Status: problem.Status, Title: title, Narrow: true,
		Data: struct {
			*web.Problem
			Next string
		}{problem, next},
	})
}

// static serves the files of the page and those of package look, no folders.
func (p *Pages) static(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, "/admin/static/")
	body, err := look.Files.ReadFile(name)
	if err != nil {
		body, err = staticFiles.ReadFile(path.Join("static", name))
	}
	if err != nil {
		return p.missingPage(w, r)
	}
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	return web.WriteFile(w, r, types[path.Ext(name)], body)
}
