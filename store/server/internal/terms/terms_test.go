package terms_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/terms"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"Hello, World", "n=hello n=world = hello world = ==helloworld ="},
		{"SumRequest", "n=sumrequest n=sum n=request = sumrequest sum request = ==sumrequest ="},
		{"Élève ﬁ Straße", "n=eleve n=fi n=strasse = eleve fi strasse = ==elevefistrasse ="},
		{"世界地图", "n=世界 n=界地 n=地图 n=图 = 世界 界地 地图 图 = ==世界地图 ="},
		{"v2世", "n=v2 n=世 = v2 世 = ==v2世 ="},
		{"", "= = == ="},
	} {
		got := terms.Of(&store.Listing{Texts: map[string]store.Text{"": {Name: c.name}}}, "")
		if text := strings.Join(got, " "); !strings.HasPrefix(text, c.want+" ") {
			t.Errorf("%q gives %s, want %s", c.name, text, c.want)
		}
	}
}

func TestAsk(t *testing.T) {
	write := func(e terms.Expression) string {
		var parts []string
		for _, p := range e.Phrases {
			text := strings.Join(p.Words, "+")
			if p.Prefix {
				text += "*"
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, " ")
	}
	for _, c := range []struct{ text, want string }{
		{"Hello wor", "hello wor*"},
		{`"hello world"`, "hello+world"},
		{`"hello wor`, "hello+wor*"},
		{`a "b c" d`, "a b+c d*"},
		{"世界", "世界*"},
		{"世界地 x", "世界+界地* x*"},
		{"世 x", "世* x*"},
		{`"" ' = (`, ""},
		{strings.Repeat("a ", 100), strings.TrimSpace(strings.Repeat("a ", 16))},
	} {
		list := terms.Ask(c.text)
		if got := write(list[len(list)-1]); got != c.want {
			t.Errorf("%q asks for %s, want %s", c.text, got, c.want)
		}
	}
}

// Whatever is written or typed gives words of letters and digits, none of them long.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"hello", `a "b`, "' \" \\ : * & | ! <->", "世界 ジャ 한국", "a\u0300\u202e", "\xff\x00", "ﷺ ½ ǅ İ", strings.Repeat("x", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		check := func(word string) {
			rest := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(word, "n="), "=="), "f=")
			if word == terms.Gap || word == "==" {
				return
			}
			if n := utf8.RuneCountInString(rest); n == 0 || n > 64 || strings.ContainsFunc(rest, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N) }) {
				t.Fatalf("%q gives the word %q", text, word)
			}
		}
		of := terms.Of(&store.Listing{ID: text, Texts: map[string]store.Text{"": {Name: text, Description: text}}, Labels: []string{text}}, text)
		for _, word := range of {
			check(word)
		}
		if len(of) > 14010 {
			t.Fatalf("%d words", len(of))
		}
		for _, e := range terms.Ask(text) {
			if len(e.Phrases) > 16 {
				t.Fatalf("%d phrases", len(e.Phrases))
			}
			for _, p := range e.Phrases {
				if len(p.Words) == 0 || len(p.Words) > 16 {
					t.Fatalf("%q gives a phrase of %d words", text, len(p.Words))
				}
				for _, word := range p.Words {
					check(word)
				}
			}
		}
	})
}
