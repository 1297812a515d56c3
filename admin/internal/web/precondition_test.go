package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// FuzzPrecondition: what is taken is what stands there in quotes, and nothing that could
// not be written into a header again.
func FuzzPrecondition(f *testing.F) {
	for _, seed := range []string{``, `*`, `"a"`, `W/"a", "b.c"`, `"a" , "b",`, `"a`, `a`, `""`, "\"\x7f\"", `"a""b"`, strings.Repeat(`"a",`, 2000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		tags, set, err := Precondition(&http.Request{Header: http.Header{"If-Match": {sent}}})
		if err != nil && (set || tags != nil) || !set && tags != nil {
			t.Fatalf("%q: %q, %t, %v", sent, tags, set, err)
		}
		for _, tag := range tags {
			if !strings.Contains(sent, `"`+tag+`"`) || strings.ContainsAny(tag, "\" \r\n") {
				t.Errorf("%q has the tag %q", sent, tag)
			}
		}
		again, _, err := Precondition(&http.Request{Header: http.Header{"If-Match": {`"` + strings.Join(tags, `","`) + `"`}}})
		if len(tags) > 0 && (err != nil || !slices.Equal(tags, again)) {
			t.Errorf("%q, written again: %q, %v", tags, again, err)
		}
	})
}
