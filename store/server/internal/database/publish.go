package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	var done Published
	var refused error
	err := d.change(ctx, strings.TrimSpace("changing "+key.ID), func(ctx context.Context, tx querier) error {
		before, err := lockCatalogue(ctx, tx)
		if err != nil {
			return err
		}
		w := writer{d, tx, before + 1, new([]indexed)}
		current, k, err := w.current(ctx, key)
		if err != nil {
			return err
		}
		change, err := decide(current)
		if refused = err; err != nil {
			return err
		}
		if l := change.Listing; l != nil && store.FoldID(l.ID) != store.FoldID(key.ID) {
			return fmt.Errorf("the change is about %q, not %q", l.ID, key.ID)
		}
		o, err := w.apply(ctx, k, change)
		if err != nil {
			return err
		}
		if err := w.index(ctx); err != nil {
			return err
		}
		if change.Submission != nil {
			if err := d.writeSubmission(ctx, tx, *change.Submission, key.Claim); err != nil {
				return err
			}
		}
		done = o.published
		return raise(ctx, tx, w.sequence, o)
	})
	if refused != nil {
		return Published{}, refused
	}
	return done, err
}

// Load publishes many changes without rules, in one transaction: to fill an empty store. It
// takes what Publish takes, but for submissions.
func (d *Database) Load(ctx context.Context, changes []Change) (sequence int64, err error) {
	err = d.change(ctx, "loading", func(ctx context.Context, tx querier) error {
		if sequence, err = lockCatalogue(ctx, tx); err != nil {
			return err
		}
		w := writer{d, tx, sequence, new([]indexed)}
		for _, c := range changes {
			w.sequence = sequence + 1
			var k kept
			if c.Listing != nil {
				if k, err = w.kept(ctx, c.Listing.ID); err != nil {
					return err
				}
			}
			o, err := w.apply(ctx, k, c)
			if err != nil {
				return err
			}
			if err := raise(ctx, tx, w.sequence, o); err != nil {
				return err
			}
			sequence = o.published.Sequence
		}
		return w.index(ctx)
	})
	return sequence, err
}

// lockCatalogue returns the sequence, which nobody else changes until the transaction ends.
func lockCatalogue(ctx context.Context, tx querier) (sequence int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE catalogue SET sequence = sequence WHERE one = 1 RETURNING sequence`).Scan(&sequence)
	return sequence, err
}

// raise writes the new sequence if there is a difference.
func raise(ctx context.Context, tx querier, sequence int64, o outcome) error {
	if !o.catalogue {
		return nil
	}
	statement := `UPDATE catalogue SET sequence = $1 WHERE one = 1`
	if o.lists {
		statement = `UPDATE catalogue SET sequence = $1, lists = $1 WHERE one = 1`
	}
	_, err := tx.ExecContext(ctx, statement, sequence)
	return err
}

// kept reads the row of a listing, if there is one.
func (w writer) kept(ctx context.Context, id string) (k kept, err error) {
	var digest []byte
	err = w.tx.QueryRowContext(ctx, `SELECT number, organization, hidden, digest, size, document FROM listings WHERE folded = $1`,
		store.FoldID(id)).Scan(&k.number, &k.organization, &k.hidden, &digest, &k.object.Size, &k.document)
	if errors.Is(err, sql.ErrNoRows) {
		return kept{}, nil
	}
	k.object.Digest = digestText(digest)
	return k, err
}

// current reads what rules need to know.
func (w writer) current(ctx context.Context, key Key) (c Current, k kept, err error) {
	c.Sequence = w.sequence
	if k, err = w.kept(ctx, key.ID); err != nil {
		return c, k, err
	}
	if k.number != 0 {
		c.Hidden, c.Listing = k.hidden, new(store.Listing)
		if err := unpack(k.document, c.Listing); err != nil {
			return c, k, err
		}
		owner, err := organizationByName(ctx, w.tx, k.organization)
		if err != nil {
			return c, k, err
		}
		c.Owner = &owner
	}
	if key.Pin != "" {
		signer, err := organizationByPin(ctx, w.tx, key.Pin)
		switch {
		case err == nil:
			c.Signer = &signer
		case !errors.Is(err, sql.ErrNoRows):
			return c, k, err
		}
	}
	c.Files = map[string]FileOwner{}
	for _, digest := range key.Digests {
		owner, err := fileOwner(ctx, w.tx, digest)
		switch {
		case err == nil:
			c.Files[digest] = owner
		case !errors.Is(err, sql.ErrNoRows):
			return c, k, err
		}
	}
	if err := w.notices(ctx, key, &c); err != nil {
		return c, k, err
	}
	if key.Submission != 0 {
		s, err := submissionOf(ctx, w.tx, key.Submission)
		if err != nil {
			return c, k, fmt.Errorf("submission %d: %w", key.Submission, err)
		}
		c.Submission = &s
	}
	return c, k, nil
}

// notices reads the advisories and revocations that concern a key.
func (w writer) notices(ctx context.Context, key Key, c *Current) (err error) {
	if c.NextAdvisory, err = nextAdvisory(ctx, w.tx, w.now()); err != nil {
		return err
	}
	folded := store.FoldID(key.ID)
	if key.ID != "" {
		if c.Advisories, err = all(ctx, w.tx, document[store.Advisory], `SELECT document FROM advisories WHERE folded = $1 ORDER BY id`, folded); err != nil {
			return err
		}
		if c.Revocations, err = all(ctx, w.tx, document[store.Revocation], `SELECT document FROM revocations WHERE folded = $1`, folded); err != nil {
			return err
		}
	}
	for _, digest := range key.Digests {
		list, err := all(ctx, w.tx, document[store.Revocation], `SELECT document FROM revocations WHERE digest = $1`, digest)
		if err != nil {
			return err
		}
		for _, r := range list {
			if !slices.Contains(c.Revocations, r) {
				c.Revocations = append(c.Revocations, r)
			}
		}
	}
	return nil
}
