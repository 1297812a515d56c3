package jameica

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"

	"github.com/jackfield-host/jackfield/bundle"
)

// Version is a version as Jameica reads it: up to three numbers and a suffix. Every
// text is one, however strange: what is no number is unset, and an unset number counts
// as 0. Make one with ParseVersion; the zero value has nothing set.
type Version struct {
	Major, Minor, Patch Number
	// Suffix is what follows the first hyphen that is not the first character. It never
	// counts in Compare.
	Suffix string
}

// Number is one number of a Version; Value is 0 unless Set.
type Number struct {
	Value int32
	Set   bool
}

// ParseVersion reads a version by the client's rules: blanks around it do not count,
// parts behind the third are dropped, and a part that Java's Integer.parseInt refuses is
// unset.
func ParseVersion(text string) Version {
	text = trim(text)
	var v Version
	if i := strings.IndexByte(text, '-'); i > 0 {
		text, v.Suffix = text[:i], text[i+1:]
	}
	for _, n := range []*Number{&v.Major, &v.Minor, &v.Patch} {
		part, rest, _ := strings.Cut(text, ".")
		*n, text = parseNumber(part), rest
	}
	return v
}

// trim takes away what Java's String.trim does: everything up to U+0020.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// parseNumber is Integer.parseInt: an optional sign and decimal digits of any script
// of the Basic Multilingual Plane, within 32 bits.
func parseNumber(part string) Number {
	var digits strings.Builder
	for i, r := range part {
		d, ok := digit(r)
		switch {
		case i == 0 && (r == '-' || r == '+'):
			digits.WriteRune(r)
		case !ok:
			return Number{}
		default:
			digits.WriteByte('0' + d)
		}
	}
	n, err := strconv.ParseInt(digits.String(), 10, 32)
	if err != nil {
		return Number{}
	}
	return Number{Value: int32(n), Set: true}
}

// digit is the value of a decimal digit. Unicode has them in runs of ten from zero on.
func digit(r rune) (byte, bool) {
	if '0' <= r && r <= '9' {
		return byte(r - '0'), true
	}
	if r < 0x80 || r > 0xFFFF {
		return 0, false
	}
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return byte((r - rune(run.Lo)) % 10), true
		}
	}
	return 0, false
}

// Compare returns -1, 0 or +1 as v is lower than, the same as, or higher than w, as
// Jameica orders them: by the three numbers alone. 2.13.0-nightly and 2.13 are the same.
func (v Version) Compare(w Version) int {
	return cmp.Or(
		cmp.Compare(v.Major.Value, w.Major.Value),
		cmp.Compare(v.Minor.Value, w.Minor.Value),
		cmp.Compare(v.Patch.Value, w.Patch.Value),
	)
}

// Ordered is the version for those who order by bundle.Version: the same order as
// Compare, and a version with a suffix below the same without, so that of two builds of
// one number the better is always the same one. Numbers below 0 count as 0.
func (v Version) Ordered() bundle.Version {
	var b strings.Builder
	for i, n := range []Number{v.Major, v.Minor, v.Patch} {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(int(max(0, n.Value))))
	}
	core := b.String()
	if suffix := strings.Map(versionChar, v.Suffix); v.Suffix != "" {
		if ordered, err := bundle.ParseVersion(core + "-" + suffix); err == nil {
			return ordered
		}
		core += "-0"
	}
	ordered, _ := bundle.ParseVersion(core) // dotted numbers always are one
	return ordered
}

func versionChar(r rune) rune {
	if r == '.' || r == '-' || r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return r
	}
	return -1
}

// Requirement is which versions something needs, as requires/@jameica and
// import/@version say it: "2.10+", "1.2(+)", "1.5-", "3.0". Every text is one, see
// Allows; "" allows every version.
type Requirement string

// Allows reports whether the client takes that version for fitting. It is bit for bit
// what the client computes, mistakes included: "1.2+ " with a blank behind it is exactly
// 1.2, "1.2-2.0" is exactly 1.22.0, ">=1.2" is exactly 0.2. Lint names those.
func (r Requirement) Allows(version string) bool {
	raw := string(r)
	if raw == "" {
		return true
	}
	v, bound := ParseVersion(version), ParseVersion(bare(raw))
	order := v.Compare(bound)
	switch {
	case strings.HasSuffix(raw, "(+)"):
		return alike(v, bound, func(have, want int32) bool { return have >= want })
	case strings.HasSuffix(raw, "(-)"):
		return alike(v, bound, func(have, want int32) bool { return have <= want })
	case strings.HasSuffix(raw, "+"):
		return order >= 0
	case strings.HasSuffix(raw, "-"):
		return order <= 0
	}
	return order == 0
}

// bare is the requirement without the characters that say how to compare.
func bare(raw string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("()-+", r) {
			return -1
		}
		return r
	}, raw)
}

// alike compares the last number that the bound sets and asks that those before are
// the same.
func alike(v, bound Version, fits func(have, want int32) bool) bool {
	switch {
	case !bound.Minor.Set:
		return fits(v.Major.Value, bound.Major.Value)
	case !bound.Patch.Set:
		return v.Major.Value == bound.Major.Value && fits(v.Minor.Value, bound.Minor.Value)
	}
	return v.Major.Value == bound.Major.Value && v.Minor.Value == bound.Minor.Value &&
		fits(v.Patch.Value, bound.Patch.Value)
}

// String returns the requirement as it was written.
func (r Requirement) String() string { return string(r) }
