package host

import (
	"encoding/json"
	"io"
	"time"
)

// Verb is what an administrator can do to an extension. The set is closed.
type Verb string

// The verbs.
const (
	VerbEnable   Verb = "enable"    // it may run
	VerbDisable  Verb = "disable"   // it drains and stays stopped
	VerbRestart  Verb = "restart"   // an upgrade to itself
	VerbRollback Verb = "rollback"  // another kept version runs, pinned
	VerbPin      Verb = "pin"       // this version runs whatever the folder holds
	VerbUnpin    Verb = "unpin"     // the folder decides again
	VerbRetry    Verb = "retry"     // what failed is tried again at once
	VerbRemove   Verb = "remove"    // its files leave the folder
	VerbConsent  Verb = "consent"   // what a version asks for is granted
	VerbRevoke   Verb = "revoke"    // what was granted is taken back
	VerbRecheck  Verb = "recheck"   // who signed it is judged anew
	VerbLogLevel Verb = "log-level" // from which level on its log is kept
)

// Action is one verb, for one extension, by somebody.
type Action struct {
	Verb Verb
	ID   string
	// Version is the version to roll back to or to pin. Empty means the previous
	// healthy one for a roll back, and the one that runs for a pin.
	Version string
	// RestoreData, of a roll back, puts the data folder back as it was before the
	// version that is left came.
	RestoreData bool
	// Force, of disable and remove, goes ahead although others need the extension.
	Force bool
	// Purge, of remove, takes its data, its kept versions and its history too.
	Purge bool
	// Digest, of consent, is the bundle that the administrator has seen: another one
	// is a conflict. Empty means the one that waits, else the current one.
	Digest string
	// Permissions are those to grant or to take back, nil for all. Of what waits for
	// consent those that are left out are denied.
	Permissions []string
	// Revision is the Extension.Revision that the administrator has seen: another one is
	// a conflict, and Stale. Empty means any.
	Revision string
	// Level, of log-level, is debug, info, warn or error; empty for the configured one.
	Level string
	Actor Actor
}

// Upload is a bundle on its way into the drop folder. Body is read as it comes; an
// error of it, io.EOF aside, means that the bundle did not arrive. It is read to io.EOF
// before anything is taken, and not any more once Upload has returned.
type Upload struct {
	Body io.Reader
	// Size is the length of Body as the client told it, -1 when it did not.
	Size int64
	// DryRun checks the bundle and says what would happen; nothing is kept.
	DryRun bool
	// Key makes the upload safe to repeat: for a day, an actor's second upload with the
	// same key and the same bytes is answered as the first was, and one with other bytes is
	// a conflict. Empty for none.
	Key   string
	Actor Actor
}

// Uploaded says what became, or would become, of an uploaded bundle.
type Uploaded struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	// Job names the installation in events; a dry run has none.
	Job string `json:"job"`
	// Action is install, upgrade, downgrade, replace (same version, other bytes) or
	// none (this bundle runs already).
	Action string `json:"action"`
	// State and Reason are the condition of the version at the time of the answer, or
	// what it would be.
	State  State   `json:"state"`
	Reason *Reason `json:"reason"`
	// From is the version that runs now, empty when none does.
	From     string   `json:"from"`
	Warnings []string `json:"warnings"`
	// Permissions are what it asks for; Needs what of it nobody has decided about yet:
	// who uploads it consents to that.
	Permissions []string `json:"permissions"`
	Needs       []Need   `json:"needs"`
}

// Event is something that happened to an extension.
type Event struct {
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`
	Version string    `json:"version"`
	Digest  string    `json:"digest"`
	Actor   string    `json:"actor"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	// Evidence of a failure: exit code, signal, last lines of stderr, goroutine dump.
	Evidence json.RawMessage `json:"evidence,omitempty"`
}

// HistoryPage is a part of an extension's history, newest first.
type HistoryPage struct {
	Events []Event `json:"events"`
	// Next is the cursor of the page after this one, empty when there is none.
	Next string `json:"next,omitempty"`
}

// AuditEntry says who did what, when, from where. Before and After are JSON.
type AuditEntry struct {
	Time   time.Time       `json:"time"`
	Actor  string          `json:"actor"`
	Action string          `json:"action"`
	Target string          `json:"target"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	Remote string          `json:"remote"`
}

// AuditPage is a part of the audit trail, newest first.
type AuditPage struct {
	Events []AuditEntry `json:"events"`
	// Next is the cursor of the page after this one, empty when there is none.
	Next string `json:"next,omitempty"`
}

// The codes of an Error that are no codes of bundles.
const (
	CodeNotFound        = "not_found"        // nothing has this id, version or cursor
	CodeConflict        = "conflict"         // not as things stand; Others may say why
	CodeInvalidArgument = "invalid_argument" // never, the way it was asked for
	CodeTooLarge        = "too_large"        // over a limit, which Message names
	CodeUnavailable     = "unavailable"      // not now: the disk is full, or the host stops
	CodeInternal        = "internal"         // a fault of the host
	// A configuration breaks its schema, or the extension refuses it: Violations say where.
	CodeValidationFailed = "validation_failed"
)

// Error is why a verb, an upload or a question was refused. Nothing has changed then.
type Error struct {
	// Code is one of the Code constants, or the code of a bundle that was not accepted.
	Code string
	// Message says what and which, to the administrator.
	Message string
	// Hint says what next; it may be empty. It is read in the page, the API and the
	// command line alike: it speaks of verbs and keys, not of flags and routes.
	Hint string
	// Others are the ids that need the extension.
	Others []string
	// Stale says of a conflict that things are not as they were when the administrator
	// looked.
	Stale bool
	// Violations are the places at which a configuration is wrong.
	Violations []Violation
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Limits are what one process of an extension may use, and who sees to it.
type Limits struct {
	Memory    Limit `json:"memory"` // bytes
	Processes Limit `json:"processes"`
	Files     Limit `json:"files"` // open descriptors
	Data      Limit `json:"data"`  // bytes in the data folder
}

// Limit is one limit. Value 0 means that there is none.
type Limit struct {
	Value int64 `json:"value"`
	// By is cgroup, rlimit, sampling (the host looks from time to time, so it can be
	// passed for a moment) or none.
	By string `json:"by"`
}
