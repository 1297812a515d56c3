package markdown

import (
	"bytes"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"
)

var optionsKey = parser.NewContextKey()

// maxURL is how long an address may be, in bytes: a reference repeats it.
const maxURL = 2000

// settle fits what was parsed into its page: headings, ids, links, pictures.
type settle struct{}

// Transform is asked for each document.
func (settle) Transform(doc *ast.Document, reader text.Reader, pc parser.Context) {
	o, _ := pc.Get(optionsKey).(Options)
	source := reader.Source()
	var headings []*ast.Heading
	var links []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			headings = append(headings, n)
		case *ast.Link, *ast.Image, *ast.AutoLink:
			links = append(links, n)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range links {
		settleLink(n, o, source)
	}
	settleHeadings(headings, o, source)
}

// settleLink makes n a link that may be followed, or the text of it.
func settleLink(n ast.Node, o Options, source []byte) {
	switch n := n.(type) {
	case *ast.AutoLink:
		// It is written as it leads, with http, https or an address of mail before @.
		if n.AutoLinkType == ast.AutoLinkURL && !leads(n.URL(source)) || len(n.URL(source)) > maxURL {
			replace(n, []ast.Node{plain(n.Label(source))})
			return
		}
		n.SetAttributeString("rel", rel)
	case *ast.Link:
		to := destination(n.Destination, o)
		if to == nil {
			replace(n, children(n))
			return
		}
		n.Destination = to
		n.SetAttributeString("rel", rel)
		if len(n.Title) > maxURL {
			n.Title = nil
		}
		if blank(n, source) {
			n.AppendChild(n, plain(to))
		}
	case *ast.Image:
		settleImage(n, o, source)
	}
}

// settleImage makes n a link to the picture, or its description where that is no link or
// stands in one.
func settleImage(n *ast.Image, o Options, source []byte) {
	to := destination(n.Destination, o)
	inside := children(n)
	if blank(n, source) {
		name := ""
		if u, err := url.Parse(string(n.Destination)); err == nil && len(n.Destination) <= maxURL {
			name = path.Base(u.Path)
		}
		if strings.Trim(name, "./") == "" {
			name = "…"
		}
		inside = []ast.Node{plain([]byte(name))}
	}
	if to == nil || bytes.HasPrefix(to, []byte("#")) || within(n, ast.KindLink) {
		replace(n, inside)
		return
	}
	link := ast.NewLink()
	link.Destination = to
	link.SetAttributeString("rel", rel)
	for _, c := range inside {
		link.AppendChild(link, c)
	}
	n.Parent().ReplaceChild(n.Parent(), n, link)
}

// destination is where a link may lead: into the same text, or to an address of its own;
// nil for anywhere else, such as a file beside the one that was read.
func destination(to []byte, o Options) []byte {
	if len(to) > maxURL {
		return nil
	}
	if fragment, ok := bytes.CutPrefix(to, []byte("#")); ok {
		decoded, err := url.PathUnescape(string(fragment))
		if err != nil || len(fragment) == 0 {
			return nil
		}
		return []byte("#" + o.Prefix + "-" + slug(decoded))
	}
	if !leads(to) {
		return nil
	}
	return to
}

// leads reports whether to is an address to which a link may lead: one that hides nobody's
// name before its host, and that can be read as it is written, and as it will be.
func leads(to []byte) bool {
	for _, written := range [][]byte{to, util.URLEscape(to, true)} {
		if u, err := url.Parse(string(written)); err != nil || !hrefValue.Match(written) || u.User != nil {
			return false
		}
	}
	return true
}

func plain(value []byte) ast.Node {
	s := ast.NewString(bytes.Clone(value))
	s.SetRaw(true)
	return s
}

func children(n ast.Node) []ast.Node {
	var all []ast.Node
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		all = append(all, c)
	}
	return all
}

// replace puts others into the place of n.
func replace(n ast.Node, others []ast.Node) {
	parent := n.Parent()
	for _, c := range others {
		parent.InsertBefore(parent, n, c)
	}
	parent.RemoveChild(parent, n)
}

func within(n ast.Node, kind ast.NodeKind) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == kind {
			return true
		}
	}
	return false
}

// blank reports that nothing in n can be read. A picture in it may have to be named yet.
func blank(n ast.Node, source []byte) bool {
	found := false
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if c.Kind() == ast.KindImage && c != n {
			found = true
		}
		return ast.WalkContinue, nil
	})
	return !found && strings.TrimSpace(prose(said(n, source))) == ""
}

// settleHeadings gives headings levels below those of the page, without gaps, and ids that
// are not those of the page.
func settleHeadings(headings []*ast.Heading, o Options, source []byte) {
	var open []int // the levels, as they were written, of the headings around
	taken := map[string]int{}
	for _, h := range headings {
		words := strings.TrimSpace(said(h, source))
		if words == "" {
			h.Parent().RemoveChild(h.Parent(), h)
			continue
		}
		for len(open) > 0 && open[len(open)-1] >= h.Level {
			open = open[:len(open)-1]
		}
		open = append(open, h.Level)
		h.Level = min(max(o.Level, 2)+len(open)-1, 6)
		id := slug(words)
		n := taken[id]
		taken[id]++
		if n > 0 {
			id += "-" + strconv.Itoa(n)
		}
		h.SetAttributeString("id", []byte(o.Prefix+"-"+id))
	}
}

// slug is a heading as its address is made elsewhere, too: small letters, hyphens for
// spaces, no other marks.
func slug(s string) string {
	const most = 80 // bytes
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsNumber(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case unicode.IsSpace(r):
			return '-'
		}
		return -1
	}, s)
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// said is what is read of n.
func said(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch c := c.(type) {
		case *ast.Text:
			value := c.Value(source)
			if !c.IsRaw() {
				value = util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(value)))
			}
			b.Write(value)
			if c.SoftLineBreak() || c.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(c.Value)
		case *ast.AutoLink:
			b.Write(c.Label(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// paragraphs is what the paragraphs of doc say.
func paragraphs(doc ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n.Kind() {
		case ast.KindParagraph, ast.KindTextBlock:
			b.WriteString(said(n, source))
			b.WriteByte('\n')
			return ast.WalkSkipChildren, nil
		case ast.KindHTMLBlock:
			b.WriteString(textOf(lines(n, source)))
			b.WriteByte('\n')
		case ast.KindHeading, ast.KindCodeBlock, ast.KindFencedCodeBlock:
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// plainHTML leaves raw HTML out, and the text in it where it is.
type plainHTML struct{}

// RegisterFuncs says what it renders.
func (plainHTML) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if words := strings.TrimSpace(textOf(lines(n, source))); entering && words != "" {
			_, _ = w.WriteString("<p>" + html.EscapeString(words) + "</p>\n") // the writer keeps its error
		}
		return ast.WalkSkipChildren, nil
	})
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if raw, ok := n.(*ast.RawHTML); ok && entering && raw.Segments.Len() == 1 {
			at := raw.Segments.At(0)
			if tag := strings.ToLower(string(at.Value(source))); strings.HasPrefix(tag, "<br") && strings.Trim(tag[3:], " /") == ">" {
				_, _ = w.WriteString("<br>\n")
			}
		}
		return ast.WalkSkipChildren, nil
	})
}

func lines(n ast.Node, source []byte) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(source))
	}
	if block, ok := n.(*ast.HTMLBlock); ok && block.HasClosure() {
		b.Write(block.ClosureLine.Value(source))
	}
	return b.String()
}

// textOf is what is read of some HTML.
func textOf(source string) string {
	var b strings.Builder
	hidden := ""
	for z := html.NewTokenizer(strings.NewReader(source)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String() // the end
		case html.TextToken:
			if hidden == "" {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			if name, _ := z.TagName(); hidden == "" && (string(name) == "script" || string(name) == "style" || string(name) == "title") {
				hidden = string(name)
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == hidden {
				hidden = ""
			}
		}
	}
}
