package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the database at location, which is a path (or sqlite:PATH) for a file of
// SQLite, made if it is missing, or a postgres:// URL. It brings an older database to the
// newest form, while others that start wait, and refuses a newer one with ErrNewer.
func Open(ctx context.Context, location string, opts Options) (*Database, error) {
	opts = opts.withDefaults()
	e := engineOf(location)
	if err := migrate(ctx, e, opts.Log); err != nil {
		return nil, err
	}
	write, read, err := e.connect(opts.Timeout, opts.Connections)
	if err != nil {
		return nil, err
	}
	return &Database{write: write, read: read, engine: e, opts: opts, compressors: &sync.Pool{}}, nil
}

// Close closes it. What is under way ends with an error.
func (d *Database) Close() error {
	// The writer goes last: the last connection to close empties SQLite's -wal file.
	return errors.Join(d.read.Close(), d.write.Close())
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Connections == 0 {
		o.Connections = 8
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// migrationTime bounds each statement of a migration, and waiting for others that migrate.
const migrationTime = 10 * time.Minute

// migrate brings the database to the newest form.
func migrate(ctx context.Context, e engine, log *slog.Logger) (err error) {
	write, read, err := e.connect(migrationTime, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, read.Close(), write.Close()) }()
	waiting, cancel := context.WithTimeout(ctx, migrationTime)
	defer cancel()
	unlock, err := e.lock(waiting, read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	provider, err := provider(e, write)
	if err != nil {
		return err
	}
	before, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the form of the database: %w", err)
	}
	if before > newest {
		return fmt.Errorf("%w: its form is %d, %d is the newest known here\nhint: start the version of Jackfield that wrote it, or a newer one", ErrNewer, before, newest)
	}
	if before == newest {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database from form %d: %w", before, err)
	}
	log.Info("migrated the database", "from", before, "to", newest)
	return nil
}

func provider(e engine, db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	own := goose.NewGoMigration(2, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range e.own() {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
	return goose.NewProvider(e.dialect(), db, files, goose.WithTableName("store_migrations"),
		goose.WithGoMigrations(own), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// poll asks try every 50 ms until it says yes, errs, or ctx ends.
func poll(ctx context.Context, try func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := try(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
