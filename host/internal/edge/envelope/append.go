package envelope

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// Answer is what an extension answered.
type Answer struct {
	Type, Extension, Version string
	// MediaType is that of Payload; JSON says whether it is one of JSON's.
	MediaType string
	JSON      bool
	Payload   []byte
}

// AppendAnswer appends the line that answers the request with this id, a JSON string
// with its quotes, or nothing. JSON goes into payload, without the line breaks
// between its tokens; anything else goes into payload_base64 with its content_type.
// An error says that the JSON is none; out is then as it was.
func AppendAnswer(out, id []byte, a *Answer) ([]byte, error) {
	if a.JSON {
		if err := check(a.Payload); err != nil {
			return out, err
		}
	}
	out = appendHead(out, id, 200)
	out = appendText(append(out, `,"type":`...), a.Type)
	out = appendText(append(out, `,"extension":`...), a.Extension)
	out = appendText(append(out, `,"version":`...), a.Version)
	if a.MediaType != "application/json" {
		out = appendText(append(out, `,"content_type":`...), a.MediaType)
	}
	if a.JSON {
		out = appendOneLine(append(out, `,"payload":`...), a.Payload)
		return append(out, '}'), nil
	}
	out = base64.StdEncoding.AppendEncode(append(out, `,"payload_base64":"`...), a.Payload)
	return append(out, `"}`...), nil
}

// AppendFault appends the line that refuses the request with this id. problem is an
// object of JSON on one line.
func AppendFault(out, id []byte, status int, problem []byte) []byte {
	out = append(appendHead(out, id, status), `,"error":`...)
	return append(append(out, problem...), '}')
}

// AppendEvent appends an event. data is JSON on one line.
func AppendEvent(out []byte, subject string, data []byte) []byte {
	out = appendText(append(out, `{"event":`...), subject)
	out = append(append(out, `,"data":`...), data...)
	return append(out, '}')
}

func appendHead(out, id []byte, status int) []byte {
	out = append(out, `{"id":`...)
	if len(id) == 0 || !utf8.Valid(id) {
		out = append(out, "null"...)
	} else {
		out = append(out, id...)
	}
	return strconv.AppendInt(append(out, `,"status":`...), int64(status), 10)
}

// appendOneLine appends valid JSON without its line breaks, all of which stand
// between tokens.
func appendOneLine(out, text []byte) []byte {
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		return append(out, text...)
	}
	for _, c := range text {
		if c != '\n' && c != '\r' {
			out = append(out, c)
		}
	}
	return out
}

// appendText appends s as a JSON string. What is not UTF-8 in it is replaced.
func appendText(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			out = append(out, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}
