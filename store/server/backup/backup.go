// Package backup keeps a store in one file: Write makes one of a store that may run
// meanwhile, Restore makes the folder of a store of such a file again.
//
// What is promised: what was published when Write began is in the file, whole; nothing that
// is not as it was is restored; a folder is restored whole or not at all. The file holds
// the store's keys and the first administrator's token: it is as secret as the folder.
//
// The file is a tar archive. Its first entry, backup.json, names the others with their
// digests but for the blobs, whose names are their digests; its last one, end, is empty.
package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

const (
	// format is that of the file: another one is read by another version.
	format       = "jackfield-store-backup-1"
	headEntry    = "backup.json"
	databaseName = "store.db"
	blobsPrefix  = "blobs/sha256/"
	endEntry     = "end"
	// maxSmall bounds each file beside database and blobs, maxHead the first entry.
	maxSmall = 1 << 20
	maxHead  = 4 << 20
)

// head is the first entry.
type head struct {
	Format  string    `json:"format"`
	Program string    `json:"program"` // version
	Created time.Time `json:"created"`
	// Files has the digests of the files that are no blobs, by their path in the folder.
	Files map[string]string `json:"files"`
}

// Source is the folder of a store, whose database and blobs are in it.
type Source struct {
	Data    string
	Program string // version
}

// Summary is what a backup has.
type Summary struct {
	Created time.Time `json:"created"`
	Program string    `json:"program"`
	Files   int       `json:"files"` // beside blobs
	Blobs   int       `json:"blobs"`
	Bytes   int64     `json:"bytes"` // of all
}

// Write writes the store of src to w.
func Write(ctx context.Context, src Source, w io.Writer) (*Summary, error) {
	copied, err := copyDatabase(ctx, src)
	if err != nil {
		return nil, err
	}
	defer os.Remove(copied.Name())
	defer copied.Close()
	small, err := smallFiles(src.Data)
	if err != nil {
		return nil, err
	}
	h := head{Format: format, Program: src.Program, Created: time.Now().UTC().Truncate(time.Second), Files: map[string]string{}}
	for name, text := range small {
		sum := sha256.Sum256(text)
		h.Files[name] = hex.EncodeToString(sum[:])
	}
	size, sum, err := measure(copied)
	if err != nil {
		return nil, err
	}
	h.Files[databaseName] = sum
	out := &writer{tar: tar.NewWriter(w), now: h.Created}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	out.put(headEntry, int64(len(text)), bytes.NewReader(text))
	out.put(databaseName, size, copied)
	for name, text := range small {
		out.put(name, int64(len(text)), bytes.NewReader(text))
	}
	summary := &Summary{Created: h.Created, Program: h.Program, Files: len(h.Files)}
	if summary.Blobs, err = out.blobs(ctx, src); err != nil {
		return nil, err
	}
	out.put(endEntry, 0, bytes.NewReader(nil))
	summary.Bytes = out.written
	return summary, errors.Join(out.err, out.tar.Close())
}

// copyDatabase returns a copy of the database as it is now, at its beginning.
func copyDatabase(ctx context.Context, src Source) (f *os.File, err error) {
	db, err := database.Open(ctx, filepath.Join(src.Data, databaseName), database.Options{})
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	defer db.Close()
	if f, err = os.CreateTemp(src.Data, ".backup-*"); err != nil {
		return nil, err
	}
	if err := db.Backup(ctx, f); err != nil {
		return nil, errors.Join(fmt.Errorf("copying the database: %w", err), f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// measure returns size and digest of a file, and goes back to its beginning.
func measure(f *os.File) (size int64, sum string, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, "", err
	}
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, "", err
	}
	_, err = f.Seek(0, io.SeekStart)
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// smallFiles are the files beside database and blobs, by their path: keys, roots, settings.
func smallFiles(data string) (map[string][]byte, error) {
	found := map[string][]byte{}
	add := func(name string) error {
		f, err := os.Open(filepath.Join(data, name))
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
		if err == nil && len(text) > maxSmall {
			err = fmt.Errorf("%s is over %d bytes; what is it?", name, maxSmall)
		}
		found[filepath.ToSlash(name)] = text
		return err
	}
	for _, name := range []string{"store.properties", "admin-token"} {
		if err := add(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, dir := range []string{"keys", "trust"} {
		err := filepath.WalkDir(filepath.Join(data, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			name, err := filepath.Rel(data, path)
			if err != nil {
				return err
			}
			return add(name)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return found, nil
}

// writer writes entries, until one fails.
type writer struct {
	tar     *tar.Writer
	now     time.Time
	written int64
	err     error
}

func (w *writer) put(name string, size int64, from io.Reader) {
	if w.err != nil {
		return
	}
	w.err = w.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: w.now, Typeflag: tar.TypeReg})
	if w.err == nil {
		_, w.err = io.CopyN(w.tar, from, size)
		w.written += size
	}
}

// blobs writes all blobs. They never change, and those that the copy of the database names
// were there before it was made.
func (w *writer) blobs(ctx context.Context, src Source) (n int, err error) {
	files, err := blobs.Open(ctx, filepath.Join(src.Data, "blobs"), blobs.Options{})
	if err != nil {
		return 0, fmt.Errorf("opening the blobs: %w", err)
	}
	err = files.Walk(ctx, func(info blobs.Info) error {
		f, err := files.Open(ctx, info.Digest)
		if errors.Is(err, blobs.ErrNotFound) { // nothing needed it, and it was swept
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		n++
		w.put(blobsPrefix+strings.TrimPrefix(info.Digest, "sha256:"), f.Size(), f)
		return w.err
	})
	return n, err
}

func digestOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
