// Package envelope reads and writes the lines of POST /v1/batch, which are also the
// messages of GET /v1/connect: one JSON object each. Parse takes a line apart without
// building anything, AppendAnswer, AppendFault and AppendEvent write one.
//
// Parse is as strict as encoding/json, and stricter: a key may stand only once and
// must be one of those that exist, spelt exactly, and the text must be UTF-8. What it
// returns points into the line.
package envelope

import (
	"strconv"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/sdk"
)

// MaxID bounds the id of a line, in bytes as it came.
const MaxID = 256

// Line is one line as it came. A member that was not there, or was null, is nil; a
// Payload that was null is the text null.
type Line struct {
	ID      []byte // a JSON string, with its quotes
	Type    []byte
	Payload []byte // any JSON
	Base64  []byte // the text of payload_base64
	Media   []byte // the text of content_type
	Timeout []byte // a JSON number

	Cancel, Subscribe, Unsubscribe []byte
}

// member is a key of a line.
type member uint8

const (
	id member = iota
	typ
	payload
	base64Payload
	contentType
	timeout
	cancel
	subscribe
	unsubscribe
	unknown
)

func memberOf(key []byte) member {
	switch string(key) {
	case "id":
		return id
	case "type":
		return typ
	case "payload":
		return payload
	case "payload_base64":
		return base64Payload
	case "content_type":
		return contentType
	case "timeout":
		return timeout
	case "cancel":
		return cancel
	case "subscribe":
		return subscribe
	case "unsubscribe":
		return unsubscribe
	}
	return unknown
}

// Parse takes data apart into l. The error is a *sdk.Error for the client; what was
// read before the mistake, the ID for one, is in l all the same.
func Parse(data []byte, l *Line) error {
	*l = Line{}
	s := scanner{data: data}
	if err := s.line(l); err != nil {
		return err
	}
	// Last, so that an ID was found if there is one.
	if !utf8.Valid(data) {
		return errUTF8()
	}
	return nil
}

// line reads the whole object.
func (s *scanner) line(l *Line) error {
	s.space()
	if !s.take('{') {
		return s.fail("the { of an object")
	}
	var seen [unknown]bool
	s.space()
	if s.take('}') {
		return s.end()
	}
	for {
		if err := s.member(l, &seen); err != nil {
			return err
		}
		s.space()
		if s.take('}') {
			return s.end()
		}
		if !s.take(',') {
			return s.fail("a comma or }")
		}
		s.space()
	}
}

// member reads one key and its value.
func (s *scanner) member(l *Line, seen *[unknown]bool) error {
	if s.i >= len(s.data) || s.data[s.i] != '"' {
		return s.fail("a key")
	}
	from := s.i
	escaped, err := s.text()
	if err != nil {
		return err
	}
	key, err := unquote(s.data[from:s.i], escaped)
	if err != nil {
		return err
	}
	s.space()
	if !s.take(':') {
		return s.fail("a colon")
	}
	m := memberOf(key)
	if m == unknown {
		return sdk.Errorf(sdk.InvalidArgument, "a line has no key %s", clip(key))
	}
	if seen[m] {
		return sdk.Errorf(sdk.InvalidArgument, "the key %s stands twice", clip(key))
	}
	seen[m] = true
	s.space()
	return s.fill(l, m, key)
}

// fill reads the value of a member.
func (s *scanner) fill(l *Line, m member, key []byte) (err error) {
	from := s.i
	if m == payload {
		err = s.value()
		l.Payload = s.data[from:s.i]
		return err
	}
	if s.i < len(s.data) {
		switch c := s.data[s.i]; {
		case c == 'n':
			return s.word("null")
		case m == timeout && (c == '-' || '0' <= c && c <= '9'):
			err = s.number()
			l.Timeout = s.data[from:s.i]
			return err
		case m != timeout && c == '"':
			return s.fillText(l, m)
		}
	}
	if err := s.value(); err != nil {
		return err
	}
	if m == timeout {
		return sdk.Errorf(sdk.InvalidArgument, "%s must be a positive number of seconds, 1.5 for one", key)
	}
	return sdk.Errorf(sdk.InvalidArgument, "%s must be a string", key)
}

func (s *scanner) fillText(l *Line, m member) error {
	from := s.i
	escaped, err := s.text()
	if err != nil {
		return err
	}
	raw := s.data[from:s.i]
	if m == id {
		if len(raw)-2 > MaxID {
			return sdk.Errorf(sdk.InvalidArgument, "the id has more than %d bytes", MaxID)
		}
		l.ID = raw
		return nil
	}
	text, err := unquote(raw, escaped)
	if err != nil {
		return err
	}
	switch m {
	case typ:
		l.Type = text
	case base64Payload:
		l.Base64 = text
	case contentType:
		l.Media = text
	case cancel:
		l.Cancel = text
	case subscribe:
		l.Subscribe = text
	case unsubscribe:
		l.Unsubscribe = text
	}
	return nil
}

// Key returns what the line's ID means, for comparing it with others.
func (l *Line) Key() string {
	escaped := false
	for _, c := range l.ID {
		escaped = escaped || c == '\\'
	}
	if len(l.ID) == 0 {
		return ""
	}
	text, err := unquote(l.ID, escaped)
	if err != nil {
		return string(l.ID)
	}
	return string(text)
}

// clip makes a text from a client fit to be shown.
func clip(text []byte) string {
	const longest = 64
	if len(text) > longest {
		return strconv.QuoteToASCII(string(text[:longest])) + "…"
	}
	return strconv.QuoteToASCII(string(text))
}
