package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations make the schema: the first n make version n, which the pragma
// user_version holds. One that was released is never changed.
func migrations() []string {
	return []string{`
CREATE TABLE extensions (
	id          TEXT PRIMARY KEY,
	disabled    INTEGER NOT NULL,
	unconfirmed INTEGER NOT NULL,
	pinned      TEXT NOT NULL,
	current     TEXT NOT NULL,
	version     TEXT NOT NULL,
	file        TEXT NOT NULL,
	removed     INTEGER NOT NULL, -- nanoseconds since 1970, 0 for never, as all times
	rejected    TEXT NOT NULL     -- JSON
);
CREATE TABLE versions (
	extension TEXT NOT NULL REFERENCES extensions(id) ON DELETE CASCADE,
	digest    TEXT NOT NULL,
	version   TEXT NOT NULL,
	first     INTEGER NOT NULL,
	last      INTEGER NOT NULL,
	PRIMARY KEY (extension, digest)
);
CREATE TABLE events (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	extension TEXT NOT NULL,
	time      INTEGER NOT NULL,
	kind      TEXT NOT NULL,
	version   TEXT NOT NULL,
	digest    TEXT NOT NULL,
	actor     TEXT NOT NULL,
	code      TEXT NOT NULL,
	message   TEXT NOT NULL,
	evidence  TEXT NOT NULL
);
CREATE INDEX events_of_extension ON events (extension, seq);
CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY AUTOINCREMENT,
	time   INTEGER NOT NULL,
	actor  TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	before TEXT NOT NULL,
	after  TEXT NOT NULL,
	remote TEXT NOT NULL
);
CREATE TABLE facts (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
`}
}

// migrate brings a database to the newest schema, each step in a transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	all := migrations()
	if version > len(all) {
		return fmt.Errorf("%w (its schema has version %d, this host knows %d)", ErrNewer, version, len(all))
	}
	for ; version < len(all); version++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, all[version])
		if err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1))
		}
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// check reads the whole database: errDamaged says that it is not what it was.
func check(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, verdict)
	}
	return nil
}
