package jameica

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// element is an element of a document as the client sees it: names as they are written,
// prefixes included, and namespaces of no meaning.
type element struct {
	name     string
	attrs    map[string]string // without a prefix
	children []*element
	text     string // set at its end
	building strings.Builder
	declared []string // the prefixes that it declares
}

// reader builds the tree of one document.
type reader struct {
	limits          Limits
	decoder         *xml.Decoder
	open            []*element
	root            *element
	elements, attrs int
	prefixed        string // the first name with a prefix
}

// parse reads a document up to the end of its root; what follows is not looked at, as the
// client does not. Names with a prefix are in the notes, since nobody sees them.
func parse(data []byte, limits Limits) (root *element, notes []string, err error) {
	if int64(len(data)) > limits.DocumentBytes {
		return nil, nil, fault(CodeTooBig, "", "it has %d bytes, more than the %d that are read", len(data), limits.DocumentBytes)
	}
	text, notes, err := decode(data)
	if err != nil {
		return nil, nil, err
	}
	r := &reader{limits: limits, decoder: xml.NewDecoder(bytes.NewReader(text))}
	for r.root == nil {
		begin := r.decoder.InputOffset()
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return nil, nil, fault(CodeXML, "", "it ends before its root does")
		}
		if err != nil {
			return nil, nil, &Error{Code: CodeXML, Message: err.Error(), Err: err}
		}
		if _, isText := token.(xml.CharData); isText && blank(text[begin:r.decoder.InputOffset()]) {
			continue // blanks between two tags, comments or sections are nothing to the client
		}
		if err := r.take(token); err != nil {
			return nil, nil, err
		}
	}
	if r.prefixed != "" {
		notes = append(notes, "has names with a prefix ("+r.prefixed+"), which the client does not see; write them without one")
	}
	return r.root, notes, nil
}

// take adds one token to the tree.
func (r *reader) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return r.start(t)
	case xml.EndElement:
		name := fullName(t.Name)
		if len(r.open) == 0 || r.open[len(r.open)-1].name != name {
			return r.broken("</%s> closes nothing", name)
		}
		last := r.open[len(r.open)-1]
		r.open = r.open[:len(r.open)-1]
		if len(last.children) == 0 { // the client has none otherwise
			last.text = last.building.String()
		}
		if len(r.open) == 0 {
			r.root = last
		}
	case xml.CharData:
		switch {
		case len(r.open) > 0:
			r.open[len(r.open)-1].building.Write(t)
		default:
			return r.broken("there is text in front of the root")
		}
	case xml.ProcInst:
		if strings.EqualFold(t.Target, "xml") {
			return r.broken("a declaration stands elsewhere than at the very start")
		}
	case xml.Directive:
		return fault(CodeDoctype, "", "it has a document type, whose entities can lead anywhere; take <!%s out", firstWord(string(t)))
	}
	return nil
}

func (r *reader) start(t xml.StartElement) error {
	r.elements++
	r.attrs += len(t.Attr)
	switch {
	case len(r.open) >= r.limits.Depth:
		return fault(CodeTooBig, "", "elements nest deeper than %d levels", r.limits.Depth)
	case r.elements > r.limits.Elements || r.attrs > r.limits.Elements:
		return fault(CodeTooBig, "", "it has more than %d elements or attributes", r.limits.Elements)
	}
	e := &element{name: fullName(t.Name), attrs: map[string]string{}}
	r.open = append(r.open, e)
	if err := r.attributes(e, t.Attr); err != nil {
		return err
	}
	if !r.isDeclared(e.name) {
		return r.broken("<%s> has a prefix that nothing declares", clip(e.name))
	}
	if strings.Contains(e.name, ":") && r.prefixed == "" {
		r.prefixed = e.name
	}
	if len(r.open) > 1 {
		parent := r.open[len(r.open)-2]
		parent.children = append(parent.children, e)
	}
	return nil
}

// attributes keeps those without a prefix. One with a prefix that nothing declares is an
// error: the client takes it for one without.
func (r *reader) attributes(e *element, attrs []xml.Attr) error {
	seen := map[string]bool{}
	for _, a := range attrs {
		name := fullName(a.Name)
		if seen[name] {
			return r.broken("<%s> has the attribute %s twice", clip(e.name), clip(name))
		}
		seen[name] = true
		if prefix, declares := strings.CutPrefix(name, "xmlns:"); declares {
			e.declared = append(e.declared, prefix)
		} else if !strings.Contains(name, ":") {
			e.attrs[name] = a.Value
		}
	}
	for name := range seen {
		if !r.isDeclared(name) {
			return r.broken("the attribute %s has a prefix that nothing declares", clip(name))
		}
	}
	return nil
}

// isDeclared reports whether a name has no prefix, or one that an open element declares.
func (r *reader) isDeclared(name string) bool {
	prefix, _, has := strings.Cut(name, ":")
	if !has || prefix == "xml" || prefix == "xmlns" {
		return true
	}
	for _, e := range r.open {
		if slices.Contains(e.declared, prefix) {
			return true
		}
	}
	return false
}

// broken is CodeXML with the line.
func (r *reader) broken(format string, args ...any) *Error {
	line, _ := r.decoder.InputPos()
	return fault(CodeXML, "", "line %d: "+format, append([]any{line}, args...)...)
}

func fullName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// blank reports whether raw, as it stands in the document, is nothing but blanks.
func blank(raw []byte) bool { return len(bytes.Trim(raw, " \t\r\n")) == 0 }

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word[:min(len(word), 32)]
}

// all are the children of that name.
func (e *element) all(name string) []*element {
	var list []*element
	for _, c := range e.children {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// only is the child of that name, nil if there is none. Two are an error: one client
// reads the first, another may read the last.
func (e *element) only(name string) (*element, error) {
	list := e.all(name)
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return nil, fault(CodeManifest, "", "<%s> stands there %d times; leave one", name, len(list))
}
