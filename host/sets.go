package host

import (
	"slices"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox"
	"github.com/jackfield-host/jackfield/trust"
)

// Stage says how far a bundle or a process had come when its reason arose.
type Stage = lifecycle.Stage

// States lists every State.
func States() []State { return lifecycle.States() }

// Stages lists every Stage.
func Stages() []Stage { return lifecycle.Stages() }

// Verbs lists every Verb.
func Verbs() []Verb {
	return []Verb{
		VerbEnable, VerbDisable, VerbRestart, VerbRollback, VerbPin, VerbUnpin,
		VerbRetry, VerbRemove, VerbConsent, VerbRevoke, VerbRecheck,
	}
}

// BundleCodes lists every code with which a bundle is refused, in alphabetical order:
// those of package bundle, and those of trust.
func BundleCodes() []string {
	var codes []string
	for _, c := range bundle.Codes() {
		codes = append(codes, string(c))
	}
	for _, c := range trust.Codes() {
		codes = append(codes, string(c))
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// ReasonCodes lists every code that a Reason may have, in alphabetical order.
func ReasonCodes() []string {
	codes := append(BundleCodes(), lifecycle.Codes()...)
	slices.Sort(codes)
	return slices.Compact(codes)
}

// SignatureStates lists every state that a Signature may have.
func SignatureStates() []string {
	return []string{
		string(trust.Unsigned), string(trust.Valid), string(trust.Untrusted), string(trust.Expired),
		string(trust.Revoked), string(trust.Invalid), bundle.SignatureUnchecked,
	}
}

// LimitKeepers lists who may see to a Limit.
func LimitKeepers() []string {
	return []string{string(sandbox.Cgroup), string(sandbox.Rlimit), string(sandbox.Sampling), string(sandbox.None)}
}

// UploadActions lists what an upload may come to.
func UploadActions() []string {
	var actions []string
	for _, a := range catalog.Actions() {
		actions = append(actions, string(a))
	}
	return actions
}
