package plan

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/resolver"
)

const (
	// proposePatience bounds how long repositories may take to say what a plan needs.
	proposePatience = 2 * time.Minute
	// mostAsked bounds what one request may name.
	mostAsked = 100
	// mostSteps bounds one plan.
	mostSteps = 200
)

// Planner is all that a plan depends on.
type Planner struct {
	Repositories Repositories
	House        House
	// HostVersion is in the grammar of bundle.Version; Platform is as "linux-amd64".
	HostVersion, Platform string
	Now                   func() time.Time
}

// Filter says which releases of an id count; nil is all.
type Filter func(r resolver.Release) bool

// Terms are what is to be remembered of a step beside what is shown.
type Terms struct {
	// Grant are the permissions that are consented to; Publisher is another pin than before
	// that was consented to, nil for none.
	Grant     []string `json:"grant"`
	Publisher *string  `json:"publisher"`
	Before    Before   `json:"before"`
}

// Before is how an id was before a plan.
type Before struct {
	Digest, File string // of what was installed, "" for nothing
	Publisher    string
	Repository   string
}

// Propose says what a request comes to: a plan without an id, and the terms of each of its
// steps. Nothing changes. Where nothing does what is asked for, the plan has Problems, and no
// steps.
func (p *Planner) Propose(ctx context.Context, r Request, keep Filter) (Plan, []Terms, error) {
	ctx, cancel := context.WithTimeout(ctx, proposePatience)
	defer cancel()
	q, err := p.question(r)
	if err != nil {
		return Plan{}, nil, err
	}
	repositories, err := p.Repositories.Universe(ctx, q.reach)
	if err != nil {
		return Plan{}, nil, FaultOf(ctx, err)
	}
	q.Repositories = filtered(repositories, keep)
	resolved, err := q.resolve()
	plan := Plan{
		Kind: KindInstall, State: Planned, Requested: q.requested, Steps: []Step{}, Problems: []Problem{}, Needs: []Need{},
		Created: p.Now().UTC(), Actor: r.Actor,
	}
	if len(r.Install) == 0 {
		plan.Kind = KindUpdate
	}
	if conflict, ok := errors.AsType[*resolver.Conflict](err); ok {
		plan.Problems = append(plan.Problems, Problem{
			Code: string(conflict.Code), Message: strings.Join(conflict.Reasons, "; "),
			Chain: notNil(conflict.Reasons), Hints: notNil(conflict.Hints),
		})
		return plan, nil, nil
	}
	if err != nil {
		return Plan{}, nil, FaultOf(ctx, err)
	}
	for _, text := range resolved.Unmet {
		plan.Problems = append(plan.Problems, Problem{Code: CodeUnmet, Message: text, Chain: []string{text}, Hints: []string{}})
	}
	terms, err := p.steps(ctx, &plan, q, resolved)
	if err != nil {
		return Plan{}, nil, err
	}
	p.consents(&plan, terms, q, r)
	return plan, terms, nil
}

func notNil(list []string) []string { return append([]string{}, list...) }

// question is a request in the resolver's terms.
type question struct {
	resolver.Request
	requested []string
	installed map[string]Installed
	reach     Reach
}

func (p *Planner) question(r Request) (*question, error) {
	if !p.House.Looked() {
		return nil, &Fault{Code: CodeUnavailable, Message: "the host has just started and has not read the extensions folder yet", Hint: "do it again in a moment"}
	}
	q := &question{
		Request: resolver.Request{
			HostVersion: p.HostVersion, Platform: p.Platform, Publishers: p.House.Publishers(),
			Consent: map[string]string{}, Update: r.Update, UpdateAll: r.UpdateAll,
		},
		requested: notNil(r.Install), installed: map[string]Installed{},
		reach: Reach{Beta: map[string]bool{}},
	}
	q.requested = append(q.requested, r.Update...)
	if n := len(q.requested); n > mostAsked {
		return nil, Faultf(CodeInvalid, "%d extensions are asked for at once, %d is the most", n, mostAsked)
	}
	if len(q.requested) == 0 && !r.UpdateAll {
		return nil, Faultf(CodeInvalid, "nothing is asked for: name extensions to install, or to update")
	}
	for _, text := range r.Install {
		ask, err := parseAsk(text)
		if err != nil {
			return nil, err
		}
		q.Install = append(q.Install, ask)
		q.reach.IDs = append(q.reach.IDs, ask.ID)
		q.reach.Beta[ask.ID] = ask.Version != nil || r.Beta
	}
	for _, x := range p.House.Installed() {
		q.installed[x.ID] = x
		q.Installed = append(q.Installed, resolver.Installed{
			Release: resolver.Release{
				ID: x.ID, Version: x.Version, Digest: x.Digest, Publisher: q.Publishers[x.ID], Needs: resolver.Needs(x.Requires),
			},
			Pinned: x.Pinned,
		})
		q.reach.IDs = append(q.reach.IDs, x.ID)
		q.reach.Beta[x.ID] = q.reach.Beta[x.ID] || r.Beta
	}
	for _, id := range r.Update {
		if _, ok := q.installed[id]; !ok {
			return nil, Faultf(CodeInvalid, "%.100q is to be updated, and is not installed", id)
		}
	}
	for _, c := range r.Consent {
		if c.Kind == NeedPublisher {
			q.Consent[c.ID] = c.What
		}
	}
	q.reach.Publishers = q.Publishers
	return q, nil
}

// parseAsk reads ID, ID@VERSION or ID@CONSTRAINTS.
func parseAsk(text string) (resolver.Ask, error) {
	id, version, versioned := strings.Cut(text, "@")
	ask := resolver.Ask{ID: id}
	any, err := bundle.ParseRequirement(id + " >=0") // which has the grammar of ids
	valid := err == nil && any.ID == id
	if versioned && valid {
		v, err := bundle.ParseVersion(version)
		if err == nil {
			ask.Version = resolver.Exactly(v)
			return ask, nil
		}
		r, err := bundle.ParseRequirement(id + " " + version)
		if valid = err == nil && !r.Optional; valid {
			ask.Version = resolver.Needs([]bundle.Requirement{r})[0].Version
		}
	}
	if !valid {
		return resolver.Ask{}, Faultf(CodeInvalid, "%.100q names no extension: write ID, ID@1.2 or ID@\">=1.2 <2\"", text)
	}
	return ask, nil
}

func filtered(repositories []resolver.Repository, keep Filter) []resolver.Repository {
	if keep == nil {
		return repositories
	}
	list := slices.Clone(repositories)
	for n := range list {
		all := list[n].Releases
		list[n].Releases = func(id string) ([]resolver.Release, error) {
			releases, err := all(id)
			return slices.DeleteFunc(slices.Clone(releases), func(r resolver.Release) bool { return !keep(r) }), err
		}
	}
	return list
}

// resolve finds a plan: without other publishers, or else, for what was asked for by name,
// with those that nobody has consented to yet.
func (q *question) resolve() (*resolver.Plan, error) {
	p, err := resolver.Resolve(q.Request)
	if _, conflict := errors.AsType[*resolver.Conflict](err); err != nil && !conflict {
		return nil, err
	}
	again := q.Request
	again.Consent = maps.Clone(q.Consent)
	foreign := false
	for _, id := range q.named() {
		if kept := version(p, id); p == nil || kept != "" {
			if pin := q.newPublisher(id, kept); pin != "" {
				again.Consent[id], foreign = pin, true
			}
		}
	}
	if foreign {
		if other, err := resolver.Resolve(again); err == nil {
			return other, nil
		}
	}
	return p, err
}

// version is the one in which a plan keeps an id, "" where it does not.
func version(p *resolver.Plan, id string) string {
	if p == nil {
		return ""
	}
	for _, s := range p.Steps {
		if s.ID == id && s.Action == resolver.Keep {
			return s.Version
		}
	}
	return ""
}

func (q *question) named() []string {
	list := slices.Clone(q.Update)
	for _, a := range q.Install {
		list = append(list, a.ID)
	}
	return list
}

// newPublisher is the pin of who publishes an id in a version above one, "" where that is the
// one from before, or was consented to.
func (q *question) newPublisher(id, above string) string {
	pinned := q.Publishers[id]
	if pinned == "" || q.Consent[id] != "" {
		return ""
	}
	least, err := bundle.ParseVersion(cmp.Or(above, "0"))
	if err != nil {
		return ""
	}
	for _, repository := range q.Repositories {
		releases, err := repository.Releases(id)
		if err != nil {
			return ""
		}
		for _, r := range releases {
			v, err := bundle.ParseVersion(r.Version)
			if r.Publisher != pinned && r.Publisher != "" && err == nil && v.Compare(least) > 0 {
				return r.Publisher
			}
		}
		if len(releases) > 0 {
			return ""
		}
	}
	return ""
}

// steps makes the steps of a plan of what was resolved.
func (p *Planner) steps(ctx context.Context, plan *Plan, q *question, resolved *resolver.Plan) ([]Terms, error) {
	needed := q.neededBy(resolved)
	var terms []Terms
	for _, s := range resolved.Steps {
		x, there := q.installed[s.ID]
		step := Step{
			ID: s.ID, Action: Action(s.Action), From: s.From, To: s.Version, Repository: s.Repository, Digest: s.Digest,
			Permissions: []string{}, Pin: s.Publisher, Why: notNil(s.Why), State: StepPlanned,
		}
		t := Terms{Grant: []string{}, Before: Before{Publisher: q.Publishers[s.ID]}}
		if there {
			t.Before.Digest, t.Before.File, t.Before.Repository = x.Digest, x.File, x.Repository
		}
		if s.Action == resolver.Keep {
			if !needed[s.ID] {
				continue
			}
			step.From, step.State = s.Version, StepRunning
		} else {
			facts, err := p.Repositories.Release(ctx, s.Repository, s.ID, s.Version)
			if err != nil {
				return nil, FaultOf(ctx, err)
			}
			step.Name, step.Publisher, step.Icon, step.Size, step.Total = facts.Name, facts.Publisher, facts.Icon, facts.Size, facts.Size
			decided := p.House.Decided(s.ID)
			for _, p := range facts.Permissions {
				if !slices.Contains(decided, p) {
					step.Permissions = append(step.Permissions, p)
				}
			}
		}
		if len(plan.Steps) == mostSteps {
			return nil, Faultf(CodeInvalid, "the plan would have more than %d steps: install less at once", mostSteps)
		}
		plan.Steps, terms = append(plan.Steps, step), append(terms, t)
	}
	return terms, nil
}

// neededBy are the ids that are asked for, or that what changes needs.
func (q *question) neededBy(resolved *resolver.Plan) map[string]bool {
	needed := map[string]bool{}
	for _, id := range q.named() {
		needed[id] = true
	}
	for _, s := range resolved.Steps {
		if s.Action == resolver.Keep {
			continue
		}
		for _, repository := range q.Repositories {
			if repository.Name != s.Repository {
				continue
			}
			releases, err := repository.Releases(s.ID)
			if err != nil {
				continue
			}
			for _, r := range releases {
				if r.Version != s.Version {
					continue
				}
				for _, n := range r.Needs {
					needed[n.ID] = true
				}
			}
		}
	}
	return needed
}

// consents says what is missing, and notes what is not.
func (p *Planner) consents(plan *Plan, terms []Terms, q *question, r Request) {
	for n, s := range plan.Steps {
		if s.Action == Keep {
			continue
		}
		for _, p := range s.Permissions {
			need := Need{ID: s.ID, Digest: s.Digest, Kind: NeedPermission, What: p}
			if r.ConsentAll || slices.Contains(r.Consent, need) {
				terms[n].Grant = append(terms[n].Grant, p)
			} else {
				plan.Needs = append(plan.Needs, need)
			}
		}
		if before := terms[n].Before.Publisher; before == "" || before == s.Pin {
			continue
		}
		need := Need{ID: s.ID, Digest: s.Digest, Kind: NeedPublisher, What: s.Pin}
		if r.ConsentAll || slices.Contains(r.Consent, need) {
			terms[n].Publisher = &plan.Steps[n].Pin
		} else {
			plan.Needs = append(plan.Needs, need)
		}
	}
}
