package state

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// earlier is how many versions are kept beside the current one.
const earlier = 3

// memory mirrors the desired state. The maps are changed only under Store.mu; what
// their values point to is never changed once it is in.
type memory struct {
	extensions map[string]Extension
	versions   map[string][]Version // newest Last first
	values     map[string]string
	// configurations are the newest ones.
	configurations map[string]Configuration
	// How many rows of history and of evidence an extension has. Only writers use
	// them, so Store.writing guards them.
	events, evidence map[string]int
}

// load reads the desired state. A row that cannot be read is damage.
func load(ctx context.Context, db *sql.DB) (*memory, error) {
	m := &memory{
		extensions: map[string]Extension{}, versions: map[string][]Version{}, values: map[string]string{},
		events: map[string]int{}, evidence: map[string]int{}, configurations: map[string]Configuration{},
	}
	if err := errors.Join(m.loadExtensions(ctx, db), m.loadVersions(ctx, db), m.loadConfigurations(ctx, db)); err != nil {
		return nil, err
	}
	err := sqlitefile.Each(ctx, db, "SELECT key, value FROM value", func(scan func(...any) error) error {
		var key, value string
		err := scan(&key, &value)
		m.values[key] = value
		return err
	})
	if err != nil {
		return nil, err
	}
	for table, counts := range map[string]map[string]int{"history": m.events, "evidence": m.evidence} {
		err := sqlitefile.Each(ctx, db, "SELECT extension, count(*) FROM "+table+" GROUP BY extension", func(scan func(...any) error) error {
			var id string
			var n int
			err := scan(&id, &n)
			counts[id] = n
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *memory) loadExtensions(ctx context.Context, db *sql.DB) error {
	return sqlitefile.Each(ctx, db, "SELECT id, disabled, unconfirmed, pinned, current, version, file, removed, rejected, consented, decisions, publisher, log_level FROM extension",
		func(scan func(...any) error) error {
			var e Extension
			var removed int64
			var rejected, decisions string
			if err := scan(&e.ID, &e.Disabled, &e.Unconfirmed, &e.Pinned, &e.Current, &e.Version, &e.File, &removed, &rejected,
				&e.Consented, &decisions, &e.Publisher, &e.LogLevel); err != nil {
				return err
			}
			e.Removed = fromMicro(removed)
			if err := json.Unmarshal([]byte(rejected), &e.Rejected); err != nil {
				return fmt.Errorf("the rejections of %s: %w", e.ID, err)
			}
			if err := json.Unmarshal([]byte(decisions), &e.Decisions); err != nil {
				return fmt.Errorf("the decisions about %s: %w", e.ID, err)
			}
			slices.SortFunc(e.Decisions, func(a, b Decision) int { return cmp.Compare(a.Permission, b.Permission) })
			m.extensions[e.ID] = e
			return nil
		})
}

func (m *memory) loadVersions(ctx context.Context, db *sql.DB) error {
	err := sqlitefile.Each(ctx, db, "SELECT extension, version, digest, file, first, last, permissions FROM version",
		func(scan func(...any) error) error {
			var id, permissions string
			var v Version
			var first, last int64
			if err := scan(&id, &v.Version, &v.Digest, &v.File, &first, &last, &permissions); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(permissions), &v.Permissions); err != nil {
				return fmt.Errorf("the permissions of version %s of %s: %w", v.Version, id, err)
			}
			v.First, v.Last = fromMicro(first), fromMicro(last)
			m.versions[id] = append(m.versions[id], v)
			return nil
		})
	for _, versions := range m.versions {
		newestFirst(versions)
	}
	return err
}

func newestFirst(versions []Version) {
	slices.SortFunc(versions, func(a, b Version) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Digest, b.Digest))
	})
}

// healthy returns versions with v as the newest one.
func healthy(versions []Version, v Version, now time.Time) []Version {
	v.Last = cmp.Or(micro(v.Last), micro(now))
	// The clock may have been set back: the version that became healthy last is the
	// newest all the same.
	if len(versions) > 0 && !v.Last.After(versions[0].Last) && versions[0].Digest != v.Digest {
		v.Last = versions[0].Last.Add(time.Microsecond)
	}
	v.First = cmp.Or(micro(v.First), v.Last)
	rest := make([]Version, 0, len(versions)+1)
	for _, old := range versions {
		if old.Digest != v.Digest {
			rest = append(rest, old)
			continue
		}
		v.First = old.First
		v.File = cmp.Or(v.File, old.File)
		if old.Last.After(v.Last) {
			v.Last = old.Last
		}
	}
	return slices.Insert(rest, 0, v)
}

// prune returns those of versions (newest first) that are kept, and the others.
func prune(versions []Version, e Extension) (kept, gone []Version) {
	left := earlier
	for _, v := range versions {
		switch {
		case v.Digest == e.Current || v.Digest == e.Pinned:
			kept = append(kept, v)
		case left > 0:
			left--
			kept = append(kept, v)
		default:
			gone = append(gone, v)
		}
	}
	return kept, gone
}

func (e Extension) clone() Extension {
	e.Decisions = slices.Clone(e.Decisions)
	e.Rejected = slices.Clone(e.Rejected)
	for i := range e.Rejected {
		r := &e.Rejected[i]
		r.Stderr, r.Asks = slices.Clone(r.Stderr), slices.Clone(r.Asks)
		if r.ExitCode != nil {
			code := *r.ExitCode
			r.ExitCode = &code
		}
	}
	return e
}

// forget is for a writer that has committed.
func (m *memory) forget(id string) {
	delete(m.extensions, id)
	delete(m.versions, id)
	delete(m.configurations, id)
	delete(m.events, id)
	delete(m.evidence, id)
}

// micro is t as the database keeps it.
func micro(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

func toMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
