package stores

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// maxAsked bounds how many extensions a form asks for.
const maxAsked = 200

// Review is what a request comes to, before anything is done.
type Review struct {
	host.Plan
	Rows []Step
	// Kept are steps in which nothing is done.
	Kept []Step
	// Size is that of all files together in bytes, Sizes whether it is known of all.
	Size  int64
	Sizes bool
	// Install, Update, All and Beta are what is asked for, as the form repeats it.
	Install, Update []string
	All, Beta       bool
	// Seen is the mark of the plan that is shown.
	Seen string
	// Changed says that it is another one than the reader has looked at before.
	Changed bool
	Problem *web.Problem
	// Proof says that the page can have a form.
	Proof bool
}

// Ready reports whether the plan can be started.
func (v Review) Ready() bool { return len(v.Problems) == 0 && len(v.Rows) > 0 }

// Step is a step as it is shown.
type Step struct {
	host.PlanStep
	Name string
	// Picture is the path of its icon, empty for none; Letter stands for it, or behind it.
	Picture, Letter string
	// Here is the page of the extension, empty if it is not installed.
	Here string
	// Consents are what has to be consented to.
	Consents []Consent
	// Percent is how much of the file has come.
	Percent int64
}

// Consent is one thing to consent to, with the value of its box.
type Consent struct {
	host.PlanNeed
	Value string
}

// Publishes reports whether it is about a publisher.
func (c Consent) Publishes() bool { return c.Kind == host.PlanNeedPublisher }

func (d *Desk) steps(p host.Plan) (rows, kept []Step) {
	for _, s := range p.Steps {
		row := Step{PlanStep: s, Name: d.nameOf(s.ID)}
		if row.Name == s.ID {
			row.Name = cmp.Or(s.Name, s.ID)
		}
		row.Letter = letterOf(row.Name, s.ID)
		if s.Icon {
			row.Picture = IconPath(s.ID)
		}
		if _, there := d.cfg.Host.Extension(s.ID); there {
			row.Here = "/admin/extensions/" + url.PathEscape(s.ID)
		}
		for _, n := range p.Needs {
			if n.ID == s.ID {
				row.Consents = append(row.Consents, Consent{n, valueOf(n)})
			}
		}
		if s.Total > 0 {
			row.Percent = min(max(s.Bytes, 0), s.Total) * 100 / s.Total
		}
		if s.Action == host.StepKeep {
			kept = append(kept, row)
		} else {
			rows = append(rows, row)
		}
	}
	return rows, kept
}

// valueOf is a need as the value of a box.
func valueOf(n host.PlanNeed) string {
	body, err := json.Marshal(n)
	if err != nil { // a struct of strings
		return ""
	}
	return string(body)
}

// markOf is the mark of what a plan does: of two with the same mark the same is done.
func markOf(p host.Plan) string {
	type deed struct{ ID, Action, From, To, Repository, Digest, Publisher, Pin string }
	var deeds []deed
	for _, s := range p.Steps {
		deeds = append(deeds, deed{s.ID, string(s.Action), s.From, s.To, s.Repository, s.Digest, s.Publisher, s.Pin})
	}
	body, err := json.Marshal(struct {
		Deeds []deed
		Needs []host.PlanNeed
	}{deeds, p.Needs})
	if err != nil { // structs of strings
		return ""
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}

// requestOf reads what is asked for from a query or a form: install, with version for one of
// them, update, or all=true; and beta=true.
func requestOf(r *http.Request, values url.Values) (host.PlanRequest, error) {
	actor := web.Actor(r)
	request := host.PlanRequest{Beta: values.Get("beta") == "true", UpdateAll: values.Get("all") == "true", Actor: actor.Name, Remote: actor.Remote}
	request.Install, request.Update = named(values["install"]), named(values["update"])
	if version := strings.TrimSpace(values.Get("version")); version != "" && len(request.Install) == 1 && !strings.Contains(request.Install[0], "@") {
		request.Install[0] += "@" + version
	}
	n := len(request.Install) + len(request.Update)
	switch {
	case n == 0 && !request.UpdateAll:
		return request, web.Invalid("the address says neither what to install nor what to update")
	case n > maxAsked:
		return request, web.Invalid("these are too many at once")
	}
	return request, nil
}

// named are the values that are not empty.
func named(list []string) []string {
	var names []string
	for _, name := range list {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// review shows what a request comes to.
func (d *Desk) review(w http.ResponseWriter, r *http.Request) error {
	request, err := requestOf(r, r.URL.Query())
	if err != nil {
		return err
	}
	web.Allow(http.NewResponseController(w), web.MaxWait) // repositories are read for it
	p, err := d.cfg.Host.Propose(r.Context(), request)
	if err != nil {
		return err
	}
	return d.showReview(w, r, request, p, Review{})
}

// showReview shows a plan; of view only what was wrong is set.
func (d *Desk) showReview(w http.ResponseWriter, r *http.Request, request host.PlanRequest, p host.Plan, view Review) error {
	view.Plan, view.Seen, view.Proof = p, markOf(p), access.Of(r.Context()).Proof != ""
	view.Rows, view.Kept = d.steps(p)
	view.Install, view.Update, view.All, view.Beta = request.Install, request.Update, request.UpdateAll, request.Beta
	view.Sizes = true
	for _, s := range view.Rows {
		view.Size += s.Size
		view.Sizes = view.Sizes && s.Size > 0
	}
	page := Page{Name: "plan-review", Updates: len(request.Install) == 0, Inner: true, Data: view}
	switch {
	case view.Problem != nil:
		page.Status = view.Problem.Status
	case view.Changed:
		page.Status = http.StatusConflict
	}
	return d.cfg.Render(w, r, page)
}

// start takes the form that says yes to what was looked at.
func (d *Desk) start(w http.ResponseWriter, r *http.Request) error {
	request, err := requestOf(r, r.PostForm)
	if err != nil {
		return err
	}
	web.Allow(http.NewResponseController(w), web.MaxWait)
	p, err := d.cfg.Host.Propose(r.Context(), request)
	if err != nil {
		return err
	}
	if markOf(p) != r.PostForm.Get("seen") {
		return d.showReview(w, r, request, p, Review{Changed: true})
	}
	for _, n := range p.Needs {
		if slices.Contains(r.PostForm["consent"], valueOf(n)) {
			request.Consent = append(request.Consent, n)
		}
	}
	started, err := d.cfg.Host.StartPlan(r.Context(), request)
	if problem := web.ProblemOf(err); problem != nil {
		return d.showReview(w, r, request, p, Review{Problem: problem})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, PlanPath(started.ID), http.StatusSeeOther)
	return nil
}

// Way says how the plan stands: ready, nothing to do, or no plan.
func (v Review) Way() string {
	switch {
	case len(v.Problems) > 0 && len(v.Rows) == 0:
		return "none"
	case len(v.Rows) == 0:
		return "nothing"
	case v.Kind == host.PlanUpdate:
		return "update"
	}
	return "install"
}

// Names are what the extensions are called that were asked for.
func (v Review) Names() []string { return asked(v.Plan, append(slices.Clone(v.Rows), v.Kept...)) }

// mostNames is how many names a title has.
const mostNames = 4

// asked are the names of what a plan was asked for, or else of what it changes.
func asked(p host.Plan, rows []Step) []string {
	var names []string
	for _, wanted := range p.Requested {
		id, _, _ := strings.Cut(wanted, "@")
		name := id
		for _, row := range rows {
			if row.ID == id {
				name = row.Name
			}
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		for _, row := range rows {
			if row.Action != host.StepKeep {
				names = append(names, row.Name)
			}
		}
	}
	if len(names) > mostNames {
		names = append(names[:mostNames], "…")
	}
	return names
}
