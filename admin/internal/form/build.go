package form

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// builder makes a tree of fields.
type builder struct{ left int }

// field makes the field of a place.
func (b *builder) field(s spot, from source) *Field {
	b.left--
	sh := shapeOf(s)
	f := &Field{
		Pointer: s.pointer, Kind: sh.kind, Label: textOf(sh.place, "title"), Help: textOf(sh.place, "description"),
		Required: s.required && !s.root, ReadOnly: sh.place.Is("readOnly"), Deprecated: sh.place.Is("deprecated"),
		Nullable: sh.nullable, Undeclared: s.undeclared, CanRemove: s.item || s.undeclared,
		Choices: slices.Clone(sh.choices), key: s.key, spot: s,
	}
	if f.Label == "" {
		f.Label = s.label
	}
	if s.secret() {
		f.Kind, f.Nullable = Secret, false
		f.Multiline = !sh.texts && (sh.kind == Group || sh.kind == List || sh.kind == JSON)
		f.Choices = nil
	}
	f.attributes(sh.place)
	if f.Kind == Group || f.Kind == List {
		if s.depth >= maxNesting {
			f.Kind, f.Nullable = JSON, false
		}
	}
	if form := from.posted(); form != nil {
		b.take(f, sh, form, from)
	} else {
		b.fill(f, sh, from)
	}
	f.finish()
	return f
}

// attributes are what a schema says of the control.
func (f *Field) attributes(p outline.Place) {
	if v, ok := p.Lookup("default"); ok && f.Kind != Secret {
		f.Default = show(v)
	}
	if v, ok := p.Lookup("examples"); ok {
		list, _ := v.([]any)
		for _, example := range list[:min(len(list), 5)] {
			f.Examples = append(f.Examples, show(example))
		}
	}
	switch f.Kind {
	case Number, Integer:
		f.Min, f.Max = numberOf(p, "minimum", "exclusiveMinimum"), numberOf(p, "maximum", "exclusiveMaximum")
		f.Step = numberOf(p, "multipleOf")
	case Text, Secret:
		f.MinLength, f.MaxLength = numberOf(p, "minLength"), numberOf(p, "maxLength")
		f.Pattern, f.Format = textOf(p, "pattern"), textOf(p, "format")
		f.Type = map[string]string{"email": "email", "idn-email": "email", "uri": "url", "iri": "url", "date": "date"}[f.Format]
		if f.Type == "" {
			f.Type = "text"
		}
		if n, err := strconv.Atoi(f.MaxLength); err == nil && n > longText && f.Kind == Text && f.Pattern == "" {
			f.Multiline = true
		}
	}
	switch {
	case len(f.Examples) > 0 && (f.Kind == Text || f.Kind == Number || f.Kind == Integer):
		f.Placeholder = f.Examples[0]
	case f.Kind == Text || f.Kind == Number || f.Kind == Integer:
		f.Placeholder = f.Default
	}
}

// longText is a length from which on a text has more than one line.
const longText = 300

// finish says what depends on both schema and value.
func (f *Field) finish() {
	optional := !f.Required && !f.spot.root && !f.spot.item && !f.Undeclared
	switch f.Kind {
	case Text:
		f.Emptiable = optional && (f.MinLength == "" || f.MinLength == "0") && (f.EmptyText || f.Default != "")
		f.Multiline = f.Multiline || strings.Contains(f.Text, "\n")
		if _, err := time.Parse(time.DateOnly, f.Text); f.Type == "date" && f.Text != "" && err != nil {
			f.Type = "text" // a browser would not show it
		}
	case Boolean, Choice:
		if optional || !f.Set {
			f.Choices = append([]Option{{Selected: !f.Set}}, f.Choices...)
		}
		for i := range f.Choices {
			f.Choices[i].Selected = f.Choices[i].Value == f.Text
		}
	case Group, List:
		f.CanRemove = f.CanRemove || optional && f.Set
		if !f.Set {
			f.CanAdd = true
			return
		}
		if f.Kind == Group {
			f.Keyed = opens(f.spot.sure) || opens(shapeOf(f.spot).place)
			f.CanAdd = f.Keyed && len(f.Fields) < maxItems
			return
		}
		most, err := strconv.Atoi(numberOf(shapeOf(f.spot).place, "maxItems"))
		f.CanAdd = len(f.Fields) < maxItems && (err != nil || len(f.Fields) < most)
	}
}

// fill shows a value, as JSON where the control of its kind could not.
func (b *builder) fill(f *Field, sh shape, from source) {
	value, there := from.get()
	if f.Kind == Secret {
		f.Set = from.secretSet(f.Pointer)
		return
	}
	f.Set = there
	if there && value == nil && f.Nullable {
		f.Null, f.Set = true, f.Kind != Group && f.Kind != List
		return
	}
	if there && !b.fits(f, value) {
		f.Kind, f.Nullable, f.Choices = JSON, false, nil
	}
	switch f.Kind {
	case Group, List:
		f.Set = there || f.Required || f.spot.root
		if f.Set && !b.within(f, sh.place, from) {
			f.Kind, f.Nullable, f.Set = JSON, false, there
		}
	}
	if !there {
		return
	}
	switch f.Kind {
	case Text:
		f.Text = value.(string)
		f.EmptyText = f.Text == ""
	case Number, Integer:
		f.Text = value.(json.Number).String()
	case Boolean:
		f.Text = string(outline.Encode(value))
	case Choice:
		f.Text = sameAs(f.Choices, value)
	case JSON:
		f.Text = indent(value)
	}
}

// fits reports whether the control of a field can show a value.
func (b *builder) fits(f *Field, value any) bool {
	switch f.Kind {
	case Text:
		text, ok := value.(string)
		return ok && plain(text)
	case Number, Integer:
		_, ok := value.(json.Number)
		return ok
	case Boolean, Choice:
		return sameAs(f.Choices, value) != ""
	case Group:
		_, ok := value.(*outline.Object)
		return ok
	case List:
		list, ok := value.([]any)
		return ok && len(list) <= maxItems
	}
	return true
}

// plain reports whether a browser sends a text back as it is: it changes line breaks, and
// drops what is no text.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && r != '\t' && unicode.IsControl(r) || r == unicode.ReplacementChar
	})
}

// sameAs returns the Value of the option that is value, "" for none.
func sameAs(options []Option, value any) string {
	text := string(outline.Encode(value))
	for _, o := range options {
		if o.Value == text {
			return text
		}
	}
	return ""
}

func indent(value any) string {
	var b bytes.Buffer
	if err := json.Indent(&b, outline.Encode(value), "", "  "); err != nil { // it is JSON
		return string(outline.Encode(value))
	}
	return b.String()
}

// take shows what was posted.
func (b *builder) take(f *Field, sh shape, form url.Values, from source) {
	if text, ok := form["json:"+f.Pointer]; ok && f.Kind != Secret {
		f.Kind, f.Nullable, f.Choices = JSON, false, nil
		f.Text, f.Set = text[0], strings.TrimSpace(text[0]) != ""
		return
	}
	f.Text = strings.ReplaceAll(form.Get("value:"+f.Pointer), "\r\n", "\n")
	f.Null = form.Has("null:"+f.Pointer) && (f.Nullable || f.Kind == Secret)
	f.EmptyText = form.Has("empty:" + f.Pointer)
	f.Set = f.Text != "" || f.EmptyText
	switch f.Kind {
	case Secret:
		f.Set = from.secretSet(f.Pointer)
	case Group, List:
		f.Set = (form.Has("present:"+f.Pointer) || f.Required || f.spot.root) && !f.Null
		if f.Set && !b.within(f, sh.place, from) {
			f.Kind, f.Nullable, f.Set = JSON, false, false
		}
	}
}

// within makes the fields of members or items. It reports false where there are too many.
func (b *builder) within(f *Field, place outline.Place, from source) bool {
	if f.Kind == List {
		n := from.count(f.Pointer)
		if n > b.left {
			return false
		}
		b.left -= n
		for i := range n {
			b.left++ // which field takes again
			f.Fields = append(f.Fields, b.field(f.below(place, strconv.Itoa(i), true), from.item(f.Pointer, i)))
		}
		return true
	}
	names := declared(place)
	for _, key := range from.keys(f.Pointer) {
		if !slices.Contains(names, key) {
			names = append(names, key)
		}
	}
	if len(names) > b.left {
		return false
	}
	b.left -= len(names)
	for _, name := range names {
		b.left++
		f.Fields = append(f.Fields, b.field(f.below(place, name, false), from.member(f.Pointer, name)))
	}
	return true
}

// declared are the members that a schema names, also those that it only requires.
func declared(p outline.Place) []string {
	names := slices.Clone(p.Names())
	for _, name := range required(p) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func required(p outline.Place) []string {
	var names []string
	for _, v := range p.All("required") {
		list, _ := v.([]any)
		for _, name := range list {
			if name, ok := name.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// below is the spot of a member or item of f.
func (f *Field) below(place outline.Place, key string, item bool) spot {
	s := spot{pointer: outline.Pointer(f.Pointer, key), key: key, depth: f.spot.depth + 1, item: item}
	if item {
		i, _ := strconv.Atoi(key)
		s.sure, s.possible = place.Item(i), f.spot.possible.Item(i)
		s.label = strings.TrimSpace(f.Label + " " + strconv.Itoa(i+1))
		return s
	}
	s.sure, s.possible = place.Property(key), f.spot.possible.Property(key)
	s.label = words(key)
	s.required = slices.Contains(required(place), key)
	if s.undeclared = !slices.Contains(declared(place), key); s.undeclared {
		s.label = key
	}
	return s
}
