// Package headers reads and writes the lines of manifests and signature files: sections
// of "name: value" headers with a blank line behind each, as java.util.jar.Manifest
// reads them, and stricter where the JDK's silence would hide a mistake (docs/bundle.md,
// "Manifest"). NewReader is for reading, Write for writing; what headers mean is for
// others to say.
package headers

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The caps on a line, with its line end, and on a name: those of the JDK.
const (
	MaxLine = 512
	MaxName = 70
)

// Error says which line breaks the grammar.
type Error struct {
	Line    int // counted from 1
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

func fault(line int, format string, args ...any) error {
	return &Error{Line: line, Message: fmt.Sprintf(format, args...)}
}

// Header is one logical line.
type Header struct {
	Name  string // as written
	Value string // UTF-8 without NUL, joined from continuation lines
	Line  int    // of its beginning, counted from 1
}

// Reader hands out headers one after another.
type Reader struct {
	data []byte
	pos  int
	line int // number of the line that was read last
}

// NewReader returns a Reader of data, which it does not change.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// Line is the number of the line that was read last.
func (r *Reader) Line() int { return r.line }

// Offset is how many bytes were read.
func (r *Reader) Offset() int { return r.pos }

// Done reports whether everything was read.
func (r *Reader) Done() bool { return r.pos >= len(r.data) }

// Next returns the next header of a section; end is true at a blank line, which is
// read, and at the end of the data. The error is an *Error.
func (r *Reader) Next() (h Header, end bool, err error) {
	line, ok, err := r.next()
	if err != nil || !ok || len(line) == 0 {
		return Header{}, true, err
	}
	h.Line = r.line
	if line[0] == ' ' {
		return Header{}, false, fault(r.line, "a continuation line (it begins with a space) has no header line before it")
	}
	colon := bytes.IndexByte(line, ':')
	switch {
	case colon < 0:
		return Header{}, false, fault(r.line, "the line has no colon; write \"name: value\", or begin it with a space to continue the line before")
	case colon+1 >= len(line) || line[colon+1] != ' ':
		return Header{}, false, fault(r.line, "no space stands behind the colon of %s; write \"name: value\"", quote(string(line[:colon])))
	}
	h.Name = string(line[:colon])
	if err := CheckName(h.Name); err != nil {
		return Header{}, false, fault(r.line, "%s", err)
	}
	value, err := r.continued(line[colon+2:])
	if err != nil {
		return Header{}, false, err
	}
	if i := bytes.IndexByte(value, 0); i >= 0 {
		return Header{}, false, fault(h.Line, "the value of %s contains a NUL byte", h.Name)
	}
	if !utf8.Valid(value) {
		return Header{}, false, fault(h.Line, "the value of %s is not valid UTF-8; save the file as UTF-8", h.Name)
	}
	h.Value = string(value)
	return h, false, nil
}

// next returns the next physical line without its end: LF, CR, CRLF or the end of
// the data. ok is false behind the last one.
func (r *Reader) next() (line []byte, ok bool, err error) {
	if r.pos >= len(r.data) {
		return nil, false, nil
	}
	r.line++
	rest := r.data[r.pos:]
	end := bytes.IndexAny(rest[:min(len(rest), MaxLine+1)], "\r\n")
	switch {
	case end < 0 && len(rest) > MaxLine:
		return nil, false, r.tooLong()
	case end < 0: // a last line without its end; the JDK drops it in silence
		r.pos = len(r.data)
		return rest, true, nil
	}
	size := end + 1
	if rest[end] == '\r' && size < len(rest) && rest[size] == '\n' {
		size++
	}
	if size > MaxLine {
		return nil, false, r.tooLong()
	}
	r.pos += size
	return rest[:end], true, nil
}

func (r *Reader) tooLong() error {
	return fault(r.line, "the line is longer than %d bytes with its line end; continue it on a next line that begins with one space", MaxLine)
}

// continued appends the continuation lines that follow. They are joined as bytes:
// a line may end inside of a character.
func (r *Reader) continued(value []byte) ([]byte, error) {
	owned := false
	for r.pos < len(r.data) && r.data[r.pos] == ' ' {
		line, _, err := r.next()
		if err != nil {
			return nil, err
		}
		if !owned {
			value, owned = bytes.Clone(value), true
		}
		value = append(value, line[1:]...)
	}
	return value, nil
}

// CheckName says what is wrong with the name of a header.
func CheckName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("the name %s is longer than %d characters", quote(name), MaxName)
	}
	if name == "" || strings.ContainsFunc(name, func(c rune) bool {
		digit, letter := '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'z'
		return !digit && !letter && c != '-' && c != '_'
	}) {
		return fmt.Errorf("the name %s has other characters than letters, digits, - and _", quote(name))
	}
	return nil
}

// Write writes one header on as many lines as it takes: at most 72 bytes each, CRLF,
// no character split. Name and value must be fit to stand there: see CheckName.
func Write(b *strings.Builder, name, value string) {
	const width = 72
	rest := name + ": " + value
	for room := width; ; room = width - 1 {
		if len(rest) <= room {
			b.WriteString(rest + "\r\n")
			return
		}
		cut := room
		for !utf8.RuneStart(rest[cut]) {
			cut--
		}
		b.WriteString(rest[:cut] + "\r\n ")
		rest = rest[cut:]
	}
}

// quote makes hostile text fit for one line of a message.
func quote(s string) string {
	const limit = 100
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "…"
	}
	return strconv.Quote(s)
}
