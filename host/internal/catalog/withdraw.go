package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Withdraw removes the files from the drop folder that hold or claim the id, and
// returns their names, of which there may be none. What ran from a file whose bytes
// hold another id by now is let go too. It needs Run to run; the next View is without
// the extension, also when its files were on a mount that is lost.
func (c *Catalog) Withdraw(ctx context.Context, id string) (files []string, err error) {
	err = c.ask(ctx, func() {
		for _, name := range slices.Sorted(maps.Keys(c.files)) {
			switch f := c.files[name]; {
			case f.claimed() == id:
				files = append(files, name)
			case f.earlier != nil && f.earlier.manifest().ID == id:
				f.earlier = nil
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return c.withdraw(ctx, files)
}

// WithdrawFile removes one bundle file from the drop folder by its name, whatever is in
// it. The error is fs.ErrNotExist when there is none. It needs Run to run.
func (c *Catalog) WithdrawFile(ctx context.Context, name string) error {
	if !isBundleName(name) || filepath.Base(name) != name {
		return fmt.Errorf("%q is not the name of a bundle: %w", name, fs.ErrNotExist)
	}
	removed, err := c.withdraw(ctx, []string{name})
	if err == nil && len(removed) == 0 {
		return fmt.Errorf("%q is not in the extensions folder: %w", name, fs.ErrNotExist)
	}
	return err
}

// Purge removes the private copies of an id that no file and nobody needs any more, also
// those that would otherwise stay because its files may come back. It needs Run to run.
func (c *Catalog) Purge(ctx context.Context, id string) error {
	return c.ask(ctx, func() {
		c.remember() // of what was purged nothing is remembered any more
		c.untidy = c.shelf.purge(id, c.inUse(), c.kept()) || c.untidy
	})
}

// withdraw removes files, has the folder looked at, and returns those that are gone.
func (c *Catalog) withdraw(ctx context.Context, names []string) (gone []string, err error) {
	c.depositing.Lock()
	defer c.depositing.Unlock()
	var missing []string
	var problems []error
	for _, name := range names {
		switch err := unix.Unlink(filepath.Join(c.cfg.Extensions, name)); {
		case err == nil:
			gone = append(gone, name)
		case errors.Is(err, unix.ENOENT):
			missing = append(missing, name)
		default:
			problems = append(problems, depositError(&fs.PathError{Op: "remove", Path: name, Err: err}))
		}
	}
	if len(gone) > 0 {
		if err := syncDir(c.cfg.Extensions); err != nil {
			problems = append(problems, depositError(err))
		}
	}
	// The files are forgotten before the look: a folder that is not believed because
	// they are missing may be believed without them.
	problems = append(problems, c.ask(ctx, func() {
		for _, name := range slices.Concat(gone, missing) {
			if f := c.files[name]; f != nil {
				c.cancel(f)
				delete(c.files, name)
			}
		}
		c.look()
	}))
	return gone, errors.Join(problems...)
}
