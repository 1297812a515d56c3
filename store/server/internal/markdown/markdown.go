// Package markdown makes HTML of the Markdown of strangers. HTML is for pages, Summary is
// the beginning of a text without its marks, for cards.
//
// What is promised of HTML, whatever the source is: it is well-formed and consists of the
// elements and attributes of a short list (allowed in policy.go); it loads nothing, neither
// from the store nor from elsewhere: a picture becomes a link to it; no script, style, form
// or frame is in it; links lead to http, https and mailto and say that the store does not
// vouch for them; its headings are below those of the page, and its ids cannot be those of
// the page; it has at most MaxOutput bytes. The time that it takes grows with the length of
// the source and no faster, which tame.go sees to.
//
// The dialect is CommonMark with tables, strikethrough and bare links. Raw HTML is left out,
// the text in it stays.
package markdown

import (
	"bytes"
	"html/template"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The limits, in bytes. Of a source that is longer the beginning is shown; a text that
// would be longer as HTML is shown as it was written.
const (
	MaxInput  = 64 << 10
	MaxOutput = 1 << 20
)

// Options say where on a page a text goes.
type Options struct {
	// Level is that of its highest heading, 2 to 6.
	Level int
	// Prefix begins every id in it: lower-case letters and hyphens.
	Prefix string
}

// Renderer makes HTML. It can be shared by goroutines.
type Renderer struct {
	parser   parser.Parser
	renderer renderer.Renderer
	policy   *bluemonday.Policy
}

// New returns a Renderer.
func New() *Renderer {
	m := goldmark.New(
		goldmark.WithExtensions(
			extension.Strikethrough,
			extension.NewLinkify(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:"})),
		),
		goldmark.WithParserOptions(
			parser.WithParagraphTransformers(util.Prioritized(tables{extension.NewTableParagraphTransformer()}, 200)),
			// The first has to come before ours, which changes text.
			parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0), util.Prioritized(settle{}, 100)),
		),
		goldmark.WithRendererOptions(
			renderer.WithNodeRenderers(
				util.Prioritized(plainHTML{}, 100),
				util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), 500),
			),
		),
	)
	return &Renderer{parser: m.Parser(), renderer: m.Renderer(), policy: policy()}
}

// HTML renders source, which may be anything.
func (r *Renderer) HTML(source string, o Options) template.HTML {
	tamed := []byte(tame(source, MaxInput))
	pc := parser.NewContext()
	pc.Set(optionsKey, o)
	doc := r.parser.Parse(text.NewReader(tamed), parser.WithContext(pc))
	out := &bounded{left: MaxOutput}
	err := r.renderer.Render(out, tamed, doc)
	clean := ""
	if err == nil {
		clean = prose(r.policy.Sanitize(out.String()))
	}
	if err != nil || len(clean) > MaxOutput {
		return template.HTML("<pre><code>" + template.HTMLEscapeString(prose(string(tamed))) + "</code></pre>")
	}
	return template.HTML(clean)
}

// bounded is a buffer that refuses to grow beyond a number of bytes.
type bounded struct {
	bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrShortBuffer
	}
	return b.Buffer.Write(p)
}

// Summary is the beginning of what the paragraphs of source say, on one line, with at most
// n characters; the last is an ellipsis if something follows. It is plain text, not HTML,
// and nothing in it hides or turns the reading direction.
func (r *Renderer) Summary(source string, n int) string {
	tamed := []byte(tame(source, min(MaxInput, 8*n+1<<10)))
	doc := r.parser.Parse(text.NewReader(tamed))
	words := strings.Fields(prose(paragraphs(doc, tamed)))
	line := strings.Join(words, " ")
	if utf8.RuneCountInString(line) <= n {
		return line
	}
	runes := []rune(line)[:max(n-1, 0)]
	cut := strings.TrimRight(string(runes), " ")
	// Between words, if one ends near.
	if at := strings.LastIndexByte(cut, ' '); at > len(cut)*3/4 {
		cut = cut[:at]
	}
	return strings.TrimRight(cut, " ,;:.–-") + "…"
}
