package words

import (
	"strings"
	"testing"
	"unicode"

	"github.com/jackfield-host/jackfield/internal/guidance"
	"github.com/jackfield-host/jackfield/internal/language"
)

// TestBothLanguagesSayEverything holds that a message has the same places and forms in
// both, and that French is set as French is.
func TestBothLanguagesSayEverything(t *testing.T) {
	for _, fault := range language.Faults(catalogs()...) {
		t.Error(fault)
	}
	check := func(key string, m Message) {
		for _, fault := range language.Faults(catalog{key: m}) {
			t.Error(fault)
		}
	}
	for code, r := range guidance.Reasons() {
		check(code+" title", Message{r.Title.English, r.Title.French})
		check(code+" meaning", Message{r.Meaning.English, r.Meaning.French})
		check(code+" next", Message{r.Next.English, r.Next.French})
		for _, m := range []guidance.Message{r.Meaning, r.Next} {
			if !strings.HasSuffix(m.English, ".") || !strings.HasSuffix(m.French, ".") {
				t.Errorf("%s: not a sentence: %+v", code, m)
			}
		}
		if strings.HasSuffix(r.Title.English, ".") || strings.HasSuffix(r.Title.French, ".") {
			t.Errorf("%s: a title is no sentence", code)
		}
	}
}

// Titles and buttons begin with a capital, as the rest of the page does.
func TestCapitals(t *testing.T) {
	for code, r := range guidance.Reasons() {
		for _, m := range []guidance.Message{r.Title, r.Meaning, r.Next} {
			for _, text := range []string{m.English, m.French} {
				if first := []rune(text)[0]; !unicode.IsUpper(first) && text != "META-INF" {
					t.Errorf("%s: %q", code, text)
				}
			}
		}
	}
}
