package database

import (
	"context"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

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

// AddSubmission adds s with the next number, and returns it so. key is the client's word
// for this request, "" for none: where the organization has used it before, that earlier
// submission is returned, with ErrExists.
func (d *Database) AddSubmission(ctx context.Context, s store.Submission, key string) (store.Submission, error) {
	return d.addSubmission(ctx, s, key)
}

// Submission returns one.
func (d *Database) Submission(ctx context.Context, number int64) (store.Submission, error) {
	return d.submission(ctx, number)
}

// Submissions returns those that the filter picks, newest first.
func (d *Database) Submissions(ctx context.Context, f SubmissionFilter) ([]store.Submission, error) {
	return d.submissions(ctx, f)
}

// ClaimSubmission takes the oldest submission that is submitted or checking and that nobody
// works on, in the name of claim, for as long as lease: one that is neither renewed nor
// saved in a later state by then is handed out again. The clocks of replicas must agree far
// better than a lease is long. attempts counts how often it was handed out, this time
// included. ErrNotFound if there is none.
func (d *Database) ClaimSubmission(ctx context.Context, claim string, lease time.Duration) (s store.Submission, attempts int, err error) {
	return d.claimSubmission(ctx, claim, lease)
}

// RenewClaim makes the claim last for lease from now, or is ErrConflict if it is lost.
func (d *Database) RenewClaim(ctx context.Context, number int64, claim string, lease time.Duration) error {
	return d.renewClaim(ctx, number, claim, lease)
}

// SaveSubmission writes what was found of a submission. claim is the caller's, or "" for one
// that nobody has claimed; else it is ErrConflict. In a state that nobody works on the
// claim ends.
func (d *Database) SaveSubmission(ctx context.Context, s store.Submission, claim string, audit ...Entry) error {
	return d.saveSubmission(ctx, s, claim, audit)
}

// InUse tells whether the blob with this digest belongs to a release, to a picture or to a
// submission.
func (d *Database) InUse(ctx context.Context, digest string) (bool, error) {
	return d.inUse(ctx, digest)
}
