package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Account is one row of who may use the host: a user, a token or a session. What its
// body says is the business of package accounts, which holds all rows in memory.
type Account struct {
	Kind, Key string
	// Body is a JSON value of at most 128 KiB; nil takes the row out.
	Body json.RawMessage
}

// AccountChange is what happens to accounts in one transaction.
type AccountChange struct {
	Rows  []Account
	Audit []AuditEntry
	// Passing says that the rows are not worth a backup: when somebody was last seen.
	Passing bool
}

// Accounts returns every row of the accounts.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	var rows []Account
	err := sqlitefile.Each(ctx, s.file.Read, "SELECT kind, key, body FROM account ORDER BY kind, key",
		func(scan func(...any) error) error {
			var a Account
			var body string
			err := scan(&a.Kind, &a.Key, &body)
			a.Body = json.RawMessage(body)
			rows = append(rows, a)
			return err
		})
	if err != nil {
		return nil, sqlitefile.Explain("reading the accounts in", s.cfg.Path, err)
	}
	return rows, nil
}

// ChangeAccounts saves c, as Change does.
func (s *Store) ChangeAccounts(ctx context.Context, c AccountChange) error {
	for _, a := range c.Rows {
		if err := a.check(); err != nil {
			return err
		}
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	err = sqlitefile.Transact(s.file.Write, func(tx *sql.Tx) error {
		for _, a := range c.Rows {
			if err := saveAccount(tx, a); err != nil {
				return err
			}
		}
		return addAudit(tx, c.Audit, time.Now())
	})
	if err != nil {
		return sqlitefile.Explain("saving accounts in", s.cfg.Path, err)
	}
	if len(c.Rows) > 0 && !c.Passing {
		s.file.Changed()
	}
	return nil
}

func (a Account) check() error {
	if a.Kind == "" || a.Key == "" {
		return invalid("an account has no kind or no key")
	}
	if err := checkKey("account", a.Key); err != nil {
		return err
	}
	if a.Body != nil && (len(a.Body) > maxBody || !json.Valid(a.Body) || !utf8.Valid(a.Body)) {
		return invalid("the account %q has over %d bytes, or is no JSON", a.Key, maxBody)
	}
	return nil
}

func saveAccount(tx *sql.Tx, a Account) error {
	if a.Body == nil {
		_, err := tx.Exec("DELETE FROM account WHERE kind = ? AND key = ?", a.Kind, a.Key)
		return err
	}
	_, err := tx.Exec(`INSERT INTO account (kind, key, body) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body`, a.Kind, a.Key, string(a.Body))
	return err
}
