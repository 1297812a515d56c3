// Package formats reads the kinds of files that a store takes, each as an ingest.Format:
//
//	&formats.Bundle{Judge: judge}
//	&formats.Jami{Options: options}
//
// What is promised of a candidate: all of the file was read and its signature judged; its
// texts are valid UTF-8 of bounded length in which nothing is invisible; its pictures were
// drawn anew. A text or a picture that is not as it should be is left out, with a warning:
// it is no reason to refuse a file that is sound, unless it is made to do harm.
package formats

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// What is kept of texts, in bytes: a listing is one document, and a store holds all of them.
const (
	maxWhole       = 256 << 10 // of what is read for one release at a time
	maxReadme      = 32 << 10
	maxChangelog   = 8 << 10
	maxDescription = 4 << 10
	maxName        = 200
)

// clean makes a text of several lines out of bytes: valid UTF-8 of at most limit bytes,
// line feeds for every kind of line end, without characters that can not be seen. whole is
// false when something was cut.
func clean(data []byte, limit int) (text string, whole bool) {
	s := strings.ToValidUTF8(string(data), string(utf8.RuneError))
	s = strings.TrimPrefix(s, "\ufeff")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.Is(unicode.Cc, r) || hides(r)) {
			return -1
		}
		return r
	}, s)
	s = strings.TrimRightFunc(s, unicode.IsSpace)
	if len(s) <= limit {
		return s, true
	}
	cut := limit
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.TrimRightFunc(s[:cut], unicode.IsSpace), false
}

// hides tells the characters that change the order of others or can not be told from
// nothing, but for those that scripts and emoji need.
func hides(r rune) bool {
	switch {
	case r == '\u200c', r == '\u200d', r == '\ufe0e', r == '\ufe0f':
		return false
	case r >= '\ufe00' && r <= '\ufe0d', r >= 0xe0000 && r <= 0xe0fff, unicode.Is(unicode.Co, r):
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// line is clean for a text of one line.
func line(s string, limit int) string {
	text, _ := clean([]byte(s), limit)
	return strings.Join(strings.Fields(text), " ")
}

// compareVersions compares versions that package bundle can read.
func compareVersions(a, b string) int {
	v, _ := bundle.ParseVersion(a)
	w, _ := bundle.ParseVersion(b)
	return v.Compare(w)
}

// archive is a file whose entries can be read by name.
type archive interface {
	OpenEntry(name string) (io.ReadCloser, error)
}

// read returns at most limit bytes of an entry. The error wraps fs.ErrNotExist when there
// is none of that name.
func read(a archive, names map[string]int64, name string, limit int64) ([]byte, error) {
	if _, ok := names[name]; !ok {
		return nil, fs.ErrNotExist
	}
	r, err := a.OpenEntry(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, limit))
}

// notes gathers what is odd about a candidate.
type notes struct {
	warnings []string
	problems []store.Problem
}

func (n *notes) warn(format string, args ...any) {
	n.warnings = append(n.warnings, fmt.Sprintf(format, args...))
}

// text reads the first limit bytes of a text; a text that is longer is cut, with a warning.
func (n *notes) text(a archive, names map[string]int64, name string, limit int) string {
	data, err := read(a, names, name, int64(limit)+utf8.UTFMax)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		n.warn("%s can not be read and is left out: %v", name, err)
		return ""
	}
	text, whole := clean(data, limit)
	if !whole || names[name] > int64(len(data)) {
		n.warn("%s has %d bytes, of which the first %d are shown", name, names[name], len(text))
	}
	return text
}

// cut returns the beginning of a text, with a warning if that is not all of it.
func (n *notes) cut(what, text string, limit int) string {
	short, whole := clean([]byte(text), limit)
	if !whole {
		n.warn("%s has %d bytes, of which the first %d are shown", what, len(text), len(short))
	}
	return short
}

// unfitForNames is what is not put into the name of a file.
var unfitForNames = regexp.MustCompile(`[^A-Za-z0-9._+-]+`)

// fileName is a name for the disk of whoever downloads.
func fileName(id, version, extension string) string {
	name := unfitForNames.ReplaceAllString(id+"-"+version, "_")
	if len(name) > 200 {
		name = name[:200]
	}
	return strings.TrimLeft(name, ".-") + extension
}

func refused(problems ...store.Problem) error { return &ingest.Refused{Problems: problems} }
