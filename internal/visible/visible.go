// Package visible makes text from strangers safe to look at: names and messages
// that come out of a bundle, a child process or a server. Call Text before such a
// string reaches a terminal, a table or a page. What it promises: the result is
// valid UTF-8 on one line, every character of it can be seen, none of it moves the
// cursor, changes the reading direction or hides, and text that was harmless is
// returned unchanged. It does not escape HTML: templates do.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may sit on one character. Writing systems
// need two or three; stacks of them cover the lines above and below.
const maxMarks = 4

// Text returns s with everything that can not be seen written as an escape:
// \n, \t, \x1b for a byte that is not UTF-8 or an ASCII control, \u202e or
// \U000e0001 for the rest. The only space that is not escaped is U+0020.
func Text(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	marks := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
			marks = 0
		case unicode.IsMark(r):
			marks++
			if marks > maxMarks {
				escape(&b, r)
			} else {
				b.WriteRune(r)
			}
		case unicode.IsPrint(r):
			b.WriteRune(r)
			marks = 0
		default:
			escape(&b, r)
			marks = 0
		}
		i += size
	}
	return b.String()
}

// Lines is Text for text of several lines: line feeds and tabs stay.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		cells := strings.Split(strings.TrimSuffix(line, "\r"), "\t")
		for j, cell := range cells {
			cells[j] = Text(cell)
		}
		lines[i] = strings.Join(cells, "\t")
	}
	return strings.Join(lines, "\n")
}

// Clip returns Text(s) cut to at most n characters, the last of them an ellipsis
// if something was cut. It looks at no more of s than it shows.
func Clip(s string, n int) string {
	if len(s) > n*utf8.UTFMax {
		s = s[:n*utf8.UTFMax]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if len(s) > 0 && s[len(s)-1] >= utf8.RuneSelf {
			s = s[:len(s)-1]
		}
		s += "…"
	}
	t := Text(s)
	if utf8.RuneCountInString(t) <= n {
		return t
	}
	runes := []rune(t)
	return string(runes[:max(n-1, 0)]) + "…"
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func escape(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == '\r':
		b.WriteString(`\r`)
	case r < utf8.RuneSelf:
		fmt.Fprintf(b, `\x%02x`, r)
	case r > 0xFFFF:
		fmt.Fprintf(b, `\U%08x`, r)
	default:
		fmt.Fprintf(b, `\u%04x`, r)
	}
}
