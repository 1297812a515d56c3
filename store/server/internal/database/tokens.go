package database

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Role is what a token's bearer may do.
type Role string

// The roles; each may do what those before it may.
const (
	RolePublisher     Role = "publisher"
	RoleReviewer      Role = "reviewer"
	RoleAdministrator Role = "administrator"
)

// Token is what is known of an access token; the token itself is nowhere.
type Token struct {
	ID           string    `json:"id"` // to speak of it, chosen by the caller: unique
	Name         string    `json:"name"`
	Role         Role      `json:"role"`
	Organization string    `json:"organization,omitempty"` // whose it is; "" for the store's own
	Created      time.Time `json:"created"`
	Expires      time.Time `json:"expires,omitzero"`   // zero for never
	LastUsed     time.Time `json:"last_used,omitzero"` // to the minute
}

// AddToken keeps a token by the SHA-256 of what its bearer shows. Its organization must be
// known, else it is ErrNotFound; an id or a hash that is there is ErrExists.
func (d *Database) AddToken(ctx context.Context, t Token, hash [32]byte, entry Entry) error {
	return d.change(ctx, fmt.Sprintf("adding token %q", t.ID), func(ctx context.Context, tx querier) error {
		if t.Created.IsZero() {
			t.Created = d.now()
		}
		organization := sql.NullString{String: t.Organization, Valid: t.Organization != ""}
		err := insert(ctx, tx, "tokens (id, hash, name, role, organization, created, expires, last_used)", [][]any{{
			t.ID, hash[:], t.Name, string(t.Role), organization, micros(t.Created), micros(t.Expires), int64(0)}}, "")
		if d.engine.judge(err) == unrelated {
			return fmt.Errorf("organization %q: %w", t.Organization, ErrNotFound)
		}
		if err != nil {
			return err
		}
		return d.log(ctx, tx, entry)
	})
}

// TokenOf returns the token with this hash, and remembers that it was used. One that has
// expired is ErrNotFound.
func (d *Database) TokenOf(ctx context.Context, hash [32]byte) (t Token, err error) {
	now := d.now()
	err = d.look(ctx, "looking for a token", func(ctx context.Context, q querier) error {
		t, err = scanToken(q.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = $1 AND (expires = 0 OR expires > $2)`,
			hash[:], micros(now)))
		return err
	})
	if err != nil {
		return Token{}, err
	}
	if now.Sub(t.LastUsed) >= time.Minute {
		err = d.change(ctx, "remembering that a token was used", func(ctx context.Context, tx querier) error {
			_, err := tx.ExecContext(ctx, `UPDATE tokens SET last_used = $1 WHERE id = $2 AND last_used < $1`, micros(now), t.ID)
			return err
		})
		if err != nil { // who may come in still may
			d.opts.Log.Warn("the last use of a token is not written down", "token", t.ID, "error", err)
		}
		t.LastUsed = now
	}
	return t, nil
}

// Tokens returns all, expired ones too, oldest first.
func (d *Database) Tokens(ctx context.Context) (list []Token, err error) {
	err = d.look(ctx, "reading tokens", func(ctx context.Context, q querier) error {
		list, err = all(ctx, q, scanToken, `SELECT `+tokenColumns+` FROM tokens ORDER BY created, id`)
		return err
	})
	return list, err
}

// RemoveToken removes the token with this id.
func (d *Database) RemoveToken(ctx context.Context, id string, entry Entry) error {
	return d.change(ctx, fmt.Sprintf("removing token %q", id), func(ctx context.Context, tx querier) error {
		if err := exactlyOne(ctx, tx, `DELETE FROM tokens WHERE id = $1`, id); err != nil {
			return err
		}
		return d.log(ctx, tx, entry)
	})
}

const tokenColumns = "id, name, role, organization, created, expires, last_used"

func scanToken(r row) (t Token, err error) {
	var organization sql.NullString
	var created, expires, used int64
	err = r.Scan(&t.ID, &t.Name, &t.Role, &organization, &created, &expires, &used)
	t.Organization, t.Created, t.Expires, t.LastUsed = organization.String, timeOf(created), timeOf(expires), timeOf(used)
	return t, err
}
