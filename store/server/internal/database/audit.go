package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/store"
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
	// Hash is the hex SHA-256 over the hash before it, a line feed, and this entry as JSON
	// with an empty hash: whoever has noted one can tell that nothing before it was changed.
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
func (d *Database) Append(ctx context.Context, e Entry) error {
	return d.change(ctx, "writing the audit trail", func(ctx context.Context, tx querier) error { return d.log(ctx, tx, e) })
}

// Audit returns entries, newest first.
func (d *Database) Audit(ctx context.Context, f AuditFilter) (list []Entry, err error) {
	var w where
	w.addText("target = ?", f.Target)
	w.addText("actor = ?", f.Actor)
	if f.Before > 0 {
		w.add("number < ?", f.Before)
	}
	err = d.look(ctx, "reading the audit trail", func(ctx context.Context, q querier) error {
		list, err = all(ctx, q, scanEntry, `SELECT `+entryColumns+` FROM audit`+w.String()+
			` ORDER BY number DESC LIMIT `+strconv.Itoa(limited(f.Limit, 100, 1000)), w.args...)
		return err
	})
	return list, err
}

// ErrAudit says that the audit trail is not what was written.
var ErrAudit = errors.New("the audit trail was changed")

// VerifyAudit recomputes the chain and returns its last entry, or ErrAudit with the number of
// the first that is not what was written. It sees entries that were changed, taken out or
// cut off. Who can write to the database can compute the whole chain anew: note a hash
// elsewhere to see that, too.
func (d *Database) VerifyAudit(ctx context.Context) (last Entry, err error) {
	var count int64
	var head string
	err = d.look(ctx, "reading the audit trail", func(ctx context.Context, q querier) error {
		return q.QueryRowContext(ctx, `SELECT value, note FROM counter WHERE name = 'audit'`).Scan(&count, &head)
	})
	for err == nil && last.Number < count {
		before := last.Number
		err = d.look(ctx, "reading the audit trail", func(ctx context.Context, q querier) error {
			list, err := all(ctx, q, scanEntry, `SELECT `+entryColumns+` FROM audit WHERE number > $1 AND number <= $2 ORDER BY number LIMIT 1000`,
				last.Number, count)
			for _, e := range list {
				if e.Number != last.Number+1 || e.Hash != e.chained(last.Hash) {
					return fmt.Errorf("%w at entry %d", ErrAudit, last.Number+1)
				}
				last = e
			}
			return err
		})
		if err == nil && last.Number == before {
			return last, fmt.Errorf("%w: it ends at entry %d, %d were written", ErrAudit, last.Number, count)
		}
	}
	if err == nil && last.Hash != head {
		err = fmt.Errorf("%w at entry %d", ErrAudit, last.Number)
	}
	return last, err
}

// log adds an entry. The lock of the counter keeps the chain in one line.
func (d *Database) log(ctx context.Context, tx querier, e Entry) error {
	var before string
	err := tx.QueryRowContext(ctx, `UPDATE counter SET value = value + 1 WHERE name = 'audit' RETURNING value, note`).Scan(&e.Number, &before)
	if err != nil {
		return err
	}
	e.Time = d.now()
	for _, text := range []*string{&e.Actor, &e.Action, &e.Target, &e.Reason, &e.Detail, &e.Remote} {
		*text = validText(*text) // what is hashed is what is kept
	}
	e.Hash = e.chained(before)
	err = insert(ctx, tx, "audit ("+entryColumns+")", [][]any{{e.Number, micros(e.Time), e.Actor, e.Action, e.Target, e.Reason, e.Detail, e.Remote, e.Hash}}, "")
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE counter SET note = $1 WHERE name = 'audit'`, e.Hash)
	return err
}

// chained is the hash that e has behind an entry with the hash before.
func (e Entry) chained(before string) string {
	e.Hash = ""
	data, err := store.Canonical(e)
	if err != nil {
		panic(err) // texts, a number and a time
	}
	sum := sha256.Sum256(append([]byte(before+"\n"), data...))
	return hex.EncodeToString(sum[:])
}

const entryColumns = "number, time, actor, action, target, reason, detail, remote, hash"

func scanEntry(r row) (e Entry, err error) {
	var when int64
	err = r.Scan(&e.Number, &when, &e.Actor, &e.Action, &e.Target, &e.Reason, &e.Detail, &e.Remote, &e.Hash)
	e.Time = timeOf(when)
	return e, err
}
