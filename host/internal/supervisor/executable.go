package supervisor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// changedError says that an executable is not the one that was verified.
type changedError struct {
	path      string
	got, want [sha256.Size]byte
}

func (e *changedError) Error() string {
	return fmt.Sprintf("%s has the SHA-256 %s, the verified bundle has %s: something changed the host's private copy; put the bundle into the drop folder again",
		e.path, hex.EncodeToString(e.got[:]), hex.EncodeToString(e.want[:]))
}

// openExecutable opens path and compares its content with want. The descriptor that
// was hashed is what is executed, so that nobody can exchange the file in between.
func openExecutable(path string, want [sha256.Size]byte) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	h := sha256.New()
	// Exactly the size that it has now: a file that grows while it is read ends too.
	if _, err := io.Copy(h, io.LimitReader(f, info.Size()+1)); err != nil {
		f.Close()
		return nil, fmt.Errorf("hashing %s: %w", path, err)
	}
	if got := [sha256.Size]byte(h.Sum(nil)); got != want {
		f.Close()
		return nil, &changedError{path: path, got: got, want: want}
	}
	return f, nil
}
