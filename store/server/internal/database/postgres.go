package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/jackfield-host/jackfield/store/server/internal/terms"
)

// postgres is a database of PostgreSQL 13 or later.
type postgres struct{ url string }

// migrating is the number of our advisory lock: "jackfiel" in ASCII.
const migrating = 0x6a61636b6669656c

func (p postgres) connect(timeout time.Duration, connections int) (write, read *sql.DB, err error) {
	config, err := pgx.ParseConfig(p.url)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the database: %w", err) // pgx leaves the password out
	}
	limit := strconv.FormatInt(timeout.Milliseconds(), 10)
	for name, value := range map[string]string{
		"application_name": "jackfield-store", "statement_timeout": limit, "lock_timeout": limit,
		"idle_in_transaction_session_timeout": limit,
		"jit":                                 "off", "random_page_cost": "1.1", // short questions, to disks that do not turn
	} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	// Those who wait for the lock of the catalogue must not keep others from reading.
	return pool(config, max(2, connections/2)), pool(config, connections), nil
}

func pool(config *pgx.ConnConfig, connections int) *sql.DB {
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

func (postgres) dialect() goose.Dialect { return goose.DialectPostgres }

func (postgres) lock(ctx context.Context, db *sql.DB) (func() error, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	err = poll(ctx, func() (got bool, err error) {
		err = conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, int64(migrating)).Scan(&got)
		return got, err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for others that migrate: %w", err), conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock($1)`, int64(migrating))
		return errors.Join(err, conn.Close())
	}, nil
}

func (postgres) own() []string {
	return []string{
		// The words stay in their row: to fetch them from elsewhere for each row takes longer than
		// to compare them, and the planner does not count it.
		`CREATE TABLE search (listing BIGINT PRIMARY KEY REFERENCES listings (number), words TSVECTOR NOT NULL) WITH (toast_tuple_target = 8160)`,
		`ALTER TABLE search ALTER COLUMN words SET STORAGE EXTERNAL`,
		`CREATE INDEX search_words ON search USING GIN (words) WITH (fastupdate = off)`,
		`CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'the audit trail is not edited'; END $$`,
		`CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays()`,
	}
}

func (postgres) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

func (postgres) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }

func (postgres) judge(err error) meaning {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return unknown
	}
	switch e.Code {
	case "23505":
		return duplicate
	case "23503":
		return unrelated
	case "40001", "40P01":
		return repeatable
	}
	return unknown
}

func (postgres) index(ctx context.Context, tx querier, number int64, w []string) error {
	if len(w) == 0 {
		_, err := tx.ExecContext(ctx, `DELETE FROM search WHERE listing = $1`, number)
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO search (listing, words) VALUES ($1, $2::tsvector)
		ON CONFLICT (listing) DO UPDATE SET words = excluded.words`, number, vector(w))
	return err
}

func (postgres) find(ctx context.Context, q querier, e terms.Expression, limit int) ([]found, error) {
	if len(e.Filters)+len(e.Phrases) == 0 {
		return all(ctx, q, scanFound, `SELECT number, id, name FROM listings WHERE NOT hidden ORDER BY number LIMIT $1`, limit)
	}
	return all(ctx, q, scanFound, `SELECT l.number, l.id, l.name FROM
		(SELECT listing FROM search WHERE words @@ $1::tsquery ORDER BY listing LIMIT $2) s JOIN listings l ON l.number = s.listing
		ORDER BY l.number`, tsquery(e), limit)
}

// learn is there for what came in at once: autovacuum sees to it in its own time.
func (postgres) learn(ctx context.Context, tx querier) error {
	_, err := tx.ExecContext(ctx, `ANALYZE listings, releases, search`)
	return err
}

func (postgres) backup(context.Context, io.Writer) error {
	return fmt.Errorf("%w: PostgreSQL makes its own backups\nhint: pg_dump --format=custom --file=store.dump DATABASE_URL", ErrUnsupported)
}

// vector writes words as a tsvector, position by position, so that PostgreSQL's own parser
// has no say in what a word is. It keeps no more than 16383 positions.
func vector(w []string) string {
	var b strings.Builder
	for i, word := range w {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("'" + word + "'")
		if i < 16383 {
			b.WriteString(":" + strconv.Itoa(i+1))
		}
	}
	return b.String()
}

// tsquery writes an expression as a tsquery. Words are letters and digits, so quotes
// suffice.
func tsquery(e terms.Expression) string {
	var parts []string
	for _, f := range e.Filters {
		parts = append(parts, "'"+f+"'")
	}
	for _, p := range e.Phrases {
		part := "'" + strings.Join(p.Words, "' <-> '") + "'"
		if p.Prefix {
			part += ":*"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " & ")
}
