package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// PlanOrder is the body of POST /api/v1/plans.
type PlanOrder struct {
	// Install are ids, or ID@VERSION, where VERSION is a version or a constraint.
	Install []string `json:"install,omitempty"`
	// Update are ids of installed extensions; an empty list is all of them.
	Update []string `json:"update,omitempty"`
	// Consent is to what the plan needs, as its member needs names it.
	Consent []host.PlanNeed `json:"consent,omitempty"`
	// ConsentAll consents to whatever the plan needs.
	ConsentAll bool `json:"consent_all,omitempty"`
	// Beta takes beta releases, too.
	Beta bool `json:"beta,omitempty"`
}

// PlanList is the answer of GET /api/v1/plans.
type PlanList struct {
	Plans []host.Plan `json:"plans"`
}

func (a *API) planRoutes() []web.Route {
	const one = "/api/v1/plans/{plan}"
	missing := []string{host.CodeNotFound}
	return []web.Route{
		{Method: "GET", Path: "/api/v1/plans", Right: access.See, Serve: a.plans, Doc: &web.Doc{
			ID: "listPlans", Summary: "Installations and updates from repositories, the newest first",
			Description: "Those that are under way, and the last 100 that have ended.",
			Answers:     web.OK("The plans", PlanList{}),
		}},
		{Method: "POST", Path: "/api/v1/plans", Right: access.Install, Serve: a.startPlan, Doc: startPlanDoc()},
		{Method: "GET", Path: one, Right: access.See, Serve: a.showPlan, Doc: &web.Doc{
			ID: "showPlan", Summary: "How far a plan is", Answers: web.OK("The plan", host.Plan{}), Codes: missing,
		}},
		{Method: "POST", Path: one + "/cancel", Right: access.Install, Serve: a.changePlan(a.cfg.Host.CancelPlan), Doc: &web.Doc{
			ID: "cancelPlan", Summary: "End a plan that has not landed yet; nothing of it stays",
			Answers: web.OK("The plan as it is then", host.Plan{}), Codes: []string{host.CodeNotFound, host.CodeConflict},
		}},
		{Method: "POST", Path: one + "/undo", Right: access.Install, Serve: a.changePlan(a.cfg.Host.UndoPlan), Doc: &web.Doc{
			ID: "undoPlan", Summary: "Take back what a plan has done: what ran before runs again, and what was new goes",
			Answers: web.OK("The plan as it is when that has begun", host.Plan{}), Codes: []string{host.CodeNotFound, host.CodeConflict},
		}},
	}
}

func startPlanDoc() *web.Doc {
	return &web.Doc{
		ID: "startPlan", Summary: "Install or update from repositories: all of a plan, or none of it",
		Description: "What it comes to is planned anew. What needs consent, permissions that nobody has granted and publishers that are others than before, has to be consented to, " +
			"or nothing is done. Nothing of it lands before all of it is verified; each version that served goes on until the new one is healthy, and if one does not come up, all of it is taken back.",
		Takes: []web.Parameter{web.Flag("dry_run", "Answer with the plan, and do nothing")},
		Body:  web.JSON(PlanOrder{}),
		Answers: []web.Answer{
			{Status: http.StatusAccepted, Summary: "It is durable, and on its way", Content: web.JSON(host.Plan{}), Headers: []web.Parameter{{Name: "Location", Summary: "The path of the plan"}}},
			{Status: http.StatusOK, Summary: "With dry_run: what it would come to. Where there is no plan, problems says why", Content: web.JSON(host.Plan{})},
		},
		Codes: []string{host.CodeNoPlan, host.CodeNeedsConsent, host.CodeConflict, host.CodeNotFound, "too_large", "unsupported_media"},
	}
}

func (a *API) plans(w http.ResponseWriter, _ *http.Request) error {
	list := PlanList{[]host.Plan{}}
	for _, p := range a.cfg.Host.Plans() {
		list.Plans = append(list.Plans, completePlan(p))
	}
	return web.WriteJSON(w, http.StatusOK, list)
}

func (a *API) showPlan(w http.ResponseWriter, r *http.Request) error {
	p, ok := a.cfg.Host.Plan(r.PathValue("plan"))
	if !ok {
		return web.NewProblem(http.StatusNotFound, host.CodeNotFound, "there is no such plan; the last 100 that have ended are kept")
	}
	return web.WriteJSON(w, http.StatusOK, completePlan(p))
}

func (a *API) startPlan(w http.ResponseWriter, r *http.Request) error {
	on, err := web.Switches(r, "dry_run")
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxOrder)
	request, err := readPlanOrder(r)
	if err != nil {
		return err
	}
	actor := web.Actor(r)
	request.Actor, request.Remote = actor.Name, actor.Remote
	web.Allow(http.NewResponseController(w), web.MaxWait) // repositories are read for it
	if on["dry_run"] {
		p, err := a.cfg.Host.Propose(r.Context(), request)
		if err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, completePlan(p))
	}
	p, err := a.cfg.Host.StartPlan(r.Context(), request)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/plans/"+url.PathEscape(p.ID))
	return web.WriteJSON(w, http.StatusAccepted, completePlan(p))
}

// readPlanOrder reads the body of POST /api/v1/plans.
func readPlanOrder(r *http.Request) (host.PlanRequest, error) {
	var request host.PlanRequest
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return request, web.NewProblem(http.StatusUnsupportedMediaType, "unsupported_media", "what to install is sent as application/json")
	}
	body, err := io.ReadAll(r.Body)
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return request, web.NewProblem(http.StatusRequestEntityTooLarge, host.CodeTooLarge, fmt.Sprintf("what to install is sent in at most %d bytes", over.Limit))
	} else if err != nil {
		return request, web.Invalid("the body did not arrive")
	}
	err = eachMember(body, func(name string, value json.RawMessage) error { return planMember(&request, name, value) })
	if err == nil && len(request.Install)+len(request.Update) == 0 && !request.UpdateAll {
		err = web.Invalid(`the body says neither what to install, as {"install": ["org.example.Extension"]}, nor what to update, as {"update": []} for everything`)
	}
	return request, err
}

func planMember(into *host.PlanRequest, name string, value json.RawMessage) error {
	place, kind := any(nil), "a list of strings"
	switch name {
	case "install":
		place = &into.Install
	case "update":
		place = &into.Update
	case "consent":
		place, kind = &into.Consent, "a list of objects as in the member needs of a plan"
	case "consent_all":
		place, kind = &into.ConsentAll, "true or false"
	case "beta":
		place, kind = &into.Beta, "true or false"
	default:
		return web.Invalid(fmt.Sprintf("the body has no member %q; it may have: install, update, consent, consent_all, beta", visible.Clip(name, 40)))
	}
	if string(value) == "null" || json.Unmarshal(value, place) != nil {
		return web.Invalid("the member " + name + " must be " + kind)
	}
	into.UpdateAll = into.UpdateAll || name == "update" && len(into.Update) == 0
	return nil
}

type planChange = func(ctx context.Context, id string, a host.Actor) (host.Plan, error)

// changePlan is the route of what is done to one plan.
func (a *API) changePlan(change planChange) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := web.Parameters(r); err != nil {
			return err
		}
		p, err := change(r.Context(), r.PathValue("plan"), web.Actor(r))
		if err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, completePlan(p))
	}
}

// completePlan returns p with empty lists where it has none, and shares nothing that it
// changes.
func completePlan(p host.Plan) host.Plan {
	p.Requested = append([]string{}, p.Requested...)
	p.Needs = append([]host.PlanNeed{}, p.Needs...)
	p.Steps = append([]host.PlanStep{}, p.Steps...)
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Permissions, s.Why = append([]string{}, s.Permissions...), append([]string{}, s.Why...)
	}
	p.Problems = append([]host.PlanProblem{}, p.Problems...)
	for i := range p.Problems {
		b := &p.Problems[i]
		b.Chain, b.Hints = append([]string{}, b.Chain...), append([]string{}, b.Hints...)
	}
	return p
}
