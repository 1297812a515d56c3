package sqlitefile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Inspect reads all of the database at c.Path and changes nothing, whoever has it open. It
// returns nil for one that can be used, fs.ErrNotExist, ErrDamaged or ErrNewer; any other
// error says that it could not find out. running says that a host has it open; else what a
// killed one left in the -wal file is looked at in a copy, for which there must be room.
func (c Config) Inspect(ctx context.Context, running bool) (err error) {
	if err := inspectFile(c.Path, os.O_RDONLY); err != nil {
		return err
	}
	if running {
		return c.inspectContent(ctx, c.Path, readOnly)
	}
	wal, err := os.Stat(c.Path + "-wal")
	if errors.Is(err, fs.ErrNotExist) || err == nil && wal.Size() == 0 {
		return c.inspectContent(ctx, c.Path, still)
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "jackfield-database-") // 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	duplicate := filepath.Join(dir, "copy.db")
	for _, end := range []string{"", "-wal"} {
		if err := copyFile(duplicate+end, c.Path+end); err != nil {
			return err
		}
	}
	return c.inspectContent(ctx, duplicate, readWrite)
}
