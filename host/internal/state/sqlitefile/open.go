// Package sqlitefile keeps one SQLite file alive: it opens and migrates it, tells
// damage from a full disk or a missing right, makes rolling backups, and puts the
// newest good one in the place of a database that is damaged or lost. What is in the
// tables is the caller's affair.
//
// Call Open once, Run beside it, Changed after what is worth a backup, and Close at
// the end. Promised: a damaged file is moved aside byte for byte and never deleted;
// at every moment, kill -9 included, there is a whole database in place or the next
// Open makes one; and what is committed through Write is on the disk, unless Config.Relaxed says less.
package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	lib "modernc.org/sqlite/lib"
)

// Config is what a File needs; all but Used, Backups and Relaxed is required.
type Config struct {
	Path    string // of the database; its folder must exist
	Backups string // the folder of the backups, made if it is missing; "" for none, ever
	Used    bool   // a missing database is a lost one and not the first start
	Log     *slog.Logger
	// Relaxed does without an fsync for each transaction: what is committed survives the
	// death of the process, but a power failure may undo the last transactions, the
	// newest first.
	Relaxed bool
	// Next says, in the log, what an administrator does when the content is lost.
	Next string

	// Migrations are the steps from an empty database to the newest form; the number
	// of steps done is PRAGMA user_version.
	Migrations []string
	// Check reads what the caller lives on from a database of the newest form. What
	// it cannot read is damage.
	Check func(context.Context, *sql.DB) error
	// Mark writes into a restored or empty database where it comes from.
	Mark func(*sql.Tx, Origin) error
}

// Origin says where the content of a File comes from.
type Origin string

// The origins.
const (
	Created  Origin = "created"  // the first start of this home
	Opened   Origin = "opened"   // as the last run left it
	Restored Origin = "restored" // from a backup: the last changes may be missing
	Lost     Origin = "lost"     // nothing could be recovered, the database is empty
)

// A File is an open database.
type File struct {
	Created bool    // it is the first one
	Write   *sql.DB // one connection, for whoever may write at the moment
	Read    *sql.DB // a few that only read, beside the writer

	cfg   Config
	dirty chan struct{} // tells Run of a change; holds one
}

// Open opens the database, makes it on the first start, brings an older one to the
// newest form (after a backup) and repairs a damaged or lost one, as the log
// explains. A file that cannot be read or written, a full disk and a database of a
// newer form (ErrNewer) are no damage: they are an error, and everything stays where
// it is.
func Open(ctx context.Context, cfg Config) (*File, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	cfg.Path = path
	if err := makeBackups(cfg.Backups); err != nil {
		return nil, err
	}
	created, err := cfg.prepare(ctx)
	if err != nil {
		return nil, err
	}
	f := &File{Created: created, cfg: cfg, dirty: make(chan struct{}, 1)}
	if err := f.connect(ctx); err != nil {
		return nil, Explain("opening", path, errors.Join(err, f.Close()))
	}
	return f, nil
}

// Close closes the database. Nobody may be writing.
func (f *File) Close() error {
	// The writer goes last: the last connection to close empties the -wal file.
	var problems []error
	for _, db := range []*sql.DB{f.Read, f.Write} {
		if db != nil {
			problems = append(problems, db.Close())
		}
	}
	return errors.Join(problems...)
}

// connect opens the pools and migrates. On an error Close cleans up.
func (f *File) connect(ctx context.Context) (err error) {
	how := readWrite
	if f.cfg.Relaxed {
		how = relaxed
	}
	if f.Write, err = connect(f.cfg.Path, 1, how); err != nil {
		return err
	}
	if f.Read, err = connect(f.cfg.Path, 2, readOnly); err != nil {
		return err
	}
	if err := wal(ctx, f.Write); err != nil {
		return err
	}
	version, err := userVersion(ctx, f.Write)
	if err != nil {
		return err
	}
	if version < len(f.cfg.Migrations) {
		// Whoever goes back to the older Jackfield needs the older database.
		if f.cfg.Backups != "" {
			if err := f.Backup(ctx); err != nil {
				return err
			}
		}
		if err := migrate(ctx, f.Write, f.cfg.Migrations); err != nil {
			return err
		}
		f.cfg.Log.Info("migrated the database", "path", f.cfg.Path, "from", version, "to", len(f.cfg.Migrations))
	}
	return nil
}

// wal switches db to a write-ahead log, which is a property of the file.
func wal(ctx context.Context, db *sql.DB) error {
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("its file system does not allow a write-ahead log (journal mode %s)", mode)
	}
	return nil
}

// inspect reads all of the database at path and returns nil when it can be used,
// fs.ErrNotExist, ErrDamaged or ErrNewer; any other error says that it could not find
// out. It writes nothing but the -wal and -shm files, unless SQLite has to finish
// what a killed process began.
func (c Config) inspect(ctx context.Context, path string, how access) error {
	// That it may be written is found out here, and not in the middle of a change.
	flag := os.O_RDWR
	if how == still {
		flag = os.O_RDONLY
	}
	if err := inspectFile(path, flag); err != nil {
		return err
	}
	err := c.inspectContent(ctx, path, how)
	if codeOf(err)&0xff == lib.SQLITE_READONLY && how == readOnly {
		// Not the file is read-only, but there is something left to finish.
		err = c.inspectContent(ctx, path, readWrite)
	}
	return err
}

func inspectFile(path string, flag int) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, linkErr := os.Lstat(path); linkErr == nil {
			return &Error{Doing: "opening", Path: path, Cause: errors.New("it is a symbolic link to a file that is missing"),
				Next: "mount what it leads to, or remove the link"}
		}
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is no file (%s)", ErrDamaged, info.Mode())
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	// Closed before SQLite opens the file: closing it later would drop SQLite's locks.
	defer f.Close()
	head := make([]byte, 16)
	_, err = io.ReadFull(f, head)
	switch {
	case err == io.EOF:
		return fmt.Errorf("%w: the file is empty", ErrDamaged)
	case err == io.ErrUnexpectedEOF:
		return fmt.Errorf("%w: the file ends in its header", ErrDamaged)
	case err != nil:
		return err
	case string(head) != "SQLite format 3\x00":
		return fmt.Errorf("%w: the file is no SQLite database", ErrDamaged)
	}
	return nil
}

func (c Config) inspectContent(ctx context.Context, path string, how access) (err error) {
	db, err := connect(path, 1, how)
	if err != nil {
		return err
	}
	defer db.Close()
	defer func() {
		if err != nil && kindOf(err, filepath.Dir(path)) == ErrDamaged {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}()
	var found []string
	err = Each(ctx, db, "PRAGMA quick_check(3)", func(scan func(...any) error) error {
		var line string
		err := scan(&line)
		found = append(found, line)
		return err
	})
	if err != nil {
		return err
	}
	if text := strings.Join(found, "; "); text != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, text)
	}
	version, err := userVersion(ctx, db)
	switch {
	case err != nil:
		return err
	case version > len(c.Migrations):
		return &Error{Doing: "opening", Path: path, Kind: ErrNewer,
			Cause: fmt.Errorf("its form is %d, %d is the newest known here", version, len(c.Migrations)),
			Next:  "start that version again; a database from before the upgrade may be in " + c.Backups}
	case version <= 0:
		return fmt.Errorf("%w: there is nothing in it", ErrDamaged)
	case version < len(c.Migrations):
		return nil // the migration will tell
	}
	// Pages can be in order and tables missing.
	if err := c.Check(ctx, db); err != nil {
		if code := codeOf(err) & 0xff; code == 0 || code == lib.SQLITE_ERROR {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return err
	}
	return nil
}
