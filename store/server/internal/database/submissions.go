package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// NewSubmission is a submission to be added; its Number is given then.
type NewSubmission struct {
	store.Submission
	// Request is the client's own word for its request, "" for none: where the
	// organization has used it before, that earlier submission is meant.
	Request string
	// Claim is the caller's, who goes on to work on it, and Lease for how long; "" leaves it
	// to whoever claims it.
	Claim string
	Lease time.Duration
}

// SubmissionFilter picks submissions; zero fields pick all.
type SubmissionFilter struct {
	Organization string
	State        store.SubmissionState
	Digest       string
	Listing      string
	Source       string
	Before       int64 // numbers below it, for the next page
	Limit        int   // 1 to 1000, 100 if it is 0
}

// AddSubmission adds one with the next number, and returns it so. Where its Request was
// used before, the earlier one is returned, with ErrExists.
func (d *Database) AddSubmission(ctx context.Context, n NewSubmission) (s store.Submission, err error) {
	err = d.change(ctx, "adding a submission", func(ctx context.Context, tx querier) error {
		s = n.Submission
		// The lock of the counter makes the question and the answer one.
		if err := tx.QueryRowContext(ctx, `UPDATE counter SET value = value + 1 WHERE name = 'submission' RETURNING value`).Scan(&s.Number); err != nil {
			return err
		}
		if n.Request != "" {
			earlier, err := scanSubmission(tx.QueryRowContext(ctx, `SELECT document FROM submissions WHERE organization = $1 AND request = $2`,
				s.Organization, n.Request))
			if err == nil {
				s = earlier
				return fmt.Errorf("submission %d: %w", s.Number, ErrExists)
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		text, err := store.Canonical(s)
		if err != nil {
			return err
		}
		var claimed, attempts int64
		if n.Claim != "" {
			claimed, attempts = micros(d.now().Add(n.Lease)), 1
		}
		return insert(ctx, tx, "submissions (number, organization, request, source, state, digest, listing, updated, document, claim, claimed, attempts)",
			[][]any{{s.Number, s.Organization, sql.NullString{String: n.Request, Valid: n.Request != ""}, s.Source, string(s.State),
				s.Digest, store.FoldID(s.Listing), micros(s.Updated), string(text), n.Claim, claimed, attempts}}, "")
	})
	return s, err
}

// Submission returns one.
func (d *Database) Submission(ctx context.Context, number int64) (s store.Submission, err error) {
	err = d.look(ctx, fmt.Sprintf("reading submission %d", number), func(ctx context.Context, q querier) error {
		s, err = submissionOf(ctx, q, number)
		return err
	})
	return s, err
}

// Submissions returns those that the filter picks, newest first.
func (d *Database) Submissions(ctx context.Context, f SubmissionFilter) (list []store.Submission, err error) {
	var w where
	w.addText("organization = ?", f.Organization)
	w.addText("state = ?", string(f.State))
	w.addText("digest = ?", f.Digest)
	w.addText("listing = ?", store.FoldID(f.Listing))
	w.addText("source = ?", f.Source)
	if f.Before > 0 {
		w.add("number < ?", f.Before)
	}
	err = d.look(ctx, "reading submissions", func(ctx context.Context, q querier) error {
		list, err = all(ctx, q, scanSubmission, `SELECT document FROM submissions`+w.String()+
			` ORDER BY number DESC LIMIT `+strconv.Itoa(limited(f.Limit, 100, 1000)), w.args...)
		return err
	})
	return list, err
}

// ClaimSubmission takes the oldest submission that is submitted or checking and that nobody
// works on, in the name of claim, for as long as lease: one that is neither renewed nor
// saved in a later state by then is handed out again. The clocks of replicas must agree far
// better than a lease is long. attempts counts how often it was handed out, this time
// included. ErrNotFound if there is none.
func (d *Database) ClaimSubmission(ctx context.Context, claim string, lease time.Duration) (s store.Submission, attempts int, err error) {
	err = d.change(ctx, "claiming a submission", func(ctx context.Context, tx querier) error {
		now := d.now()
		var number int64
		err := tx.QueryRowContext(ctx, `UPDATE submissions SET claim = $1, claimed = $2, attempts = attempts + 1 WHERE number = (
			SELECT number FROM submissions WHERE state IN ('submitted', 'checking') AND claimed <= $3
			ORDER BY number LIMIT 1`+d.engine.skipLocked()+`) RETURNING number, attempts`,
			claim, micros(now.Add(lease)), micros(now)).Scan(&number, &attempts)
		if err != nil {
			return err
		}
		s, err = submissionOf(ctx, tx, number)
		return err
	})
	return s, attempts, err
}

// RenewClaim makes the claim last for lease from now, or is ErrConflict if it is lost.
func (d *Database) RenewClaim(ctx context.Context, number int64, claim string, lease time.Duration) error {
	return d.change(ctx, fmt.Sprintf("renewing the claim on submission %d", number), func(ctx context.Context, tx querier) error {
		n, err := affected(ctx, tx, `UPDATE submissions SET claimed = $1 WHERE number = $2 AND claim = $3 AND claim <> ''`,
			micros(d.now().Add(lease)), number, claim)
		if err == nil && n == 0 {
			return ErrConflict
		}
		return err
	})
}

// SaveSubmission writes what was found of a submission. claim is the caller's, or "" for one
// that nobody has claimed; else it is ErrConflict. In a state that nobody works on the
// claim ends.
func (d *Database) SaveSubmission(ctx context.Context, s store.Submission, claim string, audit ...Entry) error {
	return d.change(ctx, fmt.Sprintf("saving submission %d", s.Number), func(ctx context.Context, tx querier) error {
		if err := d.writeSubmission(ctx, tx, s, claim); err != nil {
			return err
		}
		for _, e := range audit {
			if err := d.log(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeSubmission writes a submission that claim is on. Who lost a claim by its lease alone,
// with nobody else there, still has it.
func (d *Database) writeSubmission(ctx context.Context, tx querier, s store.Submission, claim string) error {
	text, err := store.Canonical(s)
	if err != nil {
		return err
	}
	after := claim
	if s.State != store.Submitted && s.State != store.Checking {
		after = ""
	}
	n, err := affected(ctx, tx, `UPDATE submissions SET organization = $1, source = $2, state = $3, digest = $4, listing = $5, document = $6,
		claim = $7, claimed = CASE WHEN $7 = '' THEN 0 ELSE claimed END, updated = $8 WHERE number = $9 AND claim = $10`,
		s.Organization, s.Source, string(s.State), s.Digest, store.FoldID(s.Listing), string(text), after, micros(s.Updated), s.Number, claim)
	if err != nil || n == 1 {
		return err
	}
	if _, err := submissionOf(ctx, tx, s.Number); err != nil {
		return fmt.Errorf("submission %d: %w", s.Number, err)
	}
	return fmt.Errorf("%w: somebody else works on submission %d", ErrConflict, s.Number)
}

// submissionOf is sql.ErrNoRows for none.
func submissionOf(ctx context.Context, q querier, number int64) (store.Submission, error) {
	return scanSubmission(q.QueryRowContext(ctx, `SELECT document FROM submissions WHERE number = $1`, number))
}

func scanSubmission(r row) (store.Submission, error) { return document[store.Submission](r) }

// quarantine is how long the bytes of a submission that was refused are kept.
const quarantine = 30 * 24 * time.Hour

// InUse tells whether the blob with this digest belongs to a release, to a picture or to a
// submission; to one that was refused only for 30 days from its last change.
func (d *Database) InUse(ctx context.Context, digest string) (used bool, err error) {
	raw, err := rawDigest(digest)
	if err != nil {
		return false, err
	}
	err = d.look(ctx, "looking for the use of "+digest, func(ctx context.Context, q querier) error {
		return q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM files WHERE digest = $1)
			OR EXISTS (SELECT 1 FROM pictures WHERE digest = $1)
			OR EXISTS (SELECT 1 FROM submissions WHERE digest = $2 AND (state <> 'needs_changes' OR updated > $3))`,
			raw, digest, micros(d.now().Add(-quarantine))).Scan(&used)
	})
	return used, err
}
