package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Verb is what can be done to what is published.
type Verb string

// The verbs. They are a closed set.
const (
	Deprecate   Verb = "deprecate"   // a release: still served; nobody should begin with it
	Undeprecate Verb = "undeprecate" // a release that is deprecated: published again
	Withdraw    Verb = "withdraw"    // a release: no longer offered, for good; its bytes stay for those who have them
	TakeDown    Verb = "take_down"   // a release: no longer served at all
	Restore     Verb = "restore"     // a release that is taken down: published, deprecated or withdrawn, as before
	AddLabel    Verb = "add_label"   // a listing
	RemoveLabel Verb = "remove_label"
	SetLabels   Verb = "set_labels" // a listing: these labels and no others
)

// Action is one act of a person on a listing, or on releases of it.
type Action struct {
	Verb    Verb
	Listing string // its id, in any spelling
	// Version is the release; empty is every release that the verb can be done to.
	Version string
	Labels  []string // of the verbs of labels: lower-case words
	// Reason is for those who read the listing and the audit trail; Deprecate, Withdraw and
	// TakeDown need one.
	Reason string
	// Actor is who does it, for the audit trail; Remote the address that it came from.
	Actor, Remote string
	// Organization restricts the actor to its own listings; empty is the store's
	// administrator, who alone can take down and restore.
	Organization string
}

// ActionCode says why an action can not be done.
type ActionCode string

// The codes of actions.
const (
	NotFound   ActionCode = "not_found"   // no such listing, release, submission or advisory
	NotAllowed ActionCode = "not_allowed" // it belongs to another organization, or to administrators
	WrongState ActionCode = "wrong_state" // it is not in a state in which this can be done
	Incomplete ActionCode = "invalid"     // a part of the action is missing or out of bounds
)

// ActionError is why an action can not be done.
type ActionError struct {
	Code    ActionCode
	Message string
}

func (e *ActionError) Error() string { return e.Message }

func actionErrorf(code ActionCode, format string, args ...any) error {
	return &ActionError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Act does a, and returns the listing as it is then. An action that would change nothing is
// a WrongState. The error is an *ActionError where the action can not be done.
func (d *Desk) Act(ctx context.Context, a Action) (*store.Listing, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	before := standing{State: store.Withdrawn}
	if a.Verb == Restore {
		var err error
		if before, err = d.before(ctx, a); err != nil {
			return nil, err
		}
	}
	var next *store.Listing
	now := d.now()
	_, err := d.cfg.Database.Publish(ctx, database.Key{ID: a.Listing}, func(current database.Current) (database.Change, error) {
		l, entries, err := a.apply(current, before, now)
		if err != nil {
			return database.Change{}, err
		}
		next = l
		return database.Change{Listing: l, Organization: current.Owner.Name, Audit: entries}, nil
	})
	if _, ok := errors.AsType[*ActionError](err); ok {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("doing %s to %s: %w", a.Verb, a.Listing, err)
	}
	return next, nil
}

// standing is what a release was before an action: the audit trail has it.
type standing struct {
	State store.ReleaseState `json:"was"`
	Note  string             `json:"note,omitempty"`
}

// before is what a release was before it was taken down; withdrawn, if nobody has written
// that down.
func (d *Desk) before(ctx context.Context, a Action) (standing, error) {
	was := standing{State: store.Withdrawn}
	l, err := d.listing(ctx, a.Listing)
	if err != nil {
		return was, err
	}
	if l == nil {
		return was, actionErrorf(NotFound, "there is no listing %s", a.Listing)
	}
	entries, err := d.cfg.Database.Audit(ctx, database.AuditFilter{Target: l.ID + " " + a.Version, Limit: 1000})
	if err != nil {
		return was, fmt.Errorf("looking for what %s %s was: %w", l.ID, a.Version, err)
	}
	for _, e := range entries { // newest first
		if e.Action != string(TakeDown) {
			continue
		}
		var said standing
		// A release that was taken down twice was taken down before the second time.
		if json.Unmarshal([]byte(e.Detail), &said) == nil && said.State != "" && said.State != store.TakenDown {
			return said, nil
		}
	}
	return was, nil
}

const (
	maxReason = 2000 // bytes
	maxLabels = 16
)

var labelForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

func (a Action) check() error {
	needsReason := false
	switch a.Verb {
	case Deprecate, Withdraw, TakeDown:
		needsReason = true
	case Restore:
		if a.Version == "" {
			return actionErrorf(Incomplete, "one release is restored at a time: name its version")
		}
	case Undeprecate:
	case AddLabel, RemoveLabel, SetLabels:
		if a.Version != "" || (len(a.Labels) == 0 && a.Verb != SetLabels) {
			return actionErrorf(Incomplete, "labels are those of a whole listing, and there is at least one to add or remove")
		}
		for _, l := range a.Labels {
			if !labelForm.MatchString(l) {
				return actionErrorf(Incomplete, "a label has 1 to 40 lower-case letters, digits and hyphens between them")
			}
		}
	default:
		return actionErrorf(Incomplete, "there is no such action")
	}
	switch {
	case a.Listing == "":
		return actionErrorf(Incomplete, "an action is about a listing")
	case needsReason && strings.TrimSpace(a.Reason) == "":
		return actionErrorf(Incomplete, "a reason is needed: those who use the extension read it")
	case len(a.Reason) > maxReason:
		return actionErrorf(Incomplete, "a reason has at most %d bytes", maxReason)
	case (a.Verb == TakeDown || a.Verb == Restore) && a.Organization != "":
		return actionErrorf(NotAllowed, "only an administrator of the store takes down and restores; an organization can withdraw")
	}
	return nil
}

// apply is the listing after the action, and what the audit trail says of it: one entry for
// each release. It is pure.
func (a Action) apply(current database.Current, before standing, now time.Time) (*store.Listing, []database.Entry, error) {
	l := current.Listing
	switch {
	case l == nil || current.Owner == nil:
		return nil, nil, actionErrorf(NotFound, "there is no listing %s", a.Listing)
	case a.Organization != "" && current.Owner.Name != a.Organization:
		return nil, nil, actionErrorf(NotAllowed, "%s belongs to another organization", l.ID)
	case a.Version != "" && release(l, a.Version) == nil:
		return nil, nil, actionErrorf(NotFound, "%s has no release %s", l.ID, a.Version)
	}
	next := *l
	next.Releases, next.Updated = slices.Clone(l.Releases), now
	var entries []database.Entry
	note := func(target string, detail string) {
		entries = append(entries, database.Entry{Actor: a.Actor, Action: string(a.Verb), Target: target, Reason: a.Reason, Remote: a.Remote, Detail: detail})
	}
	switch a.Verb {
	case AddLabel, RemoveLabel, SetLabels:
		next.Labels = a.labels(l.Labels)
		if len(next.Labels) > maxLabels {
			return nil, nil, actionErrorf(Incomplete, "a listing has at most %d labels", maxLabels)
		}
		if !slices.Equal(next.Labels, l.Labels) {
			note(l.ID, detail(map[string]any{"labels": next.Labels}))
		}
	default:
		for i := range next.Releases {
			r := &next.Releases[i]
			was := standing{r.State, r.Note}
			if a.Version != "" && a.Version != r.Version {
				continue
			}
			if a.move(r, before); was != (standing{r.State, r.Note}) {
				note(l.ID+" "+r.Version, detail(was))
			}
		}
	}
	if len(entries) == 0 {
		return nil, nil, actionErrorf(WrongState, "%s: there is nothing to %s", strings.TrimSpace(l.ID+" "+a.Version), strings.ReplaceAll(string(a.Verb), "_", " "))
	}
	return &next, entries, nil
}

func (a Action) labels(labels []string) []string {
	var next []string
	switch a.Verb {
	case AddLabel:
		next = append(slices.Clone(labels), a.Labels...)
	case RemoveLabel:
		next = slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return slices.Contains(a.Labels, l) })
	default:
		next = slices.Clone(a.Labels)
	}
	slices.Sort(next)
	return slices.Compact(next)
}

// move brings a release into the state that the verb leads to, where it can.
func (a Action) move(r *store.Release, before standing) {
	switch {
	case a.Verb == Deprecate && (r.State == store.Published || r.State == store.Deprecated):
		r.State, r.Note = store.Deprecated, a.Reason
	case a.Verb == Undeprecate && r.State == store.Deprecated:
		r.State, r.Note = store.Published, ""
	case a.Verb == Withdraw && r.State != store.TakenDown:
		r.State, r.Note = store.Withdrawn, a.Reason
	case a.Verb == TakeDown:
		r.State, r.Note = store.TakenDown, a.Reason
	case a.Verb == Restore && r.State == store.TakenDown:
		r.State, r.Note = before.State, before.Note
	}
}
