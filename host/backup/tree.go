package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree is a folder to be written with all that is in it.
type tree struct {
	at  string // its path in the backup
	dir string // the folder; nothing is written when it is missing
	// follow says that links in it are read; else they are skipped.
	follow bool
	// keep says what of it is written, by the path in it; nil for all.
	keep func(name string) bool
}

// stamp is what changes when a file does.
type stamp struct {
	size             int64
	inode            uint64
	modified, status syscall.Timespec
}

func stampOf(info fs.FileInfo) stamp {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.IsDir() { // what is in a folder is looked at itself
		return stamp{}
	}
	return stamp{size: info.Size(), inode: st.Ino, modified: st.Mtim, status: st.Ctim}
}

// ownersOf returns user and group.
func ownersOf(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return 0, 0
}

// tree writes a tree. same is false when something in it changed, came or went meanwhile.
//
// Whoever may write to the folder may put links and pipes there at any moment: nothing
// outside of it is ever read, and nothing waited for.
func (b *writing) tree(ctx context.Context, t tree) (same bool, err error) {
	root, err := os.OpenRoot(t.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, unreadable(t.dir, err)
	}
	defer root.Close()
	w := &walk{b: b, t: t, root: root, seen: map[string]stamp{}, same: true}
	if err := w.walk(ctx, ".", true); err != nil {
		return false, err
	}
	again := &walk{b: b, t: t, root: root, seen: map[string]stamp{}, same: true}
	if err := again.walk(ctx, ".", false); err != nil {
		return false, err
	}
	if len(again.seen) != len(w.seen) {
		return false, nil
	}
	for name, s := range w.seen {
		if now, ok := again.seen[name]; !ok || now != s {
			return false, nil
		}
	}
	return w.same, nil
}

func unreadable(path string, err error) error {
	next := ""
	if errors.Is(err, fs.ErrPermission) {
		next = "run this as root, or as the user of the host"
	}
	return fault(CodeUnreadable, err, next, "reading %s", path)
}

// walk is one way through a tree.
type walk struct {
	b    *writing
	t    tree
	root *os.Root
	seen map[string]stamp
	same bool
}

// walk looks at name, a path in the tree, and at what is in it. copying writes it, too.
func (w *walk) walk(ctx context.Context, name string, copying bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at := path.Join(w.t.at, name)
	if name != "." && w.t.keep != nil && !w.t.keep(name) {
		return nil
	}
	info, err := w.stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		w.same = false
		return nil
	}
	if err != nil {
		return unreadable(at, err)
	}
	why := ""
	switch {
	case checkPath(at) != nil:
		why = "its name cannot be written in a backup"
	case info.Mode().Type() == fs.ModeSymlink:
		why = "it is a link"
	case !info.IsDir() && !info.Mode().IsRegular():
		why = "it is no file (" + info.Mode().Type().String() + ")"
	}
	if why != "" {
		if copying {
			w.b.skip(at, why)
		}
		return nil
	}
	w.seen[name] = stampOf(info)
	if !info.IsDir() {
		if copying {
			return w.copy(ctx, name, at)
		}
		return nil
	}
	if copying {
		if _, err := w.b.archive.add(ctx, w.b.entry(at, info), nil); err != nil {
			return err
		}
	}
	entries, err := w.list(name)
	if errors.Is(err, fs.ErrNotExist) {
		w.same = false
		return nil
	}
	if err != nil {
		return unreadable(at, err)
	}
	for _, e := range entries {
		if err := w.walk(ctx, path.Join(name, e.Name()), copying); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) stat(name string) (fs.FileInfo, error) {
	if w.t.follow {
		return os.Stat(filepath.Join(w.t.dir, name))
	}
	return w.root.Lstat(name)
}

func (w *walk) list(name string) ([]fs.DirEntry, error) {
	if w.t.follow {
		return os.ReadDir(filepath.Join(w.t.dir, name))
	}
	return fs.ReadDir(w.root.FS(), name)
}

func (w *walk) open(name string, how int) (*os.File, error) {
	if w.t.follow {
		return os.OpenFile(filepath.Join(w.t.dir, name), how, 0)
	}
	return w.root.OpenFile(name, how, 0)
}

// copy writes a file.
func (w *walk) copy(ctx context.Context, name, at string) error {
	// A pipe that took the place of the file would be waited for.
	f, err := w.open(name, os.O_RDONLY|unix.O_NONBLOCK)
	if errors.Is(err, fs.ErrNotExist) {
		w.same = false
		return nil
	}
	if err != nil {
		return unreadable(at, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return unreadable(at, err)
	}
	if !info.Mode().IsRegular() {
		w.same = false
		return nil
	}
	w.seen[name] = stampOf(info)
	whole, err := w.b.archive.add(ctx, w.b.entry(at, info), f)
	w.same = w.same && whole
	return err
}

// entry is a file of the backup, as it was found.
func (b *writing) entry(at string, info fs.FileInfo) File {
	f := File{Path: at, Dir: info.IsDir(), Mode: uint32(info.Mode().Perm()), Modified: info.ModTime().Unix()}
	if !f.Dir {
		f.Size = info.Size()
	}
	if owner, _ := ownersOf(info); owner != b.owner && ownedByExtension(at) {
		f.Owner = owner
	}
	return f
}

// folder writes a folder without what is in it, nothing if it is missing.
func (b *writing) folder(ctx context.Context, at, dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", dir)
	}
	if err != nil {
		return unreadable(dir, err)
	}
	_, err = b.archive.add(ctx, b.entry(at, info), nil)
	return err
}

// list writes a folder and returns the names of the folders in it.
func (b *writing) list(ctx context.Context, at, dir string) ([]string, error) {
	if err := b.folder(ctx, at, dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable(dir, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && checkPath(at+"/"+e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// file writes a private copy of a database.
func (b *writing) file(ctx context.Context, at, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return unreadable(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return unreadable(name, err)
	}
	whole, err := b.archive.add(ctx, File{Path: at, Mode: 0o600, Size: info.Size(), Modified: b.manifest.Created.Unix()}, f)
	if err == nil && !whole {
		err = unreadable(name, errors.New("it became shorter"))
	}
	return err
}
