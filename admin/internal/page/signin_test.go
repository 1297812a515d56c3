package page

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzNext: wherever somebody is led after the sign-in, it is a page of ours.
func FuzzNext(f *testing.F) {
	for _, next := range []string{
		"/admin/", "/admin/users?x=1#y", "//evil.example/admin/", `/\evil.example`, "https://evil.example/admin/", "/admin/../..//evil.example",
		"/admin//evil.example", "javascript:alert(1)", "/admin/%0d%0aSet-Cookie:x", "/admin/sign-out", "", "\x00", "/admin/%2e%2e/x", "/admin/%5c",
	} {
		f.Add(next)
	}
	here, err := url.Parse("https://host.example/admin/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := nextOf(next)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) {
			t.Errorf("%q leads to %q", next, got)
		}
		u, err := here.Parse(got)
		if err != nil || u.Host != here.Host || u.Scheme != here.Scheme || !strings.HasPrefix(u.Path, "/admin/") || strings.HasPrefix(u.Path, "/admin/sign-") {
			t.Errorf("%q leads to %q, which is %v, %v", next, got, u, err)
		}
	})
}
