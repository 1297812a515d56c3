package host

import (
	"context"
	"io"
)

// NoticeKind says what a Notice tells. The set is closed, and so are the names: they are
// those of the events of the admin API.
type NoticeKind string

// The kinds.
const (
	NoticeExtension NoticeKind = "extension" // Extension is how a row is now
	NoticeRemoved   NoticeKind = "removed"   // the row ID is gone
	NoticeJob       NoticeKind = "job"       // Job is how a job is now
	// NoticeReset says that what the subscriber knew counts no more: all rows follow.
	NoticeReset NoticeKind = "reset"
)

// Notice says that something is otherwise than before. It tells how things are now, not
// what happened in between: changes that follow each other quickly are one Notice.
type Notice struct {
	// Seq is its place: it grows, also over restarts of the host.
	Seq  uint64
	Kind NoticeKind
	// ID is the id of the row, or the name of the job.
	ID        string
	Extension *Extension // not to be changed
	Job       *Job       // not to be changed
}

// Subscription gives notices. It belongs to one goroutine.
type Subscription struct{}

// Events subscribes to what changes. With after 0 it begins with every row and every job
// that is at work; with the Seq of a Notice, behind that one: with what has changed since,
// or, when that is not known any more, with a reset and every row. Whoever subscribes must
// Close. The error is unavailable when there are too many subscribers.
func (h *Host) Events(after uint64) (*Subscription, error) { return &Subscription{}, nil }

// Next waits for the next notice. It returns ctx's error when that ends first, and can
// be called again then; io.EOF when the host has stopped.
func (s *Subscription) Next(ctx context.Context) (Notice, error) { return Notice{}, io.EOF }

// Close ends the subscription.
func (s *Subscription) Close() {}
