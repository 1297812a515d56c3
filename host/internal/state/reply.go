package state

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

const (
	// ReplyAge is how long an answer is kept.
	ReplyAge = 24 * time.Hour
	// keepReplies is how many are kept; beyond that the oldest go earlier.
	keepReplies = 1000
)

// Reply is how a change that must not be made twice was answered.
type Reply struct {
	Actor, Key string          // under which it was asked for; a key is its actor's own
	Digest     string          // of what was asked for
	Answer     json.RawMessage // at most 128 KiB
	Time       time.Time       // zero means now
}

// Reply returns the answer that was saved for a key within ReplyAge, nil for none.
func (s *Store) Reply(ctx context.Context, actor, key string) (*Reply, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	var found *Reply
	err := sqlitefile.Each(ctx, s.file.Read, "SELECT digest, answer, time FROM reply WHERE actor = ? AND key = ? AND time > ?",
		func(scan func(...any) error) error {
			r := Reply{Actor: actor, Key: key}
			var answer string
			var at int64
			err := scan(&r.Digest, &answer, &at)
			r.Answer, r.Time = json.RawMessage(answer), fromMicro(at)
			found = &r
			return err
		}, actor, key, toMicro(time.Now().Add(-ReplyAge)))
	if err != nil {
		return nil, sqlitefile.Explain("looking for an earlier answer in", s.cfg.Path, err)
	}
	return found, nil
}

// SaveReply saves an answer, durably, in the place of an earlier one with its key.
func (s *Store) SaveReply(ctx context.Context, r Reply) error {
	for what, text := range map[string]string{"actor": r.Actor, "key": r.Key, "digest": r.Digest} {
		if err := checkKey(what, text); err != nil {
			return err
		}
	}
	if len(r.Answer) > maxBody || !json.Valid(r.Answer) {
		return invalid("the answer for a key has %d bytes, or is no JSON; %d is the most", len(r.Answer), maxBody)
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	now := time.Now()
	err = sqlitefile.Transact(s.file.Write, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO reply (actor, key, digest, answer, time) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (actor, key) DO UPDATE SET digest = excluded.digest, answer = excluded.answer, time = excluded.time`,
			r.Actor, r.Key, r.Digest, string(r.Answer), toMicro(cmp.Or(r.Time, now))); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM reply WHERE time <= ? OR rowid NOT IN (SELECT rowid FROM reply ORDER BY time DESC, rowid DESC LIMIT ?)`,
			toMicro(now.Add(-ReplyAge)), keepReplies)
		return err
	})
	if err != nil {
		return sqlitefile.Explain("saving an answer in", s.cfg.Path, err)
	}
	return nil
}
