package output

import (
	"strings"
	"testing"
)

func TestBar(t *testing.T) {
	for _, c := range []struct {
		name        string
		done, total int64
		want        string
	}{
		{"a.jar", 0, 2 << 20, "a.jar  [                    ]   0 %  0.0 MiB of 2.0 MiB"},
		{"a.jar", 1 << 20, 2 << 20, "a.jar  [##########          ]  50 %  1.0 MiB of 2.0 MiB"},
		{"a.jar", 9 << 20, 2 << 20, "a.jar  [####################] 100 %  2.0 MiB of 2.0 MiB"},
		{"a.jar", 1 << 20, -1, "a.jar  1.0 MiB"},
		{"\x1b[2J" + strings.Repeat("x", 300), 1, 1, `\x1b[2Jxxxxxxxxxxxxxxxxxxxxxx…  [####################] 100 %  0.0 MiB of 0.0 MiB`},
	} {
		if got := bar(c.name, c.done, c.total); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
