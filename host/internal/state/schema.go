package state

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver
)

// migrations are the steps from an empty database to the newest form; the number of
// steps done is PRAGMA user_version. A step that was released is never edited. Times
// are microseconds since 1970, 0 for none.
func migrations() []string {
	return []string{`
CREATE TABLE extension (
	id          TEXT PRIMARY KEY,
	disabled    INTEGER NOT NULL,
	unconfirmed INTEGER NOT NULL,
	pinned      TEXT NOT NULL,
	current     TEXT NOT NULL,
	version     TEXT NOT NULL,
	file        TEXT NOT NULL,
	removed     INTEGER NOT NULL,
	rejected    TEXT NOT NULL -- JSON
) WITHOUT ROWID;
CREATE TABLE version (
	extension TEXT NOT NULL REFERENCES extension(id) ON DELETE CASCADE,
	digest    TEXT NOT NULL,
	version   TEXT NOT NULL,
	file      TEXT NOT NULL,
	first     INTEGER NOT NULL,
	last      INTEGER NOT NULL,
	PRIMARY KEY (extension, digest)
) WITHOUT ROWID;
-- History needs no row of its extension: what was refused has one too.
CREATE TABLE history (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	extension TEXT NOT NULL,
	time      INTEGER NOT NULL,
	kind      TEXT NOT NULL,
	version   TEXT NOT NULL,
	digest    TEXT NOT NULL,
	actor     TEXT NOT NULL,
	code      TEXT NOT NULL,
	message   TEXT NOT NULL
);
CREATE INDEX history_of ON history (extension, seq);
-- Evidence is big and forgotten earlier than its event, hence apart.
CREATE TABLE evidence (
	seq       INTEGER PRIMARY KEY REFERENCES history(seq) ON DELETE CASCADE,
	extension TEXT NOT NULL,
	body      TEXT NOT NULL -- JSON
);
CREATE INDEX evidence_of ON evidence (extension, seq);
CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY AUTOINCREMENT,
	time   INTEGER NOT NULL,
	actor  TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	before TEXT NOT NULL, -- JSON or empty
	after  TEXT NOT NULL, -- JSON or empty
	remote TEXT NOT NULL
);
CREATE TABLE value (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
`}
}

// originKey holds a Restored or Lost origin until it is acknowledged.
const originKey = "state.origin"

// access is how a pool opens its file.
type access string

const (
	readWrite access = "rw"
	readOnly  access = "ro"
	still     access = "still" // read-only, and nobody else has it open: no locks, no -wal
)

// connect returns a pool of at most conns connections to the file at path, which
// must exist. Nothing is opened yet.
func connect(path string, conns int, how access) (*sql.DB, error) {
	query := url.Values{"mode": {string(how)}}
	if how == still {
		query = url.Values{"mode": {string(readOnly)}, "immutable": {"1"}}
	}
	query["_pragma"] = []string{"busy_timeout(10000)", "foreign_keys(1)", "synchronous(FULL)",
		"trusted_schema(0)", "journal_size_limit(16777216)"}
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
		err := transact(db, func(tx *sql.Tx) error {
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

// transact runs do in one transaction. It is not to be cancelled half-way: whether a
// cancelled COMMIT took effect could not be told.
func transact(db *sql.DB, do func(*sql.Tx) error) error {
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
