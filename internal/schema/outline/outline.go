// Package outline reads a JSON Schema for what it tells beside yes and no: titles,
// defaults, which properties there are and which of them are secret.
//
// Read takes a schema that package schema accepts. Sure and Possible give the Place of
// the whole value; Property and Item lead from there to the places within it, and Lookup
// reads what is said of one. A Place is about a value, not about a line of the schema:
// references and allOf are followed, so that all the schemas speak that judge the same
// value. An Outline is immutable. Schemas may refer to themselves, so there may be no
// end of places below a place: who walks them keeps a bound.
package outline

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Outline is a schema that was read.
type Outline struct {
	root     any
	patterns map[string]*regexp.Regexp // keys of patternProperties
}

// Read reads a schema that package schema accepts; nil stands for the schema true.
func Read(schema []byte) (*Outline, error) {
	o := &Outline{root: true, patterns: map[string]*regexp.Regexp{}}
	if schema == nil {
		return o, nil
	}
	var err error
	if o.root, err = Decode(schema); err != nil {
		return nil, fmt.Errorf("reading a schema: %w", err)
	}
	if err := o.compile(o.root); err != nil {
		return nil, fmt.Errorf("reading a schema: %w", err)
	}
	return o, nil
}

// compile finds every pattern of a property's name.
func (o *Outline) compile(value any) error {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if err := o.compile(item); err != nil {
				return err
			}
		}
	case *Object:
		if patterns, ok := v.values["patternProperties"].(*Object); ok {
			for _, expression := range patterns.Keys {
				re, err := regexp.Compile(expression)
				if err != nil {
					return err
				}
				o.patterns[expression] = re
			}
		}
		for _, key := range v.Keys {
			if err := o.compile(v.values[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sure is the whole value with what is said of it in any case.
func (o *Outline) Sure() Place { return o.place(false, o.root) }

// Possible is the whole value with what may be said of it: also in the branches of
// anyOf, oneOf, if and dependentSchemas, whether or not they hold.
func (o *Outline) Possible() Place { return o.place(true, o.root) }

// Place is a place of a value with all that is said of it there.
type Place struct {
	outline  *Outline
	possible bool
	schemas  []*Object
}

// place follows the schemas to all that judge the same value, each once, in the order
// in which they stand.
func (o *Outline) place(possible bool, schemas ...any) Place {
	p := Place{outline: o, possible: possible}
	seen := map[*Object]bool{}
	var follow func(schema any)
	follow = func(schema any) { // no deeper than there are schemas
		s, ok := schema.(*Object)
		if !ok || seen[s] {
			return
		}
		seen[s] = true
		p.schemas = append(p.schemas, s)
		if ref, ok := s.values["$ref"].(string); ok {
			follow(o.find(ref))
		}
		for _, keyword := range branches(possible) {
			switch v := s.values[keyword].(type) {
			case []any:
				for _, branch := range v {
					follow(branch)
				}
			case *Object:
				if keyword != "dependentSchemas" {
					follow(v)
					continue
				}
				for _, key := range v.Keys {
					follow(v.values[key])
				}
			}
		}
	}
	for _, s := range schemas {
		follow(s)
	}
	return p
}

func branches(possible bool) []string {
	if possible {
		return []string{"allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas"}
	}
	return []string{"allOf"}
}

// find returns the schema that a local reference means, nil for none.
func (o *Outline) find(ref string) any {
	fragment, _ := strings.CutPrefix(ref, "#")
	pointer, err := url.PathUnescape(fragment)
	if err != nil {
		return nil
	}
	at := o.root
	if pointer == "" {
		return at
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		switch v := at.(type) {
		case *Object:
			at = v.values[unescape(token)]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// Said reports whether anything is said of the place at all.
func (p Place) Said() bool { return len(p.schemas) > 0 }

// Lookup returns the value of a keyword where it stands first, as Decode gives it.
func (p Place) Lookup(keyword string) (any, bool) {
	for _, s := range p.schemas {
		if v, ok := s.Get(keyword); ok {
			return v, true
		}
	}
	return nil, false
}

// All returns the values of a keyword wherever it stands.
func (p Place) All(keyword string) []any {
	var all []any
	for _, s := range p.schemas {
		if v, ok := s.Get(keyword); ok {
			all = append(all, v)
		}
	}
	return all
}

// Is reports whether a keyword is true anywhere.
func (p Place) Is(keyword string) bool {
	for _, v := range p.All(keyword) {
		if v == true {
			return true
		}
	}
	return false
}

// Names returns the names of the properties that are declared, in the order in which
// they stand, each once.
func (p Place) Names() []string {
	var names []string
	seen := map[string]bool{}
	for _, v := range p.All("properties") {
		if properties, ok := v.(*Object); ok {
			for _, name := range properties.Keys {
				if !seen[name] {
					seen[name] = true
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// Property is the place of a member of the value.
func (p Place) Property(name string) Place {
	var schemas []any
	for _, s := range p.schemas {
		known := false
		if properties, ok := s.values["properties"].(*Object); ok {
			if schema, ok := properties.Get(name); ok {
				known = true
				schemas = append(schemas, schema)
			}
		}
		if patterns, ok := s.values["patternProperties"].(*Object); ok {
			for _, expression := range patterns.Keys {
				if p.outline.patterns[expression].MatchString(name) {
					known = true
					schemas = append(schemas, patterns.values[expression])
				}
			}
		}
		if known {
			continue
		}
		if additional, ok := s.values["additionalProperties"]; ok {
			schemas = append(schemas, additional)
		} else if p.possible {
			schemas = append(schemas, s.values["unevaluatedProperties"])
		}
	}
	return p.outline.place(p.possible, schemas...)
}

// Item is the place of an item of the value.
func (p Place) Item(index int) Place {
	var schemas []any
	for _, s := range p.schemas {
		prefix, _ := s.values["prefixItems"].([]any)
		if index < len(prefix) {
			schemas = append(schemas, prefix[index])
		} else if items, ok := s.values["items"]; ok {
			schemas = append(schemas, items)
		} else if p.possible {
			schemas = append(schemas, s.values["unevaluatedItems"])
		}
		if p.possible {
			schemas = append(schemas, s.values["contains"])
		}
	}
	return p.outline.place(p.possible, schemas...)
}

// Branches are the alternatives of anyOf or oneOf, each with what is said in any case
// left out; nil where there is no such keyword, or more than one.
func (p Place) Branches(keyword string) []Place {
	all := p.All(keyword)
	if len(all) != 1 {
		return nil
	}
	list, _ := all[0].([]any)
	places := make([]Place, 0, len(list))
	for _, branch := range list {
		places = append(places, p.outline.place(p.possible, branch))
	}
	return places
}

// With is the place with what another says of the same value besides.
func (p Place) With(other Place) Place {
	schemas := make([]any, 0, len(p.schemas)+len(other.schemas))
	for _, s := range slices.Concat(p.schemas, other.schemas) {
		schemas = append(schemas, s)
	}
	return p.outline.place(p.possible, schemas...)
}

// Size is how many schemas speak of the place: what it costs to look at it.
func (p Place) Size() int { return len(p.schemas) }
