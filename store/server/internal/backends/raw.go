package backends

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Raw is a connection past package database, for tests of what others do to a database.
type Raw struct {
	*sql.DB
	// Unguard are statements that take away what keeps the audit trail from being edited.
	Unguard []string
}

// Raw connects; the test's end closes it.
func (b Backend) Raw(t testing.TB) Raw {
	t.Helper()
	var raw Raw
	if b.Name == "sqlite" {
		db, err := sql.Open("sqlite", "file:"+b.DatabaseURL+"?_pragma=busy_timeout(10000)&_txlock=immediate")
		if err != nil {
			t.Fatal(err)
		}
		raw = Raw{db, []string{`DROP TRIGGER audit_stays`, `DROP TRIGGER audit_kept`}}
	} else {
		config, err := pgx.ParseConfig(b.DatabaseURL)
		if err != nil {
			t.Fatal(err)
		}
		raw = Raw{stdlib.OpenDB(*config), []string{`DROP TRIGGER audit_stays ON audit`, `DROP FUNCTION audit_stays`}}
	}
	t.Cleanup(func() {
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
	})
	return raw
}

// EmptyURL is where a database can be that nobody has migrated yet.
func (b Backend) EmptyURL(t testing.TB) string {
	t.Helper()
	if b.Name == "sqlite" {
		return filepath.Join(t.TempDir(), "store.db")
	}
	s := theServers(t)
	return s.url(s.create(t, "template1"))
}
