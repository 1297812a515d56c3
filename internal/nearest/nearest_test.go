package nearest

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       int
	}{
		{"the same", "extension_name", "extension_name", 0},
		{"two letters turned around", "extension_nmae", "extension_name", 2},
		{"one letter too many", "timeouts.requests", "timeouts.request", 1},
		{"one letter missing", "lisen", "listen", 1},
		{"nothing in common", "abc", "xyz", 3},
		{"empty", "", "listen", 6},
		{"both empty", "", "", 0},
		{"far too long", strings.Repeat("x", 1000), "listen", 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Distance(c.a, c.b); got != c.want {
				t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
			}
			if got := Distance(c.b, c.a); got != c.want {
				t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
			}
		})
	}
}
