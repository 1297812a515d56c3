// Package logs reads what the extensions have said: a log file as log/slog's TextHandler
// writes it, and the files that were rotated away from it, FILE.1 being the newest.
//
// Tail returns the last lines, Follow gives those that come, Whole all bytes. None of them
// has anything to do with the writer, who never waits for a reader: they look at the files.
// What they return was said by extensions: it is hostile until it is escaped.
package logs

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxLine bounds a line, in bytes: what is longer is cut. The host's own are shorter.
	maxLine = 512 << 10
	// maxFiles bounds how many files are looked for.
	maxFiles = 16
)

// Line is one line of a log.
type Line struct {
	Time    time.Time `json:"time"`  // zero for a line that is not the host's
	Level   string    `json:"level"` // debug, info, warn or error
	Message string    `json:"message"`
	// Attrs are in the order in which they were logged; version and instance, which say
	// who wrote the line, come first.
	Attrs []Attr `json:"attrs"`
	// Raw is the line as it stands in the file, without its end.
	Raw string `json:"-"`
	// Position names the place behind this line, for Follow.
	Position string `json:"-"`
	// Missed, when it is not 0, makes this no line: so many were missed here, by a reader
	// that was too slow or came back too late; -1 when nobody knows how many.
	Missed int `json:"missed,omitempty"`
}

// Attr is one attribute of a line.
type Attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Parse reads a line. One that the TextHandler did not write is its own message, at level
// info.
func Parse(raw []byte) Line {
	raw = bytes.TrimRight(raw, "\r")
	line := Line{Level: "info", Attrs: []Attr{}, Raw: string(raw)}
	rest, level := line.Raw, ""
	for rest != "" {
		key, after, ok := token(rest, '=')
		if !ok || after == "" || after[0] != '=' {
			break
		}
		var value string
		if value, after, ok = token(after[1:], ' '); !ok {
			break
		}
		switch {
		case key == "time" && line.Time.IsZero() && len(line.Attrs) == 0:
			at, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return plain(line)
			}
			line.Time = at.UTC()
		case key == "level" && level == "":
			level = value
		case key == "msg" && line.Message == "" && len(line.Attrs) == 0:
			line.Message = value
		default:
			line.Attrs = append(line.Attrs, Attr{key, value})
		}
		if after == "" {
			rest = ""
			break
		}
		if after[0] != ' ' {
			break
		}
		rest = after[1:]
	}
	var parsed slog.Level
	if rest != "" || line.Time.IsZero() || parsed.UnmarshalText([]byte(level)) != nil {
		return plain(line)
	}
	line.Level = nameOf(parsed)
	return line
}

// plain is a line that is nothing but text.
func plain(line Line) Line {
	return Line{Level: "info", Message: line.Raw, Attrs: []Attr{}, Raw: line.Raw}
}

// token takes a bare or quoted text from s, up to end or a quote.
func token(s string, end byte) (text, rest string, ok bool) {
	if s != "" && s[0] == '"' {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", s, false
		}
		text, err = strconv.Unquote(quoted)
		return text, s[len(quoted):], err == nil
	}
	i := strings.IndexByte(s, end)
	if i < 0 {
		i = len(s)
	}
	return s[:i], s[i:], !strings.ContainsAny(s[:i], `"= `)
}

// Levels are the levels, the least first.
func Levels() []string { return []string{"debug", "info", "warn", "error"} }

// nameOf names the level at or below l.
func nameOf(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}

// Query says which lines are wanted.
type Query struct {
	// Tail is how many of the last lines that match are wanted, 0 for DefaultTail, -1 for
	// none of those that are there already.
	Tail int
	// Level is the least level, one of Levels. Empty means every line.
	Level string
	// Contains is a text that the message, or KEY=VALUE of an attribute, must contain,
	// whatever the case of its letters.
	Contains string
	// Since leaves out what is older; the zero time means nothing.
	Since time.Time
}

// The bounds of a Query.
const (
	DefaultTail = 200
	MaxTail     = 10_000
	maxContains = 256
)

// Check says what is wrong with q, in words for who asked.
func (q Query) Check() error {
	switch {
	case q.Tail < -1 || q.Tail > MaxTail:
		return fmt.Errorf("the number of lines must be from 0 to %d", MaxTail)
	case q.Level != "" && !slices.Contains(Levels(), q.Level):
		return fmt.Errorf("a level is one of %s", strings.Join(Levels(), ", "))
	case len(q.Contains) > maxContains:
		return fmt.Errorf("the text to look for has at most %d bytes", maxContains)
	}
	return nil
}

// filter is a Query made ready.
type filter struct {
	least int
	text  string
	since time.Time
}

func (q Query) filter() filter {
	return filter{max(slices.Index(Levels(), q.Level), 0), strings.ToLower(q.Contains), q.Since}
}

func (f filter) wants(l Line) bool {
	if slices.Index(Levels(), l.Level) < f.least || l.Time.Before(f.since) {
		return false
	}
	if f.text == "" || strings.Contains(strings.ToLower(l.Message), f.text) {
		return true
	}
	return slices.ContainsFunc(l.Attrs, func(a Attr) bool {
		return strings.Contains(strings.ToLower(a.Key+"="+a.Value), f.text)
	})
}

// numbered is the name of a log file: the one that is written to, or the n-th of those
// that were rotated away.
func numbered(path string, n int) string {
	if n == 0 {
		return path
	}
	return path + "." + strconv.Itoa(n)
}

// openAll opens the files of a log, the newest first. One that is rotated away meanwhile
// is there once.
func openAll(path string) (files []*os.File, err error) {
	var seen []fs.FileInfo
	for n := range maxFiles {
		f, err := os.Open(numbered(path, n))
		if os.IsNotExist(err) {
			continue
		}
		var info fs.FileInfo
		if err == nil {
			if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
				err = fmt.Errorf("%s is no file", f.Name())
			}
		}
		if err != nil {
			if f != nil {
				f.Close()
			}
			closeAll(files)
			return nil, err
		}
		if slices.ContainsFunc(seen, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
			f.Close()
			continue
		}
		seen, files = append(seen, info), append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// Remove removes a log: the file at path and those that were rotated away.
func Remove(path string) error {
	for n := range maxFiles {
		if err := os.Remove(numbered(path, n)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
