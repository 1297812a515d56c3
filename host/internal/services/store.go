package services

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
	"github.com/jackfield-host/jackfield/sdk"
)

// EntryBytes is what an entry counts for beside its key and value.
const EntryBytes = 128

// storeFile is the name of a store in its folder.
const storeFile = "kv.db"

// readersRest is how long a reader's connection is kept that nobody uses.
const readersRest = 30 * time.Second

// sweepEvery is how often a write clears expired entries away, sweepMost how many.
const (
	sweepEvery = time.Minute
	sweepMost  = 1000
)

// migrations are the steps from an empty file to the newest form. A step that was
// released is never edited. A version is a number that AUTOINCREMENT gives out: higher
// than all before, also those of entries that are gone. Expires is in milliseconds since
// 1970, 0 for never.
func migrations() []string {
	return []string{`
CREATE TABLE entry (
	version INTEGER PRIMARY KEY AUTOINCREMENT,
	key     BLOB NOT NULL UNIQUE,
	value   BLOB NOT NULL,
	expires INTEGER NOT NULL
);
CREATE INDEX entry_expires ON entry(expires) WHERE expires > 0;`,
	}
}

// store is the key-value store of one extension. What it is given has been checked.
type store struct {
	dir   string
	quota int64
	log   *slog.Logger
	now   func() time.Time

	file atomic.Pointer[sqlitefile.File] // nil until it is used, and after damage

	// turn is the right to write, to open and to close, held by sending to it: who
	// waits for it can give up.
	turn   chan struct{}
	closed bool      // guarded by turn
	used   int64     // guarded by turn: what the entries count for, expired ones too
	swept  time.Time // guarded by turn
}

func newStore(dir string, quota int64, log *slog.Logger, now func() time.Time) *store {
	return &store{dir: dir, quota: quota, log: log, now: now, turn: make(chan struct{}, 1)}
}

func errClosed() error { return sdk.Errorf(sdk.Unavailable, "the key-value store is closed") }

// take takes the turn. The caller gives it back.
func (s *store) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.closed {
		s.give()
		return errClosed()
	}
	return nil
}

func (s *store) give() { <-s.turn }

func (s *store) close() error {
	s.turn <- struct{}{}
	defer s.give()
	s.closed = true
	if file := s.file.Swap(nil); file != nil {
		return file.Close()
	}
	return nil
}

// opened is the file, opened if it is not; its holder has the turn.
func (s *store) opened() (*sqlitefile.File, error) {
	if file := s.file.Load(); file != nil {
		return file, nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	ctx := context.Background() // an open that was begun is brought to its end
	file, err := sqlitefile.Open(ctx, sqlitefile.Config{
		Path: filepath.Join(s.dir, storeFile), Relaxed: true, Log: s.log, Migrations: migrations(),
		Check: func(ctx context.Context, db *sql.DB) error { _, err := usage(ctx, db); return err },
		Mark:  func(*sql.Tx, sqlitefile.Origin) error { return nil },
		Next:  "the extension begins with an empty key-value store; recover what it needs from the damaged file by hand",
	})
	if err != nil {
		return nil, err
	}
	if s.used, err = usage(ctx, file.Write); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	file.Read.SetConnMaxIdleTime(readersRest) // there may be a hundred stores, and descriptors are few
	s.file.Store(file)
	return file, nil
}

// usage is what the entries of db count for.
func usage(ctx context.Context, db *sql.DB) (bytes int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT coalesce(sum(length(key) + length(value) + ?), 0) FROM entry`, EntryBytes).Scan(&bytes)
	return bytes, err
}

// read is the file for a reader.
func (s *store) read(ctx context.Context) (*sqlitefile.File, error) {
	if file := s.file.Load(); file != nil {
		return file, nil
	}
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.give()
	return s.opened()
}

// write runs do in one transaction, and takes what it returns off or adds it to what is
// used. A fault refuses, and keeps what was done all the same.
func (s *store) write(ctx context.Context, do func(tx *sql.Tx) (grown int64, fault *sdk.Error, err error)) error {
	if err := s.take(ctx); err != nil {
		return s.failed(ctx, "writing", err)
	}
	defer s.give()
	file, err := s.opened()
	if err != nil {
		return s.failed(ctx, "opening", err)
	}
	var grown int64
	var fault *sdk.Error
	err = sqlitefile.Transact(file.Write, func(tx *sql.Tx) (err error) {
		grown, fault, err = do(tx)
		return err
	})
	if err != nil {
		return s.failed(ctx, "writing", err)
	}
	s.used += grown
	if fault != nil {
		return fault
	}
	return nil
}

// failed is what an extension may read of err. The cause is for the log.
func (s *store) failed(ctx context.Context, doing string, err error) error {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return sdk.Errorf(sdk.DeadlineExceeded, "the key-value store did not answer in time")
	case ctx.Err() != nil:
		return sdk.Errorf(sdk.Canceled, "nobody waits for the key-value store any more")
	}
	path := filepath.Join(s.dir, storeFile)
	err = sqlitefile.Explain(doing, path, err)
	s.log.Error("a key-value store can not be used", "error", err)
	switch {
	case errors.Is(err, sqlitefile.ErrFull):
		return sdk.Errorf(sdk.Exhausted, "the disk of the host is full")
	case errors.Is(err, sqlitefile.ErrDamaged):
		// The next one who opens it moves the file aside. Who reads just now fails.
		if file := s.file.Swap(nil); file != nil {
			_ = file.Close()
		}
	}
	return sdk.Errorf(sdk.Unavailable, "the key-value store can not be used; the cause is in the host's log")
}

// cost is what an entry counts for.
func cost(key, value int) int64 { return int64(key) + int64(value) + EntryBytes }

// conflict says that an entry does not have the version that it was to have.
func conflict(is, want uint64) *sdk.Error {
	switch {
	case is == 0:
		return sdk.Errorf(sdk.Conflict, "there is no entry, and it was to have version %d", want)
	case want == 0:
		return sdk.Errorf(sdk.Conflict, "there is an entry already, with version %d", is)
	}
	return sdk.Errorf(sdk.Conflict, "the entry has version %d, not %d", is, want)
}

func notFound() *sdk.Error { return sdk.Errorf(sdk.NotFound, "there is no such key") }

// expiry is when a write with this ttl ends, as the table has it.
func (s *store) expiry(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	return s.now().Add(ttl).UnixMilli()
}

func full(quota int64) *sdk.Error {
	return sdk.Errorf(sdk.Exhausted, "the key-value store of the extension is full: limits.kv is %d bytes, of which each entry takes %d beside key and value", quota, EntryBytes)
}

// entry makes an Entry of a row.
func entry(key, value []byte, version uint64, expires int64) sdk.Entry {
	e := sdk.Entry{Key: string(key), Value: value, Version: version}
	if expires != 0 {
		e.Expires = time.UnixMilli(expires)
	}
	return e
}

// scanError wraps what a row could not be read for.
func scanError(err error) error { return fmt.Errorf("reading an entry: %w", err) }
