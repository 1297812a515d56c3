// Package markdown makes HTML of the Markdown of strangers. HTML is for pages, Summary is
// the beginning of a text without its marks, for cards.
//
// What is promised of HTML, whatever the source is: it is well-formed and consists of the
// elements and attributes of a short list; it loads nothing, neither from the store nor
// from elsewhere (a picture becomes a link to it); no script, style, form or frame is in
// it; links lead to http, https and mailto and say that the store does not vouch for them;
// its headings are below those of the page and its ids cannot be those of the page; it is
// not longer than MaxOutput bytes, and what was cut off is said. Its length, and the time
// that it takes, are bounded by the length of the source.
package markdown

import (
	"errors"
	"html/template"
)

// The limits, in bytes. What is longer is cut.
const (
	MaxInput  = 256 << 10
	MaxOutput = 1 << 20
)

// Options say where on a page a text goes.
type Options struct {
	// Level is that of the highest heading, 2 to 6: "#" becomes <h2> at 2.
	Level int
	// Prefix begins every id in the text: letters, digits and hyphens.
	Prefix string
	// Cut is what is said where a text was too long, in the language of the page.
	Cut string
}

// Renderer makes HTML. It can be shared by goroutines.
type Renderer struct{}

// New returns a Renderer.
func New() *Renderer { return &Renderer{} }

// HTML renders source.
func (r *Renderer) HTML(source string, o Options) (template.HTML, error) {
	return "", errors.New("not written")
}

// Summary is the beginning of what source says, on one line, with at most n characters;
// the last is an ellipsis if more follows. It is plain text, not HTML, and safe to look at
// as package visible has it.
func (r *Renderer) Summary(source string, n int) string { return "" }
