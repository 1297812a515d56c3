package bundle

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The modes of what Unpack writes. Modes in the archive are ignored.
const (
	modeFolder     = 0o755
	modeFile       = 0o444
	modeExecutable = 0o555
)

// Unpack writes all entries below dir, which must be empty or not exist yet (its
// parent must). Nothing is written outside of dir, whatever is there. Files are
// read-only for everybody; those at the manifest's executable path for some platform
// may be executed. What is written is compared with what Verify read, and is on the
// disk, folders included, when Unpack returns nil.
//
// After any error, a full disk or the end of ctx included, dir is empty or gone
// again, as it was before. Only the end of the process or of the disk itself can
// leave a part.
//
// The File must still be open. Its own folder may be shared with nobody: who can
// write dir or a folder above it can change what runs.
func (v *Verified) Unpack(ctx context.Context, dir string) (err error) {
	if !v.Valid() {
		return errors.New("unpacking: the bundle was not verified")
	}
	made := true
	if err := os.Mkdir(dir, modeFolder); errors.Is(err, fs.ErrExist) {
		made = false
	} else if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	defer root.Close()
	if names, err := listFolder(root); err != nil || len(names) > 0 {
		if err == nil {
			err = fmt.Errorf("the folder %s is not empty", dir)
		}
		return fmt.Errorf("unpacking: %w", err)
	}
	t := &tree{root: root, folders: map[string]bool{}}
	if err = v.unpackInto(ctx, t); err == nil && made {
		err = syncPath(filepath.Dir(dir))
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("unpacking: %w", err)
	if cleaning := emptyRoot(root); cleaning != nil {
		return errors.Join(err, cleaning)
	}
	if made {
		err = errors.Join(err, os.Remove(dir))
	}
	return err
}

func (v *Verified) unpackInto(ctx context.Context, t *tree) error {
	executables := map[string]bool{}
	for _, p := range v.platforms {
		executables[p.entry] = true
	}
	// The umask may have been stricter: an extension runs as another user.
	if err := t.root.Chmod(".", modeFolder); err != nil {
		return err
	}
	var u unpacker
	src := bufio.NewReaderSize(nil, 64<<10)
	buf := make([]byte, 64<<10)
	sum := sha256.New()
	for i := range v.file.entries {
		e := &v.file.entries[i]
		if e.Dir {
			if err := t.folder(strings.TrimSuffix(e.Name, "/")); err != nil {
				return err
			}
			continue
		}
		mode := fs.FileMode(modeFile)
		if executables[e.Name] {
			mode = modeExecutable
		}
		src.Reset(&contextReader{ctx, io.NewSectionReader(v.file.r, e.dataAt, e.CompressedSize)})
		sum.Reset()
		if err := t.file(e.Name, mode, u.open(e, src), sum, buf); err != nil {
			return err
		}
		if !bytes.Equal(sum.Sum(nil), v.sums[i][:]) {
			return refuse(CodeDataCorrupt, e.Name, "the file was changed after it was verified")
		}
	}
	return t.sync(ctx)
}

// tree writes below a root.
type tree struct {
	root    *os.Root
	folders map[string]bool // made so far, by path
}

// folder makes a folder and those above it.
func (t *tree) folder(name string) error {
	if name == "." || t.folders[name] {
		return nil
	}
	if err := t.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := t.root.Mkdir(name, modeFolder); err != nil {
		return err
	}
	t.folders[name] = true
	return t.root.Chmod(name, modeFolder)
}

// file writes one new file and forces it to the disk.
func (t *tree) file(name string, mode fs.FileMode, r io.Reader, sum hash.Hash, buf []byte) (err error) {
	if err := t.folder(path.Dir(name)); err != nil {
		return err
	}
	f, err := t.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// Hidden from io.CopyBuffer: a ReadFrom of its own would leave buf unused.
	if _, err := io.CopyBuffer(io.MultiWriter(f, sum), r, buf); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Sync()
}

// sync forces the folders to the disk, those below first.
func (t *tree) sync(ctx context.Context) error {
	names := []string{"."}
	for name := range t.folders {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(b, a) })
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := t.root.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func syncPath(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// emptyRoot removes everything below root.
func emptyRoot(root *os.Root) error {
	names, err := listFolder(root)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := root.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

func listFolder(root *os.Root) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
