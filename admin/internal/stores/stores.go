// Package stores works out what the pages of installing from repositories show, and does
// what they ask for: what is available, plans, updates, repositories. New makes a Desk of
// what it needs, and Routes is its part of the table of routes. There is no HTML here:
// Config.Render gets a Page, whose Data is one of the exported views.
//
// What is promised: looking changes nothing; what is started is what was looked at, or
// nothing; what is shown is bounded; strings are as the host has them, to be escaped by the
// templates; what the reader may not do is not offered.
package stores

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Host is what these pages show, and change. The errors are *host.Error.
type Host interface {
	web.Stores
	web.Plans
	Extension(id string) (host.Extension, bool)
	Settings() []host.Setting
}

// Config is what a Desk is made from; all of it is required.
type Config struct {
	Host Host
	// Render answers with a page.
	Render func(w http.ResponseWriter, r *http.Request, p Page) error
	// Leave has the next page say a message once: the kind is ok or bad, and name is which.
	Leave func(w http.ResponseWriter, r *http.Request, kind, name string, args ...string)
	// Events subscribes to what changes, and Streams are where that goes.
	Events  func(after uint64) (web.Notices, error)
	Streams *web.Streams
}

// Page is one page: its template, its title and what it shows.
type Page struct {
	// Name is that of the template and of the title, which Args stand in.
	Name string
	Args []any
	// Status is that of the answer, 0 for 200.
	Status int
	// Updates says that the page belongs to the updates, not to what is available.
	Updates bool
	// Inner says that another page leads to it.
	Inner bool
	// Refresh is after how many seconds a browser without scripts looks again, 0 for never.
	Refresh int
	Data    any
}

// Desk answers people who install from repositories.
type Desk struct{ cfg Config }

// New returns the Desk of cfg.
func New(cfg Config) *Desk { return &Desk{cfg} }

// The pages.
const (
	AvailablePath    = "/admin/available"
	UpdatesPath      = "/admin/updates"
	PlansPath        = "/admin/plans"
	RepositoriesPath = "/admin/repositories"
)

// Routes are those of these pages.
func (d *Desk) Routes() []web.Route {
	page := func(method, path string, right access.Right, serve web.Serve) web.Route {
		return web.Route{Method: method, Path: path, Right: right, Page: true, Serve: serve}
	}
	return []web.Route{
		page("GET", AvailablePath, access.See, d.available),
		page("GET", AvailablePath+"/{id}", access.See, d.offer),
		page("GET", AvailablePath+"/{id}/icon", access.See, d.icon),
		page("GET", UpdatesPath, access.See, d.updates),
		page("GET", RepositoriesPath, access.See, d.repositories),
		page("POST", RepositoriesPath, access.Operate, d.refreshAll),
		page("POST", RepositoriesPath+"/{name}", access.Operate, d.refresh),
		page("GET", RepositoriesPath+"/{name}/forget", access.Administer, d.askForget),
		page("POST", RepositoriesPath+"/{name}/forget", access.Administer, d.forget),
		page("GET", PlansPath+"/new", access.Install, d.review),
		page("POST", PlansPath, access.Install, d.start),
		page("GET", PlansPath+"/{plan}", access.See, d.plan),
		page("GET", PlansPath+"/{plan}/events", access.See, d.follow),
		page("POST", PlansPath+"/{plan}/cancel", access.Install, d.cancel),
		page("GET", PlansPath+"/{plan}/undo", access.Install, d.askUndo),
		page("POST", PlansPath+"/{plan}/undo", access.Install, d.undo),
	}
}

// OfferPath is the page of what is offered under an id.
func OfferPath(id string) string { return AvailablePath + "/" + url.PathEscape(id) }

// IconPath is the picture of what is offered under an id.
func IconPath(id string) string { return OfferPath(id) + "/icon" }

// ForgetPath asks before what is known of a repository is dropped.
func ForgetPath(name string) string { return RepositoriesPath + "/" + url.PathEscape(name) + "/forget" }

// PlanPath is the page of a plan.
func PlanPath(id string) string { return PlansPath + "/" + url.PathEscape(id) }

// ReviewInstall and ReviewUpdate lead to what installing or updating an id comes to.
func ReviewInstall(id string) string {
	return PlansPath + "/new?" + url.Values{"install": {id}}.Encode()
}

// ReviewUpdate leads to what updating an installed extension comes to.
func ReviewUpdate(id string) string {
	return PlansPath + "/new?" + url.Values{"update": {id}}.Encode()
}

// ConfigLines are those of conf/jackfield.properties that configure a repository.
func ConfigLines(name, address string) string {
	return "repository." + name + ".url=" + address + "\nrepository." + name + ".root=conf/trust/" + name + ".pem"
}

// can is what the reader may do.
type can struct{ Install, Operate, Administer bool }

// canOf is that of whoever sent r; a page without a session has no forms.
func canOf(r *http.Request) can {
	who := access.Of(r.Context())
	return can{who.May(access.Install, ""), who.Proof != "" && who.May(access.Operate, ""), who.Proof != "" && who.May(access.Administer, "")}
}

// nameOf is what an installed extension calls itself, its id if it does not.
func (d *Desk) nameOf(id string) string {
	if e, ok := d.cfg.Host.Extension(id); ok && e.Name != "" {
		return e.Name
	}
	return id
}

// Standing is what repositories and plans say of one installed extension.
type Standing struct {
	// Update is the offer of a higher version, nil for none.
	Update *host.Offer
	// Finding is what is said of the version that is installed, nil for nothing.
	Finding *host.Finding
	// Plan is the one by which the version came that is there, Step its step; nil for an
	// upload or the drop folder.
	Plan *host.Plan
	Step *host.PlanStep
	// Undo says that the plan can be taken back.
	Undo bool
	can
}

// standingPatience bounds how long the page of an extension waits for a repository.
const standingPatience = 500 * time.Millisecond

// Standing says what is known of an extension without much waiting.
func (d *Desk) Standing(r *http.Request, e host.Extension) Standing {
	s := Standing{can: canOf(r)}
	for _, f := range d.cfg.Host.Findings() {
		if f.ID == e.ID {
			s.Finding = &f
		}
	}
	for _, p := range d.cfg.Host.Plans() { // the newest first
		step := stepOf(p, e.ID)
		if step == nil || step.Action == host.StepKeep || p.State != host.PlanSucceeded {
			continue
		}
		if step.To == e.Version {
			s.Plan, s.Step, s.Undo = &p, step, s.Install
		}
		break
	}
	if len(d.cfg.Host.Repositories()) == 0 {
		return s
	}
	ctx, cancel := context.WithTimeout(r.Context(), standingPatience)
	defer cancel()
	if o, err := d.cfg.Host.AvailableOne(ctx, e.ID); err == nil && o.Action == "update" { // what is not known now is not shown
		s.Update = &o
	}
	return s
}

func stepOf(p host.Plan, id string) *host.PlanStep {
	for i := range p.Steps {
		if p.Steps[i].ID == id {
			return &p.Steps[i]
		}
	}
	return nil
}
