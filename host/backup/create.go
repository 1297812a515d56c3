package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// attempts is how often Create begins again because versions changed meanwhile.
const attempts = 5

// Create writes a backup of src to a new file at path, which only its owner may read. It
// has its name when it is whole and on the disk; until then it is in the folder
// <path>.incomplete-<digits>, which a process that was killed leaves behind.
func Create(ctx context.Context, path string, src Source) (m *Manifest, err error) {
	if inHome(path, src.Home) {
		return nil, fault(CodeInHome, nil, "name a file elsewhere, on another disk if there is one", "%s lies in the home itself", path)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".incomplete-")
	if err != nil {
		return nil, unwritable(path, err)
	}
	defer func() { err = both(err, os.RemoveAll(scratch)) }()
	if _, err := os.Lstat(path); err == nil {
		return nil, exists(path)
	}
	temp := filepath.Join(scratch, "backup")
	for try := 1; ; try++ {
		m, err = createOnce(ctx, temp, scratch, src)
		if CodeOf(err) != CodeChanged || try == attempts {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	switch err := giveName(temp, path); {
	case errors.Is(err, fs.ErrExist):
		return nil, exists(path)
	case err != nil:
		return nil, unwritable(path, err)
	}
	return m, syncDir(filepath.Dir(path))
}

// giveName renames a file, and replaces nothing.
func giveName(temp, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		err = os.Link(temp, path) // a file system that knows no such rename
	}
	return err
}

// inHome reports whether a file at path would be part of what it is made of.
func inHome(path string, home host.Home) bool {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return false // it cannot be made there
	}
	top, err := filepath.EvalSymlinks(string(home))
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err == nil {
		top, err = filepath.Abs(top)
	}
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(top, dir)
	return err == nil && filepath.IsLocal(rel)
}

func exists(path string) error {
	return fault(CodeExists, nil, "choose another name, or remove it first", "%s is there already", path)
}

func unwritable(path string, err error) error {
	return fault(CodeUnreadable, err, "", "writing %s", path)
}

func createOnce(ctx context.Context, temp, scratch string, src Source) (m *Manifest, err error) {
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, unwritable(temp, err)
	}
	defer func() { err = both(err, f.Close()) }()
	if m, err = write(ctx, f, scratch, src); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, unwritable(temp, err)
	}
	return m, nil
}

// Write writes a backup of src to w. What was written before an error is incomplete, and
// is refused by Restore. CodeChanged says that another try may succeed. Copies of the
// databases lie in a folder of os.TempDir meanwhile.
func Write(ctx context.Context, w io.Writer, src Source) (m *Manifest, err error) {
	scratch, err := os.MkdirTemp("", "jackfield-backup-")
	if err != nil {
		return nil, fault(CodeUnreadable, err, "set TMPDIR to a folder that can be written to", "making a folder for copies of the databases")
	}
	defer func() { err = both(err, os.RemoveAll(scratch)) }()
	return write(ctx, w, scratch, src)
}

// writing is a backup that is being written.
type writing struct {
	src      Source
	home     host.Home
	scratch  string
	owner    int // of the home
	archive  *archive
	manifest *Manifest
}

func write(ctx context.Context, w io.Writer, scratch string, src Source) (*Manifest, error) {
	home, err := filepath.Abs(string(src.Home))
	if err != nil {
		return nil, err
	}
	b := &writing{src: src, home: host.Home(home), scratch: scratch, archive: newArchive(w)}
	owner, err := os.Stat(home)
	if err == nil {
		_, err = os.Stat(b.home.Database())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault(CodeNoHome, nil, "name the home with --home", "%s is no home of Jackfield: there is no data/jackfield.db", home)
	case err != nil:
		return nil, fault(CodeUnreadable, err, "run this as root, or as the user of the host", "reading the home")
	}
	b.owner, _ = ownersOf(owner)
	if b.src.Now == nil {
		b.src.Now = time.Now
	}
	if src.Progress != nil {
		b.archive.moved = src.Progress.of(b.size(ctx))
	}
	return b.manifest, b.all(ctx)
}

// all writes everything, in this order: the database first, so that whatever else there
// is is as new as what it says, or newer. Between the two looks at the versions lies what
// belongs to them; private copies never change, and may take their time.
func (b *writing) all(ctx context.Context) error {
	database := filepath.Join(b.scratch, "jackfield.db")
	form, err := b.snapshot(ctx, database)
	if err != nil {
		return err
	}
	defer os.Remove(database) // with the folder otherwise, at the end
	before, err := state.Standings(ctx, database)
	if err != nil {
		return err
	}
	b.manifest = &Manifest{
		Header:         Header{Format: format, Version: b.src.Version, Created: b.src.Now().UTC().Truncate(time.Second), Database: form},
		WithoutSecrets: b.src.WithoutSecrets, WithoutData: b.src.WithoutData,
	}
	if err := b.archive.json(headerName, maxHeader, b.manifest.Header); err != nil {
		return err
	}
	if err := b.ofVersions(ctx, database); err != nil {
		return err
	}
	if b.src.between != nil {
		b.src.between()
	}
	after, err := state.Standings(ctx, b.home.Database())
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return changed("of " + firstChange(before, after))
	}
	if err := b.folders(ctx, before); err != nil {
		return err
	}
	b.manifest.Files = b.archive.files
	if err := b.archive.json(manifestName, maxManifest, b.manifest); err != nil {
		return err
	}
	return b.archive.close()
}

// snapshot copies the database; one that is gone before it was copied is no home.
func (b *writing) snapshot(ctx context.Context, to string) (int, error) {
	form, err := state.Snapshot(ctx, b.home.Database(), to)
	if err != nil {
		return 0, fault(CodeUnreadable, err, "", "the database cannot be backed up")
	}
	return form, nil
}

func changed(what string) error {
	return fault(CodeChanged, nil, "try again when nobody installs, enables or removes anything",
		"versions changed while the backup was made: those %s", what)
}

// firstChange is an id whose standing differs.
func firstChange(before, after map[string]state.Standing) string {
	for _, ids := range []map[string]state.Standing{before, after} {
		for id := range ids {
			if !reflect.DeepEqual(before[id], after[id]) {
				return id
			}
		}
	}
	return ""
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("making a change of %s durable: %w", path, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
