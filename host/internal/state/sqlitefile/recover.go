package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// prepare sees to it that there is a sound database at c.Path, and reports whether it
// made the first one of this home. What replaces another database is built beside it
// and renamed, so that a host which is killed in the middle begins again.
func (c Config) prepare(ctx context.Context) (created bool, err error) {
	wrong := c.inspect(ctx, c.Path, readOnly)
	missing := errors.Is(wrong, fs.ErrNotExist)
	switch {
	case wrong == nil:
		return false, nil
	case !missing && !errors.Is(wrong, ErrDamaged):
		return false, Explain("opening", c.Path, wrong)
	}
	used, err := c.wasUsed()
	if err != nil {
		return false, Explain("opening", c.Path, err)
	}
	origin, backup := Created, ""
	if used || !missing {
		origin = Lost
		if backup, err = c.newestSound(ctx); err != nil {
			return false, err
		}
		if backup != "" {
			origin = Restored
		}
	}
	next := c.Path + ".new"
	if err := c.build(ctx, next, backup, origin); err != nil {
		return false, Explain("making", next, errors.Join(err, removeDatabase(next)))
	}
	aside, err := moveAside(c.Path)
	if err != nil {
		return false, Explain("moving the damaged database aside from", c.Path, err)
	}
	if err := os.Rename(next, c.Path); err != nil {
		return false, Explain("making", c.Path, err)
	}
	if err := syncDir(filepath.Dir(c.Path)); err != nil {
		return false, Explain("making", c.Path, err)
	}
	c.report(origin, wrong, aside, backup)
	return origin == Created, nil
}

// report says what prepare did.
func (c Config) report(origin Origin, wrong error, aside, backup string) {
	facts := []any{"path", c.Path, "cause", wrong}
	if aside != "" {
		facts = append(facts, "damaged", aside)
	}
	switch origin {
	case Created:
		c.Log.Info("made the database", "path", c.Path)
	case Restored:
		c.Log.Error("the database was damaged or lost: the newest good backup took its place", append(facts, "backup", backup,
			"next", "changes made after the backup are missing: check what is disabled, pinned and which versions run")...)
	case Lost:
		c.Log.Error("the database was damaged or lost and there is no good backup: an empty one took its place", append(facts, "backups", c.Backups, "next", c.Next)...)
	}
}

// wasUsed reports whether this home had a database before.
func (c Config) wasUsed() (bool, error) {
	if c.Used {
		return true, nil
	}
	if backups, err := listBackups(c.Backups); err != nil || len(backups) > 0 {
		return true, err
	}
	entries, err := os.ReadDir(filepath.Dir(c.Path))
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		// Of a recovery that was cut short, or of somebody who removed just one file.
		if entry.Name() == filepath.Base(c.Path)+"-wal" || strings.HasPrefix(entry.Name(), filepath.Base(c.Path)+damagedMark) {
			return true, nil
		}
	}
	return false, nil
}

// newestSound returns the newest backup that can be used, or "".
func (c Config) newestSound(ctx context.Context) (string, error) {
	backups, err := listBackups(c.Backups)
	if err != nil {
		return "", Explain("listing the backups in", c.Backups, err)
	}
	for i := len(backups) - 1; i >= 0; i-- {
		path := filepath.Join(c.Backups, backups[i])
		err := c.inspect(ctx, path, still)
		switch {
		case err == nil:
			return path, nil
		case errors.Is(err, ErrDamaged):
			c.Log.Warn("a backup of the database is damaged, trying an older one", "backup", path, "cause", err)
		default:
			return "", Explain("reading the backup", path, err)
		}
	}
	return "", nil
}

// build makes a whole database at path, from a backup or an empty one, that tells its
// origin until that is acknowledged.
func (c Config) build(ctx context.Context, path, backup string, origin Origin) (err error) {
	if err := removeDatabase(path); err != nil {
		return err
	}
	if err := copyFile(path, backup); err != nil {
		return err
	}
	db, err := connect(path, 1, readWrite)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, db.Close())
		if err == nil {
			err = syncFile(path)
		}
	}()
	if err := migrate(ctx, db, c.Migrations); err != nil {
		return err
	}
	if origin != Created {
		err := Transact(db, func(tx *sql.Tx) error { return c.Mark(tx, origin) })
		if err != nil {
			return err
		}
	}
	return wal(ctx, db)
}

const damagedMark = ".damaged-"

// moveAside renames the database at path, if there is one, and returns its new name.
// The files that belong to it go with it: a -wal file that stays would be taken for
// that of the next database. The database goes first, so that a host that is killed
// in between never finds it without its -wal.
func moveAside(path string) (string, error) {
	aside, stamp := "", time.Now().UTC().Format(stampLayout)
	to := path + damagedMark + stamp
	for i := 2; exists(to) || exists(to+"-wal") || exists(to+"-shm"); i++ {
		to = fmt.Sprintf("%s%s%s.%d", path, damagedMark, stamp, i)
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		err := os.Rename(path+suffix, to+suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if aside == "" {
			aside = to + suffix
		}
	}
	return aside, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// removeDatabase removes a file that this package was building, and what SQLite put
// beside it.
func removeDatabase(path string) error {
	var problems []error
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
