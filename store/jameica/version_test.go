package jameica_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store/jameica"
)

func TestParseVersion(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"1.2.3.4", "1.2.3"},
		{"1.2b3", "1.0.0"},
		{"v1.2", "0.2.0"},
		{"1..2", "1.0.2"},
		{"-1", "-1.0.0"},
		{"01.02", "1.2.0"},
		{"2147483648.1", "0.1.0"},
		{"2147483647.1", "2147483647.1.0"},
		{"-2147483648", "-2147483648.0.0"},
		{"1.2-3-4", "1.2.0 3-4"},
		{"+1.2", "1.2.0"},
		{"1.+2", "1.2.0"},
		{" 1.2\t\x00", "1.2.0"},
		{"\u00a01.2", "0.2.0"}, // a no-break space is none that Java trims
		{"1. 2", "1.0.0"},
		{"", "0.0.0"},
		{"-", "0.0.0"},
		{"1-", "1.0.0"},
		{"1.2.3-", "1.2.3"},
		{"1.2.-3", "1.2.0 3"},
		{"٣.４", "3.4.0"}, // digits of other scripts are digits in Java
		{"𝟏.2", "0.2.0"}, // but not those beyond the first 65 536 characters
		{"1.2.3-rc1", "1.2.3 rc1"},
		{"1.2\xff", "1.0.0"},
	} {
		v := jameica.ParseVersion(c.text)
		got := fmt.Sprintf("%d.%d.%d", v.Major.Value, v.Minor.Value, v.Patch.Value)
		if v.Suffix != "" {
			got += " " + v.Suffix
		}
		if got != c.want {
			t.Errorf("ParseVersion(%q) = %s, want %s", c.text, got, c.want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"3.00", "3.0", 0},
		{"1.10", "1.9", 1},
		{"2.13.0-nightly", "2.13.0", 0},
		{"2.13.0-nightly", "2.13", 0},
		{"1.2.3.4", "1.2.3.9", 0},
		{"1", "1.0.1", -1},
		{"-1", "0", -1},
	} {
		a, b := jameica.ParseVersion(c.a), jameica.ParseVersion(c.b)
		if got := a.Compare(b); got != c.want {
			t.Errorf("%s compares to %s as %d, want %d", c.a, c.b, got, c.want)
		}
		if got := b.Compare(a); got != -c.want {
			t.Errorf("%s compares to %s as %d, want %d", c.b, c.a, got, -c.want)
		}
	}
	if jameica.ParseVersion("3.0") == jameica.ParseVersion("3") {
		t.Error("3.0 == 3, but the client's equals tells 0 from what is not set")
	}
	if jameica.ParseVersion("3.0-a") == jameica.ParseVersion("3.0-b") {
		t.Error("3.0-a == 3.0-b, but the client's equals tells suffixes apart")
	}
}

func TestOrderedVersions(t *testing.T) {
	low := []string{"1.2b3", "1.9.9", "1.10-alpha", "1.10-rc.2", "1.10", "2.13.0-nightly", "2.13.0", "2.13.1-über"}
	for i := range low[1:] {
		a, b := jameica.ParseVersion(low[i]).Ordered(), jameica.ParseVersion(low[i+1]).Ordered()
		if a.Compare(b) >= 0 {
			t.Errorf("%s (%s) is not ordered below %s (%s)", low[i], a, low[i+1], b)
		}
	}
	if got := jameica.ParseVersion("1.0-???").Ordered().Compare(jameica.ParseVersion("1.0").Ordered()); got >= 0 {
		t.Errorf("a suffix without a letter or digit compares as %d to none, want lower", got)
	}
}

func TestRequirement(t *testing.T) {
	for _, c := range []struct {
		version, requirement string
		want                 bool
	}{
		{"2.13.0-nightly", "2.13.0+", true},
		{"3.0", "2.8.7+", true},
		{"1.5.3", "1.5-", false},
		{"1.5", "1.5-", true},
		{"1.2.0-rc1", "1.2", true},
		{"1.2.0", "1.1.2(+)", false},
		{"1.1.9", "1.1.2(+)", true},
		{"1.1.1", "1.1.2(+)", false},
		{"2.0", "1.1(+)", false},
		{"1.5", "1.1(+)", true},
		{"9", "1(+)", true},
		{"0.9", "1(+)", false},
		{"1.1.1", "1.1.2(-)", true},
		{"1.1.3", "1.1.2(-)", false},
		{"1.0.9", "1.1.2(-)", false},
		{"1.0", "1.1(-)", true},
		{"0.9", "1(-)", true},
		{"2", "1(-)", false},
		{"1.3", "1.2+ ", false}, // a blank behind it: exactly
		{"1.2", "1.2+ ", true},
		{"1.22", "1.2-2.0", true}, // digits glue together
		{"1.5", "1.2-2.0", false},
		{"0.2", ">=1.2", true},
		{"1.2", ">=1.2", false},
		{"1.2", "1.2.0-nightly+", true},
		{"0", "*", true},
		{"5", "*", false},
		{"anything", "", true},
		{"0", " ", true},
		{"1", " ", false},
		{"7", "(+)", true}, // nothing set: major 0 or higher
		{"-1", "(+)", false},
		{"1.1.5", "1.1.2+)(", false}, // ends with neither
		{"1.1.2", "1.1.2+)(", true},
		{"1.2", "(1.2)", true},
		{"2.0", "1.2(++)", false}, // ends with ), so exactly
		{"1.3", "+1.2", false},
		{"1.2", "+1.2", true},
	} {
		r := jameica.Requirement(c.requirement)
		if got := r.Allows(c.version); got != c.want {
			t.Errorf("%q allows %s is %v, want %v", c.requirement, c.version, got, c.want)
		}
	}
}

// What is easily got wrong is read as the client reads it, and said.
func TestLint(t *testing.T) {
	for _, c := range []struct{ requirement, want string }{
		{"2.10+", ""}, {"1.2.3", ""}, {"1(+)", ""}, {"1.5-", ""}, {"1.1.2(-)", ""}, {"", ""},
		{"1.2+ ", `is written "1.2+ " and read as exactly 1.2`},
		{"1.2-2.0", `is written "1.2-2.0" and read as exactly 1.22.0`},
		{">=1.2", `is written ">=1.2" and read as exactly 0.2`},
		{"*", `is written "*" and read as exactly 0`},
		{"1.2.0-nightly+", `is written "1.2.0-nightly+" and read as 1.2 or higher`},
		{"v1(+)", `is written "v1(+)" and read as major version 0 or higher`},
	} {
		if got := jameica.Requirement(c.requirement).Lint(); got != c.want {
			t.Errorf("Lint of %q is %q, want %q", c.requirement, got, c.want)
		}
	}
	for _, c := range []struct{ requirement, want string }{
		{"", "any version"},
		{"1.2.3", "exactly 1.2.3"},
		{"1.2+", "1.2 or higher"},
		{"1.2-", "1.2 or lower"},
		{"1(+)", "major version 1 or higher"},
		{"1(-)", "major version 1 or lower"},
		{"1.2(+)", "1.2 or higher, but a version of 1"},
		{"1.2.3(-)", "1.2.3 or lower, but a version of 1.2"},
	} {
		if got := jameica.Requirement(c.requirement).Meaning(); got != c.want {
			t.Errorf("%q means %q, want %q", c.requirement, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"2.10.3": "", "1.2.0-nightly": "",
		"1.2.3.4": `the version "1.2.3.4" is read as 1.2.3`, "v1.2": `the version "v1.2" is read as 0.2`,
	} {
		if got := jameica.LintVersion(text); got != want {
			t.Errorf("LintVersion(%q) = %q, want %q", text, got, want)
		}
	}
}

// The JDK's own trim, split and parseInt are asked about thousands of strange texts.
func TestVersionsAsJava(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"1", "2", "0", "10", "01", ".", ".", "-", "+", "(+)", "(-)", "(", ")", " ", "v", "rc", "٣", "４", "𝟏", "2147483648", "\t", "\u00a0", "é"}
	text := func() string {
		var b strings.Builder
		for range random.IntN(7) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	var lines []string
	var pairs [][2]string
	for range 5000 {
		p := [2]string{text(), text()}
		pairs = append(pairs, p)
		lines = append(lines, fmt.Sprintf("version %x %x", p[0], p[1]))
	}
	for i, answer := range askJava(t, lines) {
		v := jameica.ParseVersion(pairs[i][0])
		got := fmt.Sprintf("%s %s %s %v", number(v.Major), number(v.Minor), number(v.Patch), jameica.Requirement(pairs[i][1]).Allows(pairs[i][0]))
		if got != answer {
			t.Errorf("version %q, requirement %q: %s, Java says %s", pairs[i][0], pairs[i][1], got, answer)
		}
	}
}

func number(n jameica.Number) string {
	if !n.Set {
		return "null"
	}
	return fmt.Sprint(n.Value)
}

func TestDependency(t *testing.T) {
	loaded := func(name string) (string, bool) {
		version, ok := map[string]string{"hibiscus": "2.10.3", "Jameica.Update": "1"}[name]
		return version, ok
	}
	for _, c := range []struct {
		name string
		jameica.Dependency
		want bool
	}{
		{"the host, in any case", jameica.Dependency{Name: "JAMEICA", Version: "2.10+", Required: true}, true},
		{"a host too old", jameica.Dependency{Name: "jameica", Version: "3.0+", Required: true}, false},
		{"the host is judged before required is looked at", jameica.Dependency{Name: "jameica", Version: "3.0+"}, false},
		{"an obsolete name", jameica.Dependency{Name: "jameica.scripting", Version: "99+", Required: true}, true},
		{"another obsolete name", jameica.Dependency{Name: "jameica.update", Version: "99+", Required: true}, true},
		{"an obsolete name in another case is none", jameica.Dependency{Name: "Jameica.Scripting", Required: true}, false},
		{"loaded and fitting", jameica.Dependency{Name: "hibiscus", Version: "2.10+", Required: true}, true},
		{"loaded, any version", jameica.Dependency{Name: "hibiscus", Required: true}, true},
		{"loaded, too old", jameica.Dependency{Name: "hibiscus", Version: "2.11+", Required: true}, false},
		{"not loaded", jameica.Dependency{Name: "demo.base", Required: true}, false},
		{"not required, so its version is never looked at", jameica.Dependency{Name: "hibiscus", Version: "9+"}, true},
		{"not required and not there", jameica.Dependency{Name: "demo.base", Version: "9+"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.Satisfied("2.13.0-nightly", loaded); got != c.want {
				t.Errorf("satisfied is %v, want %v", got, c.want)
			}
		})
	}
}

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "1.2b3", "v1.2", "-1", "2147483648.1", "1.2-3-4", "+1.2", "*", ">=1.2", "1.2+ ", "1.1(+)", "٣.４", "\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, version, requirement string) {
		v, r := jameica.ParseVersion(version), jameica.Requirement(requirement)
		if again := jameica.ParseVersion(v.String()); again.Compare(v) != 0 {
			t.Errorf("%q is %s, which is read as %s", version, v, again)
		}
		allows := r.Allows(version)
		if r.Allows(v.String()) != allows {
			t.Errorf("%q allows %q otherwise than %s", requirement, version, v)
		}
		if (r + " ").Allows(version) != (jameica.ParseVersion(version).Compare(bound(requirement)) == 0) {
			t.Errorf("%q with a blank behind it is not exact for %q", requirement, version)
		}
		if v.Ordered().IsZero() || r.Meaning() == "" {
			t.Errorf("%q has no order, or %q no meaning", version, requirement)
		}
	})
}

// bound is the version of a requirement.
func bound(requirement string) jameica.Version {
	return jameica.ParseVersion(strings.NewReplacer("(", "", ")", "", "+", "", "-", "").Replace(requirement))
}
