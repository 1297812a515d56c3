package host

import (
	"github.com/jackfield-host/jackfield/host/internal/findings"
	"github.com/jackfield-host/jackfield/host/internal/plan"
)

// The closed sets of plans, under the names by which package host is used.
type (
	// PlanKind is what a Plan is for.
	PlanKind = plan.Kind
	// PlanState is how far a Plan is.
	PlanState = plan.State
	// StepAction is what a PlanStep does.
	StepAction = plan.Action
	// StepState is how far a PlanStep is.
	StepState = plan.StepState
	// PlanNeedKind says of which kind a PlanNeed is.
	PlanNeedKind = plan.NeedKind
	// FoundAdvisory is a weakness of a version that is installed.
	FoundAdvisory = findings.Advisory
)

// Their values.
const (
	PlanInstall = plan.KindInstall
	PlanUpdate  = plan.KindUpdate

	PlanPlanned   = plan.Planned
	PlanRunning   = plan.Running
	PlanSucceeded = plan.Succeeded
	PlanFailed    = plan.Failed
	PlanUndone    = plan.Undone

	StepInstall   = plan.Install
	StepUpgrade   = plan.Upgrade
	StepDowngrade = plan.Downgrade
	StepKeep      = plan.Keep

	StepPlanned     = plan.StepPlanned
	StepDownloading = plan.StepDownloading
	StepVerifying   = plan.StepVerifying
	StepReady       = plan.StepReady
	StepInstalling  = plan.StepInstalling
	StepRunning     = plan.StepRunning
	StepFailed      = plan.StepFailed
	StepUndone      = plan.StepUndone

	PlanNeedPermission = plan.NeedPermission
	PlanNeedPublisher  = plan.NeedPublisher
)

// PlanKinds lists every PlanKind.
func PlanKinds() []PlanKind { return []PlanKind{PlanInstall, PlanUpdate} }

// PlanStates lists every PlanState.
func PlanStates() []PlanState { return plan.States() }

// StepActions lists every StepAction.
func StepActions() []StepAction {
	return []StepAction{StepInstall, StepUpgrade, StepDowngrade, StepKeep}
}

// StepStates lists every StepState.
func StepStates() []StepState { return plan.StepStates() }

// PlanNeedKinds lists every PlanNeedKind.
func PlanNeedKinds() []PlanNeedKind { return []PlanNeedKind{PlanNeedPermission, PlanNeedPublisher} }

// PlanCodes lists every code of a plan, a step and a problem, beside those of reasons and of
// repositories.
func PlanCodes() []string { return plan.Codes() }
