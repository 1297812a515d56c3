package edge

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// schemaPlace is where schemas lie in an OpenAPI document.
const schemaPlace = "#/components/schemas/"

// hoister moves declared schemas into the components of one OpenAPI document. Each
// schema becomes a component, each of its $defs too, and every $ref in it is
// rewritten to the new place of what it means.
type hoister struct {
	components map[string]any
	types      map[typeName]string // reference of what is there already
}

type typeName struct{ extension, name string }

func newHoister() *hoister {
	return &hoister{components: map[string]any{}, types: map[typeName]string{}}
}

// add puts the schema of a type into the components and returns a reference to it.
// A text that is no JSON, which no accepted bundle has, becomes the schema true.
func (h *hoister) add(extension, name string, raw []byte) string {
	key := typeName{extension, name}
	if ref, ok := h.types[key]; ok {
		return ref
	}
	component := h.reserve(name)
	h.types[key] = schemaPlace + component
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var root any
	if dec.Decode(&root) != nil {
		root = true
	}
	h.components[component] = root
	if object, ok := root.(map[string]any); ok {
		h.hoist(component, object)
	}
	return h.types[key]
}

// reserve returns a component name made from name that is not taken. OpenAPI allows
// letters, digits and ._- in it.
func (h *hoister) reserve(name string) string {
	name = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_'
	}, name)
	free := name
	for n := 2; ; n++ {
		if _, taken := h.components[free]; !taken {
			h.components[free] = true
			return free
		}
		free = name + "-" + strconv.Itoa(n)
	}
}

// hoist rewrites the references of one schema and makes its $defs components.
func (h *hoister) hoist(component string, root map[string]any) {
	m := &move{self: component, seen: map[string]bool{}, defs: map[string]string{}}
	defs, _ := root["$defs"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(defs)) {
		m.defs[name] = h.reserve(component + "." + name)
	}
	m.schema(root, "")
	for len(m.targets) > 0 { // places that only a reference makes a schema
		target := m.targets[0]
		m.targets = m.targets[1:]
		if v, ok := find(root, target); ok && !m.seen[target] {
			m.schema(v, target)
		}
	}
	for _, r := range m.refs {
		r.object["$ref"] = m.place(r.target)
	}
	for name, key := range m.defs {
		h.components[key] = defs[name]
	}
	if !m.seen["/$defs"] { // a reference to all of them at once is odd, but legal
		delete(root, "$defs")
	}
	delete(root, "$schema") // the document names its dialect
}

// move is the move of one schema. A pointer is a JSON pointer into the schema as it
// was declared.
type move struct {
	self    string
	defs    map[string]string // name → component
	seen    map[string]bool   // by pointer: visited as a schema
	refs    []localRef
	targets []string // pointers that references mean
}

type localRef struct {
	object map[string]any
	target string
}

// schema visits a subschema. The walk follows what JSON Schema 2020-12 calls a
// subschema, so that a property with the name $ref or an example stays as it is.
func (m *move) schema(v any, pointer string) {
	object, ok := v.(map[string]any)
	if !ok || m.seen[pointer] {
		return
	}
	m.seen[pointer] = true
	for keyword, value := range object {
		at := pointer + "/" + escapeToken(keyword)
		switch keyword {
		case "$ref":
			if ref, ok := value.(string); ok {
				target := pointerOf(ref)
				m.refs = append(m.refs, localRef{object, target})
				m.targets = append(m.targets, target)
			}
		case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies":
			byName, _ := value.(map[string]any)
			for name, sub := range byName {
				m.schema(sub, at+"/"+escapeToken(name))
			}
		case "allOf", "anyOf", "oneOf", "prefixItems":
			list, _ := value.([]any)
			for i, sub := range list {
				m.schema(sub, at+"/"+strconv.Itoa(i))
			}
		case "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems",
			"unevaluatedProperties", "if", "then", "else", "not", "contentSchema":
			m.schema(value, at)
		}
	}
}

// place returns the reference to what pointer means, in the OpenAPI document.
func (m *move) place(pointer string) string {
	component, rest := m.self, pointer
	if below, ok := strings.CutPrefix(pointer, "/$defs/"); ok {
		name, _, _ := strings.Cut(below, "/")
		if key, ok := m.defs[unescapeToken(name)]; ok {
			component, rest = key, strings.TrimPrefix(below, name)
		}
	}
	// A pointer in a URI is percent-encoded, token by token.
	tokens := strings.Split(rest, "/")
	for i := range tokens {
		tokens[i] = url.PathEscape(tokens[i])
	}
	return schemaPlace + component + strings.Join(tokens, "/")
}

// pointerOf returns the JSON pointer in a local reference.
func pointerOf(ref string) string {
	fragment := strings.TrimPrefix(ref, "#")
	if pointer, err := url.PathUnescape(fragment); err == nil {
		return pointer
	}
	return fragment
}

// find follows a JSON pointer.
func find(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch in := v.(type) {
		case map[string]any:
			member, ok := in[unescapeToken(token)]
			if !ok {
				return nil, false
			}
			v = member
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func escapeToken(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

func unescapeToken(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}
