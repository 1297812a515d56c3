package page

import (
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

func TestSummary(t *testing.T) {
	runs := host.Extension{ID: "org.a.A", File: "a.jar", State: "running"}
	broken := host.Extension{ID: "b.jar", File: "b.jar", State: "failed"}
	for _, c := range []struct {
		want string
		rows []host.Extension
	}{
		{"no extensions", nil},
		{"1 extension: 1 running", []host.Extension{runs}},
		{"2 extensions, 1 other file: 1 failed, 2 running", []host.Extension{runs, runs, broken}},
		{"0 extensions, 2 other files: 2 failed", []host.Extension{broken, broken}},
	} {
		if got := summary(c.rows); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
