package bundle

import (
	"cmp"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for _, good := range []string{
		"0", "1", "5.0.0010", "1.2.3.4.5.6", "00", "1-0", "1.2.0-rc.1", "1-a", "1-a-b", "1--", "1-0a.0-", "1+b", "1+.", "1-rc.1+2026-11.a", "1+a-b",
		strings.Repeat("9", 5000) + "." + strings.Repeat("0", 5000),
	} {
		v, err := ParseVersion(good)
		if err != nil {
			t.Errorf("ParseVersion(%.40q): %v", good, err)
		} else if v.String() != good || v.IsZero() {
			t.Errorf("String() = %q, want %q", v, good)
		}
	}
	for _, bad := range []string{
		"", ".", "1.", ".1", "1..2", "v1", "1.x", "1 ", " 1", "1,2", "-1", "-", "+", "1-", "1+", "1-a.", "1-.a", "1-a..b", "1-a_b", "1+a+b", "1+a_b", "1.2-é", "１", "1\n", "${v}", "1e3",
	} {
		if v, err := ParseVersion(bad); err == nil {
			t.Errorf("ParseVersion(%q) = %v, want an error", bad, v)
		}
	}
}

// Versions in ascending order; those within one group are the same.
func TestVersionOrder(t *testing.T) {
	order := [][]string{
		{"0-alpha", "0.0-alpha"},
		{"0", "0.0", "00.000", "0+x"},
		{"0.0.1"},
		{"1-0", "1.0-00"},
		{"1-1", "1-01+b"},
		{"1-2"},
		{"1-10"},
		{"1-99999999999999999999999999"},
		{"1--"},
		{"1-1a"},
		{"1-A"},
		{"1-a", "1.0.0-a"},
		{"1-a.0", "1-a.00"},
		{"1-a.b"},
		{"1-alpha"},
		{"1-alpha.1"},
		{"1-alpha.beta"},
		{"1-beta"},
		{"1-rc.2"},
		{"1-rc.11"},
		{"1", "1.0", "01.0.0+build.5"},
		{"5.0.9"},
		{"5.0.10", "5.0.0010+x", "5.0.0010", "5.0.10.0"},
		{"10"},
		{"99999999999999999999"},
		{"100000000000000000000", "0100000000000000000000.0"},
	}
	for i, group := range order {
		for j, other := range order {
			for _, a := range group {
				for _, b := range other {
					if got := mustVersion(t, a).Compare(mustVersion(t, b)); got != cmp.Compare(i, j) {
						t.Errorf("%s compared to %s is %d, want %d", a, b, got, cmp.Compare(i, j))
					}
				}
			}
		}
	}
}

func mustVersion(t testing.TB, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// normal writes a version in the one form that all equal versions share.
func normal(v Version) string {
	trim := func(part string) string {
		if all(part, isDigit) {
			part = strings.TrimLeft(part, "0")
			return part + "." // keeps "" apart from nothing
		}
		return part
	}
	core := strings.Split(v.core, ".")
	for i := range core {
		core[i] = trim(core[i])
	}
	for len(core) > 0 && core[len(core)-1] == "." {
		core = core[:len(core)-1]
	}
	pre := strings.Split(v.pre, ".")
	for i := range pre {
		pre[i] = trim(pre[i])
	}
	return strings.Join(core, " ") + "|" + strings.Join(pre, " ")
}

// Any three versions are in one order, and only spellings of one version are equal.
func FuzzVersion(f *testing.F) {
	f.Add("5.0.0010", "5.0.10", "5.0.9")
	f.Add("1.2.0-rc.1", "1.2.0", "1.2.0-rc.01+b")
	f.Add("1-a.0", "1-a", "1-0.a")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var vs []Version
		for _, s := range []string{a, b, c} {
			v, err := ParseVersion(s)
			if err != nil {
				return
			}
			if v.String() != s {
				t.Fatalf("%q is written %q", s, v)
			}
			vs = append(vs, v)
		}
		x, y, z := vs[0], vs[1], vs[2]
		if x.Compare(x) != 0 || x.Compare(y) != -y.Compare(x) {
			t.Errorf("%s and %s have no order: %d, %d", x, y, x.Compare(y), y.Compare(x))
		}
		if x.Compare(y) <= 0 && y.Compare(z) <= 0 && x.Compare(z) > 0 {
			t.Errorf("%s <= %s <= %s, but the first is greater than the last", x, y, z)
		}
		if (x.Compare(y) == 0) != (normal(x) == normal(y)) {
			t.Errorf("%s and %s compare %d, their normal forms are %q and %q", x, y, x.Compare(y), normal(x), normal(y))
		}
	})
}
