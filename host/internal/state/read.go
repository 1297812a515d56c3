package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

func readExtensions(ctx context.Context, db *sql.DB) (map[string]Extension, error) {
	all := map[string]Extension{}
	err := query(ctx, db, func(scan func(...any) error) error {
		var x Extension
		var removed int64
		var rejected string
		err := scan(&x.ID, &x.Disabled, &x.Unconfirmed, &x.Pinned, &x.Current, &x.Version, &x.File, &removed, &rejected)
		if err != nil {
			return err
		}
		x.Removed = timeOf(removed)
		if err := json.Unmarshal([]byte(rejected), &x.Rejected); err != nil {
			return fmt.Errorf("%w: what was rejected of %s: %w", errDamaged, x.ID, err)
		}
		all[x.ID] = x
		return nil
	}, "SELECT id, disabled, unconfirmed, pinned, current, version, file, removed, rejected FROM extensions")
	return all, err
}

func readVersions(ctx context.Context, db *sql.DB) (map[string][]Version, error) {
	all := map[string][]Version{}
	err := query(ctx, db, func(scan func(...any) error) error {
		var id string
		var v Version
		var first, last int64
		if err := scan(&id, &v.Digest, &v.Version, &first, &last); err != nil {
			return err
		}
		v.First, v.Last = timeOf(first), timeOf(last)
		all[id] = append(all[id], v)
		return nil
	}, "SELECT extension, digest, version, first, last FROM versions ORDER BY last DESC, rowid")
	return all, err
}

func readFacts(ctx context.Context, db *sql.DB) (map[string]string, error) {
	facts := map[string]string{}
	err := query(ctx, db, func(scan func(...any) error) error {
		var key, value string
		if err := scan(&key, &value); err != nil {
			return err
		}
		facts[key] = value
		return nil
	}, "SELECT key, value FROM facts")
	return facts, err
}

// query calls row for each row of the answer.
func query(ctx context.Context, db *sql.DB, row func(scan func(...any) error) error, statement string, args ...any) error {
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// History returns at most limit events of an extension, the newest first, from the one
// that cursor names on ("" for the newest), and the cursor of the next one, "" if there
// is none. What happens meanwhile does not move the pages.
func (s *Store) History(ctx context.Context, id, cursor string, limit int) ([]Event, string, error) {
	from, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	events := []Event{}
	err = query(ctx, s.db, func(scan func(...any) error) error {
		var e Event
		var at int64
		var evidence string
		if err := scan(&e.Seq, &at, &e.Kind, &e.Version, &e.Digest, &e.Actor, &e.Code, &e.Message, &evidence); err != nil {
			return err
		}
		e.Time, e.Evidence = timeOf(at), rawOf(evidence)
		events = append(events, e)
		return nil
	}, `SELECT seq, time, kind, version, digest, actor, code, message, evidence FROM events
WHERE extension = $1 AND seq <= $2 ORDER BY seq DESC LIMIT $3`, id, from, limit+1)
	if err != nil {
		return nil, "", asOwn(err)
	}
	next := ""
	if len(events) > limit {
		next = strconv.FormatInt(events[limit].Seq, 36)
		events = events[:limit]
	}
	return events, next, nil
}

// Audit returns entries of the audit trail as History returns events.
func (s *Store) Audit(ctx context.Context, cursor string, limit int) ([]AuditEntry, string, error) {
	from, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	entries := []AuditEntry{}
	err = query(ctx, s.db, func(scan func(...any) error) error {
		var a AuditEntry
		var at int64
		var before, after string
		if err := scan(&a.Seq, &at, &a.Actor, &a.Action, &a.Target, &before, &after, &a.Remote); err != nil {
			return err
		}
		a.Time, a.Before, a.After = timeOf(at), rawOf(before), rawOf(after)
		entries = append(entries, a)
		return nil
	}, `SELECT seq, time, actor, action, target, before, after, remote FROM audit
WHERE seq <= $1 ORDER BY seq DESC LIMIT $2`, from, limit+1)
	if err != nil {
		return nil, "", asOwn(err)
	}
	next := ""
	if len(entries) > limit {
		next = strconv.FormatInt(entries[limit].Seq, 36)
		entries = entries[:limit]
	}
	return entries, next, nil
}

func rawOf(document string) json.RawMessage {
	if document == "" {
		return nil
	}
	return json.RawMessage(document)
}

// parseCursor returns the number that a cursor names.
func parseCursor(cursor string) (int64, error) {
	if cursor == "" {
		return math.MaxInt64, nil
	}
	n, err := strconv.ParseInt(cursor, 36, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 36) != cursor {
		return 0, ErrCursor
	}
	return n, nil
}
