package exposition

import (
	"bytes"
	"iter"
	"strings"
)

// block is a part of a text that says one family: its HELP and TYPE lines and its series.
type block struct {
	name    string
	text    []byte // whole lines
	samples int    // lines that are series
}

// blocks divides a text into its blocks. A line that belongs to no family as it should
// begins a block of its own, whatever it holds.
func blocks(text []byte) iter.Seq[block] {
	return func(yield func(block) bool) {
		var b block
		var kind string // of TYPE, "" before it
		start := 0
		for at := 0; at < len(text); {
			end := len(text)
			if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
				end = at + n + 1
			}
			name, typed, role := lineOf(text[at:end])
			if role != roleNone && (b.name != name || b.text == nil) && (role != roleSample || !belongs(name, b.name, kind)) {
				if b.text != nil && !yield(b) {
					return
				}
				b, kind, start = block{name: name}, "", at
			}
			if role == roleSample {
				b.samples++
			}
			if role == roleType {
				kind = typed
			}
			if role != roleNone || b.text != nil {
				b.text = text[start:end:end]
			}
			at = end
		}
		if b.text != nil {
			if b.text[len(b.text)-1] != '\n' {
				b.text = append(b.text, '\n')
			}
			yield(b)
		}
	}
}

type role int

const (
	roleNone role = iota // a comment or nothing
	roleHelp
	roleType
	roleSample
)

// lineOf says of which name a line is, and of a TYPE line which type it gives.
func lineOf(line []byte) (name, typed string, is role) {
	s := strings.Trim(string(line), " \t\n")
	if s == "" {
		return "", "", roleNone
	}
	if s[0] != '#' {
		if n := strings.IndexAny(s, "{ \t"); n >= 0 {
			s = s[:n]
		}
		return s, "", roleSample
	}
	keyword, rest := word(s[1:])
	name, rest = word(rest)
	switch keyword {
	case "HELP":
		return name, "", roleHelp
	case "TYPE":
		return name, strings.ToLower(strings.Trim(rest, " \t")), roleType
	}
	return "", "", roleNone
}

// word returns the first word of s, and what follows it.
func word(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t")
	if n := strings.IndexAny(s, " \t"); n >= 0 {
		return s[:n], s[n:]
	}
	return s, ""
}

// belongs reports whether a series of this name is of a family that is open.
func belongs(series, family, kind string) bool {
	suffix, ok := strings.CutPrefix(series, family)
	if !ok || family == "" {
		return false
	}
	switch kind {
	case "histogram", "gaugehistogram", "gauge_histogram":
		return suffix == "_bucket" || suffix == "_sum" || suffix == "_count"
	case "summary":
		return suffix == "_sum" || suffix == "_count"
	}
	return false
}
