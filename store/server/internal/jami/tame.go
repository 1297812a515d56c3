package jami

import (
	"regexp"
	"strings"
)

var (
	imageMark   = regexp.MustCompile(`!+\[`)
	destination = regexp.MustCompile(`(\]\(|\]:)(\s*)`)
)

// tame takes out of a Markdown text what Jami would fetch or run when it shows it: it
// renders images from anywhere and HTML, and opens whatever a link leads to. Images become
// links, HTML becomes text, and links lead to http, https and mailto alone.
func tame(markdown string) string {
	text := imageMark.ReplaceAllString(markdown, "[")
	text = strings.ReplaceAll(text, "<", "&lt;")
	var b strings.Builder
	rest := 0
	for _, at := range destination.FindAllStringIndex(text, -1) {
		b.WriteString(text[rest:at[1]])
		rest = at[1]
		if !harmless(text[rest:]) {
			b.WriteString("#")
		}
	}
	b.WriteString(text[rest:])
	return b.String()
}

// harmless reports whether a link may lead there.
func harmless(destination string) bool {
	for _, scheme := range []string{"http://", "https://", "mailto:"} {
		if len(destination) >= len(scheme) && strings.EqualFold(destination[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}
