// Package language is the languages that the pages for people speak, English and French:
// which of them a reader wants, messages with places and forms, and how numbers, sizes,
// times and lists are written.
//
// Negotiate chooses a language, and New gives the Words of one for some catalogs of
// messages. Words can be shared by goroutines. The texts are plain text: who makes HTML
// from them escapes. A test of whoever has a catalog calls Faults.
package language

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// Language is one that the pages speak, as it stands in the attribute lang.
type Language string

// The languages.
const (
	English Language = "en"
	French  Language = "fr"
)

// Languages lists them, each for a switch.
func Languages() []Language { return []Language{English, French} }

// Name is what the language calls itself.
func (l Language) Name() string {
	if l == French {
		return "Français"
	}
	return "English"
}

// Negotiate returns the language for a reader who has chosen one before, or else for a
// browser with the header accept. It is English when neither says anything we speak.
func Negotiate(chosen, accept string) Language {
	if slices.Contains(Languages(), Language(chosen)) {
		return Language(chosen)
	}
	const most = 200 // bytes of a header; browsers send a tenth
	wanted, _, err := language.ParseAcceptLanguage(accept[:min(len(accept), most)])
	if err != nil || len(wanted) == 0 {
		return English
	}
	_, index, sure := language.NewMatcher([]language.Tag{language.English, language.French}).Match(wanted...)
	if sure == language.No {
		return English
	}
	return Languages()[index]
}

// Message is one text in both languages. {0}, {1} … are the places of its arguments.
// Where the text depends on how many there are, it has two forms with a | between
// them, and the number is the argument {0}: one and many.
type Message [2]string // English, French

// In is the text in one language, its places not filled.
func (m Message) In(l Language) string {
	if l == French {
		return m[1]
	}
	return m[0]
}

// Catalog is the messages of one part of the pages, by key.
type Catalog map[string]Message

// ours are the messages that format.go needs.
func ours() Catalog {
	return Catalog{
		"list.and":    {"{0} and {1}", "{0} et {1}"},
		"time.ago":    {"{0} ago", "il y a {0}"},
		"time.in":     {"in {0}", "dans {0}"},
		"time.days":   {"days", "j"},
		"time.months": {"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."},
	}
}

// Words are those of one language.
type Words struct {
	language Language
	messages Catalog
}

// New returns the words of a language. No key may stand in two catalogs.
func New(l Language, catalogs ...Catalog) *Words {
	all := ours()
	for _, c := range catalogs {
		maps.Copy(all, c)
	}
	return &Words{language: l, messages: all}
}

// Language is the language of w.
func (w *Words) Language() Language { return w.language }

// Has reports whether there is a message with this key.
func (w *Words) Has(key string) bool { _, ok := w.messages[key]; return ok }

// Keys lists the keys of all messages.
func (w *Words) Keys() []string { return slices.Sorted(maps.Keys(w.messages)) }

// Say returns the message with this key, its places filled with args: whole numbers as
// the language writes them, everything else as it is. A key that is not there is
// returned itself, which the tests do not let happen.
func (w *Words) Say(key string, args ...any) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		if n, ok := arg.(int); ok {
			texts[i] = w.Count(n)
		} else {
			texts[i] = fmt.Sprint(arg)
		}
	}
	return Fill(w.Form(key, args...), texts)
}

// Form is the message with this key, its places not yet filled, in the form that its
// first argument asks for.
func (w *Words) Form(key string, args ...any) string {
	m, ok := w.messages[key]
	if !ok {
		return key
	}
	one, many, two := strings.Cut(m.In(w.language), "|")
	if !two {
		return one
	}
	if n, ok := first(args); ok && w.isOne(n) {
		return one
	}
	return many
}

func first(args []any) (int, bool) {
	if len(args) == 0 {
		return 0, false
	}
	n, ok := args[0].(int)
	return n, ok
}

// isOne is the plural rule: French counts nothing as one.
func (w *Words) isOne(n int) bool {
	return n == 1 || n == 0 && w.language == French
}

// Fill puts texts into the places of a form.
func Fill(form string, texts []string) string {
	if len(texts) == 0 || !strings.Contains(form, "{") {
		return form
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(form, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		place, after, ok := strings.Cut(rest, "}")
		if n, err := strconv.Atoi(place); ok && err == nil && n >= 0 && n < len(texts) {
			b.WriteString(texts[n])
			form = after
			continue
		}
		b.WriteString("{")
		form = rest
	}
}
