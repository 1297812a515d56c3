package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// library compiles raw with the library alone.
func library(t testing.TB, raw string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("http://schema.invalid/", doc); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	s, err := c.Compile("http://schema.invalid/")
	if err != nil {
		t.Fatalf("the library refuses %s: %v", raw, err)
	}
	return s
}

// generator makes random schemas and values from a small world, so that they meet.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) value(depth int) string {
	kinds := 10
	if depth <= 0 {
		kinds = 7
	}
	switch g.IntN(kinds) {
	case 0:
		return "null"
	case 1:
		return g.pick("true", "false")
	case 2, 3:
		return g.pick("0", "-0", "1", "1.0", "10e-1", "2", "3", "-1", "0.5", "2.5", "1e2", "100", "1E+2", "9007199254740993", "9007199254740992", "0.1", "0.3")
	case 4, 5, 6:
		return g.pick(`""`, `"a"`, `"b"`, `"ab"`, `"\u0061"`, `"é"`, `"aaa"`, `"x/y"`)
	case 7:
		return "[" + g.many(4, func() string { return g.value(depth - 1) }) + "]"
	}
	return g.object(g.IntN(5), func() string { return g.value(depth - 1) })
}

func (g generator) many(limit int, make func() string) string {
	var list []string
	for range g.IntN(limit) {
		list = append(list, make())
	}
	return strings.Join(list, ",")
}

func (g generator) object(n int, value func() string) string {
	keys := []string{"a", "b", "c", "aa", "x/y"}
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	var list []string
	for _, k := range keys[:n] {
		list = append(list, fmt.Sprintf("%q:%s", k, value()))
	}
	return "{" + strings.Join(list, ",") + "}"
}

func (g generator) names() string {
	n := []string{`"a"`, `"b"`, `"c"`}
	return "[" + strings.Join(n[:g.IntN(3)], ",") + "]"
}

func (g generator) schema(depth int) string {
	if depth <= 0 || g.IntN(12) == 0 {
		return g.pick("true", "false", "{}", `{"type":"integer"}`, `{"type":"string"}`, `{"$ref":"#/$defs/d"}`)
	}
	sub := func() string { return g.schema(depth - 1) }
	list := func() string { return "[" + sub() + "," + g.pick(sub(), "true", sub()) + "]" }
	small := func() string { return g.pick("0", "1", "2", "3", "1.0") }
	all := map[string]func() string{
		"type": func() string {
			return g.pick(`"object"`, `"array"`, `"object"`, `"array"`, `"string"`, `"number"`, `"integer"`, `["null","integer"]`, `["object","array","string"]`)
		},
		"const":   func() string { return g.value(1) },
		"enum":    func() string { return "[" + g.value(1) + "," + g.value(1) + "]" },
		"minimum": func() string { return g.pick("1", "0", "-0.5", "1e0") }, "exclusiveMaximum": func() string { return g.pick("2", "3e0", "9007199254740993") },
		"maximum": small, "exclusiveMinimum": small,
		"multipleOf": func() string { return g.pick("1", "0.5", "2", "0.1", "3", "1e1") },
		"minLength":  small, "maxLength": small,
		"pattern":  func() string { return g.pick(`"^a"`, `"b$"`, `"."`, `"^(a|b)+$"`) },
		"minItems": small, "maxItems": small, "uniqueItems": func() string { return "true" },
		"prefixItems": list, "items": sub, "contains": sub, "minContains": small, "maxContains": small, "unevaluatedItems": sub,
		"minProperties": small, "maxProperties": small, "required": g.names,
		"properties":           func() string { return g.object(g.IntN(4), sub) },
		"patternProperties":    func() string { return `{"^a":` + sub() + "}" },
		"additionalProperties": sub, "propertyNames": func() string { return g.pick(`{"pattern":"^a"}`, `{"maxLength":1}`, "true", `{"enum":["a","b"]}`) },
		"dependentRequired":     func() string { return `{"a":` + g.names() + "}" },
		"dependentSchemas":      func() string { return g.object(g.IntN(2), sub) },
		"unevaluatedProperties": sub,
		"allOf":                 list, "anyOf": list, "oneOf": list, "not": sub, "if": sub, "then": sub, "else": sub,
		"$ref":        func() string { return `"#/$defs/d"` },
		"description": func() string { return `"x"` },
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	// Map order is random; the generator must not be.
	for i := range names {
		for j := i; j > 0 && names[j] < names[j-1]; j-- {
			names[j], names[j-1] = names[j-1], names[j]
		}
	}
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var parts []string
	for _, name := range names[:1+g.IntN(4)] {
		parts = append(parts, fmt.Sprintf("%q:%s", name, all[name]()))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (g generator) document() string {
	definition := g.pick(`{"type":["object","integer"],"properties":{"a":{"$ref":"#/$defs/d"}}}`, `{"type":"string"}`,
		`{"properties":{"a":true},"unevaluatedProperties":false}`, `{"prefixItems":[true],"items":{"$ref":"#/$defs/d"}}`)
	root := g.schema(3)
	if root[0] != '{' {
		return root
	}
	sep := ","
	if root == "{}" {
		sep = ""
	}
	return `{"$defs":{"d":` + definition + `}` + sep + root[1:]
}

// Random schemas and payloads: we and the library must agree on every one.
func TestAgreesWithTheLibrary(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	valid, total := 0, 0
	for range 1200 {
		raw := g.document()
		if strings.Contains(strings.TrimPrefix(raw, `{"$defs"`), `{"$ref"`) && !strings.Contains(raw, "$defs") {
			continue // the root is a bare reference without its target
		}
		ours, err := Compile([]byte(raw))
		if err != nil {
			t.Fatalf("Compile(%s): %v", raw, err)
		}
		theirs := library(t, raw)
		for range 12 {
			payload := g.value(3)
			got, err := ours.Validate([]byte(payload))
			if err != nil {
				t.Fatalf("Validate(%s): %v", payload, err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(payload)))
			if err != nil {
				t.Fatal(err)
			}
			want := theirs.Validate(v)
			if (len(got) == 0) != (want == nil) {
				t.Fatalf("schema  %s\npayload %s\nours:    %v\nlibrary: %v", raw, payload, got, want)
			}
			if total++; want == nil {
				valid++
			}
			for _, violation := range got {
				checkPointer(t, payload, violation.Pointer)
			}
		}
	}
	if valid < total/10 || valid > total*9/10 {
		t.Errorf("the random world is too dull: %d of %d are valid", valid, total)
	}
}

// checkPointer fails unless pointer leads somewhere in payload.
func checkPointer(t *testing.T, payload, pointer string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(payload), &v); err != nil {
		t.Fatal(err)
	}
	if pointer == "" {
		return
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[token]
			if !ok {
				t.Fatalf("the pointer %q leads nowhere in %s", pointer, payload)
			}
			v = next
		case []any:
			var i int
			if _, err := fmt.Sscan(token, &i); err != nil || i >= len(at) {
				t.Fatalf("the pointer %q leads nowhere in %s", pointer, payload)
			}
			v = at[i]
		default:
			t.Fatalf("the pointer %q leads nowhere in %s", pointer, payload)
		}
	}
}
