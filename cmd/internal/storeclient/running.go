package storeclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// Running is the content of store.json in the folder of a store: who serves it, and where.
type Running struct {
	PID int    `json:"pid"`
	URL string `json:"url"` // as this machine reaches it
	// Certificate is by which programs on this machine know the store, in PEM; it is empty
	// where it speaks plain HTTP.
	Certificate string `json:"certificate,omitempty"`
}

// ErrNone says that no store runs in the folder.
var ErrNone = errors.New("no store is running")

const maxRunning = 4 << 10

func runningFile(data string) string { return filepath.Join(data, "store.json") }

// Announce writes store.json, in one step. The returned function removes it, unless another
// store has announced itself since.
func Announce(data string, r Running) (withdraw func() error, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	path := runningFile(data)
	if err := renameio.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("announcing the store: %w", err)
	}
	return func() error {
		if now, err := read(path); err != nil || now != r {
			return nil
		}
		return os.Remove(path)
	}, nil
}

// Find returns the store that runs in the folder. The error is ErrNone, with the reason,
// when there is none.
func Find(data string) (Running, error) {
	path := runningFile(data)
	r, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Running{}, fmt.Errorf("%w in %s", ErrNone, data)
	case err != nil:
		return Running{}, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := unix.Kill(r.PID, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return Running{}, fmt.Errorf("%w in %s: process %d, which wrote store.json, is gone", ErrNone, data, r.PID)
	}
	return r, nil
}

func read(path string) (Running, error) {
	f, err := os.Open(path)
	if err != nil {
		return Running{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRunning))
	if err != nil {
		return Running{}, err
	}
	var r Running
	if err := json.Unmarshal(text, &r); err != nil {
		return Running{}, err
	}
	if r.PID <= 0 || r.URL == "" {
		return Running{}, errors.New("pid or url are missing")
	}
	return r, nil
}
