package supervisor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A Unix socket's path has room for 107 bytes. go-plugin makes a folder in the
// folder we name and the child a socket in that; both names end in up to ten random
// digits.
const (
	maxSocketPath = 107
	socketFolder  = "plugin-dir"
	socketName    = "plugin"
	randomDigits  = 10
	socketSuffix  = len("/"+socketFolder) + randomDigits + len("/"+socketName) + randomDigits
)

// socketParent returns the folder in which the socket folder of one launch is made:
// runDir, or a short private temporary folder where a path in runDir would be too
// long. The second result is true when the folder is temporary.
func socketParent(runDir string) (dir string, temporary bool, err error) {
	if runDir != "" {
		abs, err := filepath.Abs(runDir)
		if err != nil {
			return "", false, err
		}
		if err := os.MkdirAll(abs, 0o700); err != nil {
			return "", false, err
		}
		if len(abs)+socketSuffix <= maxSocketPath {
			return abs, false, nil
		}
		runDir = abs
	}
	base := temporaryBase(runDir)
	dir, err = os.MkdirTemp(base, shortPrefix(runDir)+"*")
	if err != nil {
		return "", false, err
	}
	if len(dir)+socketSuffix > maxSocketPath {
		os.Remove(dir)
		return "", false, fmt.Errorf("%s is too long for a socket (%d bytes at most): set TMPDIR to a shorter folder", dir, maxSocketPath-socketSuffix)
	}
	return dir, true, nil
}

// temporaryBase is the system's folder for temporary files, or /tmp when that one's
// path is itself too long.
func temporaryBase(runDir string) string {
	base := os.TempDir()
	if len(base)+1+len(shortPrefix(runDir))+randomDigits+socketSuffix > maxSocketPath {
		return "/tmp"
	}
	return base
}

// shortPrefix names the temporary folders of one runDir, so that the next host run
// there finds what this one leaves when it is killed.
func shortPrefix(runDir string) string {
	sum := sha256.Sum256([]byte(runDir))
	return "jackfield-" + hex.EncodeToString(sum[:4]) + "-"
}

// sweepSockets removes the socket folders that an earlier host left behind when it
// was killed.
func sweepSockets(runDir string) error {
	abs, err := filepath.Abs(runDir)
	if err != nil {
		return err
	}
	return errors.Join(
		removePrefixed(abs, socketFolder),
		removePrefixed(temporaryBase(abs), shortPrefix(abs)),
	)
}

// removePrefixed removes the folders in dir whose names begin with prefix and that
// belong to this user.
func removePrefixed(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		info, err := e.Info()
		if err != nil || !ownedByUs(info) {
			continue
		}
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// ownedByUs reports whether a file belongs to the user that the host runs as.
func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
