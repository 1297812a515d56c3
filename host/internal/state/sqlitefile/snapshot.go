package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	lib "modernc.org/sqlite/lib"
)

// Snapshot writes the database at path, as it is at one moment, to a file that is not
// there yet, and returns its form (PRAGMA user_version), which is newest at most. Others
// may have the database open, and write: they are not held up. mark changes the copy,
// unless it is nil. The copy is whole and no write-ahead log belongs to it; after an
// error there is none.
func Snapshot(ctx context.Context, path, to string, newest int, mark func(*sql.Tx) error) (form int, err error) {
	if err := inspectFile(path, os.O_RDONLY); err != nil {
		return 0, Explain("reading", path, err)
	}
	defer func() {
		if err != nil {
			err = Explain("copying", path, errors.Join(err, removeDatabase(to)))
		}
	}()
	if err := copyFile(to, ""); err != nil { // SQLite fills an empty file; made here it is nobody else's to read
		return 0, err
	}
	err = View(ctx, path, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "VACUUM INTO ?", to)
		return err
	})
	if err != nil {
		return 0, err
	}
	// Forms and marks are those of the copy: the original may be another one by now.
	c := Config{Path: to, Migrations: make([]string, newest), Check: func(context.Context, *sql.DB) error { return nil }}
	if err := c.inspectContent(ctx, to, still); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Kind == ErrNewer {
			e.Path, e.Next = path, "use the version of Jackfield that wrote it, or a newer one"
		}
		return 0, err
	}
	db, err := connect(to, 1, readWrite)
	if err != nil {
		return 0, err
	}
	if form, err = userVersion(ctx, db); err == nil && mark != nil {
		err = Transact(db, mark)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return 0, err
	}
	return form, nil
}

// View calls do with the database at path, opened for reading. Others may have it open.
func View(ctx context.Context, path string, do func(*sql.DB) error) error {
	err := view(ctx, path, readOnly, do)
	if codeOf(err)&0xff == lib.SQLITE_READONLY {
		// Not the file is read-only, but there is something left to finish.
		err = view(ctx, path, readWrite, do)
	}
	return err
}

func view(ctx context.Context, path string, how access, do func(*sql.DB) error) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	if _, err := os.Stat(abs); errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := connect(abs, 1, how)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
