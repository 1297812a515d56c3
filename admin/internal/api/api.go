// Package api is the admin API: the routes for programs. New makes an API of what it
// needs, and Routes is its part of the table of routes.
//
// What is promised: answers are JSON, and errors problems; what a client misspells is
// refused, never overlooked; lists are never null.
package api

import (
	"context"
	"net/http"
	"net/http/pprof"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
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
	// History and Audit are what happened and what was done, newest first.
	History(ctx context.Context, id, cursor string, limit int) (host.HistoryPage, error)
	Audit(ctx context.Context, cursor string, limit int) (host.AuditPage, error)
}

// Config is what the API is made from; all of it is required.
type Config struct {
	Host     Host
	Accounts *host.Accounts
	Uploads  *web.Uploads
}

// API answers programs.
type API struct{ cfg Config }

// New returns the API of cfg.
func New(cfg Config) *API { return &API{cfg} }

// Routes are those of the API, and of the profiles.
func (a *API) Routes() []web.Route {
	const one = "/api/v1/extensions/{id}"
	routes := []web.Route{
		{Method: "GET", Path: "/api/v1/extensions", Right: access.See, Scoped: true, Serve: a.listExtensions},
		{Method: "POST", Path: "/api/v1/extensions", Right: access.Install, Serve: a.upload},
		{Method: "GET", Path: one, Right: access.See, Serve: a.showExtension},
		{Method: "DELETE", Path: one, Right: access.Remove, Serve: a.remove},
		{Method: "GET", Path: one + "/history", Right: access.See, Serve: a.history},
		{Method: "GET", Path: "/api/v1/audit", Right: access.See, Serve: a.audit},
		{Path: "/api/", Right: access.See, Scoped: true, Serve: noRoute},
		// The index serves every profile below it but those that need code of their own.
		{Method: "GET", Path: "/debug/pprof/", Right: access.Administer, Serve: Plain(pprof.Index)},
		{Method: "GET", Path: "/debug/pprof/profile", Right: access.Administer, Serve: Plain(pprof.Profile)},
		{Method: "GET", Path: "/debug/pprof/trace", Right: access.Administer, Serve: Plain(pprof.Trace)},
	}
	for verb, members := range verbs() {
		routes = append(routes, web.Route{Method: "POST", Path: one + "/" + string(verb), Right: web.RightOf(verb), Serve: a.act(verb, members)})
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

func (a *API) listExtensions(w http.ResponseWriter, r *http.Request) error {
	list := []host.Extension{}
	for _, e := range a.cfg.Host.Snapshot() {
		if access.Of(r.Context()).Sees(e.ID) {
			list = append(list, complete(e))
		}
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Extensions []host.Extension `json:"extensions"`
	}{list})
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

func (a *API) writeExtension(w http.ResponseWriter, e host.Extension) error {
	return web.WriteJSON(w, http.StatusOK, complete(e))
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
