package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"
)

// Change makes one change; it is on disk when Change returns nil. On an error (ErrFull,
// ErrReadOnly, any other) nothing is changed.
func (s *Store) Change(ctx context.Context, c Change) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	x, versions := s.edited(c)
	err := s.transact(ctx, func(tx *sql.Tx) error {
		if c.Edit != nil || c.Healthy != nil {
			if err := writeExtension(ctx, tx, x); err != nil {
				return err
			}
		}
		if c.Healthy != nil {
			if err := writeVersions(ctx, tx, c.ID, versions); err != nil {
				return err
			}
		}
		if err := s.writeEvents(ctx, tx, c.ID, c.Events); err != nil {
			return err
		}
		return writeAudit(ctx, tx, c.Audit)
	})
	if err != nil {
		return asOwn(err)
	}
	if c.Edit != nil || c.Healthy != nil {
		s.mu.Lock()
		s.extensions[c.ID], s.versions[c.ID] = x, versions
		s.mu.Unlock()
		s.touch()
	}
	return nil
}

// edited returns what c makes of its extension.
func (s *Store) edited(c Change) (Extension, []Version) {
	s.mu.Lock()
	x, known := s.extensions[c.ID]
	versions := slices.Clone(s.versions[c.ID])
	s.mu.Unlock()
	if !known {
		x = Extension{}
	}
	x.Rejected = slices.Clone(x.Rejected)
	if c.Edit != nil {
		c.Edit(&x)
	}
	x.ID = c.ID
	if v := c.Healthy; v != nil {
		x.Current, x.Version = v.Digest, v.Version
		at := slices.IndexFunc(versions, func(old Version) bool { return old.Digest == v.Digest })
		now := *v
		if at >= 0 {
			now.First = versions[at].First
			versions = slices.Delete(versions, at, at+1)
		}
		versions = slices.Insert(versions, 0, now)
	}
	if len(x.Rejected) > keptRejected {
		x.Rejected = x.Rejected[:keptRejected]
	}
	earlier := 0
	versions = slices.DeleteFunc(versions, func(v Version) bool {
		if v.Digest == x.Current || v.Digest == x.Pinned {
			return false
		}
		earlier++
		return earlier > keptEarlier
	})
	return x, versions
}

// Purge forgets an extension and its history; the audit trail keeps a.
func (s *Store) Purge(ctx context.Context, id string, a AuditEntry) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{"DELETE FROM extensions WHERE id = $1", "DELETE FROM events WHERE extension = $1"} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return writeAudit(ctx, tx, []AuditEntry{a})
	})
	if err != nil {
		return asOwn(err)
	}
	s.mu.Lock()
	delete(s.extensions, id)
	delete(s.versions, id)
	s.mu.Unlock()
	s.touch()
	return nil
}

// SetValue keeps a fact of the host.
func (s *Store) SetValue(ctx context.Context, key, value string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			"INSERT INTO facts (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
		return err
	})
	if err != nil {
		return asOwn(err)
	}
	s.mu.Lock()
	s.facts[key] = value
	s.mu.Unlock()
	s.touch()
	return nil
}

// touch asks for a backup.
func (s *Store) touch() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// transact runs do in a transaction. A connection whose rollback failed is dropped by
// database/sql, so that the next one begins anew.
func (s *Store) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			return errors.Join(err, back)
		}
		return err
	}
	return tx.Commit()
}

func writeExtension(ctx context.Context, tx *sql.Tx, x Extension) error {
	for i := range x.Rejected {
		x.Rejected[i].Message = clip(x.Rejected[i].Message, maxText)
	}
	rejected, err := json.Marshal(x.Rejected)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
INSERT INTO extensions (id, disabled, unconfirmed, pinned, current, version, file, removed, rejected)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET disabled = excluded.disabled, unconfirmed = excluded.unconfirmed, pinned = excluded.pinned,
	current = excluded.current, version = excluded.version, file = excluded.file, removed = excluded.removed, rejected = excluded.rejected`,
		x.ID, x.Disabled, x.Unconfirmed, x.Pinned, x.Current, x.Version, x.File, nanos(x.Removed), string(rejected))
	return err
}

func writeVersions(ctx context.Context, tx *sql.Tx, id string, versions []Version) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM versions WHERE extension = $1", id); err != nil {
		return err
	}
	for _, v := range versions {
		_, err := tx.ExecContext(ctx, "INSERT INTO versions (extension, digest, version, first, last) VALUES ($1, $2, $3, $4, $5)",
			id, v.Digest, v.Version, nanos(v.First), nanos(v.Last))
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) writeEvents(ctx context.Context, tx *sql.Tx, id string, events []Event) error {
	for _, e := range events {
		_, err := tx.ExecContext(ctx, `
INSERT INTO events (extension, time, kind, version, digest, actor, code, message, evidence)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			id, nanos(e.Time), clip(e.Kind, maxText), clip(e.Version, maxText), clip(e.Digest, maxText), clip(e.Actor, maxText),
			clip(e.Code, maxText), clip(e.Message, maxText), document(e.Evidence))
		if err != nil {
			return err
		}
	}
	if s.events += len(events); s.events < pruneEvery {
		return nil
	}
	s.events = 0
	return prune(ctx, tx)
}

func writeAudit(ctx context.Context, tx *sql.Tx, entries []AuditEntry) error {
	for _, a := range entries {
		_, err := tx.ExecContext(ctx, `
INSERT INTO audit (time, actor, action, target, before, after, remote) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			nanos(a.Time), clip(a.Actor, maxText), clip(a.Action, maxText), clip(a.Target, maxText),
			document(a.Before), document(a.After), clip(a.Remote, maxText))
		if err != nil {
			return err
		}
	}
	return nil
}

// prune removes what is too old to be kept.
func prune(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `
DELETE FROM events WHERE seq IN (
	SELECT seq FROM (SELECT seq, ROW_NUMBER() OVER (PARTITION BY extension ORDER BY seq DESC) AS place FROM events) WHERE place > $1)`, keptEvents)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM audit WHERE seq <= (SELECT MAX(seq) FROM audit) - $1", keptAudit)
	return err
}

// document is a JSON document as it is kept: one that is too big is not.
func document(raw json.RawMessage) string {
	if len(raw) > maxEvidence {
		return ""
	}
	return string(raw)
}

// clip cuts s to at most n bytes, at the beginning of a rune.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}
