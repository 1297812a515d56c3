package state

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Change is what happens in one transaction.
type Change struct {
	// ID is the extension. Only a change of nothing but Audit may leave it out.
	ID string
	// Edit changes a copy of the row of ID, which is made when it is missing; nil
	// leaves it alone. It runs while no other change can, so it must not call the
	// Store; what it finds is what is saved.
	Edit func(*Extension)
	// Healthy is a version of ID that became healthy: before Edit runs it is made
	// the current one, is struck off the rejected ones and counts among the kept
	// ones. A zero Last means now, a zero First Last.
	Healthy *Version
	// Configuration is the next revision of what is set for ID, nil for none. Another
	// revision than the next is ErrRevision.
	Configuration *Configuration
	Events        []Event
	Audit         []AuditEntry
}

// Change saves c. When it returns nil, c is durable; otherwise nothing is changed. On
// a full disk errors.Is(err, ErrFull) holds, and a later Change works as soon as
// there is room. The context bounds the wait for other changes; a change once begun
// is not cancelled.
//
// Texts that are too long are cut at a rune: a message at 4 KiB, other texts at 512
// bytes. Evidence and before and after values that are too long (128 KiB) or no JSON
// are replaced by a JSON text that says so.
func (s *Store) Change(ctx context.Context, c Change) error {
	if err := c.check(); err != nil {
		return err
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()

	now := time.Now()
	old, existed := s.mem.extensions[c.ID]
	e, versions := old.clone(), s.mem.versions[c.ID]
	e.ID = c.ID
	if c.Healthy != nil {
		v, err := boundVersion(*c.Healthy)
		if err != nil {
			return err
		}
		versions = healthy(versions, v, now)
		v = versions[0]
		e.Current, e.Version, e.File = v.Digest, v.Version, v.File
		e.Rejected = slices.DeleteFunc(e.Rejected, func(r Rejection) bool { return r.Digest == v.Digest })
	}
	if c.Edit != nil {
		c.Edit(&e)
		e.ID = c.ID
		if e, err = boundExtension(e); err != nil {
			return err
		}
	}
	configured, err := s.configured(c, now)
	if err != nil {
		return err
	}
	kept, gone := prune(versions, e)
	// An edit that changes nothing costs no write and no backup.
	edited := c.Healthy != nil || c.Edit != nil && !(existed && reflect.DeepEqual(old, e))
	if !edited && c.Configuration == nil && len(c.Events) == 0 && len(c.Audit) == 0 {
		return nil
	}

	events, evidence := s.mem.events[c.ID], s.mem.evidence[c.ID]
	err = sqlitefile.Transact(s.file.Write, func(tx *sql.Tx) error {
		if edited {
			if err := saveExtension(tx, e); err != nil {
				return err
			}
		}
		if c.Healthy != nil {
			if err := saveVersion(tx, c.ID, versions[0]); err != nil {
				return err
			}
		}
		if edited {
			for _, v := range gone {
				if _, err := tx.Exec("DELETE FROM version WHERE extension = ? AND digest = ?", c.ID, v.Digest); err != nil {
					return err
				}
			}
		}
		if c.Configuration != nil {
			if err := saveConfiguration(tx, c.ID, configured, s.mem.configurations[c.ID]); err != nil {
				return err
			}
		}
		var err error
		if events, evidence, err = addEvents(tx, c.ID, c.Events, events, evidence, now); err != nil {
			return err
		}
		return addAudit(tx, c.Audit, now)
	})
	if err != nil {
		return sqlitefile.Explain("saving a change in", s.cfg.Path, err)
	}

	if len(c.Events) > 0 {
		s.mem.events[c.ID], s.mem.evidence[c.ID] = events, evidence
	}
	if edited || c.Configuration != nil {
		s.mu.Lock()
		if edited {
			s.mem.extensions[c.ID] = e
			s.mem.versions[c.ID] = kept
		}
		if c.Configuration != nil {
			s.mem.configurations[c.ID] = configured
		}
		s.mu.Unlock()
		s.file.Changed()
	}
	return nil
}

// configured is the configuration as it is saved with c, a zero one for none.
func (s *Store) configured(c Change, now time.Time) (Configuration, error) {
	if c.Configuration == nil {
		return Configuration{}, nil
	}
	return c.Configuration.bound(s.mem.configurations[c.ID].Revision, now)
}

func (c Change) check() error {
	if c.ID == "" && (c.Edit != nil || c.Healthy != nil || c.Configuration != nil || len(c.Events) > 0) {
		return invalid("no extension is named")
	}
	if err := checkKey("extension id", c.ID); err != nil {
		return err
	}
	if c.Healthy != nil {
		if c.Healthy.Digest == "" {
			return invalid("the healthy version of %s has no digest", c.ID)
		}
		return checkKey("digest", c.Healthy.Digest)
	}
	return nil
}

// Purge forgets the row, the kept versions, the configuration and the history of id. The entry a, if it
// names an action, goes into the audit trail, which keeps what it had.
func (s *Store) Purge(ctx context.Context, id string, a AuditEntry) error {
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	err = sqlitefile.Transact(s.file.Write, func(tx *sql.Tx) error {
		for _, query := range []string{
			"DELETE FROM evidence WHERE extension = ?",
			"DELETE FROM history WHERE extension = ?",
			"DELETE FROM configuration WHERE extension = ?",
			"DELETE FROM extension WHERE id = ?", // and its versions with it
		} {
			if _, err := tx.Exec(query, id); err != nil {
				return err
			}
		}
		if a.Action == "" {
			return nil
		}
		return addAudit(tx, []AuditEntry{a}, time.Now())
	})
	if err != nil {
		return sqlitefile.Explain("purging "+id+" in", s.cfg.Path, err)
	}
	s.mu.Lock()
	s.mem.forget(id)
	s.mu.Unlock()
	s.file.Changed()
	return nil
}

// SetValue records a fact of the host under key; an empty value removes it.
func (s *Store) SetValue(ctx context.Context, key, value string) error {
	if key == "" {
		return invalid("a value needs a key")
	}
	if err := checkKey("key", key); err != nil {
		return err
	}
	if len(value) > maxBody {
		return invalid("the value of %s has %d bytes, %d is the most", key, len(value), maxBody)
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if s.mem.values[key] == value {
		return nil
	}
	err = sqlitefile.Transact(s.file.Write, func(tx *sql.Tx) error { return saveValue(tx, key, value) })
	if err != nil {
		return sqlitefile.Explain("saving "+key+" in", s.cfg.Path, err)
	}
	s.mu.Lock()
	if value == "" {
		delete(s.mem.values, key)
	} else {
		s.mem.values[key] = value
	}
	s.mu.Unlock()
	s.file.Changed()
	return nil
}

// acquire waits for the right to write, which release gives back.
func (s *Store) acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.closed.Load() {
		<-s.writing
		return nil, ErrClosed
	}
	return func() { <-s.writing }, nil
}

func saveExtension(tx *sql.Tx, e Extension) error {
	rejected, err := json.Marshal(e.Rejected)
	if err != nil {
		return err
	}
	decisions, err := json.Marshal(e.Decisions)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO extension (id, disabled, unconfirmed, pinned, current, version, file, removed, rejected, consented, decisions, publisher, log_level)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET disabled = excluded.disabled,
unconfirmed = excluded.unconfirmed, pinned = excluded.pinned, current = excluded.current, version = excluded.version,
file = excluded.file, removed = excluded.removed, rejected = excluded.rejected, consented = excluded.consented,
decisions = excluded.decisions, publisher = excluded.publisher, log_level = excluded.log_level`,
		e.ID, e.Disabled, e.Unconfirmed, e.Pinned, e.Current, e.Version, e.File, toMicro(e.Removed), string(rejected),
		e.Consented, string(decisions), e.Publisher, e.LogLevel)
	return err
}

func saveVersion(tx *sql.Tx, id string, v Version) error {
	permissions, err := json.Marshal(v.Permissions)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO version (extension, digest, version, file, first, last, permissions) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (extension, digest) DO UPDATE SET version = excluded.version, file = excluded.file,
first = excluded.first, last = excluded.last, permissions = excluded.permissions`,
		id, v.Digest, v.Version, v.File, toMicro(v.First), toMicro(v.Last), string(permissions))
	return err
}

func saveValue(tx *sql.Tx, key, value string) error {
	if value == "" {
		_, err := tx.Exec("DELETE FROM value WHERE key = ?", key)
		return err
	}
	_, err := tx.Exec(`INSERT INTO value (key, value) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}

// addEvents adds events to the history of id, which has held that many events and
// pieces of evidence, and prunes it. It returns how many it holds then.
func addEvents(tx *sql.Tx, id string, add []Event, events, evidence int, now time.Time) (int, int, error) {
	for _, e := range add {
		e = boundEvent(e)
		result, err := tx.Exec(`INSERT INTO history (extension, time, kind, version, digest, actor, code, message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, id, toMicro(cmp.Or(e.Time, now)), e.Kind, e.Version, e.Digest, e.Actor, e.Code, e.Message)
		if err != nil {
			return 0, 0, err
		}
		events++
		if len(e.Evidence) == 0 {
			continue
		}
		seq, err := result.LastInsertId()
		if err != nil {
			return 0, 0, err
		}
		if _, err := tx.Exec("INSERT INTO evidence (seq, extension, body) VALUES (?, ?, ?)", seq, id, string(e.Evidence)); err != nil {
			return 0, 0, err
		}
		evidence++
	}
	for _, table := range []struct {
		name  string
		count *int
		most  int
	}{
		{"evidence", &evidence, keepEvidence},
		{"history", &events, keepEvents},
	} {
		surplus := *table.count - table.most
		if surplus <= 0 {
			continue
		}
		// An event is older than the evidence that is kept of it, or has none left
		// by now: keepEvidence < keepEvents only bounds what is newer. So the
		// evidence of events that go is counted by what the cascade removes.
		if table.name == "history" {
			result, err := tx.Exec(`DELETE FROM evidence WHERE seq IN
(SELECT seq FROM history WHERE extension = ? ORDER BY seq LIMIT ?)`, id, surplus)
			if err != nil {
				return 0, 0, err
			}
			gone, err := result.RowsAffected()
			if err != nil {
				return 0, 0, err
			}
			evidence -= int(gone)
		}
		_, err := tx.Exec("DELETE FROM "+table.name+" WHERE seq IN (SELECT seq FROM "+table.name+
			" WHERE extension = ? ORDER BY seq LIMIT ?)", id, surplus)
		if err != nil {
			return 0, 0, err
		}
		*table.count = table.most
	}
	return events, evidence, nil
}

func addAudit(tx *sql.Tx, add []AuditEntry, now time.Time) error {
	var last int64
	for _, a := range add {
		a = boundAudit(a)
		result, err := tx.Exec(`INSERT INTO audit (time, actor, action, target, before, after, remote) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			toMicro(cmp.Or(a.Time, now)), a.Actor, a.Action, a.Target, string(a.Before), string(a.After), a.Remote)
		if err != nil {
			return err
		}
		if last, err = result.LastInsertId(); err != nil {
			return err
		}
	}
	if last <= keepAudit {
		return nil
	}
	// The numbers have no gaps, nothing else takes entries out.
	_, err := tx.Exec("DELETE FROM audit WHERE seq <= ?", last-keepAudit)
	return err
}
