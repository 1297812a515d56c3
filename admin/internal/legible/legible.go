// Package legible turns what machines exchange into what people can read: Schema makes
// rows of a JSON Schema, Payload makes text of the bytes of an answer.
//
// What is promised: the input is hostile and the result is bounded, valid UTF-8 in which
// every character can be seen; it is text, to be escaped by a template like any other.
package legible

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// MaxText bounds the text of a payload, in bytes before invisible characters are
	// written out.
	MaxText = 64 << 10
	// maxDump bounds what is shown of a payload that is no text, in bytes.
	maxDump = 512
	// maxIndent bounds the indent of a line, in steps.
	maxIndent = 40
)

// Kind says as what a payload is shown. The set is closed.
type Kind string

// The kinds.
const (
	Empty  Kind = "empty"
	JSON   Kind = "json"
	Text   Kind = "text"
	Binary Kind = "binary" // Body is a dump in hexadecimal digits
)

// Reading is a payload as it is shown.
type Reading struct {
	Kind Kind
	Body string
	// Cut says that Body is the beginning only.
	Cut bool
}

// Payload reads the body of an answer. What it is said to be counts less than what it
// is: JSON is shown as JSON, text as text, and anything else in hexadecimal digits.
func Payload(mediaType string, body []byte) Reading {
	switch {
	case len(body) == 0:
		return Reading{Kind: Empty}
	case isJSON(mediaType) && json.Valid(body):
		text, cut := laidOut(bytes.TrimSpace(body))
		r := clipped(JSON, text)
		r.Cut = r.Cut || cut
		return r
	}
	if isText(body) {
		return clipped(Text, body)
	}
	return Reading{Kind: Binary, Body: hex.Dump(body[:min(len(body), maxDump)]), Cut: len(body) > maxDump}
}

// Value is the JSON text of a value on one line, clipped to n characters.
func Value(raw json.RawMessage, n int) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return visible.Clip(string(raw), n)
	}
	return visible.Clip(b.String(), n)
}

func isJSON(mediaType string) bool {
	media, _, err := mime.ParseMediaType(mediaType)
	return mediaType == "" || err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// isText reports whether people can read body: UTF-8 in which control characters are
// rare. Of the last character a part may be missing, where an answer was cut.
func isText(body []byte) bool {
	head := body[:min(len(body), MaxText)]
	controls := 0
	for i := 0; i < len(head); {
		r, size := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && size == 1 {
			return i > 0 && !utf8.FullRune(head[i:])
		}
		if r == 0 {
			return false
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			controls++
		}
		i += size
	}
	return controls*20 <= len(head)
}

// clipped cuts at MaxText, between two characters.
func clipped(kind Kind, body []byte) Reading {
	r := Reading{Kind: kind, Cut: len(body) > MaxText}
	if r.Cut {
		body = body[:MaxText]
		for range utf8.UTFMax {
			if last, size := utf8.DecodeLastRune(body); last != utf8.RuneError || size != 1 {
				break
			}
			body = body[:len(body)-1]
		}
	}
	r.Body = visible.Lines(string(body))
	return r
}

// laidOut writes valid JSON over many lines, and stops behind MaxText: the spaces before
// deeply nested values can be many times the values.
func laidOut(body []byte) (text []byte, cut bool) {
	depth, quoted := 0, false
	line := func() {
		text = append(text, '\n')
		for range min(depth, maxIndent) {
			text = append(text, "  "...)
		}
	}
	for i := 0; i < len(body); i++ {
		if len(text) > MaxText {
			return text, true
		}
		c := body[i]
		switch {
		case quoted:
			text = append(text, c)
			if c == '\\' {
				i++
				text = append(text, body[i])
			}
			quoted = c != '"'
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		case c == '{' || c == '[':
			text = append(text, c)
			if rest := bytes.TrimLeft(body[i+1:], " \n\r\t"); rest[0] == c+2 { // its end
				text, i = append(text, c+2), len(body)-len(rest)
				continue
			}
			depth++
			line()
		case c == '}' || c == ']':
			depth--
			line()
			text = append(text, c)
		case c == ',':
			text = append(text, c)
			line()
		case c == ':':
			text = append(text, ": "...)
		default:
			text = append(text, c)
			quoted = c == '"'
		}
	}
	return text, false
}
