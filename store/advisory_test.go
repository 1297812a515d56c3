package store_test

import (
	"testing"

	"github.com/jackfield-host/jackfield/store"
)

func TestAffects(t *testing.T) {
	for _, c := range []struct {
		affected, version string
		want              bool
	}{
		{"", "1.0", true},
		{">=1.0 <1.4.2", "1.4.1", true},
		{">=1.0 <1.4.2", "1.4.2", false},
		{"=2.0", "2.0.1", false},
		{"nonsense", "1.0", true},
		{"<1.0", "no version", true},
		{"<1.0; optional", "2.0", true},
	} {
		if got := (store.Advisory{Affected: c.affected}).Affects(c.version); got != c.want {
			t.Errorf("%q and %s: %t", c.affected, c.version, got)
		}
	}
}
