package jami

import (
	"strings"
	"testing"
)

func TestTame(t *testing.T) {
	for text, want := range map[string]string{
		"Puts *plants* behind **you**.":           "Puts *plants* behind **you**.",
		"![x](https://spy.example/1.png)":         "[x](https://spy.example/1.png)",
		"!!![x]":                                  "[x]",
		"<img src=https://spy.example/1.png>":     "&lt;img src=https://spy.example/1.png>",
		"[site](https://acme.example)":            "[site](https://acme.example)",
		"[mail]( MAILTO:a@acme.example)":          "[mail]( MAILTO:a@acme.example)",
		"[x](javascript:alert(1))":                "[x](#javascript:alert(1))",
		"[x](\n file:///etc/passwd)":              "[x](\n #file:///etc/passwd)",
		"[x]\n\n[x]: data:text/html,x":            "[x]\n\n[x]: #data:text/html,x",
		"[x](java&#115;cript:alert(1))":           "[x](#java&#115;cript:alert(1))",
		"1 < 2 and 3 > 2, [an aside]: not a link": "1 &lt; 2 and 3 > 2, [an aside]: #not a link",
		"": "",
	} {
		if got := tame(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzTame: whatever comes in, no image and no HTML comes out, and no link leads elsewhere.
func FuzzTame(f *testing.F) {
	f.Add("![a](b) <img> [x](javascript:y)\n[r]: file:///x")
	f.Add("!<[a]!![b](]:](")
	f.Fuzz(func(t *testing.T, text string) {
		got := tame(text)
		if strings.Contains(got, "![") || strings.Contains(got, "<") {
			t.Fatalf("%q", got)
		}
		for _, at := range destination.FindAllStringIndex(got, -1) {
			if rest := got[at[1]:]; !harmless(rest) && !strings.HasPrefix(rest, "#") {
				t.Fatalf("%q leads to %q", got, rest)
			}
		}
		if again := tame(got); len(text) < 100 && !strings.Contains(got, "]") && again != got {
			t.Fatalf("%q becomes %q", got, again)
		}
	})
}
