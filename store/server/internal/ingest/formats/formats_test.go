package formats

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/bundle"
)

func TestClean(t *testing.T) {
	for _, c := range []struct {
		name, in string
		limit    int
		want     string
		whole    bool
	}{
		{"as it is", "# Hello\n\n\tcode", 100, "# Hello\n\n\tcode", true},
		{"line ends", "a\r\nb\rc\n\n", 100, "a\nb\nc", true},
		{"a byte order mark", "\ufeffa", 100, "a", true},
		{"not UTF-8", "a\xffb", 100, "a\ufffdb", true},
		{"control characters", "a\x00\x1b[31mb\x7f\u0085", 100, "a[31mb", true},
		{"characters that change the order", "a\u202eb\u2066c\u200fd", 100, "abcd", true},
		{"characters that hide", "a\u200b\u2060\U000e0041\U000f0000b", 100, "ab", true},
		{"what scripts and emoji need", "می\u200cخواهم 👩\u200d💻 ☎\ufe0f", 100, "می\u200cخواهم 👩\u200d💻 ☎\ufe0f", true},
		{"cut", "abcdef", 3, "abc", false},
		{"cut within a character", "abü", 3, "ab", false},
		{"cut behind spaces", "ab   cd", 4, "ab", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, whole := clean([]byte(c.in), c.limit)
			if got != c.want || whole != c.whole {
				t.Errorf("%q, whole %t; want %q, %t", got, whole, c.want, c.whole)
			}
		})
	}
}

func TestFileName(t *testing.T) {
	for want, c := range map[string][2]string{
		"org.acme.Hello-1.0.jar":          {"org.acme.Hello", "1.0"},
		"org.acme._a-1.0+b_.jar":          {"org.acme.$a", "1.0+b/../c"[:5] + "ü"},
		"a-1.0.jar":                       {"..-.a", "1.0"},
		"_etc_passwd-1.jar":               {"/etc/passwd", "1"},
		strings.Repeat("x", 200) + ".jar": {strings.Repeat("x", 300), "1"},
	} {
		if got := fileName(c[0], c[1], ".jar"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

const changelog = `# Changelog

All changes.

## [Unreleased]
- later

## [1.10.0] - 2026-11-20
### Added
- ten

` + "```" + `
## [1.2.0]
` + "```" + `

## v1.2.0
- two

# Version 1.1.0-rc.1
- candidate
## 1.0
last`

func TestSection(t *testing.T) {
	for version, want := range map[string]string{
		"1.10.0":     "### Added\n- ten\n\n```\n## [1.2.0]\n```",
		"1.10":       "### Added\n- ten\n\n```\n## [1.2.0]\n```",
		"1.2.0":      "- two",
		"1.1.0-rc.1": "- candidate\n## 1.0\nlast",
		"1.0":        "last",
		"9":          changelog,
	} {
		v, err := bundle.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		if got := section(changelog, v); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", version, got, want)
		}
	}
}

// FuzzTexts: whatever stands in a README and a changelog, what is kept is valid, bounded,
// visible, and cleaning it once more changes nothing.
func FuzzTexts(f *testing.F) {
	f.Add([]byte(changelog), 100, "1.2.0")
	f.Add([]byte("a\xff\r\n\u202eb\ufeff"), 3, "1")
	f.Add([]byte("```\n~~~\n# 1\n``"), 10, "1")
	f.Fuzz(func(t *testing.T, data []byte, limit int, version string) {
		limit = max(4, min(limit, 1<<16))
		text, whole := clean(data, limit)
		if len(text) > limit || !utf8.ValidString(text) || (whole && len(data) > 0 && len(text) > 3*len(data)) {
			t.Fatalf("%d bytes of at most %d: %q", len(text), limit, text)
		}
		for _, r := range text {
			if r != '\n' && r != '\t' && unicode.IsControl(r) {
				t.Fatalf("%q has %U", text, r)
			}
		}
		if again, _ := clean([]byte(text), limit); again != text {
			t.Fatalf("%q became %q", text, again)
		}
		v, err := bundle.ParseVersion(version)
		if err != nil {
			return
		}
		if s := section(text, v); !strings.Contains(text, s) {
			t.Fatalf("the section %q is not of %q", s, text)
		}
	})
}
