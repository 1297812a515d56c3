// Package lifecycle holds the words in which the host speaks of an extension's
// condition: its State, and the Reason for every state but running. The catalog
// (what should run), the supervisor (what runs) and the host's snapshot share them.
package lifecycle

import (
	"fmt"
	"time"
)

// State is the condition of one extension. The set is closed: it is a metric label.
type State string

// The states, as docs/host.md describes them.
const (
	Pending     State = "pending"     // a copy is in progress
	Waiting     State = "waiting"     // a required extension is missing
	Starting    State = "starting"    // launched, not yet healthy
	Running     State = "running"     // healthy, has its routes
	Draining    State = "draining"    // finishing its last requests
	Stopped     State = "stopped"     // disabled
	Backoff     State = "backoff"     // crashed, will be tried again
	Failed      State = "failed"      // will not be tried again until something changes
	Conflict    State = "conflict"    // its id, name or a type is taken
	Unsupported State = "unsupported" // valid, but nothing in it runs on this platform
	Refused     State = "refused"     // signature or trust
	Removed     State = "removed"     // its file is gone
)

// States lists every State.
func States() []State {
	return []State{
		Pending, Waiting, Starting, Running, Draining, Stopped,
		Backoff, Failed, Conflict, Unsupported, Refused, Removed,
	}
}

// Settled reports whether an extension in state s has found its place at least once,
// which is what readiness waits for.
func (s State) Settled() bool { return s != Starting }

// Stage says how far a bundle or a process had come when its reason arose.
type Stage string

// The stages, in the order in which a bundle passes them.
const (
	StageScan      Stage = "scan"
	StageVerify    Stage = "verify"
	StageManifest  Stage = "manifest"
	StageLaunch    Stage = "launch"
	StageHandshake Stage = "handshake"
	StageInit      Stage = "init"
	StageCheck     Stage = "check"
	StageRuntime   Stage = "runtime"
)

// Stages lists every Stage.
func Stages() []Stage {
	return []Stage{StageScan, StageVerify, StageManifest, StageLaunch, StageHandshake, StageInit, StageCheck, StageRuntime}
}

// The codes of reasons beside those of packages bundle and trust. Codes lists them.
const (
	CodeCrashed           = "crashed"
	CodeExited            = "exited"
	CodeHung              = "hung"
	CodeLaunchFailed      = "launch_failed"
	CodeExecutableChanged = "executable_changed"
	CodeHandshakeTimeout  = "handshake_timeout"
	CodeProtocolMismatch  = "protocol_mismatch"
	CodeInitFailed        = "init_failed"
	CodeInitTimeout       = "init_timeout"
	CodeCheckFailed       = "check_failed"
	CodeTypesMismatch     = "types_mismatch"
	CodeHostTooOld        = "host_too_old"
	CodeDependencyMissing = "dependency_missing"
	CodeDependencyCycle   = "dependency_cycle"
	CodeIDTaken           = "id_taken"
	CodeNameTaken         = "name_taken"
	CodeTypeTaken         = "type_taken"
	CodeNoExecutable      = "no_executable"
	CodeCopying           = "copying"
	CodeDisabled          = "disabled"
	CodeMemoryExceeded    = "memory_exceeded"
	CodeDataExceeded      = "data_exceeded"
	CodeHeld              = "held"
	CodeNeedsConsent      = "needs_consent"
	CodeConfigInvalid     = "config_invalid"
	// Nothing is wrong with an extension whose reason is one of these.
	CodeStarting = "starting"
	CodeStopping = "stopping"
	CodeStopped  = "stopped"
)

// Codes lists the codes above.
func Codes() []string {
	return []string{
		CodeCrashed, CodeExited, CodeHung, CodeLaunchFailed, CodeExecutableChanged, CodeHandshakeTimeout, CodeProtocolMismatch,
		CodeInitFailed, CodeInitTimeout, CodeCheckFailed, CodeTypesMismatch, CodeHostTooOld, CodeDependencyMissing, CodeDependencyCycle,
		CodeIDTaken, CodeNameTaken, CodeTypeTaken, CodeNoExecutable, CodeCopying, CodeDisabled, CodeMemoryExceeded, CodeDataExceeded,
		CodeHeld, CodeNeedsConsent, CodeConfigInvalid,
		CodeStarting, CodeStopping, CodeStopped,
	}
}

// Reason says why an extension is not running, in a form that a program can branch
// on (Code, Stage) and an administrator can act on (Message, Stderr).
type Reason struct {
	Code    string    `json:"code"`
	Stage   Stage     `json:"stage"`
	Message string    `json:"message"`
	Time    time.Time `json:"time"`
	// ExitCode and Signal tell how a process ended: at most one is set.
	ExitCode *int   `json:"exit_code"`
	Signal   string `json:"signal"`
	// Stderr is the tail of what the process last said, at most 40 lines; never nil.
	Stderr []string `json:"stderr"`
}

// Reasonf makes a Reason that has happened now.
func Reasonf(stage Stage, code, format string, args ...any) *Reason {
	return &Reason{Code: code, Stage: stage, Message: fmt.Sprintf(format, args...), Time: time.Now(), Stderr: []string{}}
}

func (r *Reason) Error() string { return string(r.Stage) + ": " + r.Code + ": " + r.Message }

// Exit says how a process ended.
type Exit struct {
	Time     time.Time `json:"time"`
	ExitCode *int      `json:"exit_code"`
	Signal   string    `json:"signal"`
	Stderr   []string  `json:"stderr"`
}
