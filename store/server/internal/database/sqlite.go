package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/jackfield-host/jackfield/store/server/internal/terms"
)

// sqlite is a file of SQLite.
type sqlite struct{ path string }

func (s sqlite) connect(timeout time.Duration, connections int) (write, read *sql.DB, err error) {
	// The file is made here, so that it is nobody else's to read.
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, nil, err
	}
	if write, err = s.pool(timeout, 1); err != nil {
		return nil, nil, err
	}
	// What a reader does not have itself is with the system: eight of them need not hold much.
	if read, err = s.pool(timeout, connections, "query_only(1)", "cache_size(-4096)"); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	return write, read, nil
}

// pool opens one pool. There is one writing connection, since SQLite has one writer at a
// time: to wait for a connection is fair, to wait for a lock is not.
func (s sqlite) pool(timeout time.Duration, connections int, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(s.path)
	if err != nil {
		return nil, err
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"trusted_schema(0)", "journal_size_limit(67108864)",
		"cache_size(-8192)", // KiB, of each connection
	}, pragmas...)}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (sqlite) dialect() goose.Dialect { return goose.DialectSQLite3 }

// lock takes a lock on the folder, which leaves nothing behind.
func (s sqlite) lock(ctx context.Context, _ *sql.DB) (func() error, error) {
	dir, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return nil, err
	}
	err = poll(ctx, func() (bool, error) {
		err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for others that migrate %s: %w", s.path, err), dir.Close())
	}
	if err := s.tidy(); err != nil {
		return nil, errors.Join(fmt.Errorf("removing what a backup left: %w", err), dir.Close())
	}
	return dir.Close, nil
}

// tidy removes what backups left whose process was killed: those that nobody has locked.
func (s sqlite) tidy() error {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), copies+"*"))
	for _, name := range left {
		dir, openErr := os.Open(name)
		if openErr != nil {
			continue // just ended
		}
		if unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = errors.Join(err, os.RemoveAll(name))
		}
		err = errors.Join(err, dir.Close())
	}
	return err
}

// copies is how the names of folders begin that backups are made in.
const copies = ".backup-"

func (sqlite) own() []string {
	return []string{
		// Words come as package terms makes them, so the tokenizer has only to split at blanks.
		`CREATE VIRTUAL TABLE search USING fts5(words, content='', contentless_delete=1,
			tokenize="ascii tokenchars '='", prefix='1 2 3 4')`,
		`CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is not edited'); END`,
		`CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is not edited'); END`,
	}
}

func (sqlite) snapshot() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

func (sqlite) skipLocked() string { return "" } // the writer is alone

func (sqlite) judge(err error) meaning {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return unknown
	}
	switch e.Code() {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return duplicate
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return unrelated
	}
	if e.Code()&0xff == lib.SQLITE_BUSY {
		return repeatable
	}
	return unknown
}

func (sqlite) index(ctx context.Context, tx querier, number int64, w []string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM search WHERE rowid = $1`, number); err != nil || len(w) == 0 {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO search (rowid, words) VALUES ($1, $2)`, number, strings.Join(w, " "))
	return err
}

func (sqlite) find(ctx context.Context, q querier, e terms.Expression, limit int) ([]found, error) {
	if len(e.Filters)+len(e.Phrases) == 0 {
		return all(ctx, q, scanFound, `SELECT number, id, name FROM listings WHERE NOT hidden ORDER BY number LIMIT $1`, limit)
	}
	return all(ctx, q, scanFound, `SELECT l.number, l.id, l.name FROM
		(SELECT rowid FROM search WHERE search MATCH $1 ORDER BY rowid LIMIT $2) s JOIN listings l ON l.number = s.rowid`,
		match(e), limit)
}

// backup lets SQLite write a copy beside the database, where there is room for it and it is
// nobody else's to read, and copies that.
func (sqlite) learn(context.Context, querier) error { return nil }

func (s sqlite) backup(ctx context.Context, w io.Writer) (err error) {
	db, err := s.pool(10*time.Second, 1) // those who only read may not write elsewhere, either
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	dir, err := os.MkdirTemp(filepath.Dir(s.path), copies)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	alive, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer alive.Close()
	if err := unix.Flock(int(alive.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	name := filepath.Join(dir, "store.db")
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", name); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// match writes an expression in the language of FTS5. Words are letters and digits, so
// quotes suffice.
func match(e terms.Expression) string {
	var parts []string
	for _, f := range e.Filters {
		parts = append(parts, `"`+f+`"`)
	}
	for _, p := range e.Phrases {
		part := `"` + strings.Join(p.Words, " ") + `"`
		if p.Prefix {
			part += " *"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " AND ")
}
