package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Recall finds a bundle ("sha256:…") in private storage, as if it had come by Receive. The
// error is ErrNotShelved when it is not there or was damaged. It works before Run, and may be
// called from several goroutines.
func (c *Catalog) Recall(ctx context.Context, digest string) (*Received, error) {
	hex := digestHex(digest)
	if !isDigest(hex) {
		return nil, fmt.Errorf("%w: %q is no digest", ErrNotShelved, digest)
	}
	release := c.shelf.hold(hex)
	p, err := c.shelf.fetch(ctx, hex)
	if err == nil && p == nil {
		err = ErrNotShelved
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("reading %s in private storage: %w", digest, err)
	}
	return c.received(p, c.cfg.acceptedOf(p, time.Now(), time.Now()), release), nil
}

// Retract removes the file with a name from the drop folder if it holds these bytes
// ("sha256:…"); what else has the name stays, and no such file is no error. It works before
// Run: then nobody has to look at the folder for it.
func (c *Catalog) Retract(ctx context.Context, name, digest string) error {
	if !isBundleName(name) || filepath.Base(name) != name {
		return fmt.Errorf("%q is not the name of a bundle: %w", name, fs.ErrNotExist)
	}
	switch same, err := c.holdsDigest(ctx, name, digest); {
	case err != nil:
		return err
	case !same:
		return nil
	}
	c.mu.Lock()
	ran := c.ran
	c.mu.Unlock()
	if ran {
		_, err := c.withdraw(ctx, []string{name})
		return err
	}
	c.depositing.Lock()
	defer c.depositing.Unlock()
	if err := unix.Unlink(filepath.Join(c.cfg.Extensions, name)); err != nil && !errors.Is(err, unix.ENOENT) {
		return depositError(&fs.PathError{Op: "remove", Path: name, Err: err})
	}
	return syncDir(c.cfg.Extensions)
}

// Holds reports whether there is a file with this name in the drop folder.
func (c *Catalog) Holds(name string) bool {
	if !isBundleName(name) || filepath.Base(name) != name {
		return false
	}
	info, err := os.Lstat(filepath.Join(c.cfg.Extensions, name))
	return err == nil && info.Mode().IsRegular()
}

// holdsDigest reports whether the file with a name holds these bytes.
func (c *Catalog) holdsDigest(ctx context.Context, name, digest string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(c.cfg.Extensions, name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
			return false, nil
		}
		return false, depositError(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	found, err := copyAll(io.Discard, &source{ctx: ctx, r: f}, -1)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err == nil && digestTag+found == digest, nil
}
