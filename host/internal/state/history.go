package state

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Event is an entry of the history of an extension. Seq is set by the Store; a zero
// Time means now.
type Event struct {
	Seq  int64
	Time time.Time

	Kind, Version, Digest, Actor, Code, Message string

	// Evidence is JSON (exit code, signal, stderr, goroutine dump), at most 128 KiB.
	// It is kept with the newest 100 events of an extension that have some.
	Evidence json.RawMessage
}

// AuditEntry says who did what, to what, from where. Seq is set by the Store; a zero
// Time means now.
type AuditEntry struct {
	Seq  int64
	Time time.Time

	Actor, Action, Target string

	Before, After json.RawMessage // JSON or nil
	Remote        string
}

const (
	defaultPage = 50
	mostPage    = 500
)

// History returns the newest events of id that are older than cursor ("": the newest
// of all), newest first, and the cursor of the next page, "" at the end. Events that
// are added meanwhile do not shift the pages. At most 500 come at once; limit 0 means
// 50. A cursor that was not given out by History is ErrCursor.
func (s *Store) History(ctx context.Context, id, cursor string, limit int) ([]Event, string, error) {
	before, err := parseCursor("history", cursor)
	if err != nil {
		return nil, "", err
	}
	if s.closed.Load() {
		return nil, "", ErrClosed
	}
	limit = pageSize(limit)
	var events []Event
	err = sqlitefile.Each(ctx, s.file.Read, `SELECT h.seq, time, kind, version, digest, actor, code, message, coalesce(body, '')
FROM history h LEFT JOIN evidence e ON e.seq = h.seq WHERE h.extension = ? AND h.seq < ? ORDER BY h.seq DESC LIMIT ?`,
		func(scan func(...any) error) error {
			var e Event
			var at int64
			var evidence string
			err := scan(&e.Seq, &at, &e.Kind, &e.Version, &e.Digest, &e.Actor, &e.Code, &e.Message, &evidence)
			e.Time, e.Evidence = fromMicro(at), rawJSON(evidence)
			events = append(events, e)
			return err
		}, id, before, limit+1)
	if err != nil {
		return nil, "", sqlitefile.Explain("reading the history of "+id+" in", s.cfg.Path, err)
	}
	if len(events) <= limit {
		return events, "", nil
	}
	events = events[:limit]
	return events, makeCursor("history", events[limit-1].Seq), nil
}

// Audit returns a page of the audit trail, as History does.
func (s *Store) Audit(ctx context.Context, cursor string, limit int) ([]AuditEntry, string, error) {
	return s.FindAudit(ctx, AuditFilter{}, cursor, limit)
}

// AuditFilter says which entries are asked for: those of which all holds that is not
// zero. From is in, Until is out.
type AuditFilter struct {
	Actor, Action, Target string
	From, Until           time.Time
}

// FindAudit returns a page of the entries that match, as History does. The trail has no
// index but its order: a page is found by reading what is newer than its last entry.
func (s *Store) FindAudit(ctx context.Context, f AuditFilter, cursor string, limit int) ([]AuditEntry, string, error) {
	before, err := parseCursor("audit", cursor)
	if err != nil {
		return nil, "", err
	}
	if s.closed.Load() {
		return nil, "", ErrClosed
	}
	limit = pageSize(limit)
	where, values := f.where()
	var entries []AuditEntry
	err = sqlitefile.Each(ctx, s.file.Read, `SELECT seq, time, actor, action, target, before, after, remote
FROM audit WHERE seq < ?`+where+` ORDER BY seq DESC LIMIT ?`,
		func(scan func(...any) error) error {
			var a AuditEntry
			var at int64
			var from, to string
			err := scan(&a.Seq, &at, &a.Actor, &a.Action, &a.Target, &from, &to, &a.Remote)
			a.Time, a.Before, a.After = fromMicro(at), rawJSON(from), rawJSON(to)
			entries = append(entries, a)
			return err
		}, slices.Concat([]any{before}, values, []any{limit + 1})...)
	if err != nil {
		return nil, "", sqlitefile.Explain("reading the audit trail in", s.cfg.Path, err)
	}
	if len(entries) <= limit {
		return entries, "", nil
	}
	entries = entries[:limit]
	return entries, makeCursor("audit", entries[limit-1].Seq), nil
}

// where is the condition, and the values in it.
func (f AuditFilter) where() (condition string, values []any) {
	for _, c := range []struct {
		column, value string
	}{{"actor", f.Actor}, {"action", f.Action}, {"target", f.Target}} {
		if c.value != "" {
			condition += " AND " + c.column + " = ?"
			values = append(values, c.value)
		}
	}
	if !f.From.IsZero() {
		condition, values = condition+" AND time >= ?", append(values, toMicro(f.From))
	}
	if !f.Until.IsZero() {
		condition, values = condition+" AND time < ?", append(values, toMicro(f.Until))
	}
	return condition, values
}

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, mostPage)
}

func rawJSON(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// makeCursor names the place after entry seq of a list. Clients are to pass it on and
// not to make one up, hence the encoding.
func makeCursor(list string, seq int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + ":" + strconv.FormatInt(seq, 10)))
}

// parseCursor returns the number before which the page begins.
func parseCursor(list, cursor string) (int64, error) {
	if cursor == "" {
		return 1<<63 - 1, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, ErrCursor
	}
	number, ok := strings.CutPrefix(string(text), list+":")
	if !ok {
		return 0, ErrCursor
	}
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq <= 0 || makeCursor(list, seq) != cursor {
		return 0, ErrCursor
	}
	return seq, nil
}
