package schema

import (
	"strings"
	"unicode/utf8"
)

// Error says why a schema or a document is refused.
type Error struct {
	// Pointer is a JSON pointer (RFC 6901) into the document, "" for the whole.
	Pointer string
	Message string
}

func (e *Error) Error() string {
	if e.Pointer == "" {
		return e.Message
	}
	return "at " + clip(e.Pointer) + ": " + e.Message
}

// maxText bounds a message and a pointer: both may quote hostile input.
const maxText = 300

// clip shortens a text to maxText bytes.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// pointerToken escapes one token of a JSON pointer.
func pointerToken(token string) string {
	if !strings.ContainsAny(token, "~/") {
		return token
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}
