package picture

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
)

// mostKept bounds a Shelf: beyond it, it starts anew.
const mostKept = 1024

// Made is an icon that is ready to be shown.
type Made struct {
	PNG []byte
	// Tag changes with the content.
	Tag string
}

// Shelf keeps icons by the digest of the bundle that they come from. The zero value is
// ready. Its methods may be called by any goroutine; one icon is made at a time, so that
// many at once take the memory of one.
type Shelf struct {
	mu   sync.Mutex // guards kept, and is held while an icon is made
	kept map[string]kept
}

type kept struct {
	icon Made
	err  error
}

// Get returns the icon of a bundle; read returns the file that it is made from. A file
// that is unfit is not read again, any other error is.
func (s *Shelf) Get(digest string, read func() ([]byte, error)) (Made, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.kept[digest]; ok {
		return k.icon, k.err
	}
	file, err := read()
	if err != nil {
		return Made{}, err
	}
	var k kept
	if k.icon.PNG, k.err = Icon(file); k.err != nil && !errors.Is(k.err, ErrUnfit) {
		return Made{}, k.err
	}
	sum := sha256.Sum256(k.icon.PNG)
	k.icon.Tag = hex.EncodeToString(sum[:8])
	if s.kept == nil || len(s.kept) >= mostKept {
		s.kept = map[string]kept{}
	}
	s.kept[digest] = k
	return k.icon, k.err
}
