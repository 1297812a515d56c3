package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Restore makes the folder data, which must not exist or be empty, of a backup.
func Restore(ctx context.Context, from io.Reader, data string) (*Summary, error) {
	if entries, err := os.ReadDir(data); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: a store is restored into a folder of its own", data)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	part := strings.TrimRight(data, string(filepath.Separator)) + ".restoring"
	if err := os.Mkdir(part, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder beside it: %w", err)
	}
	summary, err := restore(ctx, from, part)
	if err == nil {
		err = raise(ctx, part, summary)
	}
	if err == nil {
		err = os.Remove(data) // empty, or not there
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = os.Rename(part, data)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(part))
	}
	return summary, nil
}

// leap is by how much the catalogue's number is raised: more changes are not made between
// a backup and the loss of what it is of. Clients refuse a catalogue that is older than what
// they have seen.
const leap = 1_000_000

// raise opens the database that was restored, and raises the catalogue's number.
func raise(ctx context.Context, dir string, s *Summary) (err error) {
	db, err := database.Open(ctx, filepath.Join(dir, databaseName), database.Options{})
	if err != nil {
		return fmt.Errorf("opening the database that was restored: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	sequence, err := db.Sequence(ctx)
	if err != nil {
		return err
	}
	return db.RaiseTo(ctx, sequence+leap, database.Entry{Actor: "store", Action: "recover", Target: "backup of " + s.Created.Format(time.RFC3339)})
}

func restore(ctx context.Context, from io.Reader, dir string) (*Summary, error) {
	archive := tar.NewReader(from)
	h, err := readHead(archive)
	if err != nil {
		return nil, err
	}
	files, err := blobs.Open(ctx, filepath.Join(dir, "blobs"), blobs.Options{Limit: 4 << 30})
	if err != nil {
		return nil, err
	}
	summary := &Summary{Created: h.Created, Program: h.Program, Files: len(h.Files)}
	missing := maps.Clone(h.Files)
	for {
		entry, err := archive.Next()
		if err == io.EOF {
			return nil, errors.New("the backup ends too early")
		}
		if err != nil {
			return nil, fmt.Errorf("reading the backup: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		summary.Bytes += entry.Size
		digest, isBlob := strings.CutPrefix(entry.Name, blobsPrefix)
		switch {
		case entry.Typeflag != tar.TypeReg:
			return nil, fmt.Errorf("%q in the backup is no file", entry.Name)
		case entry.Name == endEntry:
			if len(missing) > 0 {
				return nil, fmt.Errorf("%s is missing in the backup", slices.Sorted(maps.Keys(missing))[0])
			}
			return summary, nil
		case isBlob:
			summary.Blobs++
			want := store.Object{Digest: "sha256:" + digest, Size: entry.Size}
			if err := files.PutDigest(ctx, want, archive); err != nil {
				return nil, fmt.Errorf("the file %s of the backup: %w", want.Digest, err)
			}
		default:
			want, known := missing[entry.Name]
			if !known {
				return nil, fmt.Errorf("%q in the backup is not named at its beginning", entry.Name)
			}
			delete(missing, entry.Name)
			if err := writeFile(filepath.Join(dir, filepath.FromSlash(entry.Name)), archive, want); err != nil {
				return nil, fmt.Errorf("%s of the backup: %w", entry.Name, err)
			}
		}
	}
}

// readHead reads the first entry. The files that it names are those of a store.
func readHead(archive *tar.Reader) (*head, error) {
	entry, err := archive.Next()
	if err != nil || entry.Name != headEntry || entry.Size > maxHead {
		return nil, errors.New("this is no backup of a store")
	}
	var h head
	if err := json.NewDecoder(archive).Decode(&h); err != nil {
		return nil, fmt.Errorf("the beginning of the backup can not be read: %w", err)
	}
	if h.Format != format {
		return nil, fmt.Errorf("the backup is of the format %.50q, and this version reads %s", h.Format, format)
	}
	for name := range h.Files {
		top, _, nested := strings.Cut(name, "/")
		known := nested && (top == "keys" || top == "trust") || slices.Contains([]string{databaseName, "store.properties", "admin-token"}, name)
		if !known || !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("%q has no place in a store", name)
		}
	}
	if _, ok := h.Files[databaseName]; !ok {
		return nil, errors.New("the backup has no database")
	}
	return &h, nil
}

func writeFile(path string, from io.Reader, digest string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), from)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if digestOf(sum) != digest {
		return errors.New("its bytes are not those that were backed up")
	}
	return nil
}
