package ingest

import (
	"context"

	"github.com/jackfield-host/jackfield/store"
)

// Verb is what can be done to what is published.
type Verb string

// The verbs. They are a closed set.
const (
	Deprecate   Verb = "deprecate"   // a release: still served; nobody should begin with it
	Undeprecate Verb = "undeprecate" // a release that is deprecated: published again
	Withdraw    Verb = "withdraw"    // a release: no longer offered, for good; its bytes stay for those who have them
	TakeDown    Verb = "take_down"   // a release: no longer served at all
	Restore     Verb = "restore"     // a release that is taken down: back to the state that it had
	AddLabel    Verb = "add_label"   // a listing
	RemoveLabel Verb = "remove_label"
)

// Action is one act of a person on a listing, or on releases of it.
type Action struct {
	Verb    Verb
	Listing string
	// Version is the release; empty is every release that the verb can be done to.
	Version string
	Label   string // of AddLabel and RemoveLabel
	// Reason is for those who read the listing and the audit trail; every verb but those
	// of labels and Undeprecate needs one.
	Reason string
	Actor  string
	// Organization restricts the actor to its own listings; empty is the store's
	// administrator.
	Organization string
}

// Act does a, and returns the listing as it is then. An action that changes nothing is none:
// it leaves no trace. The error is an *ActionError where the action can not be done.
func (d *Desk) Act(ctx context.Context, a Action) (*store.Listing, error) { return nil, nil }

// Advise makes an advisory, or, when it has an ID, changes one. What is given to new ones by
// the store (ID, Created, Updated) is filled in in the result.
func (d *Desk) Advise(ctx context.Context, actor string, a store.Advisory) (store.Advisory, error) {
	return store.Advisory{}, nil
}

// Revoke says that something must not run any more, and marks the releases that it is about.
func (d *Desk) Revoke(ctx context.Context, actor string, r store.Revocation) (store.Revocation, error) {
	return store.Revocation{}, nil
}

// Unrevoke takes a revocation of exactly this digest, or this listing and version, back.
func (d *Desk) Unrevoke(ctx context.Context, actor string, r store.Revocation) error { return nil }

// ActionCode says why an action can not be done.
type ActionCode string

// The codes of actions.
const (
	NotFound   ActionCode = "not_found"   // no such listing, release, submission or advisory
	NotAllowed ActionCode = "not_allowed" // it belongs to another organization
	WrongState ActionCode = "wrong_state" // it is not in a state in which this can be done
	Incomplete ActionCode = "invalid"     // a part of the action is missing or out of bounds
)

// ActionError is why an action can not be done.
type ActionError struct {
	Code    ActionCode
	Message string
}

func (e *ActionError) Error() string { return e.Message }
