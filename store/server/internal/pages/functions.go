package pages

import (
	"fmt"
	"html"
	"html/template"
	"reflect"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store/server/internal/markdown"
)

// The most characters that are shown of what a publisher has written.
const (
	maxName    = 100 // names of extensions, publishers, labels
	maxLine    = 200 // ids, versions, permissions, types, addresses
	maxNote    = 1000
	maxSummary = 180
)

// functions are what the templates of one language can call.
//
//	say KEY ARGS…     a message; numbers as the language has them, strings isolated
//	count, bytes      values
//	day TIME          the day of a moment, the moment itself beside it
//	name, line, note  a string of a publisher on one line, clipped and made visible
//	badge KIND WORD   a word in a colour; KIND is ok, busy, warn, bad or off
//	dotted            a name that may be broken behind its dots
//	few, rest         the first items of a list, and the others
//	spoken SET WHAT   the word for something from a closed set; verdict WHAT its colour
//
// What they return is escaped by html/template, or escaped here and of type
// template.HTML.
func functions(said *language.Words) template.FuncMap {
	return template.FuncMap{
		"say":     func(key string, args ...any) template.HTML { return say(said, key, args...) },
		"count":   said.Count,
		"bytes":   said.Bytes,
		"day":     func(t time.Time) template.HTML { return day(said, t) },
		"name":    func(s any) string { return visible.Clip(fmt.Sprint(s), maxName) },
		"line":    func(s any) string { return visible.Clip(fmt.Sprint(s), maxLine) },
		"note":    func(s any) string { return visible.Clip(strings.Join(strings.Fields(fmt.Sprint(s)), " "), maxNote) },
		"badge":   badge,
		"dotted":  func(s any) []string { return strings.SplitAfter(visible.Clip(fmt.Sprint(s), maxLine), ".") },
		"few":     func(list any) any { some, _ := divide(list); return some },
		"rest":    func(list any) any { _, more := divide(list); return more },
		"spoken":  func(set string, what any) template.HTML { return spokenBy(said, set, what) },
		"verdict": verdictKind,
	}
}

// say is a message as HTML. A string among args is from outside: it is made visible,
// and its direction is kept to itself. template.HTML among them stays as it is.
func say(said *language.Words, key string, args ...any) template.HTML {
	texts := make([]string, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case template.HTML:
			texts[i] = string(a)
		case int:
			texts[i] = said.Count(a)
		default:
			texts[i] = "<bdi>" + html.EscapeString(visible.Clip(fmt.Sprint(a), maxLine)) + "</bdi>"
		}
	}
	return template.HTML(language.Fill(html.EscapeString(said.Form(key, args...)), texts))
}

// prose is a text of a publisher. Its tables are in boxes that scroll: what they have in a
// line may be wider than the page. (No text can look like these tags: it is escaped.)
func (p *Pages) prose(source string, level int, prefix string) template.HTML {
	text := p.markdown.HTML(source, markdown.Options{Level: level, Prefix: prefix})
	boxed := strings.ReplaceAll(string(text), "<table>", `<div class="scroll" tabindex="0"><table>`)
	return template.HTML(strings.ReplaceAll(boxed, "</table>", "</table></div>"))
}

// day is the day of a moment as an element.
func day(said *language.Words, t time.Time) template.HTML {
	if t.IsZero() {
		return language.None
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + html.EscapeString(said.Time(t)) + `">` + html.EscapeString(said.Day(t)) + `</time>`)
}

func badge(kind string, word any) template.HTML {
	text, ok := word.(template.HTML)
	if !ok {
		text = template.HTML(html.EscapeString(visible.Clip(fmt.Sprint(word), maxName)))
	}
	// One element within: the parts of a badge stand apart.
	return `<span class="badge ` + template.HTML(html.EscapeString(kind)) + `"><span>` + text + `</span></span>`
}

// fewItems is how many items of a list are shown at once.
const fewItems = 12

// divide are the items of a list that are shown at once, and the rest.
func divide(list any) (few, rest any) {
	v := reflect.ValueOf(list)
	n := min(v.Len(), fewItems)
	return v.Slice(0, n).Interface(), v.Slice(n, v.Len()).Interface()
}

// spokenBy is the word for something from a closed set, and what it calls itself if it is
// from somewhere else.
func spokenBy(said *language.Words, set string, what any) template.HTML {
	if key := set + fmt.Sprint(what); said.Has(key) {
		return say(said, key)
	}
	return template.HTML("<bdi>" + html.EscapeString(visible.Clip(fmt.Sprint(what), maxName)) + "</bdi>")
}

// verdictKind is the colour of what a check found.
func verdictKind(verdict string) string {
	switch verdict {
	case "passed":
		return "ok"
	case "warned":
		return "warn"
	}
	return "bad"
}
