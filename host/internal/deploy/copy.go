package deploy

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stamp tells whether a file is still the one that was copied.
type stamp struct {
	ino          uint64
	size         int64
	mtime, ctime unix.Timespec
	mode         fs.FileMode
}

// copyTree makes to the same as from: folders, files and links, with their modes, times
// and owners; what is none of these (sockets, FIFOs) is left out, and so are temporary
// files. Files that are in ahead with the same stamp are there already. The trees are
// the extension's own, which may change them meanwhile: nothing is followed out of
// them. max bounds the bytes, 0 for no bound. Every copied file is on disk when it
// returns. A from that is not there counts as empty. With an owner all of to becomes its.
func copyTree(ctx context.Context, from, to string, max int64, ahead map[string]stamp, owner fs.FileInfo) (map[string]stamp, error) {
	source, err := os.OpenRoot(from)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]stamp{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer source.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	c := &copier{ctx: ctx, from: source, to: target, max: max, ahead: ahead, owner: owner, stamps: map[string]stamp{}}
	if err := fs.WalkDir(source.FS(), ".", c.visit); err != nil {
		return nil, err
	}
	if len(ahead) > 0 {
		if err := c.removeGone(); err != nil {
			return nil, err
		}
	}
	return c.stamps, nil
}

type copier struct {
	ctx      context.Context
	from, to *os.Root
	max, sum int64
	ahead    map[string]stamp
	stamps   map[string]stamp // of all that is in from
	owner    fs.FileInfo      // whose owner gets all, nil for those of what is copied
}

func (c *copier) visit(name string, d fs.DirEntry, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone since it was listed
	}
	if err != nil || name == "." {
		return err
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if name == temporary && d.IsDir() {
		return fs.SkipDir
	}
	info, err := c.from.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	is := stampOf(info)
	if c.sum += is.size; c.max > 0 && c.sum > c.max {
		return &TooBigError{Bytes: c.sum, Max: c.max}
	}
	if was, ok := c.ahead[name]; ok && was == is && !info.IsDir() {
		c.stamps[name] = is
		return nil
	}
	switch {
	case info.IsDir():
		err = c.folder(name, info)
	case info.Mode().IsRegular():
		err = c.file(name, info)
	case info.Mode()&fs.ModeSymlink != 0:
		err = c.link(name)
	default:
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	c.stamps[name] = is
	return err
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mode: info.Mode()}
	if info.IsDir() {
		s.size = 0
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.ino = st.Ino
		s.mtime, s.ctime = unix.Timespec(st.Mtim), unix.Timespec(st.Ctim)
	}
	return s
}

func (c *copier) folder(name string, info fs.FileInfo) error {
	err := c.to.Mkdir(name, info.Mode().Perm()|0o700)
	if errors.Is(err, fs.ErrExist) {
		if had, err := c.to.Lstat(name); err == nil && had.IsDir() {
			return c.to.Chmod(name, info.Mode().Perm()|0o700)
		}
		if err := c.to.Remove(name); err != nil {
			return err
		}
		err = c.to.Mkdir(name, info.Mode().Perm()|0o700)
	}
	if err != nil {
		return err
	}
	return c.own(name, info)
}

func (c *copier) link(name string) error {
	to, err := c.from.Readlink(name)
	if err != nil {
		return err
	}
	if err := c.clear(name); err != nil {
		return err
	}
	return c.to.Symlink(to, name)
}

func (c *copier) file(name string, info fs.FileInfo) error {
	in, err := c.from.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil // it is a link by now
	}
	if err != nil {
		return err
	}
	defer in.Close()
	if now, err := in.Stat(); err != nil || !now.Mode().IsRegular() {
		return err
	}
	if err := c.clear(name); err != nil {
		return err
	}
	out, err := c.to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	// Files that grow while they are copied end where they ended when they were seen.
	_, err = io.Copy(out, io.LimitReader(in, info.Size()))
	if err == nil {
		err = out.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := c.to.Chtimes(name, time.Time{}, info.ModTime()); err != nil {
		return err
	}
	return c.own(name, info)
}

// own gives the copy the owner of what was copied; only root can.
func (c *copier) own(name string, info fs.FileInfo) error {
	if c.owner != nil {
		info = c.owner
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return c.to.Lchown(name, int(st.Uid), int(st.Gid))
}

// clear makes room for a name.
func (c *copier) clear(name string) error {
	err := c.to.RemoveAll(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removeGone removes from the copy what is not there any more.
func (c *copier) removeGone() error {
	return fs.WalkDir(c.to.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || name == "." {
			return err
		}
		if _, stays := c.stamps[path.Clean(name)]; stays {
			return nil
		}
		if err := c.to.RemoveAll(name); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}
