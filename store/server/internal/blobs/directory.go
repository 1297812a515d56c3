package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/store"
)

// directory keeps blobs in files root/sha256/ab/abcd…, named by their digest. What is being
// written is in root/tmp, each file locked by who writes it, so that what a killed process
// left there can be told apart. One process at a time has a root for writing.
type directory struct {
	root string
	opts Options

	// sweeping keeps Sweep from deciding over a blob while it is put once more: those who
	// put hold it for reading.
	sweeping *sync.RWMutex
}

func openDirectory(root string, opts Options) (Store, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	d := directory{root, opts, &sync.RWMutex{}}
	for _, dir := range []string{root, d.temp(), filepath.Join(root, "sha256")} {
		if err := makeDir(dir); err != nil {
			return nil, fmt.Errorf("opening the blobs: %w", err)
		}
	}
	if err := d.tidy(); err != nil {
		return nil, fmt.Errorf("tidying the blobs: %w", err)
	}
	return d, nil
}

func (d directory) temp() string { return filepath.Join(d.root, "tmp") }

func (d directory) path(digits string) string {
	return filepath.Join(d.root, "sha256", digits[:2], digits)
}

// tidy removes what nobody writes any more.
func (d directory) tidy() error {
	entries, err := os.ReadDir(d.temp())
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(d.temp(), e.Name())
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = os.Remove(name)
		}
		if err := errors.Join(err, f.Close()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (d directory) Put(ctx context.Context, r io.Reader) (store.Object, error) {
	return d.put(ctx, r, d.opts.Limit, nil)
}

func (d directory) PutDigest(ctx context.Context, want store.Object, r io.Reader) error {
	limit, err := limitFor(want, d.opts)
	if err != nil {
		return err
	}
	_, err = d.put(ctx, r, limit, &want)
	return err
}

// put writes a file, syncs it, and gives it its name; want is what it must be, nil if that
// is open.
func (d directory) put(ctx context.Context, r io.Reader, limit int64, want *store.Object) (object store.Object, err error) {
	f, err := d.create()
	if err != nil {
		return object, fmt.Errorf("putting a blob: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if e := os.Remove(f.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}()
	m := measure(ctx, r, limit)
	_, err = io.Copy(f, m)
	object = m.object()
	switch {
	case want != nil && (errors.Is(err, ErrTooLarge) || err == nil && object != *want):
		return store.Object{}, differs(*want, object)
	case err != nil:
		return store.Object{}, fmt.Errorf("putting a blob: %w", err)
	}
	if err := d.keep(f, object); err != nil {
		return store.Object{}, fmt.Errorf("putting blob %s: %w", object.Digest, err)
	}
	return object, nil
}

// create makes a locked file in the folder for what is being written. Between the two steps
// another process may take it for one that was left, and remove it.
func (d directory) create() (*os.File, error) {
	for {
		f, err := os.CreateTemp(d.temp(), "put-")
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			if _, err = os.Stat(f.Name()); err == nil {
				return f, nil
			}
		}
		if closeErr := f.Close(); closeErr != nil || !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, closeErr)
		}
	}
}

// keep gives a written file its name, in the place of one that has it: that one may be damaged.
func (d directory) keep(f *os.File, object store.Object) error {
	digits, err := digits(object.Digest)
	if err != nil {
		return err
	}
	d.sweeping.RLock()
	defer d.sweeping.RUnlock()
	name := d.path(digits)
	if err := makeDir(filepath.Dir(name)); err != nil {
		return err
	}
	if err := f.Chmod(0o444); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

func (d directory) Open(_ context.Context, digest string) (File, error) {
	digits, err := digits(digest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(digits))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("opening blob %s: %w", digest, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening blob %s: %w", digest, err), f.Close())
	}
	return sized{f, info.Size()}, nil
}

// sized is a file that knows its size. It is a syscall.Conn as well, so net/http has the
// kernel send it.
type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }

func (d directory) Stat(_ context.Context, digest string) (Info, error) {
	digits, err := digits(digest)
	if err != nil {
		return Info{}, err
	}
	info, err := os.Stat(d.path(digits))
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, fmt.Errorf("%w: %s", ErrNotFound, digest)
	}
	if err != nil {
		return Info{}, fmt.Errorf("looking at blob %s: %w", digest, err)
	}
	return Info{store.Object{Digest: digest, Size: info.Size()}, info.ModTime()}, nil
}

func (d directory) Walk(ctx context.Context, visit func(Info) error) error {
	folders, err := os.ReadDir(filepath.Join(d.root, "sha256"))
	if err != nil {
		return fmt.Errorf("listing blobs: %w", err)
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(d.root, "sha256", folder.Name()))
		if err != nil {
			return fmt.Errorf("listing blobs: %w", err)
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !digests.MatchString(e.Name()) || e.Name()[:2] != folder.Name() {
				continue // not ours
			}
			info, err := d.Stat(ctx, digestPrefix+e.Name())
			if errors.Is(err, ErrNotFound) {
				continue // swept meanwhile
			}
			if err == nil {
				err = visit(info)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d directory) Sweep(ctx context.Context, keep func(context.Context, string) (bool, error), olderThan time.Duration) (swept Swept, err error) {
	err = d.Walk(ctx, func(info Info) error {
		if time.Since(info.Modified) < olderThan {
			return nil
		}
		return d.sweep(ctx, info, keep, olderThan, &swept)
	})
	return swept, err
}

func (d directory) sweep(ctx context.Context, info Info, keep func(context.Context, string) (bool, error), olderThan time.Duration, swept *Swept) error {
	d.sweeping.Lock()
	defer d.sweeping.Unlock()
	if kept, err := keep(ctx, info.Digest); err != nil || kept {
		return err
	}
	info, err := d.Stat(ctx, info.Digest)
	if err != nil || time.Since(info.Modified) < olderThan {
		return err // it was put once more
	}
	digits, err := digits(info.Digest)
	if err != nil {
		return err
	}
	if err := os.Remove(d.path(digits)); err != nil {
		return fmt.Errorf("sweeping blob %s: %w", info.Digest, err)
	}
	swept.Blobs++
	swept.Bytes += info.Size
	return nil
}

// Check writes a file and removes it.
func (d directory) Check(context.Context) error {
	f, err := os.CreateTemp(d.temp(), "check-")
	if err != nil {
		return fmt.Errorf("checking the blobs: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// makeDir makes a folder that is nobody else's to read, and syncs its parent: also where it
// is there already, since who made it may not have come to that.
func makeDir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.Mkdir(path, 0o700)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
