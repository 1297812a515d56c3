package repositories

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/store/jameica"
)

const (
	// zipPrefix begins the names of ZIPs that are on their way, tagSuffix ends that of the file
	// beside one by which the server knows it again.
	zipPrefix = "zip-"
	tagSuffix = ".tag"
	// zipAge is how long one that was broken off is kept.
	zipAge = 7 * 24 * time.Hour
	maxTag = 1 << 10
)

// zips are ZIPs of a repository of Jameica's that are on their way. One that was broken off is
// gone on with by the next who asks for it, also after a restart.
type zips struct {
	dir string

	mu   sync.Mutex // guards busy
	busy map[string]bool
}

// openZips forgets what nobody has asked for in a long time.
func openZips(dir string, now time.Time) *zips {
	found, _ := filepath.Glob(filepath.Join(dir, zipPrefix+"*"))
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && now.Sub(info.ModTime()) > zipAge {
			os.Remove(path)
		}
	}
	return &zips{dir: dir, busy: map[string]bool{}}
}

// zip is one of them, which belongs to whoever has opened it.
type zip struct {
	jameica.Partial
	file  *os.File
	zips  *zips
	path  string
	alone bool // somebody else is about the same: nothing of it is kept
}

// open opens what there is of the ZIP at an address; progress is told how many bytes there
// are. The caller closes it.
func (z *zips) open(address string, progress func(size int64)) (*zip, error) {
	opened := &zip{zips: z, path: filepath.Join(z.dir, fmt.Sprintf("%s%x", zipPrefix, sha256.Sum256([]byte(address))))}
	z.mu.Lock()
	opened.alone = z.busy[opened.path]
	z.busy[opened.path] = true
	z.mu.Unlock()
	var err error
	if opened.alone {
		opened.file, err = os.CreateTemp(z.dir, zipPrefix+"*")
	} else {
		opened.file, err = os.OpenFile(opened.path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err != nil {
		opened.free()
		return nil, fmt.Errorf("keeping a ZIP while it is looked into: %w", err)
	}
	opened.File = &counted{opened.file, progress}
	if !opened.alone {
		tag, err := readBounded(opened.path+tagSuffix, maxTag)
		if err == nil && !strings.ContainsAny(string(tag), "\r\n\x00") {
			opened.Validator = string(tag)
		}
		opened.Began = opened.began
	}
	return opened, nil
}

// began keeps the validator of what begins to come.
func (z *zip) began(validator string) error {
	if validator == "" {
		err := os.Remove(z.path + tagSuffix)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return err
	}
	return os.WriteFile(z.path+tagSuffix, []byte(validator), 0o600)
}

// close gives it back. It stays if the download was broken off by err and can be gone on with.
func (z *zip) close(err error) {
	z.file.Close()
	if z.alone {
		os.Remove(z.file.Name())
		return
	}
	if jameica.CodeOf(err) != jameica.CodeUnreachable || z.Validator == "" {
		os.Remove(z.path + tagSuffix)
		os.Remove(z.path)
	}
	z.free()
}

func (z *zip) free() {
	if z.alone {
		return
	}
	z.zips.mu.Lock()
	defer z.zips.mu.Unlock()
	delete(z.zips.busy, z.path)
}

// counted tells how far a file has been written.
type counted struct {
	*os.File
	progress func(size int64)
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.File.Write(p)
	if at, atErr := c.Seek(0, io.SeekCurrent); atErr == nil {
		c.progress(at)
	}
	return n, err
}
