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

func open(ctx context.Context, location string, opts Options) (_ *Database, err error) {
	e := engineOf(location)
	write, read, err := e.connect(opts.Timeout.Milliseconds(), opts.Connections)
	d := &Database{write: write, read: read, engine: e, opts: opts, compressors: &sync.Pool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err != nil {
		return nil, err
	}
	if err := d.migrate(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Database) close() error {
	var problems []error
	// The writer goes last: the last connection to close empties SQLite's -wal file.
	for _, db := range []*sql.DB{d.read, d.write} {
		if db != nil {
			problems = append(problems, db.Close())
		}
	}
	return errors.Join(problems...)
}

// migrate brings the database to the newest form. Those who start at the same time wait,
// ten minutes at most.
func (d *Database) migrate(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	unlock, err := d.engine.lock(ctx, d.write)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	provider, err := d.provider()
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
	d.opts.Log.Info("migrated the database", "from", before, "to", newest)
	return nil
}

func (d *Database) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	own := goose.NewGoMigration(2, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range d.engine.own() {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
	return goose.NewProvider(d.engine.dialect(), d.write, files, goose.WithTableName("store_migrations"),
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
