package jameica

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// declaration finds the declared encoding; it stands at the very start of a document.
var declaration = regexp.MustCompile(`^<\?xml\s[^>]*?\?>`)

var declaredEncoding = regexp.MustCompile(`\sencoding\s*=\s*["']([A-Za-z0-9._-]*)["']`)

// decode returns a document as UTF-8 and without its declaration. The order is that of
// NanoXML, the client's parser: a byte order mark goes before the declaration, and the
// declaration before a guess. Bytes that are none of the encoding are an error here; the
// client puts a replacement character.
func decode(data []byte) (text []byte, notes []string, err error) {
	enc, name, mark := marked(data)
	if enc == nil {
		head := declaration.Find(data)
		declared := declaredEncoding.FindSubmatch(head)
		if declared == nil {
			if bytes.Contains(head, []byte("encoding")) {
				return nil, nil, fault(CodeCharset, "", "its declaration can not be read; write <?xml version=\"1.0\" encoding=\"UTF-8\"?>")
			}
			text, notes := guess(data)
			return text[len(declaration.Find(text)):], notes, nil
		}
		name = strings.ToUpper(string(declared[1]))
		if enc = named(name); enc == nil {
			return nil, nil, fault(CodeCharset, "", "the encoding %q is not read; write UTF-8", name)
		}
	}
	data = data[mark:]
	text, err = enc.NewDecoder().Bytes(data)
	if err != nil || strings.HasPrefix(name, "UTF-16") && (len(data)%2 != 0 || bytes.ContainsRune(text, utf8.RuneError)) ||
		enc == unicode.UTF8 && !utf8.Valid(data) || strings.HasSuffix(name, "ASCII") && !isASCII(data) {
		return nil, nil, fault(CodeCharset, "", "bytes of it are not %s", name)
	}
	return text[len(declaration.Find(text)):], notes, nil
}

// guess decodes a document that does not say what it is in. The client takes the first tag
// for ISO-8859-1 and the rest for UTF-8; where the rest is none, all is ISO-8859-1.
func guess(data []byte) ([]byte, []string) {
	if isASCII(data) {
		return data, nil
	}
	head, rest := data[:0], data
	if data[0] == '<' {
		if end := bytes.IndexByte(data, '>'); end >= 0 {
			head, rest = data[:end+1], data[end+1:]
		}
	}
	if !utf8.Valid(rest) {
		head, rest = data, nil
	}
	text, _ := charmap.ISO8859_1.NewDecoder().Bytes(head) // every byte is a character
	return append(text, rest...), []string{"does not say its encoding, which clients guess differently; begin it with <?xml version=\"1.0\" encoding=\"UTF-8\"?>"}
}

// marked is the encoding that the first bytes show, nil if they show none, and how many
// bytes are the mark. Big-endian UTF-16 is known by its first character, too.
func marked(data []byte) (encoding.Encoding, string, int) {
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return unicode.UTF8, "UTF-8", 3
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16LE", 2
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16BE", 2
	case bytes.HasPrefix(data, []byte{0, '<'}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16BE", 0
	}
	return nil, "", 0
}

// named is the encoding of that name in upper case: those in which repositories are written. UTF-16 is
// not among them, as documents in it have a mark.
func named(name string) encoding.Encoding {
	switch name {
	case "UTF-8", "UTF8":
		return unicode.UTF8
	case "US-ASCII", "ASCII":
		return unicode.UTF8 // whose bytes are checked
	case "ISO-8859-1", "ISO8859-1", "LATIN1":
		return charmap.ISO8859_1
	case "ISO-8859-15", "ISO8859-15":
		return charmap.ISO8859_15
	case "WINDOWS-1252", "CP1252":
		return charmap.Windows1252
	}
	return nil
}

func isASCII(data []byte) bool {
	for _, b := range data {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fault makes an *Error.
func fault(code Code, subject, format string, args ...any) *Error {
	return &Error{Code: code, Subject: subject, Message: fmt.Sprintf(format, args...)}
}
