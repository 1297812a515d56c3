package properties

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/magiconair/properties"
)

func TestGrammar(t *testing.T) {
	found, faults := Parse([]byte("\ufeffa=1\r\n  b : 2  \r\n! c\r\n#d=1\\\r\ne\\ f\\\r\n  g=3\r\nh=i\\\r\n   j\\\\\r\nk\rl ="))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []Property{{"a", "1", 1}, {"b", "2", 2}, {"e f\n", "g=3", 5}, {"h", `ij\`, 7}, {"k", "", 9}, {"l", "", 10}}
	if !slices.Equal(found, want) {
		t.Errorf("%+v\nwant %+v", found, want)
	}
}

// FuzzProperties: never a panic, line numbers rise, and what is accepted means what
// the library alone reads in it.
func FuzzProperties(f *testing.F) {
	for _, seed := range []string{"a=1\nb:2", "a\\\n b = c\\\r\n d", "\\u0041 x", "=", "#\\\na=${a}", "a=\\", "\ufeffk v\\\\", "é=\t\f1 "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, faults := Parse(data)
		got, last := map[string]string{}, 0
		for _, p := range found {
			if p.Line <= last {
				t.Fatalf("line %d after %d", p.Line, last)
			}
			last = p.Line
			got[p.Key] = p.Value
		}
		if len(faults) > 0 {
			return
		}
		text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(data), "\ufeff"))
		loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
		p, err := loader.LoadBytes([]byte(text))
		if err != nil {
			t.Fatalf("the library refuses %q: %v", text, err)
		}
		want := p.Map()
		for k, v := range want {
			want[k] = strings.TrimSpace(v)
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%q is read as %q, by the library as %q", data, got, want)
		}
	})
}
