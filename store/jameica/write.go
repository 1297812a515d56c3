package jameica

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// header begins every document. There is no document type: the hardened client refuses
// one.
const header = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// writer writes elements whose names are ours and whose values are anybody's.
type writer struct {
	b      strings.Builder
	depth  int
	failed error
}

// open writes a start tag; attributes are name, value, name, value.
func (w *writer) open(name string, attrs ...string) {
	w.tag(name, attrs, ">\n")
	w.depth++
}

func (w *writer) close(name string) {
	w.depth--
	w.indent()
	fmt.Fprintf(&w.b, "</%s>\n", name)
}

// empty writes an element without content.
func (w *writer) empty(name string, attrs ...string) { w.tag(name, attrs, "/>\n") }

// text writes an element with a text, or nothing for "".
func (w *writer) text(name, value string, attrs ...string) {
	if value == "" {
		return
	}
	w.tag(name, attrs, ">")
	w.b.WriteString(w.escape(value))
	fmt.Fprintf(&w.b, "</%s>\n", name)
}

func (w *writer) tag(name string, attrs []string, end string) {
	w.indent()
	w.b.WriteString("<" + name)
	for i := 0; i < len(attrs); i += 2 {
		fmt.Fprintf(&w.b, ` %s="%s"`, attrs[i], w.escape(attrs[i+1]))
	}
	w.b.WriteString(end)
}

func (w *writer) indent() {
	for range w.depth {
		w.b.WriteString("  ")
	}
}

// escape makes a value ASCII, by decimal references. Characters beyond U+FFFF are written
// as they are: the client cuts a reference to one down to 16 bits.
func (w *writer) escape(value string) string {
	var b strings.Builder
	for _, r := range value {
		switch {
		case r == utf8.RuneError, r < ' ' && r != '\n' && r != '\t', r == 0xFFFE, r == 0xFFFF:
			w.failed = fault(CodeXML, "", "%+q has a character that XML has none for; take it out", value)
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"', r == '\'', r < ' ', 0x7F <= r && r <= 0xFFFF:
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (w *writer) bytes() ([]byte, error) {
	if w.failed != nil {
		return nil, w.failed
	}
	return []byte(header + w.b.String()), nil
}

// plainAddress judges an address that others are made of by appending to it: absolute,
// http or https, and nothing in it behind which appended text would not be a path.
func plainAddress(text string) error {
	if text == "" {
		return fmt.Errorf("an address is missing")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7F || r == '\\' }) {
		return fmt.Errorf("the address %q has blanks, backslashes or characters beyond ASCII; write them as %%20", text)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("the address %q is none", text)
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return fmt.Errorf("the address %q is not absolute; write https://…", text)
	case u.User != nil:
		return fmt.Errorf("the address of %s has a user or password in it", u.Host)
	case u.RawQuery != "", u.ForceQuery, strings.Contains(text, "#"):
		return fmt.Errorf("the address %q has a query or fragment, behind which nothing can be appended", text)
	}
	return nil
}
