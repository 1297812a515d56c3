package page

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// functions are what the templates of one language can call.
//
//	say KEY ARGS…     a message; numbers as the language has them, strings isolated
//	count, number, rate, share, bytes, seconds, span   values, as package words has them
//	ago TIME          a time as a distance from now; when TIME: the time itself
//	state, trust      a badge
//	text              a string from outside, on one line; clipped, and made visible
//	line              one line of a process
//	dotted            a name that may be broken behind its dots
//
//	browser           what a browser calls itself, in short
//
// What they return is escaped by html/template, or escaped here and of type
// template.HTML.
func functions(w *words.Words, now func() time.Time) template.FuncMap {
	plain := map[string]template.HTML{} // most messages have no places, and are said on every row
	for _, key := range w.Keys() {
		plain[key] = say(w, key)
	}
	return template.FuncMap{
		"say": func(key string, args ...any) template.HTML {
			if text, ok := plain[key]; ok && len(args) == 0 {
				return text
			}
			return say(w, key, args...)
		},
		"count":      w.Count,
		"number":     w.Number,
		"rate":       w.Rate,
		"share":      w.Share,
		"bytes":      func(n int64) template.HTML { return template.HTML(w.Bytes(n)) },
		"ubytes":     func(n uint64) template.HTML { return template.HTML(w.Bytes(int64(min(n, math.MaxInt64)))) },
		"seconds":    w.Seconds,
		"span":       func(d time.Duration) template.HTML { return template.HTML(w.Span(d)) },
		"secondspan": func(n int64) template.HTML { return template.HTML(w.Span(time.Duration(n) * time.Second)) },
		"browser":    browserOf,
		"ago":        func(t any) template.HTML { return ago(w, moment(t), now()) },
		"when":       func(t any) template.HTML { return when(w, moment(t)) },
		"state":      func(s any) template.HTML { return stateBadge(w, fmt.Sprint(s)) },
		"trust":      func(s any) template.HTML { return trustBadge(w, fmt.Sprint(s)) },
		"text":       func(s any) string { return text(fmt.Sprint(s)) },
		"line":       line,
		"dotted":     dotted,
		"path":       pathOf,
		"lower":      strings.ToLower,
		"list":       func(items ...any) []any { return items },
	}
}

const (
	maxText = 2000 // characters of a message
	maxLine = 500  // characters of a line of stderr
	maxName = 260  // characters of an id or a type
)

// text is a string from outside, safe to look at. The spaces that hold French together
// stay: what is shown may be words of ours with a name in them.
func text(s string) string {
	if !strings.ContainsAny(s, noBreak) {
		return visible.Clip(s, maxText)
	}
	var b strings.Builder
	for s = s[:min(len(s), maxText)]; ; {
		i := strings.IndexAny(s, noBreak)
		if i < 0 {
			return b.String() + visible.Text(s)
		}
		space, size := utf8.DecodeRuneInString(s[i:])
		b.WriteString(visible.Text(s[:i]))
		b.WriteRune(space)
		s = s[i+size:]
	}
}

// noBreak are the spaces at which no line is broken, the narrow one too.
const noBreak = "\u00a0\u202f"

// say is a message as HTML. A string among args is from outside: it is made visible,
// and its direction is kept to itself. template.HTML among them stays as it is.
func say(w *words.Words, key string, args ...any) template.HTML {
	texts := make([]string, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case template.HTML:
			texts[i] = string(a)
		case int:
			texts[i] = w.Count(a)
		default:
			texts[i] = "<bdi>" + html.EscapeString(visible.Clip(fmt.Sprint(a), maxText)) + "</bdi>"
		}
	}
	return template.HTML(language.Fill(html.EscapeString(w.Form(key, args...)), texts))
}

// moment takes what the templates have: a time, or where one may be missing a pointer.
func moment(t any) time.Time {
	switch t := t.(type) {
	case time.Time:
		return t
	case *time.Time:
		if t != nil {
			return *t
		}
	}
	return time.Time{}
}

func ago(w *words.Words, t, now time.Time) template.HTML {
	if t.IsZero() {
		return language.None
	}
	return timeElement("ago", t, w.Distance(t, now), w.Time(t))
}

func when(w *words.Words, t time.Time) template.HTML {
	if t.IsZero() {
		return language.None
	}
	return timeElement("at", t, w.Time(t), "")
}

// timeElement is a time; frame.js writes it in the zone of the reader, by its class.
func timeElement(class string, t time.Time, text, title string) template.HTML {
	if title != "" {
		title = ` title="` + html.EscapeString(title) + `"`
	}
	return template.HTML(`<time class="` + class + `" datetime="` + t.UTC().Format(time.RFC3339) + `"` + title + `>` + html.EscapeString(text) + `</time>`)
}

// stateBadge names a state; its class gives the colour, and the shape beside the word.
func stateBadge(w *words.Words, state string) template.HTML {
	return badge(kindOf(state), word(w, "state.", state))
}

// trustBadge names the verdict about a signature.
func trustBadge(w *words.Words, verdict string) template.HTML {
	kind := "bad"
	switch verdict {
	case "":
		return language.None
	case "valid":
		kind = "ok"
	case "unsigned", "unchecked":
		kind = "off"
	case "untrusted", "expired":
		kind = "warn"
	}
	return badge(kind, word(w, "trust.", verdict))
}

// word is the name of something from a closed set, and what it calls itself if it is from
// somewhere else.
func word(w *words.Words, set, name string) string {
	if w.Has(set + name) {
		return w.Say(set + name)
	}
	return visible.Clip(name, maxName)
}

func badge(kind, word string) template.HTML {
	return template.HTML(`<span class="badge ` + kind + `">` + html.EscapeString(word) + `</span>`)
}

// kindOf is how urgent a state is: ok, busy, warn, bad or off. The classes of badges,
// entries and rows have these names.
func kindOf(state string) string {
	switch state {
	case "running":
		return "ok"
	case "pending", "starting", "draining":
		return "busy"
	case "waiting", "backoff":
		return "warn"
	case "failed", "conflict", "refused", "unsupported":
		return "bad"
	}
	return "off"
}

// line is one line of what a process has said. Stack traces are indented by tabs.
func line(s string) string {
	return visible.Clip(strings.ReplaceAll(s[:min(len(s), 4*maxLine)], "\t", "    "), maxLine)
}

// dotted cuts a name behind its dots, where a narrow page may break it.
func dotted(s string) []string {
	return strings.SplitAfter(visible.Clip(s, maxName), ".")
}

// browserOf names a browser and its system as people do, as far as the header User-Agent
// tells; of others it is that header.
func browserOf(agent string) string {
	name, system := "", ""
	for _, known := range [][2]string{ // the telling ones first: most claim to be others, too
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	} {
		if strings.Contains(agent, known[0]) {
			name = known[1]
			break
		}
	}
	for _, known := range [][2]string{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iOS"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, known[0]) {
			system = known[1]
			break
		}
	}
	if name == "" || system == "" {
		return visible.Clip(agent, 80)
	}
	return name + ", " + system
}
