package sqlitefile

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver
)

// access is how a pool opens its file.
type access string

const (
	readWrite access = "rw"
	relaxed   access = "relaxed" // readWrite without an fsync for each transaction
	readOnly  access = "ro"
	still     access = "still" // read-only, and nobody else has it open: no locks, no -wal
)

// connect returns a pool of at most conns connections to the file at path, which
// must exist. Nothing is opened yet.
func connect(path string, conns int, how access) (*sql.DB, error) {
	query, synchronous := url.Values{"mode": {string(how)}}, "synchronous(FULL)"
	switch how {
	case still:
		query = url.Values{"mode": {string(readOnly)}, "immutable": {"1"}}
	case relaxed:
		query, synchronous = url.Values{"mode": {string(readWrite)}}, "synchronous(NORMAL)"
	}
	query["_pragma"] = []string{"busy_timeout(10000)", "foreign_keys(1)", synchronous,
		"trusted_schema(0)", "journal_size_limit(16777216)",
		"cache_size(-64)"} // KiB, of each connection: little is read twice, and what is held stays
	query.Set("_txlock", "immediate")
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func userVersion(ctx context.Context, db *sql.DB) (version int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// migrate does the steps that db has not had yet, each with its number in one
// transaction.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	version, err := userVersion(ctx, db)
	if err != nil {
		return err
	}
	for i := version; i < len(steps); i++ {
		err := Transact(db, func(tx *sql.Tx) error {
			if _, err := tx.Exec(steps[i]); err != nil {
				return err
			}
			_, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", i+1))
			return err
		})
		if err != nil {
			return fmt.Errorf("migrating to version %d: %w", i+1, err)
		}
	}
	return nil
}

// Transact runs do in one transaction. It is not to be cancelled half-way: whether a
// cancelled COMMIT took effect could not be told.
func Transact(db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // without effect after the commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Each calls do with the Scan of every row of query.
func Each(ctx context.Context, db *sql.DB, query string, do func(scan func(...any) error) error, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
