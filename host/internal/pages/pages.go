// Package pages opens the files of the pages that an extension brings for the admin page,
// and nothing else: no folder, no link, no hidden file, no file outside of its folder, and
// none of a kind that pages have no use for.
//
// A Folder is that of one extension; it Exists if it has an index.html. Open opens a file in
// it by the path that stands in a URL.
package pages

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// Index is the entry of the pages.
	Index = "index.html"
	// MaxBytes bounds a file.
	MaxBytes = 16 << 20
	// maxName bounds a path and maxSegment a name in it, in bytes: those of bundles.
	maxName, maxSegment = 1024, 255
)

// The errors of Open, besides those of the disk.
var (
	ErrNone     = errors.New("there is no such file")
	ErrTooLarge = fmt.Errorf("the file has more than %d bytes", MaxBytes)
)

// Folder is where the pages of one extension are: Below leads from Base to it. Base is
// the host's own and may be reached over links; from there on there are none.
type Folder struct{ Base, Below string }

// Exists reports whether there are pages: an index.html that can be opened.
func (d Folder) Exists() bool {
	f, err := d.Open("")
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// File is an open file of pages. Its content is a stranger's.
type File struct {
	*os.File
	Info      fs.FileInfo
	MediaType string
}

// Open opens the file at a path, "" for Index. The path is taken as it is: one that would
// have to be cleaned leads to nothing.
func (d Folder) Open(name string) (*File, error) {
	if name == "" {
		name = Index
	}
	media := MediaType(name)
	if media == "" || !plain(name) {
		return nil, ErrNone
	}
	base, err := os.OpenRoot(d.Base)
	if err != nil {
		return nil, none(err)
	}
	defer base.Close()
	full := path.Join(filepath.ToSlash(d.Below), name)
	if err := noLinks(base, full); err != nil {
		return nil, none(err)
	}
	// Should a link be put there at this moment, it still leads to nothing outside of the
	// base; and what blocks when it is opened (a FIFO) is not waited for.
	f, err := base.OpenFile(full, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, none(err)
	}
	info, err := f.Stat()
	switch {
	case err == nil && !info.Mode().IsRegular():
		err = ErrNone
	case err == nil && info.Size() > MaxBytes:
		err = ErrTooLarge
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{f, info, media}, nil
}

// noLinks fails when something on the way to name is no folder, or name no regular file.
func noLinks(base *os.Root, name string) error {
	for end := 0; end < len(name); end++ {
		next := strings.IndexByte(name[end:], '/')
		if next < 0 {
			break
		}
		end += next
		if info, err := base.Lstat(name[:end]); err != nil || !info.IsDir() {
			return errors.Join(ErrNone, err)
		}
	}
	info, err := base.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return errors.Join(ErrNone, err)
	}
	return nil
}

// none makes ErrNone of what says that a file is not there, a disk that fails stays so.
func none(err error) error {
	if errors.Is(err, ErrNone) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return ErrNone
	}
	return err
}

// plain reports whether a path is one of visible names in a row, as it is.
func plain(name string) bool {
	if len(name) > maxName || !fs.ValidPath(name) || strings.ContainsAny(name, "\\:\x00") {
		return false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(segment, ".") || len(segment) > maxSegment {
			return false
		}
	}
	return true
}

// MediaType is that of a file of pages by its name, "" for a kind that pages do not
// need. The set is closed: what is not in it is not served.
func MediaType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".ico":
		return "image/vnd.microsoft.icon"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	}
	return ""
}
