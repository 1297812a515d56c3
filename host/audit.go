package host

import (
	"context"
	"time"
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
	return AuditPage{}, nil
}
