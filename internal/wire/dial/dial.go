// Package dial lets an extension, which has no network of its own, have connections made
// by its host. docs/DIAL.md is the format, for SDKs in other languages; this package is
// both halves of it.
//
// The host makes a Pair of sockets for a process and calls Serve on its end, with the
// Grants of the manifest. The child makes a Dialer of its own end, whose DialContext
// fits http.Transport. Local joins both in one process, for tests.
//
// Promised in the host: nothing is connected to but what was granted, and a granted name
// does not lead to loopback and link-local addresses; no descriptor gets in; what a child
// may keep busy has a bound. Promised in the child: a dial ends with its context, within
// a minute, or with the pair, and a connection that comes too late is closed. Promised in
// both: when the pair ends, nothing of it is left.
package dial

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Version is the version of the format in docs/DIAL.md.
const Version = 1

// The limits of the pair; docs/DIAL.md says the same.
const (
	headerSize = 16   // bytes in front of a message's text
	maxMessage = 4096 // bytes
	maxAddress = 300  // bytes; the longest host name has 253
	maxText    = 1024 // bytes of an error

	maxDials   = 64 // under way at once
	maxTimeout = time.Minute
)

// FormatError says how the other side broke the format. The pair ends with it.
type FormatError struct{ What string }

func (e *FormatError) Error() string { return "the dial pair was broken: " + e.What }

func breach(format string, args ...any) *FormatError {
	return &FormatError{What: fmt.Sprintf(format, args...)}
}

// quoted shows a text of others in a message.
func quoted(s string) string { return fmt.Sprintf("%q", s[:min(len(s), 200)]) }

// bounded returns s as valid UTF-8 of at most limit bytes and an ellipsis.
func bounded(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit] + "…"
	}
	return s
}
