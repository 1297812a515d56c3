package state

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Configuration is one revision of what was set for an extension.
type Configuration struct {
	// Revision counts from 1. A Change saves the one that follows the newest.
	Revision int64
	Time     time.Time
	By       string
	// Values is a JSON object.
	Values json.RawMessage
	// Secrets are sealed values by JSON pointer; of all but the newest revision only the
	// pointers are kept.
	Secrets map[string]string
}

// ErrRevision is the answer to a revision that does not follow the newest one.
var ErrRevision = errors.New("the configuration has another revision by now")

const (
	keepConfigurations = 20        // of an extension
	maxConfiguration   = 512 << 10 // bytes of the values, and of the secrets
)

// Configuration returns the newest revision of what was set for id.
func (s *Store) Configuration(id string) (Configuration, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.mem.configurations[id]
	return c.clone(), ok
}

// Revision returns the revision of Configuration, 0 where nothing was set.
func (s *Store) Revision(id string) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mem.configurations[id].Revision
}

// Configurations returns the last revisions, the newest first.
func (s *Store) Configurations(ctx context.Context, id string) ([]Configuration, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	var list []Configuration
	err := sqlitefile.Each(ctx, s.file.Read, "SELECT extension, revision, time, actor, content, secrets FROM configuration WHERE extension = ? ORDER BY revision DESC",
		func(scan func(...any) error) error {
			_, c, err := scanConfiguration(scan)
			list = append(list, c)
			return err
		}, id)
	if err != nil {
		return nil, sqlitefile.Explain("reading the configuration of "+id+" in", s.cfg.Path, err)
	}
	return list, nil
}

func (m *memory) loadConfigurations(ctx context.Context, db *sql.DB) error {
	return sqlitefile.Each(ctx, db, `SELECT extension, revision, time, actor, content, secrets FROM configuration AS c
WHERE revision = (SELECT max(revision) FROM configuration WHERE extension = c.extension)`,
		func(scan func(...any) error) error {
			id, c, err := scanConfiguration(scan)
			m.configurations[id] = c
			return err
		})
}

func scanConfiguration(scan func(...any) error) (id string, c Configuration, err error) {
	var at int64
	var values, secrets string
	if err := scan(&id, &c.Revision, &at, &c.By, &values, &secrets); err != nil {
		return "", c, err
	}
	c.Time, c.Values = fromMicro(at), json.RawMessage(values)
	if err := json.Unmarshal([]byte(secrets), &c.Secrets); err != nil || !json.Valid(c.Values) {
		return "", c, fmt.Errorf("the configuration of %s: %w", id, cmp.Or(err, errors.New("the values are no JSON")))
	}
	return id, c, nil
}

// bound refuses what cannot be cut.
func (c Configuration) bound(newest int64, now time.Time) (Configuration, error) {
	if c.Revision != newest+1 {
		return c, ErrRevision
	}
	size := 0
	for pointer, sealed := range c.Secrets {
		size += len(pointer) + len(sealed)
	}
	if size = max(size, len(c.Values)); size > maxConfiguration {
		return c, invalid("a configuration has %d bytes, %d is the most", size, maxConfiguration)
	}
	if !json.Valid(c.Values) {
		return c, invalid("a configuration is no JSON")
	}
	c = c.clone()
	c.Time, c.By = micro(cmp.Or(c.Time, now)), cut(c.By, maxText)
	return c, nil
}

func (c Configuration) clone() Configuration {
	c.Secrets = maps.Clone(c.Secrets)
	return c
}

// saveConfiguration adds the newest revision. Of the one before, the secrets are
// forgotten, and the oldest ones go.
func saveConfiguration(tx *sql.Tx, id string, c, before Configuration) error {
	if before.Revision > 0 {
		pointers := make(map[string]string, len(before.Secrets))
		for pointer := range before.Secrets {
			pointers[pointer] = ""
		}
		forgotten, err := json.Marshal(pointers)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE configuration SET secrets = ? WHERE extension = ? AND revision = ?", string(forgotten), id, before.Revision); err != nil {
			return err
		}
	}
	secrets, err := json.Marshal(c.Secrets)
	if err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO configuration (extension, revision, time, actor, content, secrets) VALUES (?, ?, ?, ?, ?, ?)",
		id, c.Revision, toMicro(c.Time), c.By, string(c.Values), string(secrets)); err != nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM configuration WHERE extension = ? AND revision <= ?", id, c.Revision-keepConfigurations)
	return err
}
