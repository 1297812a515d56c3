package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	lib "modernc.org/sqlite/lib"
)

// Open opens the database of a home, makes it on the first start, brings an older one
// to the newest form (after a backup) and repairs a damaged or lost one, as Origin
// tells and the log explains. A file that cannot be read or written, a full disk and
// a database of a newer Jackfield (ErrNewer) are no damage: they are an error, and
// everything stays where it is.
func Open(cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("opening the state: %w", err)
	}
	cfg.Path = path
	if cfg.migrations == nil {
		cfg.migrations = migrations()
	}
	if err := makeBackups(cfg.Backups); err != nil {
		return nil, err
	}
	ctx := context.Background()
	created, err := cfg.prepare(ctx)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, writing: make(chan struct{}, 1), dirty: make(chan struct{}, 1)}
	if err := s.connect(ctx); err != nil {
		return nil, explain("opening", path, errors.Join(err, s.Close()))
	}
	s.origin = cmp.Or(Origin(s.mem.values[originKey]), Opened)
	if created {
		s.origin = Created
	}
	return s, nil
}

// connect opens the pools, migrates and loads. On an error Close cleans up.
func (s *Store) connect(ctx context.Context) (err error) {
	if s.write, err = connect(s.cfg.Path, 1, readWrite); err != nil {
		return err
	}
	if s.read, err = connect(s.cfg.Path, 3, readOnly); err != nil {
		return err
	}
	if err := wal(ctx, s.write); err != nil {
		return err
	}
	version, err := userVersion(ctx, s.write)
	if err != nil {
		return err
	}
	if version < len(s.cfg.migrations) {
		// Whoever goes back to the older Jackfield needs the older database.
		if err := s.backup(ctx); err != nil {
			return err
		}
		if err := migrate(ctx, s.write, s.cfg.migrations); err != nil {
			return err
		}
		s.cfg.Log.Info("migrated the database", "path", s.cfg.Path, "from", version, "to", len(s.cfg.migrations))
	}
	s.mem, err = load(ctx, s.write)
	return err
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
// fs.ErrNotExist, errDamaged or ErrNewer; any other error says that it could not find
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
		return fmt.Errorf("%w: it is no file (%s)", errDamaged, info.Mode())
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
		return fmt.Errorf("%w: the file is empty", errDamaged)
	case err == io.ErrUnexpectedEOF:
		return fmt.Errorf("%w: the file ends in its header", errDamaged)
	case err != nil:
		return err
	case string(head) != "SQLite format 3\x00":
		return fmt.Errorf("%w: the file is no SQLite database", errDamaged)
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
		if err != nil && kindOf(err, filepath.Dir(path)) == errDamaged {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
	}()
	var found []string
	err = each(ctx, db, "PRAGMA quick_check(3)", func(scan func(...any) error) error {
		var line string
		err := scan(&line)
		found = append(found, line)
		return err
	})
	if err != nil {
		return err
	}
	if text := strings.Join(found, "; "); text != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, text)
	}
	version, err := userVersion(ctx, db)
	switch {
	case err != nil:
		return err
	case version > len(c.migrations):
		return &Error{Doing: "opening", Path: path, Kind: ErrNewer,
			Cause: fmt.Errorf("its form is %d, %d is the newest known here", version, len(c.migrations)),
			Next:  "start that version again; a database from before the upgrade may be in " + c.Backups}
	case version <= 0:
		return fmt.Errorf("%w: there is nothing in it", errDamaged)
	case version < len(c.migrations):
		return nil // the migration will tell
	}
	// Pages can be in order and tables missing.
	if _, err := load(ctx, db); err != nil {
		if code := codeOf(err) & 0xff; code == 0 || code == lib.SQLITE_ERROR {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		return err
	}
	return nil
}
