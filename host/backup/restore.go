package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host"
)

// Restore makes a home of the backup at path. The folder must be missing or empty, and
// stays so unless all of the backup is what was written. As root, everything is given to
// the owner of the folder, and the data of extensions to the users that they had; else
// everything belongs to the user of this process.
//
// Until the home is whole, and after a process that was killed, the folder
// restore.incomplete is in it, with which no host starts.
//
// progress, nil for nobody, is told of the bytes of the file, which is read twice.
func Restore(ctx context.Context, path string, home host.Home, progress Progress) (m *Manifest, err error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkEmpty(home); err != nil {
		return nil, err
	}
	moved := progress.through(f, 2)
	if m, err = verify(ctx, f, path, moved); err != nil {
		return nil, err
	}
	r, err := newRestoring(home)
	if err != nil {
		return nil, err
	}
	defer func() { err = both(err, r.leave(err == nil)) }()
	if err := checkRoom(home, m); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fault(CodeUnreadable, err, "", "reading the backup")
	}
	again, err := read(ctx, f, moved, r.take)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(again.Files, m.Files) {
		return nil, fault(CodeDamaged, nil, "try again when nobody writes to it", "%s changed while it was read", path)
	}
	return m, r.finish(m)
}

// checkEmpty refuses a folder that holds something. What a restore that was killed has
// left does not count as long as nothing of it is in its place.
func checkEmpty(home host.Home) error {
	entries, err := os.ReadDir(string(home))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault(CodeUnreadable, err, "", "reading the home to restore to")
	}
	incomplete := false
	for _, e := range entries {
		if e.Name() == filepath.Base(home.Restoring()) {
			incomplete = true
		}
	}
	for _, e := range entries {
		switch e.Name() {
		case filepath.Base(home.Restoring()), "lost+found":
			continue
		case filepath.Base(home.Run()):
			if left, err := os.ReadDir(home.Run()); err == nil && (len(left) == 0 || len(left) == 1 && left[0].Name() == "host.lock") {
				continue
			}
		}
		if incomplete {
			return fault(CodeNotEmpty, nil, "empty the folder, and restore again", "%s holds %s, and %s of a restore that was cut short", home, e.Name(), filepath.Base(home.Restoring()))
		}
		return fault(CodeNotEmpty, nil, fmt.Sprintf("move it aside first: mv %s %s.before", home, home), "%s is not empty: it holds %s", home, e.Name())
	}
	return nil
}

// checkRoom refuses to begin what the disk has no room for.
func checkRoom(home host.Home, m *Manifest) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(string(home), &disk); err != nil {
		return fault(CodeUnreadable, err, "", "asking how much room there is in %s", home)
	}
	const overhead = 4 << 10 // of each file: the rest of its last block, and its inode
	need, have := uint64(m.Bytes())+overhead*uint64(len(m.Files)), disk.Bavail*uint64(disk.Bsize)
	if need > have {
		return fault(CodeNoRoom, nil, "free some space, or restore to another disk", "%s has room for %d bytes, and %d are needed", home, have, need)
	}
	return nil
}

// restoring is a home that is being made.
type restoring struct {
	home     host.Home
	unlock   func()
	stage    *os.Root // restore.incomplete
	asRoot   bool
	uid, gid int // of what is the host's, as root
	dirs     []File
	buf      []byte
}

// newRestoring takes the home.
func newRestoring(home host.Home) (r *restoring, err error) {
	if err := os.MkdirAll(string(home), 0o755); err != nil {
		return nil, fault(CodeUnreadable, err, "", "making the home")
	}
	info, err := os.Stat(string(home))
	if err != nil {
		return nil, fault(CodeUnreadable, err, "", "making the home")
	}
	r = &restoring{home: home, asRoot: os.Geteuid() == 0, buf: make([]byte, 256<<10)}
	r.uid, r.gid = ownersOf(info)
	r.unlock, err = home.Lock()
	if errors.Is(err, host.ErrInUse) {
		return nil, fault(CodeInUse, nil, "stop the host, or restore to another folder", "a host runs in %s, or it is being restored", home)
	}
	if err != nil {
		return nil, fault(CodeUnreadable, err, "", "taking the home")
	}
	defer func() {
		if err != nil {
			r.unlock()
		}
	}()
	if err := checkEmpty(home); err != nil { // now that nobody else can change it
		return nil, err
	}
	err = os.RemoveAll(home.Restoring())
	if err == nil {
		err = os.Mkdir(home.Restoring(), 0o700)
	}
	if err == nil {
		r.stage, err = os.OpenRoot(home.Restoring())
	}
	if err != nil {
		return nil, fault(CodeUnreadable, err, "", "making a folder in %s", home)
	}
	return r, nil
}

// take writes one entry.
func (r *restoring) take(f File, content io.Reader) error {
	if f.Dir {
		r.dirs = append(r.dirs, f)
		return writingFault(r.stage.Mkdir(f.Path, 0o700), f)
	}
	out, err := r.stage.OpenFile(f.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return writingFault(err, f)
	}
	if _, err := io.CopyBuffer(onlyWriter{out}, content, r.buf); err != nil {
		var wrote *fs.PathError
		if errors.As(err, &wrote) && wrote.Op == "write" {
			err = writingFault(err, f)
		}
		return both(err, out.Close())
	}
	if err := out.Close(); err != nil {
		return writingFault(err, f)
	}
	return r.settle(f)
}

// onlyWriter keeps io.Copy from asking the file to read by itself.
type onlyWriter struct{ io.Writer }

func writingFault(err error, f File) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fault(CodeNoRoom, err, "free some space, or restore to another disk", "writing %s", f.Path)
	}
	return fault(CodeUnreadable, err, "", "writing %s", f.Path)
}

// settle gives a file or folder its owner, mode and time.
func (r *restoring) settle(f File) error {
	if r.asRoot {
		uid, gid := r.uid, r.gid
		if f.Owner != 0 {
			uid, gid = f.Owner, f.Owner
		}
		if err := r.stage.Lchown(f.Path, uid, gid); err != nil {
			return writingFault(err, f)
		}
	}
	if err := r.stage.Chmod(f.Path, fs.FileMode(f.Mode)); err != nil {
		return writingFault(err, f)
	}
	at := time.Unix(f.Modified, 0)
	return writingFault(r.stage.Chtimes(f.Path, at, at), f)
}

// finish puts everything in its place.
func (r *restoring) finish(m *Manifest) error {
	// Those within others first: what is made in a folder changes its time.
	for _, f := range slices.Backward(r.dirs) {
		if err := r.settle(f); err != nil {
			return err
		}
	}
	if err := syncFS(r.home.Restoring()); err != nil {
		return fault(CodeUnreadable, err, "", "writing to the disk")
	}
	for _, top := range places() {
		if _, err := r.stage.Lstat(top); err != nil {
			continue
		}
		if err := os.Rename(filepath.Join(r.home.Restoring(), top), filepath.Join(string(r.home), top)); err != nil {
			return fault(CodeUnreadable, err, "empty the folder, and restore again", "putting %s in its place", path.Join(string(r.home), top))
		}
	}
	if err := errors.Join(syncDir(string(r.home)), os.Remove(r.home.Restoring()), syncDir(string(r.home))); err != nil {
		return fault(CodeUnreadable, err, "", "finishing the home")
	}
	return nil
}

// leave gives the home free. What was not finished is removed.
func (r *restoring) leave(done bool) error {
	err := r.stage.Close()
	if !done {
		err = errors.Join(err, os.RemoveAll(r.home.Restoring()))
	}
	// The host makes it as it needs it; this one may be root's.
	err = errors.Join(err, os.RemoveAll(r.home.Run()))
	r.unlock()
	return err
}

// syncFS brings the file system of a folder to the disk: one call for all files.
func syncFS(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
