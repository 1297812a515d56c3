package negotiate

import (
	"net/http"
	"strings"
	"testing"
)

func TestHas(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []string
		want   bool
	}{
		{"nothing", nil, false}, {"it", []string{`"a"`}, true}, {"weakly", []string{`W/"a"`}, true}, {"anything", []string{"*"}, true},
		{"in a list", []string{`"b", "a"`}, true}, {"in the second header", []string{`"b"`, `"a"`}, true},
		{"another", []string{`"b"`}, false}, {"its compressed form", []string{Zipped(`"a"`)}, false}, {"without quotes", []string{"a"}, false},
	} {
		if got := Has(c.values, `"a"`); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// FuzzRequestID: whatever a client sends, the id can be written into headers and logs.
func FuzzRequestID(f *testing.F) {
	for _, seed := range []string{"", "a.B_c-9", "a b", "a\"b", "ä", "x\r\ny: z", strings.Repeat("a", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		got := RequestID(&http.Request{Header: http.Header{"Request-Id": {sent}}})
		if !IsRequestID(got) || IsRequestID(sent) && got != sent {
			t.Errorf("%q became %q", sent, got)
		}
	})
}
