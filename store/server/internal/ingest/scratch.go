package ingest

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Scratch makes a file without a name in a folder ("" is the system's), which is gone with
// the process, however that ends. Where the file system has no such files (NFS), it has a
// name for a moment, while it is empty.
func Scratch(dir string) (*os.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	file, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, 0o600)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) {
		return file, err
	}
	if file, err = os.CreateTemp(dir, "scratch-"); err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
