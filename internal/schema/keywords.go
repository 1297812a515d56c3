package schema

import "strings"

// typeSet is a set of kinds; integer is one more bit.
type typeSet uint8

const integer typeSet = 1 << 7

// typeNames are the names of the kinds, in their order.
func typeNames() []string {
	return []string{"null", "boolean", "number", "string", "array", "object"}
}

func (s typeSet) has(k kind) bool { return s&(1<<k) != 0 }

func (s *typeSet) add(name string) {
	if name == "integer" {
		*s |= integer
	}
	for k, n := range typeNames() {
		if n == name {
			*s |= 1 << k
		}
	}
}

func (s typeSet) String() string {
	var names []string
	for k, n := range typeNames() {
		if s.has(kind(k)) {
			names = append(names, n)
		}
	}
	if s&integer != 0 {
		names = append(names, "integer")
	}
	return strings.Join(names, " or ")
}

func (c *compiler) scalarKeyword(n *node, name string, v uint32, at string) (err error) {
	switch name {
	case "type":
		if c.cells[v].kind == text {
			n.types.add(string(c.text(v)))
		}
		for _, t := range c.strings(v) {
			n.types.add(t)
		}
	case "const":
		n.constant = v
	case "enum":
		n.enum = []uint32{} // an empty one takes nothing
		for i := v + 1; i < c.cells[v].next; i = c.cells[i].next {
			n.enum = append(n.enum, i)
		}
	case "minimum", "exclusiveMinimum":
		c.tighten(&n.minimum, v, name == "exclusiveMinimum", +1)
	case "maximum", "exclusiveMaximum":
		c.tighten(&n.maximum, v, name == "exclusiveMaximum", -1)
	case "multipleOf":
		d := parseDecimal(c.raw(v))
		n.multipleOf = &d
	case "minLength":
		n.minLength = c.size(v)
	case "maxLength":
		n.maxLength = c.size(v)
	case "pattern":
		n.pattern, err = c.pattern(string(c.text(v)), at)
	}
	return err
}

// tighten keeps the narrower of minimum and exclusiveMinimum (direction +1), or of
// the maxima (-1): a schema may have both.
func (c *compiler) tighten(into **bound, v uint32, exclusive bool, direction int) {
	b := &bound{decimal: parseDecimal(c.raw(v)), exclusive: exclusive, text: string(c.raw(v))}
	if old := *into; old != nil {
		order := b.compare(old.decimal) * direction
		if order < 0 || order == 0 && !exclusive {
			return
		}
	}
	*into = b
}

func (c *compiler) arrayKeyword(n *node, name string, v uint32, at string) (err error) {
	switch name {
	case "minItems":
		n.minItems = c.size(v)
	case "maxItems":
		n.maxItems = c.size(v)
	case "uniqueItems":
		n.unique = c.isTrue(v)
	case "prefixItems":
		n.prefixItems, err = c.list(v, at)
	case "items":
		n.items, err = c.schema(v, at)
	case "contains":
		n.contains, err = c.schema(v, at)
	case "minContains":
		n.minContains = c.size(v)
	case "maxContains":
		n.maxContains = c.size(v)
	case "unevaluatedItems":
		n.unevaluatedItems, err = c.schema(v, at)
	}
	return err
}

func (c *compiler) objectKeyword(n *node, name string, v uint32, at string) (err error) {
	switch name {
	case "minProperties":
		n.minProps = c.size(v)
	case "maxProperties":
		n.maxProps = c.size(v)
	case "required":
		n.required = c.strings(v)
	case "properties":
		err = c.each(v, at, func(key string, m *node) { n.property(key).schema = m })
	case "patternProperties":
		err = c.patternProperties(n, v, at)
	case "additionalProperties":
		n.additional, err = c.schema(v, at)
	case "propertyNames":
		n.propertyNames, err = c.schema(v, at)
	case "dependentRequired":
		c.dependentRequired(n, v)
	case "dependentSchemas":
		err = c.each(v, at, func(key string, m *node) {
			n.dependentSchemas = append(n.dependentSchemas, dependentSchema{key, m})
		})
	case "dependencies":
		err = c.dependencies(n, v, at)
	case "unevaluatedProperties":
		n.unevaluatedProps, err = c.schema(v, at)
	}
	return err
}

func (c *compiler) patternProperties(n *node, v uint32, at string) error {
	var fault error
	err := c.each(v, at, func(key string, m *node) {
		p, err := c.pattern(key, at+"/"+pointerToken(key))
		if err != nil && fault == nil {
			fault = err
		}
		n.patternProps = append(n.patternProps, patternProperty{p, m})
	})
	if err != nil {
		return err
	}
	return fault
}

func (c *compiler) dependentRequired(n *node, v uint32) {
	for k := v + 1; k < c.cells[v].next; k = c.cells[k+1].next {
		n.dependentRequired = append(n.dependentRequired, dependentRequired{string(c.text(k)), c.strings(k + 1)})
	}
}

// dependencies is the older spelling of the two dependent keywords, which the
// metaschema of 2020-12 still knows.
func (c *compiler) dependencies(n *node, v uint32, at string) error {
	for k := v + 1; k < c.cells[v].next; k = c.cells[k+1].next {
		key := string(c.text(k))
		if c.cells[k+1].kind == array {
			n.dependentRequired = append(n.dependentRequired, dependentRequired{key, c.strings(k + 1)})
			continue
		}
		m, err := c.schema(k+1, at+"/"+pointerToken(key))
		if err != nil {
			return err
		}
		n.dependentSchemas = append(n.dependentSchemas, dependentSchema{key, m})
	}
	return nil
}

// shape checks what the code behind relies on: which kind of value a keyword has.
func (c *compiler) shape(name string, v uint32, at string) error {
	want := ""
	switch k := c.cells[v].kind; name {
	case "enum", "required", "allOf", "anyOf", "oneOf", "prefixItems":
		if k != array {
			want = "an array"
		}
	case "properties", "patternProperties", "dependentRequired", "dependentSchemas", "dependencies", "$defs", "definitions":
		if k != object {
			want = "an object"
		}
	case "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
		"minItems", "maxItems", "minContains", "maxContains", "minProperties", "maxProperties":
		if k != number {
			want = "a number"
		}
	case "pattern", "$ref":
		if k != text {
			want = "a string"
		}
	case "type":
		if k != text && k != array {
			want = "a string or an array of strings"
		}
	}
	if want != "" {
		return &Error{at, "the value of " + name + " must be " + want}
	}
	return nil
}

// forbidden refuses the keywords that give a place a second name or lead out of the
// document, and other drafts.
func (c *compiler) forbidden(name string, v uint32, at string) error {
	switch name {
	case "$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor":
		return &Error{at, name + " is not allowed; refer to a place in the same document with \"$ref\": \"#/$defs/…\""}
	case "$schema":
		uri := strings.TrimSuffix(string(c.text(v)), "#")
		if c.cells[v].kind != text || uri != Draft {
			return &Error{at, "the draft must be " + Draft}
		}
	}
	return nil
}
