package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Approve publishes a submission that is in_review. Its file is read and judged once more:
// what was published, or revoked, meanwhile counts. The result is published, or
// needs_changes. An *ActionError where there is nothing to approve.
func (d *Desk) Approve(ctx context.Context, number int64, actor string) (store.Submission, error) {
	s, err := d.inReview(ctx, number)
	if err != nil {
		return s, err
	}
	p, problems, err := d.examine(ctx, &s)
	if err != nil {
		return s, err
	}
	if len(problems) > 0 {
		return d.endReview(ctx, s, actor, "refuse", problems)
	}
	return d.publish(ctx, p, "", true, actor)
}

// Reject ends one that is in_review, with the reason that its publisher reads.
func (d *Desk) Reject(ctx context.Context, number int64, actor, reason string) (store.Submission, error) {
	if strings.TrimSpace(reason) == "" {
		return store.Submission{}, actionErrorf(Incomplete, "a rejection needs a reason")
	}
	s, err := d.inReview(ctx, number)
	if err != nil {
		return s, err
	}
	return d.endReview(ctx, s, actor, "reject", []store.Problem{{Code: store.CodeRejected, Message: reason}})
}

// endReview refuses a submission, unless somebody else has ended its review meanwhile.
func (d *Desk) endReview(ctx context.Context, s store.Submission, actor, action string, problems []store.Problem) (store.Submission, error) {
	s.State, s.Updated, s.Problems = store.NeedsChanges, d.now(), boundedProblems(problems)
	_, err := d.cfg.Database.Publish(ctx, database.Key{Submission: s.Number}, func(current database.Current) (database.Change, error) {
		if err := stillInReview(current, s.Number); err != nil {
			return database.Change{}, err
		}
		return database.Change{Submission: &s, Audit: []database.Entry{{
			Actor: actor, Action: action, Target: target(s.Number), Reason: s.Problems[0].Message, Detail: detail(s.Problems)}}}, nil
	})
	return s, ofAction(err, fmt.Sprintf("ending the review of submission %d", s.Number))
}

func stillInReview(current database.Current, number int64) error {
	if current.Submission == nil || current.Submission.State != store.InReview {
		return notInReview(number)
	}
	return nil
}

// Retry submits the bytes of a submission that was refused once more: what an administrator
// has changed meanwhile (roots, organizations) counts. The one that was refused stays.
func (d *Desk) Retry(ctx context.Context, number int64, actor string) (store.Submission, error) {
	was, err := d.cfg.Database.Submission(ctx, number)
	switch {
	case errors.Is(err, database.ErrNotFound):
		return was, actionErrorf(NotFound, "there is no submission %d", number)
	case err != nil:
		return was, fmt.Errorf("looking for submission %d: %w", number, err)
	case was.State != store.NeedsChanges:
		return was, actionErrorf(WrongState, "submission %d is not refused", number)
	}
	now := d.now()
	s, err := d.cfg.Database.AddSubmission(ctx, database.NewSubmission{Submission: store.Submission{
		State: store.Submitted, Source: was.Source, File: was.File, Organization: was.Organization,
		Digest: was.Digest, Size: was.Size, Channel: was.Channel, Detached: was.Detached, Created: now, Updated: now,
	}})
	if err != nil {
		return s, fmt.Errorf("submitting %d once more: %w", number, err)
	}
	d.note(ctx, database.Entry{Actor: actor, Action: "retry", Target: target(s.Number), Reason: target(number)})
	d.alarm()
	return s, nil
}

func (d *Desk) inReview(ctx context.Context, number int64) (store.Submission, error) {
	s, err := d.cfg.Database.Submission(ctx, number)
	switch {
	case errors.Is(err, database.ErrNotFound):
		return s, actionErrorf(NotFound, "there is no submission %d", number)
	case err != nil:
		return s, fmt.Errorf("looking for submission %d: %w", number, err)
	case s.State != store.InReview:
		return s, notInReview(number)
	}
	return s, nil
}

func notInReview(number int64) error {
	return actionErrorf(WrongState, "submission %d is not in review", number)
}
