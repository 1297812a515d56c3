package host

import (
	"context"

	"github.com/jackfield-host/jackfield/host/internal/installation"
)

// The shapes of installing from repositories; their JSON is that of the admin API.
type (
	// Plan is what an installation or an update comes to, and how far it is.
	Plan = installation.Plan
	// PlanStep is what becomes of one extension by a Plan.
	PlanStep = installation.Step
	// PlanNeed is a consent that a Plan needs and nobody has given.
	PlanNeed = installation.Need
	// PlanProblem is why there is no plan.
	PlanProblem = installation.Problem
	// PlanRequest asks for a Plan.
	PlanRequest = installation.Request
	// Finding is what repositories say of an extension that is installed.
	Finding = installation.Finding
	// Outdated is an installed extension for which there is a higher version.
	Outdated = installation.Outdated
	// Repositories are where a host installs from.
	Repositories = installation.Repositories
	// UpdatePolicy says when updates are looked for, and which come by themselves.
	UpdatePolicy = installation.Policy
)

// Propose says what a request comes to: a plan without an id. Nothing changes. A request for
// which there is no plan is a Plan with Problems, not an error. The error is an *Error.
func (h *Host) Propose(ctx context.Context, r PlanRequest) (Plan, error) {
	return Plan{}, errNoRepositories()
}

// StartPlan does what a request comes to, and returns when that is written down: from then on
// it ends, as the events of the plan tell. The error is an *Error: CodeConflict when another
// plan is about one of the extensions, CodeNeedsConsent when a consent is missing, and
// CodeNoPlan when there is no plan; Propose says more.
func (h *Host) StartPlan(ctx context.Context, r PlanRequest) (Plan, error) {
	return Plan{}, errNoRepositories()
}

// Plans returns the plans that are under way, and the last 100 that have ended, newest first.
func (h *Host) Plans() []Plan { return []Plan{} }

// Plan returns the plan with an id.
func (h *Host) Plan(id string) (Plan, bool) { return Plan{}, false }

// CancelPlan ends a plan that has not landed yet; nothing of it stays. Of one that has landed
// it is CodeConflict, and UndoPlan what is meant.
func (h *Host) CancelPlan(ctx context.Context, id string, a Actor) (Plan, error) {
	return Plan{}, errNoRepositories()
}

// UndoPlan takes back what a plan has done: the versions from before run again, and what was
// new goes. It returns when that has begun. CodeConflict when extensions have changed since,
// or others need what would go.
func (h *Host) UndoPlan(ctx context.Context, id string, a Actor) (Plan, error) {
	return Plan{}, errNoRepositories()
}

// Outdated returns the installed extensions for which there is a higher version, by id.
func (h *Host) Outdated(ctx context.Context) ([]Outdated, error) { return []Outdated{}, nil }

// Findings returns what repositories say of what is installed: weaknesses, and what is
// deprecated, withdrawn or revoked; by id, without those of which nothing is said.
func (h *Host) Findings() []Finding { return []Finding{} }

// Codes of an Error about plans.
const (
	CodeNeedsConsent = "needs_consent"
	CodeNoPlan       = "no_plan"
)

func errNoRepositories() error {
	return &Error{Code: CodeUnavailable, Message: "no repository is configured", Hint: "write repository.NAME.url and repository.NAME.root into the configuration"}
}
