package form

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// spot is a place of a value with where it stands.
type spot struct {
	sure, possible outline.Place
	pointer, key   string
	label          string // where the schema has no title
	depth          int
	required       bool
	root, item     bool
	undeclared     bool
}

// shape is what a schema makes of a place.
type shape struct {
	kind     Kind
	place    outline.Place // with the branch that is not null
	nullable bool
	choices  []Option
	texts    bool // a Secret that is a text, and no JSON
}

// shapeOf says which control fits what a schema says of a place.
func shapeOf(s spot) shape {
	place := s.sure
	var sh shape
	if options, ok := constants(place); ok {
		return shape{kind: Choice, place: place, choices: options}
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		branches := place.Branches(keyword)
		if branches == nil {
			if len(place.All(keyword)) > 0 {
				return shape{kind: JSON, place: place}
			}
			continue
		}
		other, ok := notNull(branches)
		if !ok {
			return shape{kind: JSON, place: place}
		}
		sh.nullable = true
		place = place.With(other)
		if options, ok := constants(other); ok {
			return shape{kind: Choice, place: place, choices: append(options, Option{Value: "null", Label: "null"})}
		}
	}
	types, null := typesOf(place)
	sh.place = place
	sh.nullable = sh.nullable || null
	sh.kind = kindOf(place, types)
	if sh.kind == Boolean {
		sh.choices = []Option{{Value: "true", Label: "true"}, {Value: "false", Label: "false"}}
		if sh.nullable {
			sh.choices, sh.nullable = append(sh.choices, Option{Value: "null", Label: "null"}), false
		}
	}
	sh.texts = slices.Equal(types, []string{"string"})
	if sh.kind == JSON {
		sh.nullable = false // null is JSON
	}
	return sh
}

// secret reports whether a place is one: as the host judges it, a list of secrets as a
// whole.
func (s spot) secret() bool {
	return !s.root && (s.possible.Is("writeOnly") || s.possible.Item(0).Is("writeOnly"))
}

// typesOf returns the types that a place may have but null, in the order of their names,
// and whether it may be null, too. None means that nothing is said.
func typesOf(p outline.Place) (types []string, null bool) {
	said := false
	for _, v := range p.All("type") {
		var own []string
		switch v := v.(type) {
		case string:
			own = []string{v}
		case []any:
			for _, t := range v {
				if t, ok := t.(string); ok {
					own = append(own, t)
				}
			}
		}
		if said {
			types = slices.DeleteFunc(types, func(t string) bool {
				return !slices.Contains(own, t) && !(t == "integer" && slices.Contains(own, "number"))
			})
			continue
		}
		types, said = own, true
	}
	if i := slices.Index(types, "null"); i >= 0 {
		types, null = slices.Delete(types, i, i+1), true
	}
	slices.Sort(types)
	return types, null
}

func kindOf(p outline.Place, types []string) Kind {
	if slices.Equal(types, []string{"integer", "number"}) {
		types = []string{"number"}
	}
	if len(types) == 0 && len(p.All("type")) == 0 {
		// Where nothing is said of the type, what is said of its parts tells.
		if len(p.Names()) > 0 {
			return Group
		}
		return JSON
	}
	if len(types) != 1 {
		return JSON
	}
	switch types[0] {
	case "string":
		return Text
	case "number":
		return Number
	case "integer":
		return Integer
	case "boolean":
		return Boolean
	case "array":
		return List
	case "object":
		if len(p.Names()) == 0 && !opens(p) {
			return JSON
		}
		return Group
	}
	return JSON
}

// opens reports whether an object is meant to have members that are not named.
func opens(p outline.Place) bool {
	if len(p.All("patternProperties")) > 0 {
		return true
	}
	additional, said := p.Lookup("additionalProperties")
	return said && additional != false
}

// notNull returns the one branch of two that is not null.
func notNull(branches []outline.Place) (outline.Place, bool) {
	if len(branches) != 2 {
		return outline.Place{}, false
	}
	for i, b := range branches {
		if types, null := typesOf(b); null && len(types) == 0 {
			return branches[1-i], true
		}
		if c, ok := b.Lookup("const"); ok && c == nil {
			return branches[1-i], true
		}
	}
	return outline.Place{}, false
}

// constants returns the options of an enum, a const, or of a choice between constants.
func constants(p outline.Place) ([]Option, bool) {
	if v, ok := p.Lookup("const"); ok {
		return []Option{optionOf(v, "")}, true
	}
	if v, ok := p.Lookup("enum"); ok {
		list, _ := v.([]any)
		options := make([]Option, 0, len(list))
		for _, value := range list {
			options = append(options, optionOf(value, ""))
		}
		return options, true
	}
	for _, keyword := range []string{"oneOf", "anyOf"} {
		branches := p.Branches(keyword)
		if len(branches) == 0 {
			continue
		}
		options := make([]Option, 0, len(branches))
		for _, b := range branches {
			value, ok := b.Lookup("const")
			if !ok {
				return nil, false
			}
			options = append(options, optionOf(value, textOf(b, "title")))
		}
		return options, true
	}
	return nil, false
}

func optionOf(value any, label string) Option {
	if label == "" {
		label = show(value)
	}
	return Option{Value: string(outline.Encode(value)), Label: label}
}

// show writes a value for people.
func show(value any) string {
	if text, ok := value.(string); ok && text != "" {
		return text
	}
	return string(outline.Encode(value))
}

// textOf returns a text that stands in a schema.
func textOf(p outline.Place, keyword string) string {
	for _, v := range p.All(keyword) {
		if text, ok := v.(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// numberOf returns a number that stands in a schema, as it is written.
func numberOf(p outline.Place, keywords ...string) string {
	for _, keyword := range keywords {
		if n, ok := p.Lookup(keyword); ok {
			if n, ok := n.(json.Number); ok {
				return n.String()
			}
		}
	}
	return ""
}

// words makes a label of a key: retention_days and retentionDays are Retention days.
func words(key string) string {
	var b strings.Builder
	var before rune
	for _, r := range key {
		switch {
		case strings.ContainsRune("_-.", r):
			r = ' '
		case unicode.IsUpper(r) && unicode.IsLower(before):
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
		before = r
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return key
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
