package database

import (
	"context"
	"time"
)

// Entry is one line of the audit trail: who did what to what, and why.
type Entry struct {
	Number int64     `json:"number"` // from 1, without gaps
	Time   time.Time `json:"time"`
	Actor  string    `json:"actor"`  // a token's id, or "store"
	Action string    `json:"action"` // "publish", "withdraw", "organization.save", …
	Target string    `json:"target"` // "org.acme.Hello 1.2.3", "submission 17", …
	Reason string    `json:"reason,omitempty"`
	Detail string    `json:"detail,omitempty"` // JSON
	Remote string    `json:"remote,omitempty"` // address of who asked
	// Hash is the hex SHA-256 over the hash before it and everything above: whoever has
	// noted one can tell that nothing before it was changed.
	Hash string `json:"hash"`
}

// AuditFilter picks entries; zero fields pick all.
type AuditFilter struct {
	Target string
	Actor  string
	Before int64 // numbers below it, for the next page
	Limit  int   // 1 to 1000, 100 if it is 0
}

// Append adds an entry for what was done without another method that takes one.
func (d *Database) Append(ctx context.Context, e Entry) error { return d.appendEntry(ctx, e) }

// Audit returns entries, newest first.
func (d *Database) Audit(ctx context.Context, f AuditFilter) ([]Entry, error) { return d.audit(ctx, f) }

// VerifyAudit recomputes the chain and returns its last entry, or says which entry is not
// what was written.
func (d *Database) VerifyAudit(ctx context.Context) (last Entry, err error) {
	return d.verifyAudit(ctx)
}
