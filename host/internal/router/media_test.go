package router

import (
	"mime"
	"strings"
	"testing"
)

func TestMediaType(t *testing.T) {
	for _, tc := range []struct {
		in, essence, charset string
		ok                   bool
	}{
		{"application/json", "application/json", "", true},
		{"Application/JSON ; Charset=UTF-8", "application/json", "utf-8", true},
		{`text/plain; charset="utf-8"; a=b`, "text/plain", "utf-8", true},
		{`text/plain; a="x;\"y\\"`, "text/plain", "", true},
		{"application/vnd.a+json;", "application/vnd.a+json", "", true},
		{"text/plain;;a=b", "text/plain", "", true},
		{"", "", "", false},
		{"json", "", "", false},
		{"/json", "", "", false},
		{"text/", "", "", false},
		{"text/plain charset=utf-8", "", "", false},
		{"text/plain; charset", "", "", false},
		{"text/plain; charset=", "", "", false},
		{"text/plain; charset=utf-8; charset=utf-7", "", "", false},
		{`text/plain; a="b`, "", "", false},
		{`text/plain; a="b"c`, "", "", false},
		{"text/plain\r\nX-Evil: 1", "", "", false},
		{"text/pläin", "", "", false},
		{"a/b/c", "", "", false},
		{"a/b, c/d", "", "", false},
		{" text/plain", "", "", false},
		{"a/" + strings.Repeat("b", 254), "", "", false},
	} {
		essence, charset, ok := MediaType(tc.in)
		if ok != tc.ok || ok && (essence != tc.essence || charset != tc.charset) {
			t.Errorf("%q: %q, %q, %v", tc.in, essence, charset, ok)
		}
	}
	if n := testing.AllocsPerRun(100, func() { MediaType("application/json; charset=utf-8") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !IsJSON("application/json") || !IsJSON("application/geo+json") || IsJSON("text/json5") || IsJSON("application/jsonl") {
		t.Error("what is JSON is not told from what is not")
	}
}

// FuzzMediaType: what we accept, the standard library reads as the same type, and
// it is fit for a header.
func FuzzMediaType(f *testing.F) {
	for _, seed := range []string{"application/json", `a/b; c="d\""`, "a/b;;c=d", "text/html; charset=utf-8", "A/b \t;x=y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		essence, _, ok := MediaType(s)
		if !ok {
			return
		}
		if strings.ContainsAny(s, "\r\n\x00\x7f") || len(s) > 255 {
			t.Errorf("accepted %q", s)
		}
		got, _, err := mime.ParseMediaType(s)
		// It refuses duplicates that we ignore, and empty parameters.
		if err == nil && got != essence {
			t.Errorf("%q is %q, the standard library says %q", s, essence, got)
		}
	})
}
