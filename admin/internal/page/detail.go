package page

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// detailHost is what the pages of one extension show. The errors are *host.Error.
type detailHost interface {
	Extension(id string) (host.Extension, bool)
	Types(id string) ([]host.DeclaredType, error)
	Try(ctx context.Context, r host.TryRequest) (host.TryResult, error)
	Dependencies(id string) (host.Dependencies, error)
	Kept(id string) ([]host.Kept, error)
	Declared(ctx context.Context, id, digest string) (host.Declared, error)
	UIOf(id string) string
	Logs(ctx context.Context, id string, q host.LogQuery) ([]host.LogLine, error)
	FollowLogs(ctx context.Context, id string, q host.LogQuery, after string) (*host.LogFollower, error)
	LogFile(id string) (io.ReadCloser, error)
	Measures() map[string]host.Measure
	Series(id string, over host.Range) (s host.Series, ok bool)
	History(ctx context.Context, id, cursor string, limit int) (host.HistoryPage, error)
	Audit(ctx context.Context, cursor string, limit int) (host.AuditPage, error)
}

// detailPath is the page of one extension; what follows it is a tab.
const detailPath = "/admin/extensions/{id}"

// detailRoutes are the pages of one extension.
func (p *Pages) detailRoutes() []web.Route {
	routes := []web.Route{
		{Method: "POST", Path: detailPath + "/types/{type}", Right: access.Operate, Page: true, OwnProof: true, Serve: p.detailTry},
		{Method: "GET", Path: detailPath + "/logs/follow", Right: access.See, Page: true, Serve: p.detailFollow},
		{Method: "GET", Path: detailPath + "/logs/file", Right: access.See, Page: true, Serve: p.detailLogFile},
	}
	for tab, serve := range map[string]web.Serve{
		"": p.detailOverview, "/trust": p.detailTrust, "/types": p.detailTypes, "/types/{type}": p.detailType,
		"/logs": p.detailLogs, "/metrics": p.detailMetrics, "/versions": p.detailVersions,
		"/history": p.detailHistory, "/audit": p.detailAudit,
	} {
		routes = append(routes, web.Route{Method: "GET", Path: detailPath + tab, Right: access.See, Page: true, Serve: serve})
	}
	return routes
}

// detailURL is the page of an extension, or below it; parts are escaped.
func detailURL(id string, parts ...string) string {
	at := "/admin/extensions/" + url.PathEscape(id)
	for _, part := range parts {
		at += "/" + url.PathEscape(part)
	}
	return at
}

// detail is what every tab of an extension shows.
type detail struct {
	frame
	E    host.Extension
	Kind string // of the state, as badges have it
	// File says that it is a file that is no extension, Gone that it was removed: then E
	// has its id only.
	File, Gone bool
	Tabs       []tab
	Can        can
	Proof      string // for forms; "" for none
	Now        time.Time
}

// tab is one part of the page of an extension.
type tab struct {
	Name, URL string
	Current   bool
}

// can says what the reader may do to the extension with forms of this session.
type can struct{ Operate, Configure, Remove, Install bool }

// Anything reports whether there is any form for the reader.
func (c can) Anything() bool { return c.Operate || c.Configure || c.Remove || c.Install }

func canOf(r *http.Request, id string) can {
	who := access.Of(r.Context())
	if who.Proof == "" {
		return can{}
	}
	return can{who.May(access.Operate, id), who.May(access.Configure, id), who.May(access.Remove, id), who.May(access.Install, id)}
}

// detailOf finds the extension that r is about.
func (p *Pages) detailOf(r *http.Request, current string) (detail, error) {
	id, err := web.Target(r)
	if err != nil {
		return detail{}, err
	}
	e, ok := p.cfg.Host.Extension(id)
	if !ok {
		return detail{}, web.NewProblem(http.StatusNotFound, "not_found", "there is no such extension; it may have been removed")
	}
	d := detail{E: e, Kind: kindOf(string(e.State)), File: e.ID == e.File, Can: canOf(r, id), Proof: access.Of(r.Context()).Proof, Now: p.cfg.Now()}
	if d.E.Name == "" {
		d.E.Name = id
	}
	d.Tabs = p.tabs(d, current)
	d.frame = frame{Title: d.E.Name, Version: p.cfg.Version, SignedIn: true}
	return d, nil
}

// tabs are those that have something to show for the extension.
func (p *Pages) tabs(d detail, current string) []tab {
	names := []string{"", "trust", "types", "config", "ui", "logs", "metrics", "versions", "history", "audit"}
	if d.File {
		names = []string{"", "trust", "audit"}
	}
	var tabs []tab
	for _, name := range names {
		if name == "ui" && p.cfg.Host.UIOf(d.E.ID) == host.UINone {
			continue
		}
		parts := []string{name}
		if name == "" {
			parts = nil
		}
		tabs = append(tabs, tab{name, detailURL(d.E.ID, parts...), name == current})
	}
	return tabs
}

// detailOverview is the first tab.
func (p *Pages) detailOverview(w http.ResponseWriter, r *http.Request) error {
	d, err := p.detailOf(r, "")
	if err != nil {
		return err
	}
	view := struct {
		detail
		Measure   host.Measure
		Measured  bool
		Limits    []limitRow
		Failure   *failure
		Depends   host.Dependencies
		Permitted int // permissions that it has
	}{detail: d}
	view.Measure, view.Measured = p.cfg.Host.Measures()[d.E.ID]
	view.Limits = limitsOf(d.E, view.Measure, view.Measured)
	view.Permitted = len(permissionsOf(d.E, d.Now).May)
	if !d.File {
		if view.Depends, err = p.cfg.Host.Dependencies(d.E.ID); err != nil {
			return err
		}
		if view.Failure, err = p.lastFailure(r.Context(), d.E); err != nil {
			return err
		}
	}
	return p.render(w, http.StatusOK, "detail-overview.html", view)
}

// limitRow is one limit with what is used of it.
type limitRow struct {
	Name  string // memory, processes, files or data
	Bytes bool   // Value and Used are bytes
	host.Limit
	// Used is what the process uses, -1 for unknown. Percent is its part of Value.
	Used    int64
	Percent int
}

func limitsOf(e host.Extension, m host.Measure, measured bool) []limitRow {
	rows := []limitRow{
		{Name: "memory", Bytes: true, Limit: e.Limits.Memory, Used: -1},
		{Name: "data", Bytes: true, Limit: e.Limits.Data, Used: -1},
		{Name: "files", Limit: e.Limits.Files, Used: -1},
		{Name: "processes", Limit: e.Limits.Processes, Used: -1},
	}
	if e.PID != 0 {
		rows[0].Used = e.ResidentBytes
		if measured {
			rows[2].Used = int64(m.OpenFiles)
		}
	}
	for i := range rows {
		if l := &rows[i]; l.Value > 0 && l.Used > 0 {
			l.Percent = int(min(l.Used*100/l.Value, 100))
		}
	}
	return slices.DeleteFunc(rows, func(l limitRow) bool { return l.By == "" && l.Value == 0 && l.Used < 0 })
}
