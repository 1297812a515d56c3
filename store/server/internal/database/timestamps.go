package database

import (
	"context"
	"fmt"
	"time"
)

// Timestamp is the signed head of the index at one sequence.
type Timestamp struct {
	Sequence int64
	Issued   time.Time // in microseconds, as everything here
	Expires  time.Time
	Snapshot string // digest of the snapshot that it names
	Envelope []byte
}

// Timestamp returns that of a sequence, or ErrNotFound.
func (d *Database) Timestamp(ctx context.Context, sequence int64) (t Timestamp, err error) {
	err = d.look(ctx, fmt.Sprintf("reading the timestamp of sequence %d", sequence), func(ctx context.Context, q querier) error {
		t, err = timestampOf(ctx, q, sequence)
		return err
	})
	return t, err
}

// SaveTimestamp keeps t if its sequence has none yet (replaces is zero), or if the one that
// it has was issued at replaces. It returns the one that is kept, which is another
// replica's if that was first: compare its Snapshot with yours. A sequence that the
// catalogue has not reached is ErrConflict.
func (d *Database) SaveTimestamp(ctx context.Context, t Timestamp, replaces time.Time) (saved Timestamp, err error) {
	doing := fmt.Sprintf("saving the timestamp of sequence %d", t.Sequence)
	err = d.change(ctx, doing, func(ctx context.Context, tx querier) error {
		var reached int64
		if err := tx.QueryRowContext(ctx, `SELECT sequence FROM catalogue`).Scan(&reached); err != nil {
			return err
		}
		if t.Sequence > reached {
			return fmt.Errorf("%w: the catalogue is at %d", ErrConflict, reached)
		}
		args := []any{t.Sequence, micros(t.Issued), micros(t.Expires), t.Snapshot, t.Envelope}
		if replaces.IsZero() {
			err = insert(ctx, tx, "timestamps (sequence, issued, expires, snapshot, envelope)", [][]any{args}, "ON CONFLICT DO NOTHING")
		} else {
			_, err = tx.ExecContext(ctx, `UPDATE timestamps SET issued = $2, expires = $3, snapshot = $4, envelope = $5
				WHERE sequence = $1 AND issued = $6`, append(args, micros(replaces))...)
		}
		if err != nil {
			return err
		}
		saved, err = timestampOf(ctx, tx, t.Sequence)
		return err
	})
	return saved, err
}

func timestampOf(ctx context.Context, q querier, sequence int64) (Timestamp, error) {
	t := Timestamp{Sequence: sequence}
	var issued, expires int64
	err := q.QueryRowContext(ctx, `SELECT issued, expires, snapshot, envelope FROM timestamps WHERE sequence = $1`, sequence).
		Scan(&issued, &expires, &t.Snapshot, &t.Envelope)
	t.Issued, t.Expires = timeOf(issued), timeOf(expires)
	return t, err
}
