package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/jackfield-host/jackfield/internal/guidance"
)

// TestBothLanguagesSayEverything holds that a message has the same places and forms in
// both, and that French is set as French is.
func TestBothLanguagesSayEverything(t *testing.T) {
	seen := map[string]bool{}
	check := func(key string, m Message) {
		t.Helper()
		if m.English == "" || m.French == "" {
			t.Errorf("%s lacks a language: %+v", key, m)
		}
		if e, f := places(m.English), places(m.French); !slices.Equal(e, f) {
			t.Errorf("%s has the places %v in English and %v in French", key, e, f)
		}
		if strings.Contains(m.English, "|") != strings.Contains(m.French, "|") {
			t.Errorf("%s has two forms in one language only", key)
		}
		if strings.Contains(m.English+m.French, "'") {
			t.Errorf("%s has a straight apostrophe", key)
		}
		if at := regexp.MustCompile(`[^\x{a0}\x{202f}][:;?!»]|«[^\x{a0}]`).FindString(m.French); at != "" && !strings.Contains(m.French, "://") {
			t.Errorf("%s: French has a no-break space at %q", key, at)
		}
		for _, text := range []string{m.English, m.French} {
			if text != strings.TrimSpace(text) {
				t.Errorf("%s begins or ends with a space", key)
			}
		}
	}
	for _, c := range catalogs() {
		for key, m := range c {
			if seen[key] {
				t.Errorf("%s stands in two catalogs", key)
			}
			seen[key] = true
			check(key, m)
		}
	}
	for code, r := range guidance.Reasons() {
		check(code+" title", Message(r.Title))
		check(code+" meaning", Message(r.Meaning))
		check(code+" next", Message(r.Next))
		for _, m := range []guidance.Message{r.Meaning, r.Next} {
			if !strings.HasSuffix(m.English, ".") || !strings.HasSuffix(m.French, ".") {
				t.Errorf("%s: not a sentence: %+v", code, m)
			}
		}
		if strings.HasSuffix(r.Title.English, ".") || strings.HasSuffix(r.Title.French, ".") {
			t.Errorf("%s: a title is no sentence", code)
		}
	}
}

// places are those of a message, each once.
func places(text string) []string {
	found := regexp.MustCompile(`\{\d}`).FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		chosen, accept string
		want           Language
	}{
		{"", "", English},
		{"", "fr", French},
		{"", "fr-CA,fr;q=0.9,en;q=0.8", French},
		{"", "en-GB,fr;q=0.9", English},
		{"", "de,fr;q=0.5", French},
		{"", "de", English},
		{"", "de;q=0.9,*;q=0.1", English},
		{"fr", "en", French},
		{"en", "fr", English},
		{"tlh", "fr", French},
		{"", "\xff\x00;;q=,", English},
		{"", strings.Repeat("fr,", 10000), French},
	} {
		if got := Negotiate(c.chosen, c.accept); got != c.want {
			t.Errorf("chosen %q, accept %.20q: %s, want %s", c.chosen, c.accept, got, c.want)
		}
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		n               int
		english, french string
	}{
		{0, "0 extensions", "0 extension"},
		{1, "1 extension", "1 extension"},
		{2, "2 extensions", "2 extensions"},
		{12345, "12,345 extensions", "12\u202f345 extensions"},
	} {
		if got := In(English).Say("overview.count", c.n); got != c.english {
			t.Errorf("English: %q, want %q", got, c.english)
		}
		if got := In(French).Say("overview.count", c.n); got != c.french {
			t.Errorf("French: %q, want %q", got, c.french)
		}
	}
	if got := In(English).Say("no.such.key"); got != "no.such.key" {
		t.Errorf("a key that is not there: %q", got)
	}
}

func TestFill(t *testing.T) {
	for _, c := range []struct {
		form  string
		texts []string
		want  string
	}{
		{"{0} of {1}", []string{"a", "b"}, "a of b"},
		{"{1}{0}{1}", []string{"a", "b"}, "bab"},
		{"{0}", []string{"{1}", "b"}, "{1}"},
		{"{0", []string{"a"}, "{0"},
		{"{9} {x} {-1} {", []string{"a"}, "{9} {x} {-1} {"},
		{"plain", []string{"a"}, "plain"},
	} {
		if got := Fill(c.form, c.texts); got != c.want {
			t.Errorf("%q: %q, want %q", c.form, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	e, f := In(English), In(French)
	for _, c := range []struct{ got, want string }{
		{e.Count(-7), "-7"}, {f.Count(-1234567), "-1\u202f234\u202f567"}, {e.Number(1000, 2), "1,000"}, {f.Number(999.999, 2), "1\u202f000"}, {e.Number(0.05, 1), "0.1"}, {e.Number(100, 1), "100"}, {e.Count(1234567), "1,234,567"},
		{e.Rate(0), "0"}, {e.Rate(0.04), "<\u202f0.1"}, {e.Rate(3.14), "3.1"}, {f.Rate(3.14), "3,1"}, {e.Rate(12345.6), "12,346"},
		{e.Share(0), "0%"}, {e.Share(0.00001), "<\u202f0.1%"}, {e.Share(0.0123), "1.2%"}, {f.Share(0.0123), "1,2\u202f%"}, {e.Share(1), "100%"},
		{e.Bytes(0), "0\u202fB"}, {e.Bytes(1023), "1,023\u202fB"}, {e.Bytes(1024), "1\u202fKiB"}, {e.Bytes(21<<20 + 600<<10), "22\u202fMiB"}, {f.Bytes(3 << 29), "1,5\u202fGio"}, {e.Bytes(1<<20 - 1), "1\u202fMiB"},
		{e.Seconds(0.00025), "250\u202fµs"}, {e.Seconds(0.0031), "3.1\u202fms"}, {e.Seconds(0.0999999), "100\u202fms"}, {e.Seconds(1.25), "1.2\u202fs"}, {f.Seconds(12), "12\u202fs"}, {e.Seconds(0), "0\u202fs"},
		{e.Span(59400 * time.Millisecond), "59\u202fs"}, {e.Span(59600 * time.Millisecond), "1\u202fmin"}, {e.Span(-3 * time.Hour), "3\u202fh"}, {e.Span(50 * time.Hour), "2\u202fdays"}, {f.Span(50 * time.Hour), "2\u202fj"},
		{e.List(nil), ""}, {e.List([]string{"a"}), "a"}, {e.List([]string{"a", "b", "c"}), "a, b and c"}, {f.List([]string{"a", "b"}), "a et b"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	for _, c := range []struct{ got, want string }{
		{e.Time(now), "1 Feb 2026, 11:00:00 UTC"}, {f.Time(now), "1 févr. 2026, 11:00:00 UTC"},
		{e.Distance(now.Add(-3*time.Hour), now), "3\u202fh ago"}, {f.Distance(now.Add(-3*time.Hour), now), "il y a 3\u202fh"}, {e.Distance(now.Add(20*time.Second), now), "in 20\u202fs"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// FuzzNegotiate: any header gives a language, and what is chosen wins.
func FuzzNegotiate(f *testing.F) {
	f.Add("", "fr-CA,fr;q=0.9,en;q=0.8")
	f.Add("en", "*")
	f.Add("x", "\xff;q=1e309,,;")
	f.Fuzz(func(t *testing.T, chosen, accept string) {
		got := Negotiate(chosen, accept)
		if !slices.Contains(Languages(), got) || slices.Contains(Languages(), Language(chosen)) && got != Language(chosen) {
			t.Errorf("chosen %q, accept %q: %q", chosen, accept, got)
		}
	})
}

// FuzzFill: nothing is lost but places, and no text is taken for a place.
func FuzzFill(f *testing.F) {
	f.Add("{0} of {1}", "a{1}", "b")
	f.Add("{{0}}", "", "x")
	f.Fuzz(func(t *testing.T, form, a, b string) {
		got := Fill(form, []string{a, b})
		if !strings.ContainsFunc(form, func(r rune) bool { return r == '{' }) && got != form {
			t.Errorf("%q became %q", form, got)
		}
		if strings.Contains(form, "{0}") && !strings.Contains(got, a) {
			t.Errorf("%q with %q: %q", form, a, got)
		}
	})
}

// Titles and buttons begin with a capital, as the rest of the page does.
func TestCapitals(t *testing.T) {
	for code, r := range guidance.Reasons() {
		for _, m := range []guidance.Message{r.Title, r.Meaning, r.Next} {
			for _, text := range []string{m.English, m.French} {
				if first := []rune(text)[0]; !unicode.IsUpper(first) && text != "META-INF" {
					t.Errorf("%s: %q", code, text)
				}
			}
		}
	}
}
