package schema

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// kind is the type of a JSON value. The order is that of typeNames.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// cell is one JSON value of a tape. Values follow each other in document order, so
// that a container is followed by its children; in an object keys (text cells)
// alternate with values.
type cell struct {
	kind    kind
	escaped bool   // text with backslashes, or the boolean true
	start   uint32 // first byte in the document; of a text behind its quote
	end     uint32 // behind the last byte; of a text its closing quote
	next    uint32 // index of the cell behind this value and its children
	count   uint32 // members or items
}

// tape is one parsed JSON document: flat, two allocations whatever its shape, and
// aliasing the bytes it was parsed from.
type tape struct {
	data  []byte
	cells []cell
}

func (t *tape) raw(i uint32) []byte { c := t.cells[i]; return t.data[c.start:c.end] }

// text returns the characters of a text cell. Without escapes that is the document
// itself, and nothing is allocated.
func (t *tape) text(i uint32) []byte {
	c := t.cells[i]
	b := t.data[c.start:c.end]
	if !c.escaped {
		return b
	}
	return unescape(b)
}

func (t *tape) isTrue(i uint32) bool { return t.cells[i].escaped }

// member finds a member of the object at i.
func (t *tape) member(i uint32, name string) (value uint32, ok bool) {
	end := t.cells[i].next
	for k := i + 1; k < end; k = t.cells[k+1].next {
		if string(t.text(k)) == name {
			return k + 1, true
		}
	}
	return 0, false
}

// parse reads exactly one JSON value (RFC 8259). Beyond the grammar it refuses what
// two readers may understand differently: invalid UTF-8, a key that stands twice in
// an object, and nesting deeper than maxDepth. The error is an *Error.
func (t *tape) parse(data []byte, maxDepth int) error {
	t.data, t.cells = data, t.cells[:0]
	if uint64(len(data)) > 1<<31 {
		return &Error{Message: "the document is larger than 2 GiB"}
	}
	if !utf8.Valid(data) {
		return &Error{Message: "the document is not valid UTF-8"}
	}
	p := parser{tape: t, maxDepth: maxDepth}
	p.space()
	if p.pos == len(data) {
		return &Error{Message: "the document is empty"}
	}
	if err := p.value(); err != nil {
		return err
	}
	if p.space(); p.pos < len(data) {
		return p.fail("something follows the JSON value")
	}
	return nil
}

type parser struct {
	*tape
	pos, depth, maxDepth int
}

func (p *parser) fail(what string) error {
	return &Error{Message: what + " at byte " + strconv.Itoa(p.pos)}
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// value reads the value that begins at pos.
func (p *parser) value() error {
	if p.pos >= len(p.data) {
		return p.fail("the document ends where a value must stand,")
	}
	switch c := p.data[p.pos]; c {
	case '{', '[':
		return p.container(c)
	case '"':
		return p.string()
	case 't':
		return p.word("true", cell{kind: boolean, escaped: true})
	case 'f':
		return p.word("false", cell{kind: boolean})
	case 'n':
		return p.word("null", cell{kind: null})
	default:
		return p.number()
	}
}

func (p *parser) push(c cell) {
	c.next = uint32(len(p.cells) + 1)
	p.cells = append(p.cells, c)
}

func (p *parser) word(w string, c cell) error {
	end := p.pos + len(w)
	if end > len(p.data) || string(p.data[p.pos:end]) != w {
		return p.fail("no JSON value")
	}
	c.start, c.end = uint32(p.pos), uint32(end)
	p.pos = end
	p.push(c)
	return nil
}

// container reads an object or an array. Its depth is bounded, so recursion is.
func (p *parser) container(open byte) error {
	if p.depth++; p.depth > p.maxDepth {
		return p.fail(fmt.Sprintf("nested deeper than %d", p.maxDepth))
	}
	at := len(p.cells)
	c := cell{kind: array, start: uint32(p.pos)}
	closing := byte(']')
	if open == '{' {
		c.kind, closing = object, '}'
	}
	p.push(c)
	p.pos++
	var keys keySet
	for {
		p.space()
		if p.pos < len(p.data) && p.data[p.pos] == closing && p.cells[at].count == 0 {
			break
		}
		if c.kind == object {
			if err := p.key(&keys, uint32(at)); err != nil {
				return err
			}
		}
		if err := p.value(); err != nil {
			return err
		}
		p.cells[at].count++
		p.space()
		if p.pos >= len(p.data) {
			return p.fail("the document ends within an array or object")
		}
		if p.data[p.pos] == closing {
			break
		}
		if p.data[p.pos] != ',' {
			return p.fail("no comma between two values")
		}
		p.pos++
	}
	p.pos++
	p.depth--
	p.cells[at].end, p.cells[at].next = uint32(p.pos), uint32(len(p.cells))
	return nil
}

// key reads a key and its colon.
func (p *parser) key(keys *keySet, object uint32) error {
	if p.pos >= len(p.data) || p.data[p.pos] != '"' {
		return p.fail("no key where one must stand,")
	}
	start := p.pos
	k := uint32(len(p.cells))
	if err := p.string(); err != nil {
		return err
	}
	if !keys.add(p.tape, object, k) {
		p.pos = start
		return p.fail("the key " + clip(strconv.Quote(string(p.text(k)))) + " stands twice in one object,")
	}
	p.space()
	if p.pos >= len(p.data) || p.data[p.pos] != ':' {
		return p.fail("no colon behind a key")
	}
	p.pos++
	p.space()
	return nil
}

// keySet finds duplicate keys: by looking around in a small object, by a map in a
// large one.
type keySet struct{ large map[string]struct{} }

const smallObject = 16

// add reports whether the key in cell k is new among the members of the object.
func (s *keySet) add(t *tape, object, k uint32) bool {
	key := t.text(k)
	n := t.cells[object].count
	if n < smallObject {
		for i := object + 1; i < k; i = t.cells[i+1].next {
			if bytes.Equal(t.text(i), key) {
				return false
			}
		}
		return true
	}
	if s.large == nil {
		s.large = make(map[string]struct{}, 4*smallObject)
		for i := object + 1; i < k; i = t.cells[i+1].next {
			s.large[string(t.text(i))] = struct{}{}
		}
	}
	if _, twice := s.large[string(key)]; twice {
		return false
	}
	s.large[string(key)] = struct{}{}
	return true
}

// string reads a text and checks its escapes.
func (p *parser) string() error {
	p.pos++
	c := cell{kind: text, start: uint32(p.pos)}
	for p.pos < len(p.data) {
		switch b := p.data[p.pos]; {
		case b == '"':
			c.end = uint32(p.pos)
			p.pos++
			p.push(c)
			return nil
		case b < ' ':
			return p.fail("a control character within a string")
		case b != '\\':
			p.pos++
			continue
		}
		c.escaped = true
		size := escapeSize(p.data[p.pos:])
		if size == 0 {
			return p.fail("an invalid escape within a string")
		}
		p.pos += size
	}
	return p.fail("the document ends within a string")
}

// escapeSize returns how long the escape at the start of b is, 0 for an invalid one.
func escapeSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape decodes a text whose escapes are valid. Half a surrogate pair becomes
// U+FFFD, as in encoding/json.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\\')
		if i < 0 {
			return append(out, b...)
		}
		out = append(out, b[:i]...)
		b = b[i:]
		if b[1] != 'u' {
			out = append(out, simpleEscape(b[1]))
			b = b[2:]
			continue
		}
		r, _ := hex4(b[2:])
		b = b[6:]
		if 0xd800 <= r && r < 0xdc00 && len(b) >= 6 && b[1] == 'u' && b[0] == '\\' {
			if low, _ := hex4(b[2:]); 0xdc00 <= low && low < 0xe000 {
				r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
				b = b[6:]
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

func simpleEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // a quote, a backslash or a slash
}

// number reads a number by the grammar alone; what it is worth is decimal's task.
func (p *parser) number() error {
	start := p.pos
	p.skip('-')
	switch {
	case p.skip('0'):
	case p.digits() == 0:
		p.pos = start
		return p.fail("no JSON value")
	}
	if p.skip('.') && p.digits() == 0 {
		return p.fail("no digit behind the decimal point")
	}
	if p.skip('e') || p.skip('E') {
		if !p.skip('+') {
			p.skip('-')
		}
		if p.digits() == 0 {
			return p.fail("no digit in the exponent")
		}
	}
	p.push(cell{kind: number, start: uint32(start), end: uint32(p.pos)})
	return nil
}

func (p *parser) skip(c byte) bool {
	if p.pos < len(p.data) && p.data[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) digits() int {
	start := p.pos
	for p.pos < len(p.data) && '0' <= p.data[p.pos] && p.data[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - start
}
