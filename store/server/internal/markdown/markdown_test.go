package markdown

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func rendered(source string) string {
	return strings.TrimSpace(string(New().HTML(source, Options{Level: 3, Prefix: "readme"})))
}

func TestHTML(t *testing.T) {
	const link = ` rel="` + rel + `"`
	for _, c := range []struct{ name, source, want string }{
		{"a paragraph", "Hello *you* and **all** and ~~none~~ `x<y`", `<p>Hello <em>you</em> and <strong>all</strong> and <del>none</del> <code>x&lt;y</code></p>`},
		{"headings are below those of the page", "# A\n\n## B\n\n# C", "<h3 id=\"readme-a\">A</h3>\n<h4 id=\"readme-b\">B</h4>\n<h3 id=\"readme-c\">C</h3>"},
		{"headings have no gaps", "## A\n\n##### B\n\n###### C", "<h3 id=\"readme-a\">A</h3>\n<h4 id=\"readme-b\">B</h4>\n<h5 id=\"readme-c\">C</h5>"},
		{"two headings of one name", "# A b!\n\n# A b!", "<h3 id=\"readme-a-b\">A b!</h3>\n<h3 id=\"readme-a-b-1\">A b!</h3>"},
		{"a heading that says nothing", "#\n\ntext", "<p>text</p>"},
		{"an address in the text", "see https://example.org/a?b=c&d.", `<p>see <a href="https://example.org/a?b=c&amp;d"` + link + `>https://example.org/a?b=c&amp;d</a>.</p>`},
		{"a link", `[here](https://example.org "its title")`, `<p><a href="https://example.org" title="its title"` + link + `>here</a></p>`},
		{"a link into the text", "[there](#A-b)", `<p><a href="#readme-a-b"` + link + `>there</a></p>`},
		{"a link without words", "[](https://example.org)", `<p><a href="https://example.org"` + link + `>https://example.org</a></p>`},
		{"a link to a file beside it", "[licence](LICENSE.md)", `<p>licence</p>`},
		{"a link within the store", "[out](/admin-token)", `<p>out</p>`},
		{"a link without a scheme", "[out](//evil.example/)", `<p>out</p>`},
		{"a script as a link", "[x](javascript:alert(1))", `<p>x</p>`},
		{"a script as a link, in disguise", "[x](JaVaScRiPt&colon;alert(1)) [y](java\tscript:x) <javascript:alert(1)>", `<p>x [y](java	script:x) javascript:alert(1)</p>`},
		{"data as a link", "[x](data:text/html,a) <data:a>", `<p>x data:a</p>`},
		{"a password in a link", "[x](https://bank.example@evil.example/)", `<p>x</p>`},
		{"an address of mail", "<ada@example.org>", `<p><a href="mailto:ada@example.org"` + link + `>ada@example.org</a></p>`},
		{"a picture is a link", "![a chart](https://example.org/a.png)", `<p><a href="https://example.org/a.png"` + link + `>a chart</a></p>`},
		{"a picture without words", "![](https://example.org/a.png) ![](a/b.png) ![](.)", `<p><a href="https://example.org/a.png"` + link + `>a.png</a> b.png …</p>`},
		{"a badge", "[![build](https://ci.example/b.svg)](https://ci.example/)", `<p><a href="https://ci.example/"` + link + `>build</a></p>`},
		{"raw HTML is left out", "a <b onclick=x>b</b> <img src=https://evil.example/x> c<br/>d", "<p>a b  c<br>\nd</p>"},
		{"a block of HTML", "<div align=center>\n<h1 onclick=x>A &amp; b</h1>\n<img src=//evil.example>\n</div>\n\nc", "<p>A &amp; b</p>\n<p>c</p>"},
		{"a script", "<script>\nalert(1)\n</script>\n\na<script>b</script>", "<p>ab</p>"},
		{"a comment", "<!-- hidden -->\n\na<!-- b -->", "<p>a</p>"},
		{"a table", "|a|b|\n|-|:-:|\n|c|d|", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th align=\"center\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>c</td>\n<td align=\"center\">d</td>\n</tr>\n</tbody>\n</table>"},
		{"a block of code", "```go\na <b>\n```", "<pre><code>a &lt;b&gt;\n</code></pre>"},
		{"a list that begins late", "7. a\n8. b", "<ol start=\"7\">\n<li>a</li>\n<li>b</li>\n</ol>"},
		{"what turns the reading direction", "a\u202eb&#x202e;c\u2066d\u2028e", "<p>abcd e</p>"},
		{"spaces and joiners of scripts", "a\u00a0! 👩\u200d💻 می\u200cخواهم", "<p>a\u00a0! 👩\u200d💻 می\u200cخواهم</p>"},
		{"a stack of marks", "a" + strings.Repeat("\u0301", 50), "<p>a" + strings.Repeat("\u0301", maxMarks) + "</p>"},
		{"what is no text", "a\xffb\x00c\x1bd", "<p>a\uFFFDb\uFFFDcd</p>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rendered(c.source); got != c.want {
				t.Errorf("%q\n became %q\n    want %q", c.source, got, c.want)
			}
			if err := harmless(rendered(c.source)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	r := New()
	for _, c := range []struct {
		name, source, want string
		n                  int
	}{
		{"short", "Tracks *positions*.", "Tracks positions.", 100},
		{"not the title, nor code", "# Tracking\n\n```\nrun\n```\n\nTracks\n[positions](https://example.org) &amp; more.\n\n- one\n- two", "Tracks positions & more. one two", 100},
		{"cut between words", "Tracks positions of vehicles", "Tracks positions of…", 22},
		{"cut in a word", strings.Repeat("a", 50), "aaaa…", 5},
		{"HTML", "<p align=center>It is <b>bold</b></p>\n\nand <i>this</i>", "It is bold and this", 100},
		{"nothing", "\n\n", "", 100},
		{"what turns the reading direction", "a &#x202e;b\u202ec", "a bc", 100},
		{"a picture", "![chart](https://example.org/x.png) then", "chart then", 100},
	} {
		if got := r.Summary(c.source, c.n); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestEndless gives the renderer what costs parsers of Markdown a square of time or of
// space, as much of it as there may be. A minute would be over before one such was done.
func TestEndless(t *testing.T) {
	const n = MaxInput + 100
	h := strings.Repeat
	var refs, deep, ticks strings.Builder
	refs.WriteString("[a]: https://example.org/" + h("x", maxURL) + "\n\n")
	for refs.Len() < n {
		refs.WriteString(h("[a] ", 500) + "\n\n")
	}
	for i := 0; deep.Len() < n/2; i++ {
		deep.WriteString(h("  ", i) + "- a\n")
	}
	deep.WriteString(h("\n", n/2))
	for i := 1; ticks.Len() < n; i++ {
		ticks.WriteString("e" + h("`", i))
	}
	row := h("|a", 100) + "|\n"
	for name, source := range map[string]string{
		"quotes": h(">", n), "quotes and lists": h(">- ", n/3), "lists": h("- ", n/2), "numbers": h("1. ", n/3),
		"deep lists and blank lines": deep.String(), "lists and blank lines": h("- ", n/4) + h("\n", n/2),
		"links without end": h("[a](b", n/5), "links with <": h("[a](<b", n/6), "pictures": h("![a](b", n/6), "brackets": h("[", n/2) + h("]", n/2),
		"stars": h("*a_ ", n/4), "strong": h("*a **a ", n/14) + h("b** b* ", n/14), "tildes": h("~~a ", n/4), "nested links": h("[a](", n/8) + h(")", n/2),
		"references": refs.String(), "ticks": ticks.String(), "comments": h("</<!--", n/6), "instructions": h("<?", n/2), "declarations": h("<!A ", n/4),
		"a wide table": row + h("|-", 100) + "|\n" + h("a\n", n/2), "a table": h("|", n/2) + "\n" + h("-|", n/4) + "\n" + h("a\n", n/8), "tables": h("a|b\n-|-\n", n/8),
		"lines": h("a\n", n/2), "a word": h("a", n), "amps": h("&#1", n/3), "<": h("<", n), "tabs": h("\t", n), "headings": h("# a\n", n/4), "fences": h("```\n", n/4),
		"definitions": h("[a]: ", n/5), "titles": h("[a]: b '", n/8), "mails": h("a+", n/2) + "@b.c", "addresses": h("http://a.b ", n/11), "marks": h("\u0301", n/2), "rules": h("***\n", n/4),
	} {
		t.Run(name, func(t *testing.T) {
			got := rendered(source)
			if len(got) > MaxOutput+1000 {
				t.Errorf("%d bytes became %d", len(source), len(got))
			}
			if err := harmless(got); err != nil {
				t.Error(err)
			}
			New().Summary(source, 200)
		})
	}
}

// harmless says what in text is not allowed, as a browser reads it.
func harmless(text string) error {
	within := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := html.ParseFragment(strings.NewReader(text), within)
	if err != nil {
		return fmt.Errorf("it can not be parsed: %w", err)
	}
	names := allowed()
	ids := map[string]bool{}
	for _, root := range nodes {
		for n := range root.Descendants() {
			if err := harmlessNode(n, names, ids); err != nil {
				return err
			}
		}
		if err := harmlessNode(root, names, ids); err != nil {
			return err
		}
	}
	return nil
}

func harmlessNode(n *html.Node, names map[string][]string, ids map[string]bool) error {
	switch n.Type {
	case html.TextNode:
		return nil
	case html.ElementNode:
	default:
		return fmt.Errorf("a node of type %d: %.100q", n.Type, n.Data)
	}
	attributes, ok := names[n.Data]
	if !ok || n.Namespace != "" {
		return fmt.Errorf("an element %s", n.Data)
	}
	for _, a := range n.Attr {
		if !slices.Contains(attributes, a.Key) {
			return fmt.Errorf("an attribute %s of %s", a.Key, n.Data)
		}
		switch {
		case a.Key == "id" && (!strings.HasPrefix(a.Val, "readme-") || ids[a.Val]):
			return fmt.Errorf("the id %q", a.Val)
		case a.Key == "href" && !hrefValue.MatchString(a.Val):
			return fmt.Errorf("a link to %q", a.Val)
		case a.Key == "rel" && a.Val != rel:
			return fmt.Errorf("rel=%q", a.Val)
		}
		if a.Key == "id" {
			ids[a.Val] = true
		}
	}
	if n.Data == "a" && len(n.Attr) < 2 {
		return fmt.Errorf("a link that says nothing of itself: %v", n.Attr)
	}
	return nil
}

// FuzzHTML: whatever the source, what comes of it is allowed, and not too long; so is the
// summary, which is plain text on one line.
func FuzzHTML(f *testing.F) {
	for _, seed := range []string{
		"# a\n\n[b](https://c.example \"d\") ![e](https://f.example/g.png) <https://h.example> i@j.example", "<script>a</script><img src=x onerror=y>",
		"|a|b|\n|-|:-|\n|`c\\|d`|e|", "[a](javascript:b)", "[a]\n\n[a]: data:x", "> - 1. a\n\n\t    b", "```a\"b\n<c>\n```", "a&#x202e;b\u202e\xff\x00",
		"[x](#a\"b) <a\nhref='x'>", "***a**b*~~c~~\\\nd<br>", "<!-- a --> <?b?> <![CDATA[c]]>", "&lt;script&gt; &NewLine; &colon;", "# [![a](b)](https://c.d)\n## `e`",
	} {
		f.Add(seed)
	}
	r := New()
	f.Fuzz(func(t *testing.T, source string) {
		text := string(r.HTML(source, Options{Level: 3, Prefix: "readme"}))
		if err := harmless(text); err != nil {
			t.Errorf("%q became %q: %v", source, text, err)
		}
		if len(text) > MaxOutput+1000 || !utf8.ValidString(text) {
			t.Errorf("%q became %d bytes", source, len(text))
		}
		summary := r.Summary(source, 100)
		if utf8.RuneCountInString(summary) > 100 || strings.ContainsAny(summary, "\n\r\t\u2028\u202e") {
			t.Errorf("%q in short is %q", source, summary)
		}
	})
}
