package visible

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ascii", "Tracking 5.0.0010", "Tracking 5.0.0010"},
		{"letters of the world", "Größe 追跡 отслеживание تتبع", "Größe 追跡 отслеживание تتبع"},
		{"an emoji", "🚀", "🚀"},
		{"line breaks", "a\r\nb\tc", `a\r\nb\tc`},
		{"terminal escapes", "\x1b[31mred\x1b]0;title\x07", `\x1b[31mred\x1b]0;title\x07`},
		{"C1 control", "a\u009bb", `a\u009bb`},
		{"right-to-left override", "exe\u202etxt.jar", `exe\u202etxt.jar`},
		{"isolates", "\u2066x\u2069", `\u2066x\u2069`},
		{"zero width", "pay\u200bpal\ufeff", `pay\u200bpal\ufeff`},
		{"other spaces", "a\u00a0b\u2003c", `a\u00a0b\u2003c`},
		{"tag characters", "a\U000e0041", `a\U000e0041`},
		{"private use", "\ue000", `\ue000`},
		{"broken UTF-8", "a\xff\xc3(", `a\xff\xc3(`},
		{"marks in reason", "e\u0301", "e\u0301"},
		{"a tower of marks", "e" + strings.Repeat("\u0301", 6), "e" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Text(c.in); got != c.want {
				t.Errorf("Text(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		name, in string
		n        int
		want     string
	}{
		{"short enough", "abc", 3, "abc"},
		{"cut", "abcdef", 4, "abc…"},
		{"escapes count", "a\x1bb", 4, `a\x…`},
		{"long input", strings.Repeat("é", 100), 5, "éééé…"},
		{"long wide input", strings.Repeat("🚀", 100), 3, "🚀🚀…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Clip(c.in, c.n); got != c.want {
				t.Errorf("Clip(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
			}
		})
	}
}

func TestLines(t *testing.T) {
	if got, want := Lines("a\tb\r\n\x1bc\n"), "a\tb\n\\x1bc\n"; got != want {
		t.Errorf("Lines = %q, want %q", got, want)
	}
}

func FuzzText(f *testing.F) {
	f.Add("plain", 3)
	f.Add("\u202e\xff\x1b e\u0301", 10)
	f.Fuzz(func(t *testing.T, s string, n int) {
		got := Text(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Text(%q) is not UTF-8", s)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("Text(%q) holds %U", s, r)
			}
		}
		if again := Text(got); again != got {
			t.Fatalf("Text(%q) changes: %q", got, again)
		}
		if n > 0 && n < 1000 && utf8.RuneCountInString(Clip(s, n)) > n {
			t.Fatalf("Clip(%q, %d) is longer", s, n)
		}
	})
}
