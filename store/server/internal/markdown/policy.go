package markdown

import (
	"regexp"

	"github.com/microcosm-cc/bluemonday"
)

// rel is what every link of a stranger says of itself.
const rel = "nofollow noopener noreferrer ugc"

// allowed are the elements that a text may consist of, each with its attributes. What the
// renderer makes is within it; the policy holds it there, should the renderer err.
func allowed() map[string][]string {
	return map[string][]string{
		"h2": {"id"}, "h3": {"id"}, "h4": {"id"}, "h5": {"id"}, "h6": {"id"},
		"p": nil, "br": nil, "hr": nil, "blockquote": nil, "pre": nil, "code": nil,
		"strong": nil, "em": nil, "del": nil,
		"ul": nil, "ol": {"start"}, "li": nil,
		"table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": {"align"}, "td": {"align"},
		"a": {"href", "rel", "title"},
	}
}

// Values of attributes, whole.
var (
	idValue    = regexp.MustCompile(`^[a-z][a-z-]*-[\p{L}\p{N}_-]*$`)
	hrefValue  = regexp.MustCompile(`^(?i:https?://[^/?#\s]|mailto:[^\s]|#[a-z][a-z-]*-)`)
	alignValue = regexp.MustCompile(`^(?:left|right|center)$`)
	startValue = regexp.MustCompile(`^[0-9]{1,9}$`)
	relValue   = regexp.MustCompile(`^` + rel + `$`)
	titleValue = regexp.MustCompile(`^[^\pC]{1,300}$`)
)

func policy() *bluemonday.Policy {
	values := map[string]*regexp.Regexp{
		"id": idValue, "href": hrefValue, "align": alignValue, "start": startValue, "rel": relValue, "title": titleValue,
	}
	p := bluemonday.NewPolicy()
	for element, attributes := range allowed() {
		p.AllowElements(element)
		for _, a := range attributes {
			p.AllowAttrs(a).Matching(values[a]).OnElements(element)
		}
	}
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true) // a fragment is one; hrefValue lets no other in
	p.AllowURLSchemes("http", "https", "mailto")
	return p
}
