package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// uploading begins the names of uploads on their way into the drop folder. Like
	// all dot files they are not looked at; what a crash leaves is swept.
	uploading    = ".jackfield-upload-"
	publishChunk = 8 << 20
)

// ErrFolder says that nothing can be put into the drop folder just now.
var ErrFolder = errors.New("nothing can be put into the extensions folder")

// Publish puts the bundle into the drop folder as <id>-<version>.jar, durably, and
// returns that name. What has the name is replaced, unless it holds the same bytes. It
// may be called while Run runs, and from several goroutines. When the folder is not
// believed nothing is put there.
func (c *Catalog) Publish(ctx context.Context, r *Received) (file string, err error) {
	c.mu.Lock()
	unsure, ran := c.unsure, c.ran
	c.mu.Unlock()
	if unsure != nil {
		return "", fmt.Errorf("%w: %w", ErrFolder, unsure)
	}
	if err := c.deposit(ctx, r, filepath.Join(c.cfg.Extensions, r.File)); err != nil {
		return "", depositError(err)
	}
	if ran {
		// The bundle is held until the file is known. It is published whether or not
		// there is somebody to look at it.
		_ = c.ask(ctx, c.look)
	}
	return r.File, nil
}

func (c *Catalog) deposit(ctx context.Context, r *Received, path string) error {
	c.depositing.Lock()
	defer c.depositing.Unlock()
	switch same, err := holds(ctx, path, r); {
	case err != nil:
		return err
	case same:
		return syncDir(c.cfg.Extensions) // whoever put it there may not have done so
	}
	c.sweep()
	tmp, err := os.CreateTemp(c.cfg.Extensions, uploading)
	if err != nil {
		return err
	}
	// The bytes are copied: with a hard link, who writes into the folder would write
	// into private storage.
	err = errors.Join(copyOut(ctx, tmp, filepath.Join(r.accepted.dir, jarName)), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncDir(c.cfg.Extensions)
}

// holds reports that the file at a path holds the bytes of r.
func holds(ctx context.Context, path string, r *Received) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, nil // whatever it is, replacing it succeeds or says why not
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() != r.Size {
		return false, nil
	}
	digest, err := copyAll(io.Discard, &source{ctx: ctx, r: f}, r.Size)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil || digestTag+digest != r.Digest {
		return false, nil
	}
	return true, f.Sync()
}

// copyOut copies a private bundle to a file of the folder, sharing its blocks where the
// file system can.
func copyOut(ctx context.Context, to *os.File, path string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := io.CopyN(to, from, publishChunk)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(to.Chmod(0o644), to.Sync())
}

// sweep removes what a crash left of uploads. The caller has c.depositing.
func (c *Catalog) sweep() {
	list, err := os.ReadDir(c.cfg.Extensions)
	if err != nil {
		return // who needs the folder will say so
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), uploading) {
			continue
		}
		if err := os.Remove(filepath.Join(c.cfg.Extensions, e.Name())); err != nil {
			c.cfg.Log.Warn("what is left of an upload cannot be removed", "file", e.Name(), "error", err)
		}
	}
}

// depositError says what to do about an error of writing into the drop folder.
func depositError(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: its disk is full: %w; make room there and try again", ErrFolder, err)
	case errors.Is(err, unix.EROFS), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: the host may not write there: %w; let it, or change the folder by hand", ErrFolder, err)
	}
	return fmt.Errorf("%w: %w", ErrFolder, err)
}
