// Package support makes the archive for those who help: tar.gz with files of text, from
// which secrets are kept out. Create begins one, Add puts a file into it, Close finishes it.
//
// What is promised: everything goes through a Redactor, which blanks what it was told to
// be secret and what looks like it (Redact says what does); the archive is for its owner
// alone (0600), never in place of another file, and whole or not there; its size is bounded.
package support

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	// MaxFile bounds one file of an archive; of a longer one the end is kept.
	MaxFile = 4 << 20
	// maxAll bounds all files together, before compression.
	maxAll = 256 << 20
)

// Archive is one that is being made.
type Archive struct {
	path     string
	folder   string // in the archive, in which all files are
	file     *os.File
	zip      *gzip.Writer
	tar      *tar.Writer
	redactor *Redactor
	now      time.Time
	size     int64
	left     []string // what was left out
}

// Create begins an archive at path; the error is fs.ErrExist when there is something.
// folder is the name of the folder in it.
func Create(path, folder string, r *Redactor, now time.Time) (*Archive, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already: %w", path, fs.ErrExist)
	}
	if err != nil {
		return nil, err
	}
	a := &Archive{path: path, folder: folder, file: f, redactor: r, now: now}
	a.zip = gzip.NewWriter(f)
	a.tar = tar.NewWriter(a.zip)
	return a, nil
}

// Add puts a file into the archive, redacted. What is beyond the bounds is cut, and said
// in Left.
func (a *Archive) Add(name string, data []byte) error {
	if len(data) > MaxFile {
		a.left = append(a.left, fmt.Sprintf("%s: the first %d bytes", name, len(data)-MaxFile))
		data = data[len(data)-MaxFile:]
	}
	text := a.redactor.Redact(string(data))
	if a.size+int64(len(text)) > maxAll {
		a.left = append(a.left, name+": all of it, since the archive is full")
		return nil
	}
	a.size += int64(len(text))
	err := a.tar.WriteHeader(&tar.Header{
		Name: a.folder + "/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: a.now, Format: tar.FormatPAX,
	})
	if err == nil {
		_, err = io.WriteString(a.tar, text)
	}
	return err
}

// Left lists what was left out for want of room.
func (a *Archive) Left() []string { return a.left }

// Close finishes the archive. After an error, as after Discard, there is none.
func (a *Archive) Close() error {
	err := errors.Join(a.tar.Close(), a.zip.Close(), a.file.Sync(), a.file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(a.path))
	}
	return nil
}

// Discard removes an archive that can not be finished.
func (a *Archive) Discard() error {
	return errors.Join(a.file.Close(), os.Remove(a.path))
}
