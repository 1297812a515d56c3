package envelope

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/sdk"
)

// maxDepth bounds the nesting of a value, as encoding/json does.
const maxDepth = 10_000

// scanner walks over one JSON text without building anything. It is as strict as
// encoding/json; that the text is UTF-8 is for its caller to check.
type scanner struct {
	data []byte
	i    int
}

// fail says what is wrong at the place where the scanner stands.
func (s *scanner) fail(what string) error {
	if s.i >= len(s.data) {
		return sdk.Errorf(sdk.InvalidArgument, "malformed JSON: it ends at byte %d, where %s is missing", s.i, what)
	}
	return sdk.Errorf(sdk.InvalidArgument, "malformed JSON at byte %d: %s is missing", s.i, what)
}

func (s *scanner) space() {
	for s.i < len(s.data) {
		switch s.data[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// take passes over c, and reports whether it was there.
func (s *scanner) take(c byte) bool {
	if s.i < len(s.data) && s.data[s.i] == c {
		s.i++
		return true
	}
	return false
}

// end passes over white space and reports whether nothing follows.
func (s *scanner) end() error {
	s.space()
	if s.i < len(s.data) {
		return s.fail("the end of the line")
	}
	return nil
}

// value passes over one value. It keeps what is open in a set of bits, not on the
// stack, which a hostile text would make large.
func (s *scanner) value() error {
	var arrays [maxDepth/64 + 1]uint64
	depth := 0
	for {
		s.space()
		opened, err := s.begin()
		if err != nil {
			return err
		}
		if opened != 0 {
			if depth++; depth > maxDepth {
				return sdk.Errorf(sdk.InvalidArgument, "the JSON is nested more than %d levels deep", maxDepth)
			}
			bit := uint64(1) << (depth % 64)
			arrays[depth/64] &^= bit
			if opened == '[' {
				arrays[depth/64] |= bit
			}
			s.space()
			if s.take(opened + 2) { // ] is two after [, and } two after {
				depth--
			} else if opened == '[' {
				continue
			} else if err := s.key(); err != nil {
				return err
			} else {
				continue
			}
		}
		more := false
		for depth > 0 && !more {
			array := arrays[depth/64]>>(depth%64)&1 == 1
			if more, err = s.next(array); err != nil {
				return err
			}
			if !more {
				depth--
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

// next passes over what follows an item: a comma, with the key after it in an
// object, or the closing bracket.
func (s *scanner) next(array bool) (more bool, err error) {
	s.space()
	switch {
	case s.take(','):
		if array {
			return true, nil
		}
		s.space()
		return true, s.key()
	case array && s.take(']'), !array && s.take('}'):
		return false, nil
	case array:
		return false, s.fail("a comma or ]")
	}
	return false, s.fail("a comma or }")
}

// begin passes over a value that is no container, or over the opening bracket of
// one, which it returns.
func (s *scanner) begin() (opened byte, err error) {
	if s.i >= len(s.data) {
		return 0, s.fail("a value")
	}
	switch c := s.data[s.i]; c {
	case '{', '[':
		s.i++
		return c, nil
	case '"':
		_, err = s.text()
	case 't':
		err = s.word("true")
	case 'f':
		err = s.word("false")
	case 'n':
		err = s.word("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return 0, s.fail("a value")
		}
		err = s.number()
	}
	return 0, err
}

// key passes over the name of a member and the colon.
func (s *scanner) key() error {
	if s.i >= len(s.data) || s.data[s.i] != '"' {
		return s.fail("a key")
	}
	if _, err := s.text(); err != nil {
		return err
	}
	s.space()
	if !s.take(':') {
		return s.fail("a colon")
	}
	return nil
}

func (s *scanner) word(w string) error {
	if len(s.data)-s.i < len(w) || string(s.data[s.i:s.i+len(w)]) != w {
		return s.fail("a value")
	}
	s.i += len(w)
	return nil
}

func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && s.digits() == 0 {
		return s.fail("a digit")
	}
	if s.take('.') && s.digits() == 0 {
		return s.fail("a digit")
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if s.digits() == 0 {
			return s.fail("a digit")
		}
	}
	return nil
}

func (s *scanner) digits() int {
	from := s.i
	for s.i < len(s.data) && s.data[s.i]-'0' <= 9 {
		s.i++
	}
	return s.i - from
}

// text passes over a string and reports whether there are escapes in it.
func (s *scanner) text() (escaped bool, err error) {
	s.i++ // the quote
	for {
		s.i += plain(s.data[s.i:])
		if s.i >= len(s.data) {
			return escaped, s.fail("the end of a string")
		}
		switch s.data[s.i] {
		case '"':
			s.i++
			return escaped, nil
		case '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return escaped, err
			}
		default:
			return escaped, s.fail("an escape of a control character")
		}
	}
}

// plain is how many bytes at the beginning of b mean themselves in a string: up to a
// quote, a backslash or a control character. It looks at eight bytes at a time: a
// byte is 0, or below n, when taking 1, or n, from it borrows. What is above the
// first such byte may be wrong, and is not looked at.
func plain(b []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^'"'*each, w^'\\'*each
		found := ((quote-each)&^quote | (slash-each)&^slash | (w-' '*each)&^w) & high
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\'; i++ {
	}
	return i
}

// escape passes over a backslash and what it stands for.
func (s *scanner) escape() error {
	s.i++
	if s.i >= len(s.data) {
		return s.fail("the rest of an escape")
	}
	switch s.data[s.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return nil
	case 'u':
		s.i++
		for range 4 {
			if s.i >= len(s.data) || !isHex(s.data[s.i]) {
				return s.fail("a hexadecimal digit")
			}
			s.i++
		}
		return nil
	}
	return s.fail("a known escape")
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// unquote returns what a string means, as encoding/json reads it. The result is a
// part of raw unless there are escapes.
func unquote(raw []byte, escaped bool) ([]byte, error) {
	if !escaped {
		return raw[1 : len(raw)-1], nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, sdk.Errorf(sdk.InvalidArgument, "malformed JSON: %v", err)
	}
	return []byte(text), nil
}

// check reports whether data is one JSON value in UTF-8.
func check(data []byte) error {
	if !utf8.Valid(data) {
		return errUTF8()
	}
	s := scanner{data: data}
	if err := s.value(); err != nil {
		return err
	}
	return s.end()
}

func errUTF8() error { return sdk.Errorf(sdk.InvalidArgument, "malformed JSON: it is not UTF-8") }
