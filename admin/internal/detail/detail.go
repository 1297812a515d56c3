// Package detail works out what the pages of one extension show, and does what they ask
// for. New makes a Desk of what it needs, and Routes is its part of the table of routes.
// There is no HTML here: Config.Render gets the name of a template and its data, which
// is one of the exported views.
//
// What is promised: what is shown is bounded; strings are as the host has them, to be
// escaped by the templates; what the reader may not do is not offered.
package detail

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Host is what the pages of one extension show. The errors are *host.Error.
type Host interface {
	Extension(id string) (host.Extension, bool)
	Types(id string) ([]host.DeclaredType, error)
	Try(ctx context.Context, r host.TryRequest) (host.TryResult, error)
	Dependencies(id string) (host.Dependencies, error)
	Kept(id string) ([]host.Kept, error)
	Compare(ctx context.Context, id, digest string) (host.Changes, error)
	UIOf(id string) string
	Logs(ctx context.Context, id string, q host.LogQuery) ([]host.LogLine, error)
	LogFile(id string) (io.ReadCloser, error)
	Measures() map[string]host.Measure
	Series(id string, over host.Range) (s host.Series, ok bool)
	History(ctx context.Context, id, cursor string, limit int) (host.HistoryPage, error)
	FindAudit(ctx context.Context, q host.AuditQuery) (host.AuditPage, error)
}

// Config is what a Desk is made from; all of it is required.
type Config struct {
	Host Host
	// Render answers with the page that a template makes of a view. The page is about
	// the extension whose Header the view has.
	Render func(w http.ResponseWriter, r *http.Request, status int, template string, h Header, view any) error
	// Follow begins to follow a log, and Streams are where what it gives goes.
	Follow  func(ctx context.Context, id string, q host.LogQuery, after string) (web.Lines, error)
	Streams *web.Streams
	Log     *slog.Logger
	Now     func() time.Time
}

// Desk answers people who look at one extension.
type Desk struct{ cfg Config }

// New returns the Desk of cfg.
func New(cfg Config) *Desk {
	return &Desk{cfg}
}

// Path is the page of one extension; what follows it is a tab.
const Path = "/admin/extensions/{id}"

// Routes are the pages of one extension.
func (d *Desk) Routes() []web.Route {
	routes := []web.Route{
		{Method: "POST", Path: Path + "/types/{type}", Right: access.Operate, Page: true, OwnProof: true, Serve: d.try},
		{Method: "GET", Path: Path + "/logs/follow", Right: access.See, Page: true, Serve: d.follow},
		{Method: "GET", Path: Path + "/logs/file", Right: access.See, Page: true, Serve: d.logFile},
	}
	for tab, serve := range map[string]web.Serve{
		"": d.overview, "/trust": d.trust, "/types": d.types, "/types/{type}": d.oneType,
		"/logs": d.logs, "/metrics": d.metrics, "/versions": d.versions, "/history": d.history, "/audit": d.audit,
	} {
		routes = append(routes, web.Route{Method: "GET", Path: Path + tab, Right: access.See, Page: true, Serve: serve})
	}
	return routes
}

// URL is the page of an extension, or one below it.
func URL(id string, parts ...string) string {
	at := "/admin/extensions/" + url.PathEscape(id)
	for _, part := range parts {
		at += "/" + url.PathEscape(part)
	}
	return at
}

// Header is what every tab of an extension shows.
type Header struct {
	E host.Extension
	// Title is its name, or else its id.
	Title string
	// File says that it is a file that is no extension.
	File  bool
	Tabs  []Tab
	Can   Can
	Proof string // for forms; "" for none
	Now   time.Time
}

// Tab is one part of the page of an extension. Name is "" for the first one.
type Tab struct {
	Name, URL string
	Current   bool
}

// Can says what the reader may do to the extension with forms of this session.
type Can struct{ Operate, Configure, Remove, Install bool }

// Anything reports whether there is any form for the reader.
func (c Can) Anything() bool { return c.Operate || c.Configure || c.Remove || c.Install }

func canOf(r *http.Request, id string) Can {
	who := access.Of(r.Context())
	if who.Proof == "" {
		return Can{}
	}
	return Can{who.May(access.Operate, id), who.May(access.Configure, id), who.May(access.Remove, id), who.May(access.Install, id)}
}

// Header finds the extension that r is about, for the tab with the name current. Pages
// that are not of this package, but tabs as well, call it.
func (d *Desk) Header(r *http.Request, current string) (Header, error) {
	id, err := web.Target(r)
	if err != nil {
		return Header{}, err
	}
	e, ok := d.cfg.Host.Extension(id)
	if !ok {
		return Header{}, web.NewProblem(http.StatusNotFound, "not_found", "there is no such extension; it may have been removed")
	}
	h := Header{
		E: e, Title: e.Name, File: e.ID == e.File,
		Can: canOf(r, id), Proof: access.Of(r.Context()).Proof, Now: d.cfg.Now(),
	}
	if h.Title == "" {
		h.Title = id
	}
	names := []string{"", "trust", "types", "config", "ui", "logs", "metrics", "versions", "history", "audit"}
	if h.File {
		names = []string{"", "trust", "audit"}
	}
	for _, name := range names {
		switch {
		case name == "":
			h.Tabs = append(h.Tabs, Tab{name, URL(id), name == current})
		case name != "ui" || d.cfg.Host.UIOf(id) != host.UINone:
			h.Tabs = append(h.Tabs, Tab{name, URL(id, name), name == current})
		}
	}
	return h, nil
}

// Overview is the first tab.
type Overview struct {
	Header
	// Measure is meaningful when it is Measured.
	Measure  host.Measure
	Measured bool
	Limits   []Limit
	Failure  *Failure // nil for none
	Depends  host.Dependencies
	// Gaps are how many protections of the sandbox do not hold.
	Gaps int
}

func (d *Desk) overview(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "")
	if err != nil {
		return err
	}
	view := Overview{Header: h}
	view.Measure, view.Measured = d.cfg.Host.Measures()[h.E.ID]
	view.Limits = limitsOf(h.E, view.Measure, view.Measured)
	view.Gaps = gaps(h.E.Sandbox)
	if !h.File {
		if view.Depends, err = d.cfg.Host.Dependencies(h.E.ID); err != nil {
			return err
		}
		if view.Failure, err = d.lastFailure(r.Context(), h.E); err != nil {
			return err
		}
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-overview.html", h, view)
}

// Limit is one limit with what is used of it.
type Limit struct {
	Name  string // memory, data, files or processes
	Bytes bool   // Value and Used are bytes
	host.Limit
	// Used is what the process uses, -1 for unknown. Percent is its part of Value.
	Used    int64
	Percent int
}

func limitsOf(e host.Extension, m host.Measure, measured bool) []Limit {
	rows := []Limit{
		{Name: "memory", Bytes: true, Limit: e.Limits.Memory, Used: -1},
		{Name: "data", Bytes: true, Limit: e.Limits.Data, Used: -1},
		{Name: "files", Limit: e.Limits.Files, Used: -1},
		{Name: "processes", Limit: e.Limits.Processes, Used: -1},
	}
	if e.PID != 0 {
		rows[0].Used = e.ResidentBytes
		if measured && m.OpenFiles > 0 {
			rows[2].Used = int64(m.OpenFiles)
		}
	}
	for i := range rows {
		if l := &rows[i]; l.Value > 0 && l.Used > 0 {
			l.Percent = int(min(float64(l.Used)/float64(l.Value)*100, 100))
		}
	}
	return slices.DeleteFunc(rows, func(l Limit) bool { return l.By == "" && l.Value == 0 && l.Used < 0 })
}
