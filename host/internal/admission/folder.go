package admission

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxRootFiles bounds how many files in the folder of roots are looked at.
const maxRootFiles = 10_000

var errTooMany = errors.New("too many files")

// fingerprint changes when a file in the folder, or in a folder of it, comes, goes or is
// written. A folder that is not there looks like an empty one.
func fingerprint(dir string) (string, error) {
	sum := sha256.New()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			return nil
		}
		if n++; n > maxRootFiles {
			return errTooMany
		}
		info, err := os.Stat(path) // a link counts as what it leads to
		if err != nil {
			fmt.Fprintf(sum, "%q ?\n", path)
			return nil
		}
		fmt.Fprintf(sum, "%q %d %d %v\n", path, info.Size(), info.ModTime().UnixNano(), info.Mode())
		return nil
	})
	return string(sum.Sum(nil)), err
}
