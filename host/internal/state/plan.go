package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// maxPlan bounds the row of a plan, in bytes.
const maxPlan = 1 << 20

// SavePlan saves a plan of installation as JSON, durably, in the place of the one with its id.
// over says that it has ended: of those the last keep are kept, and every one that has not.
// What was decided about it goes into the audit trail with it, or neither is saved.
func (s *Store) SavePlan(ctx context.Context, id string, over bool, body []byte, keep int, decided ...AuditEntry) error {
	if err := checkKey("id of a plan", id); err != nil {
		return err
	}
	if len(body) > maxPlan || !json.Valid(body) {
		return invalid("the plan %s has %d bytes, or is no JSON; %d is the most", id, len(body), maxPlan)
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	err = sqlitefile.Transact(s.file.Write, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO plan (id, over, body) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET over = excluded.over, body = excluded.body`, id, over, string(body)); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM plan WHERE over AND seq NOT IN (SELECT seq FROM plan WHERE over ORDER BY seq DESC LIMIT ?)", keep); err != nil {
			return err
		}
		return addAudit(tx, decided, time.Now())
	})
	if err != nil {
		return sqlitefile.Explain("saving a plan in", s.cfg.Path, err)
	}
	s.file.Changed()
	return nil
}

// LoadPlans returns all plans, the oldest first.
func (s *Store) LoadPlans(ctx context.Context) ([][]byte, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	var bodies [][]byte
	err := sqlitefile.Each(ctx, s.file.Read, "SELECT body FROM plan ORDER BY seq", func(scan func(...any) error) error {
		var body string
		err := scan(&body)
		bodies = append(bodies, []byte(body))
		return err
	})
	if err != nil {
		return nil, sqlitefile.Explain("reading the plans in", s.cfg.Path, err)
	}
	return bodies, nil
}
