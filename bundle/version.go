package bundle

import (
	"errors"
	"fmt"
	"strings"
)

// Version is a version as people write it: 5.0.0010, 1.2.0-rc.1, 3+build.7. Make
// one with ParseVersion. The zero value is "no version"; it sorts like 0.
//
// Versions are ordered by Compare, never by ==: 5.0.0010 and 5.0.10 are the same
// version in two spellings, and both spellings are kept.
type Version struct {
	text string // exactly as written
	core string // dotted digits
	pre  string // behind the first hyphen, without it; "" for a release
}

// ParseVersion reads dotted numbers of any length, then an optional -suffix
// (dotted identifiers of letters, digits and hyphens), then an optional +build,
// which says nothing about order. Numbers may have leading zeros.
func ParseVersion(text string) (Version, error) {
	rest, build, hasBuild := strings.Cut(text, "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	switch {
	case text == "":
		return Version{}, errors.New("a version is empty")
	case !dotted(core, isDigit):
		return Version{}, versionError(text, "must begin with dotted numbers, for example 1.2.3")
	case hasPre && !dotted(pre, isVersionChar):
		return Version{}, versionError(text, "needs dotted letters, digits or hyphens behind the first hyphen")
	case hasBuild && !all(build, func(c byte) bool { return c == '.' || isVersionChar(c) }):
		return Version{}, versionError(text, "needs letters, digits, dots or hyphens behind the plus sign")
	}
	return Version{text: text, core: core, pre: pre}, nil
}

func versionError(text, rule string) error {
	return fmt.Errorf("the version %s %s", quote(text), rule)
}

// String returns the version exactly as it was written.
func (v Version) String() string { return v.text }

// IsZero tells the zero value, which ParseVersion never returns.
func (v Version) IsZero() bool { return v.text == "" }

// Compare returns -1, 0 or +1 as v is lower than, the same as, or higher than w.
// Parts compare as numbers and missing parts are 0. A version with a suffix is
// lower than the same without; suffixes compare as in Semantic Versioning 2.0.0,
// except that leading zeros are allowed and mean nothing. A +build is ignored.
func (v Version) Compare(w Version) int {
	if c := compareCores(v.core, w.core); c != 0 {
		return c
	}
	switch {
	case v.pre == w.pre:
		return 0
	case v.pre == "":
		return +1
	case w.pre == "":
		return -1
	}
	return comparePre(v.pre, w.pre)
}

func compareCores(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareDigits(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// comparePre compares two suffixes, both not empty, identifier by identifier.
func comparePre(a, b string) int {
	for {
		var x, y string
		var moreA, moreB bool
		x, a, moreA = strings.Cut(a, ".")
		y, b, moreB = strings.Cut(b, ".")
		if c := compareIdentifiers(x, y); c != 0 {
			return c
		}
		switch {
		case !moreA && !moreB:
			return 0
		case !moreA:
			return -1
		case !moreB:
			return +1
		}
	}
}

// compareIdentifiers puts numbers before words, numbers by value, words by bytes.
func compareIdentifiers(x, y string) int {
	numX, numY := all(x, isDigit), all(y, isDigit)
	switch {
	case numX && numY:
		return compareDigits(x, y)
	case numX:
		return -1
	case numY:
		return +1
	}
	return strings.Compare(x, y)
}

// compareDigits compares two decimal numbers of any length; "" is 0.
func compareDigits(x, y string) int {
	x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	if len(x) != len(y) {
		if len(x) < len(y) {
			return -1
		}
		return +1
	}
	return strings.Compare(x, y)
}

// dotted reports whether s is one or more parts of accepted bytes between dots.
func dotted(s string, accept func(byte) bool) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !all(part, accept) {
			return false
		}
	}
	return true
}

// all reports whether s is not empty and made of accepted bytes.
func all(s string, accept func(byte) bool) bool {
	for i := range len(s) {
		if !accept(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isVersionChar(c byte) bool { return isDigit(c) || isLetter(c) || c == '-' }
