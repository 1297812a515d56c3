// Package plan says what installing or updating something comes to: which extensions come, in
// which version and from where, what they replace, and what somebody has to consent to.
// Planner.Propose makes a Plan of a Request; nothing here changes anything. Package
// installation carries plans out, and says in their steps how far that is.
//
// The error of everything here is a *Fault, whose codes are a closed set.
package plan

import (
	"slices"
	"time"
)

// Plan is what an installation or an update comes to, and how far it is. Its JSON form is the
// contract of the admin API.
type Plan struct {
	// ID is empty of one that was proposed only.
	ID        string    `json:"id"`
	Kind      Kind      `json:"kind"`
	State     State     `json:"state"`
	Requested []string  `json:"requested"` // ID or ID@VERSION, never nil; of an update of everything empty
	Steps     []Step    `json:"steps"`     // in the order in which they are done, never nil
	Problems  []Problem `json:"problems"`  // why there is no plan, or what it does not mend; never nil
	// Needs are the consents that are missing: it cannot be started without them. Never nil.
	Needs []Need `json:"needs"`
	// Code and Message say why it failed, or was undone.
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Created time.Time `json:"created"`
	Changed time.Time `json:"changed"`
	Actor   string    `json:"actor"`
}

// Changes reports whether the plan does anything.
func (p Plan) Changes() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Action != Keep })
}

// Kind is what a plan is for. The set is closed.
type Kind string

// The kinds.
const (
	KindInstall Kind = "install"
	KindUpdate  Kind = "update"
)

// State is how far a plan is. The set is closed.
type State string

// The states. The last three are those in which a plan ends, and each one that was started
// ends. Failed means that all is as it was before; Undone that it had succeeded, and somebody
// has taken it back.
const (
	Planned   State = "planned"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Undone    State = "undone"
)

// States lists every State.
func States() []State { return []State{Planned, Running, Succeeded, Failed, Undone} }

// Over reports whether a plan in this state has ended.
func (s State) Over() bool { return s == Succeeded || s == Failed || s == Undone }

// Step is what becomes of one extension.
type Step struct {
	ID string `json:"id"`
	// Name is what its repository calls it, empty of what is kept.
	Name   string `json:"name"`
	Action Action `json:"action"`
	// From and To are versions; From is empty of what is new. Of what is kept both are the
	// one that is there.
	From       string `json:"from"`
	To         string `json:"to"`
	Repository string `json:"repository"`
	Digest     string `json:"digest"` // empty where it is not known before the file is here
	Size       int64  `json:"size"`   // bytes, 0 for unknown
	// Permissions are those that it asks for and nobody has decided about. Never nil.
	Permissions []string `json:"permissions"`
	// Publisher is the name of who publishes it, Pin the one of who signs it.
	Publisher string `json:"publisher"`
	Pin       string `json:"pin"`
	// Why is the chain of reasons, from the step to what was asked for. Never nil.
	Why []string `json:"why"`
	// Icon says that what is offered has one.
	Icon  bool      `json:"icon"`
	State StepState `json:"state"`
	// Bytes have come of Total, which is 0 when it is not known.
	Bytes int64 `json:"bytes"`
	Total int64 `json:"total"`
	// Code and Message say why it failed; while it downloads, what keeps it waiting.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Action is what a Step does. The set is closed.
type Action string

// The actions. Downgrade is what was asked for by its version.
const (
	Install   Action = "install"
	Upgrade   Action = "upgrade"
	Downgrade Action = "downgrade"
	Keep      Action = "keep"
)

// StepState is how far a step is. The set is closed.
type StepState string

// The states. The last three are those in which a step ends, and each one of a plan that was
// started ends.
const (
	StepPlanned     StepState = "planned"
	StepDownloading StepState = "downloading"
	StepVerifying   StepState = "verifying"
	StepReady       StepState = "ready" // verified, and waits for the others
	StepInstalling  StepState = "installing"
	StepRunning     StepState = "running"
	StepFailed      StepState = "failed" // for Code
	StepUndone      StepState = "undone" // all of it is as before, because of another step, or because somebody asked for that
)

// StepStates lists every StepState.
func StepStates() []StepState {
	return []StepState{StepPlanned, StepDownloading, StepVerifying, StepReady, StepInstalling, StepRunning, StepFailed, StepUndone}
}

// Problem is why there is no plan, or something that a plan does not mend.
type Problem struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Chain   []string `json:"chain"` // of reasons, never nil
	Hints   []string `json:"hints"` // what to do next, never nil
}

// Need is a consent that is missing.
type Need struct {
	ID string `json:"id"`
	// Digest is the bundle that it is about.
	Digest string   `json:"digest"`
	Kind   NeedKind `json:"kind"`
	// What is the permission, or the pin of the publisher.
	What string `json:"what"`
}

// NeedKind says of which kind a Need is. The set is closed.
type NeedKind string

// The kinds.
const (
	NeedPermission NeedKind = "permission"
	NeedPublisher  NeedKind = "publisher" // another one than before
)

// Request asks for a plan.
type Request struct {
	// Install are ids, or ID@VERSION, where VERSION is a version or a constraint (">=2 <3").
	Install []string `json:"install,omitempty"`
	// Update are the ids of installed extensions; UpdateAll is all of them.
	Update    []string `json:"update,omitempty"`
	UpdateAll bool     `json:"update_all,omitempty"`
	// Consent is to what the plan needs, by Need: what is not in it is not consented to.
	Consent []Need `json:"consent,omitempty"`
	// Beta takes beta releases, too; one that is asked for by its version may be one in any case.
	Beta bool `json:"beta,omitempty"`
	// ConsentAll consents to whatever the plan needs.
	ConsentAll    bool   `json:"consent_all,omitempty"`
	Actor, Remote string `json:"-"`
}

// Outdated is an extension for which there is a higher version.
type Outdated struct {
	ID         string `json:"id"`
	Version    string `json:"version"` // that is installed
	Latest     string `json:"latest"`
	Repository string `json:"repository"`
	// Automatic says that it comes by itself, in the next update window; Why says why not.
	Automatic bool   `json:"automatic"`
	Why       string `json:"why"`
	Needs     []Need `json:"needs"` // never nil
}
