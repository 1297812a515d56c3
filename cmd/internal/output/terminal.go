package output

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// defaultWidth is that of a terminal which does not say how wide it is.
const defaultWidth = 80

// Terminal is what is known of the terminal that somebody looks at.
type Terminal struct {
	// Width and Height are in cells; both are 0 where there is no terminal.
	Width, Height int
	// Color says that colors may be used: there is a terminal that knows them, and
	// NO_COLOR is not set (https://no-color.org).
	Color bool
}

// Look says what w leads to; the zero Terminal where it is none. COLUMNS and LINES
// override what the terminal says of its size.
func Look(w io.Writer) Terminal {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Terminal{}
	}
	t := Terminal{Width: defaultWidth, Height: 24}
	if columns, lines, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && lines > 0 {
		t.Width, t.Height = columns, lines
	}
	t.Width, t.Height = sizeFrom("COLUMNS", t.Width), sizeFrom("LINES", t.Height)
	t.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return t
}

// sizeFrom is the size in a variable of the environment, else size.
func sizeFrom(name string, size int) int {
	const most = 10_000 // what is larger is nonsense
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 && n <= most {
		return n
	}
	return size
}

// Columns is how many cells text takes on a terminal: two for wide characters (East
// Asian ones, emoji), none for marks that sit on the one before.
func Columns(text string) int {
	n := 0
	for _, r := range text {
		n += cells(r)
	}
	return n
}

func cells(r rune) int {
	switch {
	case r < 0x300: // of most text all
		return 1
	case unicode.IsMark(r):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Fit cuts text to at most n cells, the last of them an ellipsis if something was cut.
func Fit(text string, n int) string {
	if Columns(text) <= n {
		return text
	}
	taken := 0
	for i, r := range text {
		if taken+cells(r) > n-1 {
			if n < 1 {
				return ""
			}
			return text[:i] + "…"
		}
		taken += cells(r)
	}
	return text
}

// Wrap breaks text at its spaces into lines of at most n cells; a longer word is broken
// where it has to be. With less than ten cells it does not try.
func Wrap(text string, n int) []string {
	if n < 10 || Columns(text) <= n {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Split(text, " ") {
		if line != "" && Columns(line)+1+Columns(word) <= n {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for Columns(word) > n {
			head := head(word, n)
			lines, word = append(lines, head), word[len(head):]
		}
		line = word
	}
	return append(lines, line)
}

// head is as much of text as n cells, at least two, can show.
func head(text string, n int) string {
	taken := 0
	for i, r := range text {
		if taken += cells(r); taken > n {
			return text[:i]
		}
	}
	return text
}
