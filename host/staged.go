package host

import (
	"cmp"
	"context"
	"runtime"
	"time"

	"github.com/jackfield-host/jackfield/trust"
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
// CodeUnavailable when as much waits already as the host keeps.
func (h *Host) Stage(ctx context.Context, u Upload) (Staged, error) {
	received, err := h.catalog.Receive(ctx, u.Body, u.Size)
	if err != nil {
		return Staged{}, asError(err)
	}
	item, done, err := h.staging.add(received, u.Actor.Name)
	if err != nil {
		received.Release()
		return Staged{}, err
	}
	defer done()
	return h.stagedOf(item), nil
}

// Staged says anew what a staged bundle is and would come to. The error is an *Error:
// CodeNotFound when a has staged nothing with this token, or it has expired.
func (h *Host) Staged(token string, a Actor) (Staged, error) {
	item, done, err := h.staging.use(token, a.Name)
	if err != nil {
		return Staged{}, err
	}
	defer done()
	return h.stagedOf(item), nil
}

// Unstage forgets a staged bundle, if a has staged it.
func (h *Host) Unstage(token string, a Actor) { h.staging.drop(token, a.Name) }

// installPatience bounds an installation that nobody waits for any more.
const installPatience = 2 * time.Minute

// InstallStaged puts a staged bundle into the extensions folder, as Upload does. Whoever
// asks twice for the same gets the first answer. After an error it is staged still.
func (h *Host) InstallStaged(ctx context.Context, i StagedInstall) (Uploaded, error) {
	item, done, err := h.staging.use(i.Token, i.Actor.Name)
	if err != nil {
		return Uploaded{}, err
	}
	defer done()
	// What was begun is brought to its end, whether or not somebody waits for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), installPatience)
	defer cancel()
	h.acting.Lock()
	defer h.acting.Unlock()
	if item.installed != nil {
		return *item.installed, nil
	}
	now := h.stagedOf(item)
	t := terms{actor: i.Actor, grant: i.Grant}
	if now.Changes != nil && now.Changes.Digest != i.Installed || now.Changes == nil && i.Installed != "" {
		return Uploaded{}, &Error{
			Code: CodeConflict, Message: "another version of " + now.ID + " is installed than when this one was looked at",
			Hint: "look at what would change now, and install it then",
		}
	}
	if refusal := h.admission.Refusal(item.received.Bundle); refusal != nil && refusal.Code == trust.PublisherChanged {
		if !i.AcceptPublisher {
			return Uploaded{}, &Error{
				Code: CodeConflict, Message: "another publisher has signed this version than those before it, and nobody has accepted that",
				Hint: "accept the publisher, if you know why it is another one",
			}
		}
		t.publisher = &refusal.Publisher
	}
	j := h.jobs.begin(Upload{Size: now.Size, Actor: i.Actor})
	j.now.Bytes, j.now.ID, j.now.Version, j.now.Digest = now.Size, now.ID, now.Version, now.Digest
	up, err := h.install(ctx, item.received, now.Uploaded, t, j)
	if err != nil {
		j.refused(ctx, &arriving{}, err)
		return Uploaded{}, err
	}
	h.settle(j)
	item.installed = &up
	item.received.Release()
	return up, nil
}

// stagedOf describes a bundle that waits.
func (h *Host) stagedOf(item *stagedItem) Staged {
	r := item.received
	m, plan := r.Manifest, h.catalog.Plan(r)
	is, _ := h.state.Extension(m.ID)
	s := Staged{
		Token: item.token, Expires: item.expires, Uploaded: h.uploaded(r, plan), Size: r.Size,
		Name: cmp.Or(m.Name, m.ID), Class: m.Class, Request: m.Request, Response: m.Response,
		Description: m.Description, Vendor: m.Vendor, License: m.License, Homepage: m.Homepage,
		Platforms: append([]string{}, r.Bundle.Platforms()...), Platform: runtime.GOOS + "-" + runtime.GOARCH,
		Signature: h.signatureOf(r.Bundle), Bound: is.Publisher, Denied: []string{},
		Requires: []Dependency{}, Changes: changesOf(plan.Now, r.Bundle),
	}
	s.Publisher = publisherCheck(s.Signature, is.Publisher)
	for _, p := range m.Permissions {
		if d, decided := is.Decision(p); decided && !d.Granted {
			s.Denied = append(s.Denied, p)
		}
	}
	for _, need := range m.Requires {
		other, _, err := h.find(need.ID)
		if err != nil {
			s.Requires = append(s.Requires, Dependency{ID: need.ID, Constraint: constraintOf(need), Optional: need.Optional})
			continue
		}
		s.Requires = append(s.Requires, other.dependency(need, other))
	}
	return s
}

func publisherCheck(s Signature, bound string) PublisherCheck {
	switch {
	case s.Code == string(trust.PublisherChanged):
		return PublisherChanged
	case s.Publisher == "":
		return PublisherUnknown
	case bound == "":
		return PublisherFirst
	case s.Publisher != bound:
		return PublisherChanged
	}
	return PublisherSame
}
