// Package configure works out what the page of an extension's configuration shows, and
// does what it asks for. New makes a Desk of what it needs, Routes is its part of the
// table of routes. There is no HTML here: Config.Render gets a View.
//
// A change is made in two steps, without any script: the form is sent, what it would
// change is shown, and only that is saved. What was typed travels from step to step in
// the forms themselves; the host keeps nothing of it. What somebody else has changed
// meanwhile is never overwritten unseen.
package configure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/form"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Host is what is configured. The errors are *host.Error.
type Host interface {
	Configuration(ctx context.Context, id string) (host.Configuration, error)
	ConfigurationRevisions(ctx context.Context, id string) ([]host.ConfigurationRevision, error)
	Configure(ctx context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error)
}

// Config is what a Desk is made from; all of it is required.
type Config struct {
	Host Host
	// Render answers with the page of a view.
	Render func(w http.ResponseWriter, r *http.Request, status int, v View) error
	// Saved leads back to the page of an extension after a change was made.
	Saved func(w http.ResponseWriter, r *http.Request, id string, done host.ConfigurationResult) error
}

// Desk answers people who configure extensions.
type Desk struct{ cfg Config }

// New returns the Desk of cfg.
func New(cfg Config) *Desk { return &Desk{cfg} }

// Path is the page.
const Path = "/admin/extensions/{id}/config"

// Routes are those of the page.
func (d *Desk) Routes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: Path, Right: access.See, Page: true, Serve: d.show},
		{Method: "POST", Path: Path, Right: access.Configure, Page: true, OwnProof: true, Serve: d.posted},
	}
}

// Stage is what a page is for.
type Stage string

// The stages.
const (
	Edit     Stage = "edit"     // the form
	Review   Stage = "review"   // what would change, to be saved
	Conflict Stage = "conflict" // what somebody else has changed meanwhile
)

// What the buttons do, as their value under the name ButtonName. A button that adds or
// removes a field has a name of its own (package form).
const (
	ButtonName = "do"
	DoReview   = "review"
	DoEdit     = "edit"
	DoSave     = "save"
	// RevisionName is the name of a hidden control: the revision that was changed.
	RevisionName = "revision"
	// FromName is a parameter of the page: the revision whose values the form begins
	// with, 0 for nothing but defaults.
	FromName = "from"
	// ForName is a parameter of the page: the digest of the version that waits for another
	// configuration, whose form is meant.
	ForName = "for"
)

// View is what a page shows.
type View struct {
	ID string
	host.Configuration
	Stage Stage
	// May says that the reader may change it.
	May bool
	// For is the version that waits for another configuration, if the form is for it.
	For string
	// Base is the revision that the form changes.
	Base int64
	// Root is the form, Placed what is wrong with it, for its summary.
	Root   *form.Field
	Placed []form.Placed
	// Refusal is why the host does not take it, where no field is to blame; nil for none.
	Refusal *host.Error
	// Unchanged says that what was sent changes nothing, From that the form begins with
	// the values of another revision, 0 with defaults; -1 for neither.
	Unchanged bool
	From      int64
	// Diff is what would change.
	Diff []host.Difference
	// Sent is what was sent with the form, for hidden controls.
	Sent []Control
	// Theirs are the revisions that others have made since Base, the newest first.
	Theirs []host.ConfigurationRevision
	// Revisions are those that are kept, the newest first.
	Revisions []host.ConfigurationRevision
}

// Control is a control of a form with its value.
type Control struct{ Name, Value string }

// Whole reports whether the form is one text area for all of it: there is no schema.
func (v View) Whole() bool { return v.Root != nil && v.Root.Kind == form.JSON }

// view reads what every page shows.
func (d *Desk) view(r *http.Request) (View, *form.Form, error) {
	id, err := web.Target(r)
	if err != nil {
		return View{}, nil, err
	}
	v := View{ID: id, Stage: Edit, May: access.Of(r.Context()).May(access.Configure, id), From: -1}
	if v.Configuration, err = d.cfg.Host.Configuration(r.Context(), id); err != nil {
		return v, nil, err
	}
	v.Base = v.Revision
	if v.Revisions, err = d.cfg.Host.ConfigurationRevisions(r.Context(), id); err != nil {
		return v, nil, err
	}
	var schema []byte
	if a := v.Awaiting; a != nil && r.URL.Query().Get(ForName) == a.Digest {
		v.For, v.Schema = a.Version, a.Schema
	}
	if string(v.Schema) != "null" {
		schema = v.Schema
	}
	f, err := form.Parse(schema)
	return v, f, err
}

// set are the pointers of the secrets that are set.
func (v *View) set() []string {
	var set []string
	for _, s := range v.Secrets {
		if s.Set {
			set = append(set, s.Pointer)
		}
	}
	return set
}

func (d *Desk) show(w http.ResponseWriter, r *http.Request) error {
	v, f, err := d.view(r)
	if err != nil {
		return err
	}
	values := v.Values
	if from := r.URL.Query().Get(FromName); from != "" {
		if values, err = v.from(from); err != nil {
			return err
		}
	}
	if v.Root, err = f.Fill(values, v.set()...); err != nil {
		return err
	}
	return d.cfg.Render(w, r, http.StatusOK, v)
}

// from returns the values with which the form begins.
func (v *View) from(text string) (json.RawMessage, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil, web.Invalid("from is the number of a revision, or 0")
	}
	v.From = n
	if n == 0 {
		return json.RawMessage("{}"), nil
	}
	for _, revision := range v.Revisions {
		if revision.Revision == n {
			return revision.Values, nil
		}
	}
	return nil, web.NewProblem(http.StatusNotFound, host.CodeNotFound, fmt.Sprintf("revision %d is not kept", n))
}

// maxForm bounds the form: the values, encoded, with the names of their fields.
const maxForm = 2 << 20

func (d *Desk) posted(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxForm)
	err := r.ParseForm()
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return web.NewProblem(http.StatusRequestEntityTooLarge, host.CodeTooLarge, "the form is too large")
	}
	if err := web.CheckProof(r); err != nil {
		return err
	}
	v, f, err := d.view(r)
	if err != nil {
		return err
	}
	if v.Base, err = strconv.ParseInt(r.PostForm.Get(RevisionName), 10, 64); err != nil || v.Base < 0 {
		return web.Invalid("the form says not what it is a change of")
	}
	v.Root = f.Refill(r.PostForm, v.set()...)
	do := r.PostForm.Get(ButtonName)
	if form.Restructures(r.PostForm) || do == DoEdit {
		return d.cfg.Render(w, r, http.StatusOK, v)
	}
	values, wrong := f.Decode(r.PostForm)
	if len(wrong) > 0 {
		v.Placed = v.Root.Place(wrong)
		return d.cfg.Render(w, r, http.StatusUnprocessableEntity, v)
	}
	if values == nil {
		values = json.RawMessage("{}")
	}
	change := host.ConfigurationChange{ID: v.ID, Values: values, Revision: v.Base, DryRun: do != DoSave, Actor: web.Actor(r)}
	web.Allow(http.NewResponseController(w), web.MaxWait) // a new process may have to take over
	done, err := d.cfg.Host.Configure(r.Context(), change)
	switch {
	case err != nil:
		return d.refused(w, r, v, change, err)
	case len(done.Diff) == 0:
		v.Unchanged = true
		return d.cfg.Render(w, r, http.StatusOK, v)
	case do == DoSave:
		return d.cfg.Saved(w, r, v.ID, done)
	}
	v.Stage, v.Diff, v.Applied = Review, done.Diff, done.Applied
	v.Sent = controls(r.PostForm)
	return d.cfg.Render(w, r, http.StatusOK, v)
}

// refused shows why a change is not made: beside the fields, or what is in its way.
func (d *Desk) refused(w http.ResponseWriter, r *http.Request, v View, change host.ConfigurationChange, err error) error {
	var refusal *host.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch {
	case refusal.Code == host.CodeValidationFailed:
		wrong := make([]form.Error, len(refusal.Violations))
		for i, violation := range refusal.Violations {
			wrong[i] = form.Error(violation)
		}
		v.Placed = v.Root.Place(wrong)
		if len(wrong) == 0 {
			v.Refusal = refusal
		}
		return d.cfg.Render(w, r, http.StatusUnprocessableEntity, v)
	case refusal.Stale:
		return d.conflict(w, r, v, change)
	case refusal.Code == host.CodeConflict, refusal.Code == host.CodeUnavailable:
		v.Refusal = refusal
		return d.cfg.Render(w, r, http.StatusConflict, v)
	}
	return err
}

// conflict shows what others have changed, and what saving all the same would change.
func (d *Desk) conflict(w http.ResponseWriter, r *http.Request, v View, change host.ConfigurationChange) error {
	v.Theirs = slices.DeleteFunc(slices.Clone(v.Revisions), func(o host.ConfigurationRevision) bool { return o.Revision <= v.Base })
	v.Stage, v.Base, v.Sent = Conflict, v.Revision, controls(r.PostForm)
	change.DryRun, change.Revision = true, v.Revision
	done, err := d.cfg.Host.Configure(r.Context(), change)
	if err == nil {
		v.Diff, v.Applied = done.Diff, done.Applied
		return d.cfg.Render(w, r, http.StatusConflict, v)
	}
	var refusal *host.Error
	if !errors.As(err, &refusal) || refusal.Stale {
		return err
	}
	v.Refusal = refusal // what was sent does not fit what is there now
	return d.cfg.Render(w, r, http.StatusConflict, v)
}

// controls are what was sent with a form but for what every form has of its own.
func controls(posted url.Values) []Control {
	var list []Control
	for _, name := range slices.Sorted(maps.Keys(posted)) {
		if !strings.Contains(name, ":") {
			continue
		}
		for _, value := range posted[name] {
			list = append(list, Control{name, value})
		}
	}
	return list
}
