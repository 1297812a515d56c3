package jameica

import (
	"fmt"
	"regexp"
	"strings"
)

// plainVersion is what Jameica reads as it was meant: up to three numbers within 32 bits,
// then a suffix.
var plainVersion = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2}(-[A-Za-z0-9.-]+)?$`)

// plainRequirement is a version without a suffix and then how to compare.
var plainRequirement = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2}(\(\+\)|\(-\)|\+|-)?$`)

// LintVersion says how a version is read where that may not be what its author meant, as
// the end of a sentence; "" where it is.
func LintVersion(text string) string {
	if plainVersion.MatchString(text) {
		return ""
	}
	return fmt.Sprintf("the version %q is read as %s", clip(text), ParseVersion(text))
}

// Lint says how a requirement is read where that may not be what its author meant, as the
// end of a sentence; "" where it is.
func (r Requirement) Lint() string {
	if r == "" || plainRequirement.MatchString(string(r)) {
		return ""
	}
	return fmt.Sprintf("is written %q and read as %s", clip(string(r)), r.Meaning())
}

// Meaning says in words which versions are allowed: "1.2.0 or higher".
func (r Requirement) Meaning() string {
	raw := string(r)
	bound := ParseVersion(bare(raw))
	full := numbers(bound)
	same := "a version of " // followed by the part that has to be the same
	switch {
	case !bound.Minor.Set:
		same = ""
	case !bound.Patch.Set:
		same += numbers(Version{Major: bound.Major})
	default:
		same += numbers(Version{Major: bound.Major, Minor: bound.Minor})
	}
	switch {
	case raw == "":
		return "any version"
	case strings.HasSuffix(raw, "(+)") && same == "":
		return fmt.Sprintf("major version %d or higher", bound.Major.Value)
	case strings.HasSuffix(raw, "(-)") && same == "":
		return fmt.Sprintf("major version %d or lower", bound.Major.Value)
	case strings.HasSuffix(raw, "(+)"):
		return full + " or higher, but " + same
	case strings.HasSuffix(raw, "(-)"):
		return full + " or lower, but " + same
	case strings.HasSuffix(raw, "+"):
		return full + " or higher"
	case strings.HasSuffix(raw, "-"):
		return full + " or lower"
	}
	return "exactly " + full
}

// numbers writes the numbers up to the last that is set, at least the first.
func numbers(v Version) string {
	text := fmt.Sprint(v.Major.Value)
	if v.Minor.Set || v.Patch.Set {
		text += fmt.Sprintf(".%d", v.Minor.Value)
	}
	if v.Patch.Set {
		text += fmt.Sprintf(".%d", v.Patch.Value)
	}
	return text
}

// String is the version as it was read: its numbers, then its suffix.
func (v Version) String() string {
	if v.Suffix == "" {
		return numbers(v)
	}
	return numbers(v) + "-" + v.Suffix
}
