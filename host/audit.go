package host

import (
	"context"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

// AuditQuery asks for a part of the audit trail. What is empty is not asked for; all
// that is must hold of an entry.
type AuditQuery struct {
	// Actor, Action and Target must be those of the entry, letter by letter.
	Actor, Action, Target string
	// From and Until bound its time; Until itself is out.
	From, Until time.Time
	// Cursor is Next of the page before, empty for the first one. It counts for the same
	// question only.
	Cursor string
	// Limit is how many entries a page has, at most 500; 0 for 50.
	Limit int
}

// FindAudit returns who did what, newest first, as far as q asks. The error is an *Error:
// CodeInvalidArgument for a cursor that was not given out.
func (h *Host) FindAudit(ctx context.Context, q AuditQuery) (AuditPage, error) {
	entries, next, err := h.state.FindAudit(ctx, state.AuditFilter{
		Actor: q.Actor, Action: q.Action, Target: q.Target, From: q.From, Until: q.Until,
	}, q.Cursor, q.Limit)
	if err != nil {
		return AuditPage{}, asError(err)
	}
	page := AuditPage{Events: make([]AuditEntry, len(entries)), Next: next}
	for i, e := range entries {
		page.Events[i] = AuditEntry{
			Time: e.Time, Actor: e.Actor, Action: e.Action, Target: e.Target, Before: e.Before, After: e.After, Remote: e.Remote,
		}
	}
	return page, nil
}

// Audit returns who did what, newest first.
func (h *Host) Audit(ctx context.Context, cursor string, limit int) (AuditPage, error) {
	return h.FindAudit(ctx, AuditQuery{Cursor: cursor, Limit: limit})
}
