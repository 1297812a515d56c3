// Package ingest is the door of a store: what comes in as a file leaves it as a release, or
// stays with its reasons.
//
//	desk, err := ingest.New(ingest.Config{…})
//	desk.Resume(ctx)                     // once, before the first Submit
//	submission, err := desk.Submit(ctx, ingest.Upload{…})
//	listing, err := desk.Act(ctx, ingest.Action{…})
//
// What is promised: a file is published only after its format's reader has read all of it
// and its signature was judged; its bytes are in the blobs, synced, before the catalogue
// names them; nothing that it holds ends the process or takes more time and memory than the
// Config allows; and every submission ends as published, in_review or needs_changes, also
// when the process is killed in between. Nothing but the changes of one listing depends on a
// file: those of others are served as before.
package ingest

import (
	"context"
	"io"

	"github.com/jackfield-host/jackfield/store"
)

// Upload is a file on its way in.
type Upload struct {
	// Source is SourceAPI or SourceDrop.
	Source string
	// File is the name that it came with: only for people.
	File string
	// Organization is who sends it, of those that the store knows: what it signs is what
	// it may publish. Empty is the store's administrator: whoever signed is the publisher.
	Organization string
	// Actor is who did it, for the audit trail: the name of a token, or "drop".
	Actor string
	// Channel is where it is to be published; empty: beta for a version with a suffix,
	// else stable.
	Channel store.Channel
	// Body is read to its end, or to the limit.
	Body io.Reader
}

// The sources of uploads.
const (
	SourceAPI  = "api"
	SourceDrop = "drop"
)

// Submit takes a file in, checks it, and publishes it where the admission is direct. It
// returns when the submission is published, in_review or needs_changes; why it was refused
// stands in its Problems, and is no error. Bytes that the same publisher has published
// already are answered with the release that they are. The error wraps ErrTooBig, ErrBusy,
// that of ctx, or tells what is wrong with database or blobs: then the submission, if its
// bytes were taken in, is taken up again by Resume.
func (d *Desk) Submit(ctx context.Context, u Upload) (store.Submission, error) {
	return store.Submission{}, nil
}

// Approve publishes a submission that is in_review.
func (d *Desk) Approve(ctx context.Context, number int64, actor string) (store.Submission, error) {
	return store.Submission{}, nil
}

// Reject ends one that is in_review, with the reason that its publisher reads.
func (d *Desk) Reject(ctx context.Context, number int64, actor, reason string) (store.Submission, error) {
	return store.Submission{}, nil
}

// Resume ends what a killed process has left: files half taken in are removed, and
// submissions that were being checked are checked again, or refused with their reason.
func (d *Desk) Resume(ctx context.Context) error { return nil }

// Desk takes files in. Its methods may be called by any goroutine.
type Desk struct{}
