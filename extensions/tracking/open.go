package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// format is the number of the layout that position.go describes.
const format = 1

// lockTimeout is how long openHistory waits for another process to let go of the
// database. During an upgrade the previous version has ended before.
const lockTimeout = 1 * time.Second

// corruptError says that the database can not be trusted. It is never repaired and
// never replaced by an empty one: the history is the administrator's.
type corruptError struct {
	path string
	err  error
}

func (e *corruptError) Error() string {
	return fmt.Sprintf("%s is damaged and was left as it is: %v; restore it from a copy, or move it away to begin an empty history", e.path, e.err)
}

func (e *corruptError) Unwrap() error { return e.err }

// openHistory opens the history in a folder, and begins one where there is none.
// Errors are a *corruptError, or say who has to do what.
func openHistory(folder string) (*history, error) {
	path := filepath.Join(folder, historyFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := createHistory(folder, path); err != nil {
			return nil, fmt.Errorf("beginning a history: %w", err)
		}
	}
	db, err := openDatabase(path)
	if err != nil {
		return nil, err
	}
	h := &history{db: db, turn: make(chan struct{}, 1)}
	if err := errors.Join(h.verify(), h.identify()); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// createHistory makes the database under another name first, so that one with the
// right name is complete: an empty or half-made file there is damage, not a
// beginning.
func createHistory(folder, path string) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(fresh, 0o600, &bbolt.Options{Timeout: lockTimeout})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{bucketMeta, bucketHistory, bucketOrder, bucketCurrent} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		meta := tx.Bucket([]byte(bucketMeta))
		return errors.Join(
			meta.Put([]byte(keyFormat), []byte{format}),
			meta.Put([]byte(keyCount), binary.BigEndian.AppendUint64(nil, 0)))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// openDatabase opens an existing database for writing.
func openDatabase(path string) (*bbolt.DB, error) {
	var db *bbolt.DB
	var file *os.File
	err := guard(path, func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:      lockTimeout,
			FreelistType: bbolt.FreelistMapType,
			NoStatistics: true,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := openRegular(name, flag&^os.O_CREATE, mode)
				file = f
				return f, err
			},
		})
		return err
	})
	var corrupt *corruptError
	switch {
	case err == nil:
		return db, nil
	case errors.As(err, &corrupt) && file != nil:
		return nil, errors.Join(err, file.Close()) // bbolt panicked before it could
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s is in use by another process: end that process first", path)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum),
		errors.Is(err, bbolterrors.ErrVersionMismatch), errors.Is(err, bbolterrors.ErrInvalidMapping):
		return nil, &corruptError{path, err}
	}
	return nil, fmt.Errorf("opening %s: %w", path, err)
}

// openRegular is os.OpenFile for regular files and no links.
func openRegular(name string, flag int, mode os.FileMode) (*os.File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	if info.Size() == 0 {
		return nil, &corruptError{name, errors.New("the file is empty")}
	}
	return os.OpenFile(name, flag, mode)
}

// verify checks what can be checked without reading everything: the file's length,
// the buckets, the format, and that the first and last entries agree.
func (h *history) verify() error {
	info, err := os.Stat(h.db.Path())
	if err != nil {
		return err
	}
	return h.view(func(b buckets) error {
		if want := b.meta.Tx().Size(); info.Size() < want {
			return &corruptError{h.db.Path(), fmt.Errorf("it has %d bytes of at least %d", info.Size(), want)}
		}
		switch got := b.meta.Get([]byte(keyFormat)); {
		case len(got) != 1:
			return fmt.Errorf("%w: its format is missing", errValues)
		case got[0] != format:
			return fmt.Errorf("%s has format %d, this version of Tracking reads format %d: install the version that wrote it", h.db.Path(), got[0], format)
		}
		return nil
	})
}

// identify remembers which file is open.
func (h *history) identify() (err error) {
	h.file, err = os.Stat(h.db.Path())
	return err
}

// check reports whether the history is usable and the open file is still the one
// with its name: positions in a file that was removed or replaced would be lost with
// the process.
func (h *history) check() error {
	info, err := os.Stat(h.db.Path())
	if err != nil {
		return fmt.Errorf("the history has gone while in use: %w", err)
	}
	if !os.SameFile(info, h.file) {
		return fmt.Errorf("%s was replaced while in use: restart the extension to use the new file", h.db.Path())
	}
	return h.view(func(buckets) error { return nil })
}

// close closes the database when nobody uses it any more. One that is broken is
// left to the end of the process: a panic may have left a lock that Close waits for.
func (h *history) close() error {
	if h.broken.Load() != nil {
		return nil
	}
	return h.db.Close()
}

// guard turns the panics by which bbolt answers a damaged file into a
// *corruptError, the memory faults of a truncated one included.
func guard(path string, do func() error) (err error) {
	faults := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(faults)
		if v := recover(); v != nil {
			err = &corruptError{path, fmt.Errorf("reading it panicked: %v", v)}
		}
	}()
	return do()
}
