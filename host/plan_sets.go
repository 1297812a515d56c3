package host

import (
	"github.com/jackfield-host/jackfield/host/internal/findings"
	"github.com/jackfield-host/jackfield/host/internal/installation"
)

// The closed sets of plans, under the names by which package host is used.
type (
	// PlanKind is what a Plan is for.
	PlanKind = installation.Kind
	// PlanState is how far a Plan is.
	PlanState = installation.State
	// StepAction is what a PlanStep does.
	StepAction = installation.Action
	// StepState is how far a PlanStep is.
	StepState = installation.StepState
	// PlanNeedKind says of which kind a PlanNeed is.
	PlanNeedKind = installation.NeedKind
	// FoundAdvisory is a weakness of a version that is installed.
	FoundAdvisory = findings.Advisory
)

// Their values.
const (
	PlanInstall = installation.KindInstall
	PlanUpdate  = installation.KindUpdate

	PlanPlanned   = installation.Planned
	PlanRunning   = installation.Running
	PlanSucceeded = installation.Succeeded
	PlanFailed    = installation.Failed
	PlanUndone    = installation.Undone

	StepInstall   = installation.Install
	StepUpgrade   = installation.Upgrade
	StepDowngrade = installation.Downgrade
	StepKeep      = installation.Keep

	StepPlanned     = installation.StepPlanned
	StepDownloading = installation.StepDownloading
	StepVerifying   = installation.StepVerifying
	StepReady       = installation.StepReady
	StepInstalling  = installation.StepInstalling
	StepRunning     = installation.StepRunning
	StepFailed      = installation.StepFailed
	StepUndone      = installation.StepUndone

	PlanNeedPermission = installation.NeedPermission
	PlanNeedPublisher  = installation.NeedPublisher
)

// PlanKinds lists every PlanKind.
func PlanKinds() []PlanKind { return []PlanKind{PlanInstall, PlanUpdate} }

// PlanStates lists every PlanState.
func PlanStates() []PlanState { return installation.States() }

// StepActions lists every StepAction.
func StepActions() []StepAction {
	return []StepAction{StepInstall, StepUpgrade, StepDowngrade, StepKeep}
}

// StepStates lists every StepState.
func StepStates() []StepState { return installation.StepStates() }

// PlanNeedKinds lists every PlanNeedKind.
func PlanNeedKinds() []PlanNeedKind { return []PlanNeedKind{PlanNeedPermission, PlanNeedPublisher} }

// PlanCodes lists every code of a plan, a step and a problem, beside those of reasons and of
// repositories.
func PlanCodes() []string { return installation.Codes() }
