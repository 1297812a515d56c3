package host

import (
	"encoding/json"
	"time"
)

// Configuration is what an administrator has set for an extension. Its JSON form is the
// contract of the admin API.
type Configuration struct {
	// Schema is config.schema.json of the version that runs, or should; null when it has
	// none: then any JSON object is accepted.
	Schema json.RawMessage `json:"schema"`
	// Values is what was set, a JSON object, without secrets and without defaults.
	Values json.RawMessage `json:"values"`
	// Secrets are the places that the schema marks as writeOnly, set or not, in the order
	// of their pointers.
	Secrets []Secret `json:"secrets"`
	// Revision counts the changes, 0 before the first.
	Revision int64      `json:"revision"`
	Changed  *time.Time `json:"changed"` // null before the first change
	By       string     `json:"by"`
	// Awaiting is a newer version that did not take over because it does not accept what
	// is set; nil when there is none. Values that it accepts, and the version that runs
	// does not, are taken, too: they bring it.
	Awaiting *Awaiting `json:"awaiting,omitempty"`
	// Applied says of a change how it was, or would be, brought to the extension; it is
	// empty in answers that speak of no change.
	Applied Applied `json:"applied,omitempty"`
}

// Applied says how a change of configuration comes to an extension.
type Applied string

// The ways.
const (
	AppliedLive    Applied = "live"    // its process took it
	AppliedRestart Applied = "restart" // a new process took the place of the old one
	AppliedStored  Applied = "stored"  // it does not run; the next process gets it
)

// Awaiting is a version that waits for another configuration.
type Awaiting struct {
	Version string          `json:"version"`
	Digest  string          `json:"digest"`
	Schema  json.RawMessage `json:"schema"`
	Message string          `json:"message"` // what it does not accept
}

// Secret is a value that is never shown.
type Secret struct {
	Pointer string `json:"pointer"`
	Set     bool   `json:"set"`
}

// ConfigurationChange asks for another configuration of an extension.
type ConfigurationChange struct {
	ID string
	// Values is the whole configuration, a JSON object. A secret that is left out stays
	// as it is, one that is null is cleared.
	Values json.RawMessage
	// Revision is the one that Values is a change of: another one is a conflict. -1
	// stands for any.
	Revision int64
	// DryRun checks and compares only.
	DryRun bool
	Actor  Actor
}

// ConfigurationResult is the configuration after a change, and what the change was.
type ConfigurationResult struct {
	Configuration
	// Diff is never nil, and empty when nothing has changed: then no revision was made.
	Diff []Difference `json:"diff"`
}

// Difference is one place at which two configurations differ.
type Difference struct {
	// Pointer is a JSON pointer (RFC 6901).
	Pointer string `json:"pointer"`
	// Kind is added, changed or removed.
	Kind string `json:"kind"`
	// Before and After are absent where there was, or is, no value; of a secret they are
	// absent always.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Secret bool            `json:"secret,omitempty"`
}

// ConfigurationRevision is one revision of a configuration, of those that are kept.
type ConfigurationRevision struct {
	Revision int64     `json:"revision"`
	Time     time.Time `json:"time"`
	By       string    `json:"by"`
	// Values are as in Configuration. What its secrets were is not kept.
	Values json.RawMessage `json:"values"`
	// Diff is what changed with it, of secrets only whether they were set and cleared. It
	// is null where the revision before is not kept.
	Diff []Difference `json:"diff"`
}

// Violation is a place at which a configuration breaks its schema.
type Violation struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}
