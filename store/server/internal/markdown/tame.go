package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// What the parser takes a square of time or space for, and how much of it there may be.
// People who write a README never come near.
const (
	maxBlock   = 8 << 10 // bytes without a blank line: brackets and stars that find no partner
	maxNesting = 16      // markers of quotes and lists at the beginning of a line
	maxIndent  = 64      // columns before the first character, each two of which can nest
)

// tame returns the first limit bytes of source as UTF-8, with what no README has made
// harmless: blocks and nestings without end.
func tame(source string, limit int) string {
	source = strings.ToValidUTF8(upTo(source, limit), "\uFFFD")
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD", "\f", " ", "\v", " ").Replace(source)
	source = upTo(source, limit)
	var b strings.Builder
	b.Grow(len(source) + 64)
	block := 0
	for line := range strings.Lines(source) {
		for line != "" {
			piece := upTo(line, maxBlock)
			line = line[len(piece):]
			piece = shallow(piece)
			if strings.TrimSpace(piece) == "" {
				block = 0
			} else if block += len(piece); block > maxBlock {
				b.WriteString("\n\n")
				block = len(piece)
			}
			b.WriteString(piece)
		}
	}
	return b.String()
}

// upTo is the beginning of s, at most n bytes, up to the end of a character.
func upTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for end := n; end > n-utf8.UTFMax; end-- {
		if utf8.RuneStart(s[end]) {
			return s[:end]
		}
	}
	return s[:n] // no text
}

// shallow returns line with no more markers before its text than maxNesting, and no more
// columns than maxIndent.
func shallow(line string) string {
	column, markers := 0, 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == ' ':
			column++
		case c == '\t':
			column += 4
		case c == '>', (c == '-' || c == '+' || c == '*' || c == '.' || c == ')') && i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t'):
			column = 0
			if markers++; markers > maxNesting {
				return line[:i] + "\n"
			}
		case '0' <= c && c <= '9':
		default:
			return line
		}
		if column > maxIndent {
			return line[:i] + strings.TrimLeft(line[i:], " \t")
		}
	}
	return line
}

// tables lets tables be where they have no more cells than bytes: rows that are too short
// are filled up, so a wide head over many short rows would be a table of any size.
type tables struct{ parser.ParagraphTransformer }

// Transform is asked for each paragraph.
func (t tables) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	lines, columns, bytes := node.Lines(), 0, 0
	for i := range lines.Len() {
		line := lines.At(i)
		value := string(line.Value(reader.Source()))
		bytes += len(value)
		if strings.Trim(value, "|:- \t\n") == "" {
			columns = max(columns, strings.Count(value, "|")+1)
		}
	}
	if columns*lines.Len() <= bytes {
		t.ParagraphTransformer.Transform(node, reader, pc)
	}
}

// maxMarks is how many combining marks may sit on one character, as in package visible.
const maxMarks = 4

// prose returns s without what hides, turns the reading direction beyond a character, or
// covers the lines above and below. Unlike those of package visible its results are for
// running text: what joins and spaces stays, nothing is written as an escape. The marks of
// HTML are none of these characters, so it may be used on HTML.
func prose(s string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		if unicode.IsMark(r) {
			if marks++; marks > maxMarks {
				return -1
			}
			return r
		}
		marks = 0
		switch {
		case r == '\n', r == '\t', r == '\u200c', r == '\u200d', r == '\u200e', r == '\u200f', r == '\u00a0', r == '\u202f', unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r), unicode.Is(unicode.Z, r):
			return ' '
		case unicode.Is(unicode.Co, r):
			return '\uFFFD'
		}
		return -1 // controls, bidi embeddings and isolates, tags, what is not assigned
	}, s)
}
