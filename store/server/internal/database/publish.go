package database

import (
	"context"

	"github.com/jackfield-host/jackfield/store"
)

// Key says what a change is about: what of the database its rules have to know.
type Key struct {
	// ID is the listing's id in any spelling; "" for a change of advisories, revocations
	// or labels alone.
	ID string
	// Pin is the public key of the organization that signed, "" if the rules do not ask.
	Pin string
	// Digests are those of files that the rules want to know the owners of.
	Digests []string
	// Submission is the number of the submission that the change answers, 0 for none.
	Submission int64
	// Claim is the caller's claim on it. Without it the change fails with ErrConflict.
	Claim string
}

// Current is what the database holds for a Key. It is the caller's to change.
type Current struct {
	// Sequence is that of the catalogue when the change is written.
	Sequence int64
	// Listing is the one whose id reads as the key's does (store.FoldID), nil for none;
	// its releases are those of every state.
	Listing *store.Listing
	Hidden  bool          // the listing is not in the catalogue
	Owner   *Organization // of the listing, nil with it
	Signer  *Organization // has the key's Pin, nil if nobody has
	// Files are those of the key's digests that belong to a release, of whatever state.
	Files map[string]FileOwner
	// Advisories and Revocations are all that name this listing or one of the digests.
	Advisories  []store.Advisory
	Revocations []store.Revocation
	// NextAdvisory is the id for a new advisory.
	NextAdvisory string
	// Submission is that of the key, nil for none.
	Submission *store.Submission
}

// FileOwner is the release that a file belongs to.
type FileOwner struct {
	Listing      string
	Version      string
	Organization string // name of the listing's owner
}

// Change is what the rules decided. Its zero value changes nothing and is fine.
type Change struct {
	// Listing is the whole document as it is to be, nil if it stays as it is.
	Listing *store.Listing
	// Organization is the name of the owner; needed for a new listing, and never changed.
	Organization string
	// Hide takes the listing out of the catalogue, Show brings it back.
	Hide, Show bool
	// Details are those of releases of Listing, by version; the others keep theirs.
	Details map[string]store.Detail
	// Advisories are new ones (Current.NextAdvisory) or take the place of those with their
	// id. Revocations are added, Unrevoke taken back: those with the same digest, listing
	// and version.
	Advisories  []store.Advisory
	Revocations []store.Revocation
	Unrevoke    []store.Revocation
	// Labels are added or take the place of those with their id; RemoveLabels are ids.
	Labels       []Label
	RemoveLabels []string
	// Submission is that of the key as it is to be, nil if it stays as it is. One in a
	// state that nobody works on loses its claim.
	Submission *store.Submission
	// Audit are the entries for what was done; their number, time and hash are given here.
	Audit []Entry
}

// Label is a label that listings can have; Listing.Labels name it by its id.
type Label struct {
	ID    string                `json:"id"`
	Texts map[string]store.Text `json:"texts"` // by locale, "" is always there
	URL   string                `json:"url,omitempty"`
	Color string                `json:"color,omitempty"` // #rrggbb
}

// Published is what Publish did.
type Published struct {
	// Sequence is the catalogue's behind the change: one higher than before if clients can
	// see a difference, else the same.
	Sequence int64
	Object   store.Object // the listing's document, if the change had one
}

// Publish is the door for changes. It locks the catalogue, hands what is there to decide,
// and writes what it returns, or nothing if that is an error, which comes back as it is.
// decide must be a pure function: it can be called again when the database asks to repeat
// a transaction. Blobs that the change names are in place before.
//
// ErrNotFound: the organization or the submission is unknown. ErrConflict: the claim is no
// longer the caller's, or the listing's owner would change. ErrExists: a digest belongs to
// another release.
func (d *Database) Publish(ctx context.Context, key Key, decide func(Current) (Change, error)) (Published, error) {
	return d.publish(ctx, key, decide)
}

// Load publishes many changes without rules, in one transaction: to fill an empty store.
// Each with a Listing has a sequence of its own.
func (d *Database) Load(ctx context.Context, changes []Change) (sequence int64, err error) {
	return d.load(ctx, changes)
}
