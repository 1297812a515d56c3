package language

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func some() Catalog {
	return Catalog{"some.count": {"{0} extension|{0} extensions", "{0} extension|{0} extensions"}}
}

func TestFaults(t *testing.T) {
	if faults := Faults(ours(), some()); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	for name, m := range map[string]Message{
		"a language is missing": {"Yes", ""}, "other places": {"{0} of {1}", "{0}"}, "one form": {"{0} day|{0} days", "{0} jours"},
		"a straight apostrophe": {"It's", "C’est"}, "a colon without its space": {"So: {0}", "Donc: {0}"}, "a space at the end": {"a ", "b"},
	} {
		if len(Faults(Catalog{"key": m})) != 1 {
			t.Errorf("%s: %q", name, Faults(Catalog{"key": m}))
		}
	}
	if len(Faults(some(), some())) != 1 {
		t.Error("a key that stands twice is no fault")
	}
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
		if got := New(English, some()).Say("some.count", c.n); got != c.english {
			t.Errorf("English: %q, want %q", got, c.english)
		}
		if got := New(French, some()).Say("some.count", c.n); got != c.french {
			t.Errorf("French: %q, want %q", got, c.french)
		}
	}
	if got := New(English, some()).Say("no.such.key"); got != "no.such.key" {
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
	e, f := New(English, some()), New(French, some())
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
