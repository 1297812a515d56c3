package host

import (
	"context"
	"time"
)

// Staged is a bundle that was taken in and waits for somebody to say that it is to be
// installed. Its bytes are in private storage, not in the extensions folder: nothing
// runs of it. It is forgotten at Expires, when whoever staged it stages too many others,
// and when the host ends.
type Staged struct {
	// Token names it, and belongs to whoever staged it: nobody else finds it.
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
	// Uploaded says what installing it would come to. It has no job.
	Uploaded
	Size int64 `json:"size"` // bytes

	// What it calls itself; every text is its author's.
	Name        string `json:"name"`
	Class       string `json:"class"`
	Request     string `json:"request"`
	Response    string `json:"response"`
	Description string `json:"description"`
	Vendor      string `json:"vendor"`
	License     string `json:"license"`
	Homepage    string `json:"homepage"`

	// Platforms are those with an executable, as "linux-amd64"; Platform is this host's.
	Platforms []string `json:"platforms"`
	Platform  string   `json:"platform"`

	Signature Signature `json:"signature"`
	// Publisher says how whoever signed it stands to whom the extension is bound, and
	// Bound is the pin of that one, empty for nobody.
	Publisher PublisherCheck `json:"publisher_check"`
	Bound     string         `json:"bound"`

	// Denied are those of Permissions that somebody has denied before; they stay denied.
	Denied []string `json:"denied"`
	// Requires are the extensions that it needs, and how they stand.
	Requires []Dependency `json:"requires"`
	// Changes are against the version that should run now, nil when nothing of it is
	// installed.
	Changes *Changes `json:"changes"`
}

// PublisherCheck says how the publisher of a bundle stands to the one before. The set is
// closed.
type PublisherCheck string

// The answers.
const (
	PublisherUnknown PublisherCheck = "unknown" // no root vouches for whoever signed it
	PublisherFirst   PublisherCheck = "first"   // the extension is bound to nobody yet
	PublisherSame    PublisherCheck = "same"
	PublisherChanged PublisherCheck = "changed" // it is bound to another one
)

// Changes are what is otherwise in a version than in the one that is installed.
type Changes struct {
	Version string `json:"version"` // of the installed one
	Digest  string `json:"digest"`
	// Types are those that differ, by name.
	Types []TypeChange `json:"types"` // never nil
	// Asks are the permissions that only the new version asks for, Leaves those that
	// only the installed one does.
	Asks   []string `json:"asks"`   // never nil
	Leaves []string `json:"leaves"` // never nil
	// ConfigSchema says what is otherwise with config.schema.json, empty for nothing.
	ConfigSchema ChangeKind `json:"config_schema"`
	// UpgradeFrom and UpgradeTo are the ways in which the two hand over: exclusive or
	// overlap. A hand-over is exclusive if either of them is.
	UpgradeFrom string `json:"upgrade_from"`
	UpgradeTo   string `json:"upgrade_to"`
}

// TypeChange is what is otherwise with one type.
type TypeChange struct {
	Type string     `json:"type"`
	Role string     `json:"role"` // request or response
	Kind ChangeKind `json:"kind"`
	// What, of a changed one, lists what of it is: schema, extends, response, role.
	What []string `json:"what,omitempty"`
}

// ChangeKind says what became of something. The set is closed.
type ChangeKind string

// The kinds.
const (
	ChangeNone    ChangeKind = ""
	ChangeAdded   ChangeKind = "added"
	ChangeRemoved ChangeKind = "removed"
	ChangeChanged ChangeKind = "changed"
)

// StagedInstall says that a staged bundle is to be installed, and on which terms.
type StagedInstall struct {
	Token string
	// Installed is the digest of the installed version that was seen with it, empty for
	// none: when it is another one by now, nothing is done (CodeConflict).
	Installed string
	// Grant are the permissions that are consented to, nil for all; the others that
	// nobody has decided about are denied.
	Grant []string
	// AcceptPublisher binds the extension to whoever signed this bundle. Without it a
	// bundle of a changed publisher is not installed (CodeConflict).
	AcceptPublisher bool
	Actor           Actor
}

// Stage takes a bundle in as Upload does, and keeps it for InstallStaged. DryRun counts
// for nothing. The error is an *Error with the bundle's code when the bundle is at fault,
// CodeUnavailable when as many wait already as the host keeps.
func (h *Host) Stage(ctx context.Context, u Upload) (Staged, error) {
	return Staged{}, &Error{Code: CodeUnavailable}
}

// Staged says anew what a staged bundle is and would come to. The error is an *Error:
// CodeNotFound when a has staged nothing with this token, or it has expired.
func (h *Host) Staged(token string, a Actor) (Staged, error) {
	return Staged{}, &Error{Code: CodeNotFound}
}

// InstallStaged puts a staged bundle into the extensions folder, as Upload does, and
// forgets it. After an error it is staged still.
func (h *Host) InstallStaged(ctx context.Context, i StagedInstall) (Uploaded, error) {
	return Uploaded{}, &Error{Code: CodeNotFound}
}

// Unstage forgets a staged bundle, if a has staged it.
func (h *Host) Unstage(token string, a Actor) {}
