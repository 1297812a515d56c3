package host

import (
	"context"
	"errors"
	"runtime"
	"syscall"

	"github.com/jackfield-host/jackfield/host/internal/admission"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/findings"
	"github.com/jackfield-host/jackfield/host/internal/installation"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/host/internal/updatepolicy"
)

// The shapes of installing from repositories; their JSON is that of the admin API.
type (
	// Plan is what an installation or an update comes to, and how far it is.
	Plan = plan.Plan
	// PlanStep is what becomes of one extension by a Plan.
	PlanStep = plan.Step
	// PlanNeed is a consent that a Plan needs and nobody has given.
	PlanNeed = plan.Need
	// PlanProblem is why there is no plan.
	PlanProblem = plan.Problem
	// PlanRequest asks for a Plan.
	PlanRequest = plan.Request
	// Finding is what repositories say of an extension that is installed.
	Finding = findings.Finding
	// Outdated is an installed extension for which there is a higher version.
	Outdated = plan.Outdated
	// UpdatePolicy says which updates come by themselves, and when.
	UpdatePolicy = updatepolicy.Policy
	// UpdateAuto is which updates come by themselves: off, patch, minor or all.
	UpdateAuto = updatepolicy.Auto
	// UpdateWindow is when they may come.
	UpdateWindow = updatepolicy.Window
	// PlanPatience is how long plans wait for what.
	PlanPatience = installation.Patience
)

// Repositories are where a host installs from, and what say what has become of what it has.
type Repositories interface {
	installation.Repositories
	findings.Repositories
}

// AutoOff is that no updates come by themselves.
const AutoOff = updatepolicy.AutoOff

// ParseUpdateWindow reads update.window: "HH:MM-HH:MM[ days]".
func ParseUpdateWindow(text string) (UpdateWindow, error) {
	return updatepolicy.ParseWindow(text)
}

// Codes of an Error about plans, beside those of plan.Codes.
const (
	CodeNeedsConsent = plan.CodeNeedsConsent
	CodeNoPlan       = plan.CodeNoPlan
)

// Propose says what a request comes to: a plan without an id. Nothing changes. Where nothing
// does what is asked for, the plan has Problems, and no steps. The error is an *Error.
func (h *Host) Propose(ctx context.Context, r PlanRequest) (Plan, error) {
	p, err := h.installation.Propose(ctx, r)
	return p, refused(err)
}

// StartPlan does what a request comes to, and returns when that is written down: from then on
// it ends, as the events of the plan tell. The error is an *Error: CodeConflict when another
// plan is about one of the extensions, CodeNeedsConsent when a consent is missing, and
// CodeNoPlan when there is no plan; the Plan beside these two says more.
func (h *Host) StartPlan(ctx context.Context, r PlanRequest) (Plan, error) {
	p, err := h.installation.Start(ctx, r)
	return p, refused(err)
}

// Plans returns the plans that are under way, and the last 100 that have ended, newest first.
func (h *Host) Plans() []Plan { return h.installation.Plans() }

// Plan returns the plan with an id.
func (h *Host) Plan(id string) (Plan, bool) { return h.installation.Plan(id) }

// CancelPlan ends a plan that has not landed yet; nothing of it stays. Of one that has landed
// it is CodeConflict, and UndoPlan what is meant.
func (h *Host) CancelPlan(ctx context.Context, id string, a Actor) (Plan, error) {
	p, err := h.installation.Cancel(context.WithoutCancel(ctx), id, a.Name, a.Remote)
	return p, refused(err)
}

// UndoPlan takes back what a plan has done: the versions from before run again, and what was
// new goes. It returns when that has begun. CodeConflict when extensions have changed since,
// or others need what would go.
func (h *Host) UndoPlan(ctx context.Context, id string, a Actor) (Plan, error) {
	p, err := h.installation.Undo(ctx, id, a.Name, a.Remote)
	return p, refused(err)
}

// Outdated returns the installed extensions for which there is a higher version, by id. The
// error is an *Error.
func (h *Host) Outdated(ctx context.Context) ([]Outdated, error) {
	list, err := h.installation.Outdated(ctx)
	return list, refused(err)
}

// Findings returns what repositories say of what is installed: weaknesses, and what is
// deprecated, withdrawn or revoked; by id, without those of which nothing is said.
func (h *Host) Findings() []Finding { return h.findings.Findings() }

// RepositoriesChanged says that what is known of repositories is otherwise than before: what
// is installed is looked at again. It never blocks.
func (h *Host) RepositoriesChanged() { h.findings.Look() }

func refused(err error) error {
	if err == nil {
		return nil
	}
	return refusalOf(err)
}

func errIsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, state.ErrFull)
}

// newInstallation makes what installs from repositories, and what looks at what they say of
// it. The database is open.
func (h *Host) newInstallation() (err error) {
	repositories := h.cfg.Repositories
	if repositories == nil {
		repositories = shelves{h.repositories}
	}
	h.installation, err = installation.New(installation.Config{
		Repositories: repositories, House: house{h}, Rows: planRows{h.state}, Downloads: h.home.Downloads(),
		HostVersion: h.cfg.Version, Platform: runtime.GOOS + "-" + runtime.GOARCH, FileBytes: h.cfg.Limits.FileBytes,
		Policy: h.cfg.Updates, Patience: h.cfg.PlanPatience,
		Told: h.tellPlan, Forgotten: func(id string) { h.feed.Forget(planKey + id) }, Log: h.cfg.Log,
	})
	if err != nil {
		return err
	}
	h.findings, err = findings.New(findings.Config{
		Repositories: repositories, House: house{h}, Rows: h.state, StopRevoked: h.cfg.Trust.OnRevoked != string(admission.Mark),
		Looked: h.installation.Update, Log: h.cfg.Log,
	})
	return err
}

// planRows is the database as an installation sees it.
type planRows struct{ *state.Store }

// SavePlan is part of installation.Rows.
func (r planRows) SavePlan(ctx context.Context, id string, over bool, body []byte, keep int, decided ...installation.Decision) error {
	var audit []state.AuditEntry
	for _, d := range decided {
		audit = append(audit, state.AuditEntry{Actor: d.Actor, Action: string(d.Action), Target: id, Remote: d.Remote})
	}
	return r.Store.SavePlan(ctx, id, over, body, keep, audit...)
}

// planDistrust is why a bundle must not run that its signature lets run: not all of its plan
// is there yet, or its repository has revoked it.
func (h *Host) planDistrust(digest string) *catalog.Distrust {
	if h.findings == nil { // the home is being opened
		return nil
	}
	if h.installation.Withheld(digest) {
		return &catalog.Distrust{Code: lifecycle.CodeHeld, Message: "it runs when all of its plan is there, or goes with it", Waits: true}
	}
	if why := h.findings.Revoked(digest); why != "" {
		return &catalog.Distrust{Code: codeRevoked, Message: "the repository that answers for it has revoked this version: " + why}
	}
	return nil
}

// codeRevoked is that of a version that its repository has revoked.
const codeRevoked = "revoked"

// kept lists what must stay in private storage.
func (h *Host) kept() map[string]bool {
	kept := h.state.Kept()
	if h.installation != nil {
		for _, digest := range h.installation.Kept() {
			kept[digest] = true
		}
	}
	return kept
}
