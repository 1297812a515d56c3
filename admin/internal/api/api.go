// Package api is the admin API: the routes for programs. New makes an API of what it
// needs, and Routes is its part of the table of routes.
//
// What is promised: answers are JSON, and errors problems; what a client misspells is
// refused, never overlooked; lists are never null.
package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/negotiate"
)

// Host is what the API stands for. An error of it is a *host.Error where a client is to
// learn more than that something went wrong.
type Host interface {
	// Snapshot and Extension say how things stand. The rows are not changed here.
	Snapshot() []host.Extension
	Extension(id string) (host.Extension, bool)
	// Act does what is asked; what it returns is durable.
	Act(ctx context.Context, a host.Action) (host.Extension, error)
	// Settle waits until the extension has found its place after the last change.
	Settle(ctx context.Context, id string) (host.Extension, error)
	// History and FindAudit are what happened and what was done, newest first.
	History(ctx context.Context, id, cursor string, limit int) (host.HistoryPage, error)
	FindAudit(ctx context.Context, q host.AuditQuery) (host.AuditPage, error)
	Facts
	// Configuration is what is set for an extension, Configure sets it.
	Configuration(ctx context.Context, id string) (host.Configuration, error)
	ConfigurationRevisions(ctx context.Context, id string) ([]host.ConfigurationRevision, error)
	Configure(ctx context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error)
	Watch
	web.Stores
	web.Plans
}

// Watch is how extensions are and what they say.
type Watch interface {
	Job(name string) (host.Job, bool)
	Logs(ctx context.Context, id string, q host.LogQuery) ([]host.LogLine, error)
	LogFile(id string) (io.ReadCloser, error)
	Measures() map[string]host.Measure
	Series(id string, over host.Range) (host.Series, bool)
	GathererOf(id string) prometheus.Gatherer
}

// Config is what the API is made from; Host and Uploads are required.
type Config struct {
	Host     Host
	Accounts *host.Accounts
	Uploads  *web.Uploads
	// Addresses are where the listeners listen, for those who ask about the host.
	Addresses host.Addresses
	Streams   *web.Streams
	// Events subscribes to what changes behind a notice with this number, Follow to a log.
	Events func(after uint64) (web.Notices, error)
	Follow func(ctx context.Context, id string, q host.LogQuery, after string) (web.Lines, error)
}

// maxReading is how many logs are read back at once.
const maxReading = 4

// API answers programs.
type API struct {
	cfg     Config
	reading chan struct{} // one token for each log that is read back
}

// New returns the API of cfg.
func New(cfg Config) *API { return &API{cfg, make(chan struct{}, maxReading)} }

// Routes are those of the API, and of the profiles.
func (a *API) Routes() []web.Route {
	const one = "/api/v1/extensions/{id}"
	routes := []web.Route{
		{Method: "GET", Path: "/api/v1/extensions", Right: access.See, Scoped: true, Serve: a.listExtensions, Doc: listDoc()},
		{Method: "POST", Path: "/api/v1/extensions", Right: access.Install, Serve: a.upload, Doc: uploadDoc()},
		{Method: "GET", Path: one, Right: access.See, Serve: a.showExtension, Doc: showDoc()},
		{Method: "DELETE", Path: one, Right: access.Remove, Serve: a.remove, Doc: removeDoc()},
		{Method: "GET", Path: one + "/history", Right: access.See, Serve: a.history, Doc: historyDoc()},
		{Method: "GET", Path: one + "/logs", Right: access.See, Serve: a.logs, Doc: logsDoc()},
		{Method: "GET", Path: one + "/metrics", Right: access.See, Serve: a.metrics, Doc: metricsDoc()},
		{Method: "GET", Path: "/api/v1/measures", Right: access.See, Scoped: true, Serve: a.standings, Doc: standingsDoc()},
		{Method: "GET", Path: "/api/v1/events", Right: access.See, Scoped: true, Serve: a.events, Doc: eventsDoc()},
		{Method: "GET", Path: "/api/v1/jobs/{job}", Right: access.See, Scoped: true, Serve: a.job, Doc: jobDoc()},
		{Method: "GET", Path: "/api/v1/audit", Right: access.See, Serve: a.audit, Doc: auditDoc()},
		{Path: "/api/", Right: access.See, Scoped: true, Serve: noRoute},
		// The index serves every profile below it but those that need code of their own.
		{Method: "GET", Path: "/debug/pprof/", Right: access.Administer, Serve: Plain(pprof.Index)},
		{Method: "GET", Path: "/debug/pprof/profile", Right: access.Administer, Serve: Plain(pprof.Profile)},
		{Method: "GET", Path: "/debug/pprof/trace", Right: access.Administer, Serve: Plain(pprof.Trace)},
	}
	routes = append(routes, a.factRoutes()...)
	routes = append(routes, a.configRoutes()...)
	routes = append(routes, a.storeRoutes()...)
	routes = append(routes, a.planRoutes()...)
	for _, p := range posts() {
		routes = append(routes, web.Route{
			Method: "POST", Path: one + "/" + string(p.verb), Right: web.RightOf(p.verb),
			Serve: a.act(p.verb, membersOf(p.order)), Doc: verbDoc(p.verb, p.summary, p.order),
		})
	}
	return append(routes, a.userRoutes()...)
}

// Plain is a route of a handler that writes its errors itself.
func Plain(serve http.HandlerFunc) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		serve(w, r)
		return nil
	}
}

func (a *API) showExtension(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if r.URL.Query().Get("wait") == "true" {
		return a.writeSettled(w, r, id)
	}
	e, ok := a.cfg.Host.Extension(id)
	if !ok {
		return web.NoExtension()
	}
	return a.writeExtension(w, e)
}

func noRoute(http.ResponseWriter, *http.Request) error {
	return web.NewProblem(http.StatusNotFound, "not_found", "the admin API has no such path")
}

// writeExtension answers with e. The first part of its ETag is the revision of e, for
// which alone changes look at If-Match: what uses memory changes all the time.
func (a *API) writeExtension(w http.ResponseWriter, e host.Extension) error {
	body, err := json.Marshal(complete(e))
	if err != nil {
		return err
	}
	w.Header().Set("Etag", `"`+e.Revision()+"."+strings.Trim(negotiate.ETag(body), `"`)+`"`)
	return web.WriteEncoded(w, append(body, '\n'))
}

// revisionAsked returns the revision that r's If-Match names, if it is that of id; "" for
// no condition. What does not exist is for the host to say.
func (a *API) revisionAsked(r *http.Request, id string) (string, error) {
	tags, set, err := web.Precondition(r)
	if err != nil || !set {
		return "", err
	}
	e, ok := a.cfg.Host.Extension(id)
	for _, tag := range tags {
		if revision, _, _ := strings.Cut(tag, "."); !ok || revision == e.Revision() {
			return revision, nil
		}
	}
	return "", web.Stale()
}

// complete returns e with empty lists where it has none: clients iterate over them.
// It shares nothing that it changes with the host's row.
func complete(e host.Extension) host.Extension {
	if e.Permissions == nil {
		e.Permissions = []string{}
	}
	if e.Grants == nil {
		e.Grants = []host.Grant{}
	}
	if e.Denied == nil {
		e.Denied = []host.Grant{}
	}
	if e.Versions == nil {
		e.Versions = []host.Version{}
	}
	if e.Signature.Chain == nil {
		e.Signature.Chain = []string{}
	}
	e.Reason = completeReason(e.Reason)
	if e.LastExit != nil && e.LastExit.Stderr == nil {
		exit := *e.LastExit
		exit.Stderr = []string{}
		e.LastExit = &exit
	}
	if e.Candidate != nil {
		candidate := *e.Candidate
		candidate.Reason = completeReason(candidate.Reason)
		e.Candidate = &candidate
	}
	if e.Sandbox == nil {
		e.Sandbox = []host.Protection{}
	}
	for _, limit := range []*host.Limit{&e.Limits.Memory, &e.Limits.Processes, &e.Limits.Files, &e.Limits.Data} {
		if limit.By == "" {
			limit.By = "none"
		}
	}
	return e
}

func completeReason(r *host.Reason) *host.Reason {
	if r == nil || r.Stderr != nil {
		return r
	}
	reason := *r
	reason.Stderr = []string{}
	return &reason
}
