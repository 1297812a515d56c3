package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Signer returns the pin of the key by which all replicas sign for a use, ErrNotFound as long
// as nobody has claimed it.
func (d *Database) Signer(ctx context.Context, use string) (pin string, err error) {
	err = d.look(ctx, "looking for who signs for "+use, func(ctx context.Context, q querier) error {
		pin, err = signerOf(ctx, q, use)
		return err
	})
	return pin, err
}

// ClaimSigner makes the key with this pin that by which all replicas sign for a use: if there
// is none yet, or, with replace, in the place of another one. It returns the pin that counts.
func (d *Database) ClaimSigner(ctx context.Context, use, pin string, replace bool) (counts string, err error) {
	err = d.change(ctx, "claiming to sign for "+use, func(ctx context.Context, tx querier) error {
		counts, err = signerOf(ctx, tx, use)
		switch {
		case err == nil && (counts == pin || !replace):
			return nil
		case err == nil:
			_, err = tx.ExecContext(ctx, `UPDATE signers SET pin = $2, claimed = $3 WHERE use = $1`, use, pin, micros(d.now()))
		case errors.Is(err, sql.ErrNoRows):
			err = insert(ctx, tx, "signers (use, pin, claimed)", [][]any{{use, pin, micros(d.now())}}, "")
		}
		if err != nil {
			return err
		}
		before := counts
		counts = pin
		entry := Entry{Actor: "store", Action: "signer.claim", Target: use, Reason: "the store signs by " + pin}
		if before != "" {
			entry.Reason = fmt.Sprintf("the store signs by %s, and did by %s", pin, before)
		}
		return d.log(ctx, tx, entry)
	})
	if errors.Is(err, ErrExists) { // another replica was first
		return d.Signer(ctx, use)
	}
	return counts, err
}

func signerOf(ctx context.Context, q querier, use string) (pin string, err error) {
	err = q.QueryRowContext(ctx, `SELECT pin FROM signers WHERE use = $1`, use).Scan(&pin)
	return pin, err
}
