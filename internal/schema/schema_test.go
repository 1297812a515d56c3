package schema

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// bomb makes a schema of n definitions, each of which refers to the next one twice.
func bomb(n int, keyword string) string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d":{"%s":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, keyword, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d":{"type":"string"}}}`, n)
	return b.String()
}

func nested(n int) string {
	return strings.Repeat(`{"not":`, n-1) + "{}" + strings.Repeat("}", n-1)
}

func properties(n int) string {
	var b strings.Builder
	b.WriteString(`{"properties":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"p%d":{}`, i)
	}
	return b.String() + "}}"
}

// references makes a schema of n references to a place within value, which stands
// where no schema does.
func references(value, place string, n int) string {
	return `{"x":` + value + `,"allOf":[` + strings.Repeat(`{"$ref":"#/x`+place+`"},`, n) + `true]}`
}

// levels makes a schema that refers to every level of one deep, large value.
func levels(n int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(`{"x":`, n) + `{"y":"` + strings.Repeat("y", MaxBytes/2) + `"}` + strings.Repeat("}", n-1) + `,"allOf":[`)
	for i := range n {
		fmt.Fprintf(&b, `{"$ref":"#%s"},`, strings.Repeat("/x", i+1))
	}
	return b.String() + "true]}"
}

func TestCheckRefuses(t *testing.T) {
	cases := []struct{ name, schema, pointer, want string }{
		{"nothing", ``, "", "empty"},
		{"no JSON", `{"type":`, "", "ends where a value must stand"},
		{"two values", `{} {}`, "", "something follows"},
		{"a BOM", "\ufeff{}", "", "no JSON value"},
		{"bytes that are not UTF-8", "{\"title\":\"\xff\"}", "", "UTF-8"},
		{"a number", `1`, "", "must be an object, true or false"},
		{"null", `null`, "", "must be an object, true or false"},
		{"a number within", `{"properties":{"a/b":5}}`, "/properties/a~1b", "must be an object, true or false"},
		{"a key twice", `{"type":"string","type":"object"}`, "", `the key "type" stands twice`},
		{"a key twice in disguise", `{"type":"string","\u0074ype":"object"}`, "", "stands twice"},
		{"a key twice, deep", `{"const":{"x":[{"a":1,"a":1}]}}`, "", `the key "a" stands twice`},
		{"$ref to a file", `{"$ref":"other.json"}`, "/$ref", "is not local"},
		{"$ref to the network", `{"items":{"$ref":"https://example.org/s#/a"}}`, "/items/$ref", "is not local"},
		{"$ref to an anchor", `{"$ref":"#name"}`, "/$ref", "is not local"},
		{"$ref to the file of this machine", `{"$ref":"file:///etc/passwd"}`, "/$ref", "is not local"},
		{"$ref to nothing", `{"$ref":"#/$defs/x"}`, "/$ref", "leads nowhere"},
		{"$ref into an array too far", `{"allOf":[true],"not":{"$ref":"#/allOf/1"}}`, "/not/$ref", "leads nowhere"},
		{"$ref to a string", `{"title":"x","not":{"$ref":"#/title"}}`, "/not/$ref", "is no schema"},
		{"$ref to a bad schema at an odd place", `{"x":{"type":5},"not":{"$ref":"#/x"}}`, "/x/type", "valid JSON Schema"},
		{"$ref to a worse schema at an odd place", `{"x":{"type":"text"},"not":{"$ref":"#/x"}}`, "/x/type", "valid JSON Schema"},
		{"$ref that is no string", `{"$ref":5}`, "/$ref", "must be a string"},
		{"another draft", `{"$schema":"http://json-schema.org/draft-07/schema#"}`, "/$schema", "draft must be"},
		{"a draft of its own", `{"$schema":"https://example.org/meta"}`, "/$schema", "draft must be"},
		{"another draft within", `{"not":{"$schema":"https://json-schema.org/draft/2019-09/schema"}}`, "/not/$schema", "draft must be"},
		{"$id", `{"$id":"https://example.org/s"}`, "/$id", "$id is not allowed"},
		{"$id within", `{"$defs":{"a":{"$id":"x"}}}`, "/$defs/a/$id", "$id is not allowed"},
		{"$id at a place that only a $ref makes a schema", `{"x":{"$id":"y"},"$ref":"#/x"}`, "/x/$id", "$id is not allowed"},
		{"$anchor", `{"$anchor":"a"}`, "/$anchor", "$anchor is not allowed"},
		{"$dynamicRef", `{"items":{"$dynamicRef":"#a"}}`, "/items/$dynamicRef", "$dynamicRef is not allowed"},
		{"$dynamicAnchor", `{"$dynamicAnchor":"a"}`, "/$dynamicAnchor", "is not allowed"},
		{"$recursiveRef", `{"$recursiveRef":"#"}`, "/$recursiveRef", "is not allowed"},
		{"a $ref to itself", `{"$ref":"#"}`, "", "leads only to itself"},
		{"a $ref to itself through another", `{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`, "", "leads only to itself"},
		{"a $ref to itself through allOf", `{"allOf":[{"$ref":"#"}]}`, "", "leads only to itself"},
		{"a $ref to itself through not", `{"not":{"anyOf":[{"$ref":"#"}]}}`, "", "leads only to itself"},
		{"a $ref to itself in an unused definition", `{"$defs":{"a":{"$ref":"#/$defs/a"}}}`, "/$defs/a", "leads only to itself"},
		{"too many subschemas", properties(10_001), "", "more than 10000 subschemas"},
		{"a bomb of references", bomb(30, "allOf"), "", "more than 10000 subschemas after expanding"},
		{"a huge bomb of references", bomb(3000, "oneOf"), "", "more than 10000 subschemas after expanding"},
		{"references through large arrays", references("["+strings.Repeat("0,", 1_500_000)+"true]", "/1500000", 9000), "", "more than 10000 subschemas"},
		{"references to each level of a large value", levels(40), "/allOf/3/$ref", "leads into one more large schema"},
		{"nested too deep", nested(65), "", "nested deeper than 64"},
		{"nested too deep in a value", `{"const":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "", "nested deeper than 64"},
		{"very deep", strings.Repeat("[", 1<<20), "", "nested deeper than 64"},
		{"too large", `{"title":"` + strings.Repeat("x", MaxBytes) + `"}`, "", "more than the 4194304 allowed"},
		{"a huge exponent", `{"minimum":1e1000000000}`, "", "out of range"},
		{"a huge exponent in a default", `{"default":1e-99999}`, "", "out of range"},
		{"a huge number", `{"minimum":` + strings.Repeat("9", 1001) + `}`, "", "out of range"},
		{"an unknown type", `{"type":"text"}`, "/type", "valid JSON Schema"},
		{"a negative length", `{"minLength":-1}`, "/minLength", "valid JSON Schema"},
		{"half a length", `{"maxItems":1.5}`, "/maxItems", "valid JSON Schema"},
		{"multipleOf 0", `{"multipleOf":0}`, "/multipleOf", "valid JSON Schema"},
		{"items as an array", `{"items":[true]}`, "/items", "must be an object, true or false"},
		{"required twice", `{"required":["a","a"]}`, "/required", "valid JSON Schema"},
		{"required is no array", `{"required":"a"}`, "/required", "must be an array"},
		{"properties is an array", `{"properties":[{}]}`, "/properties", "must be an object"},
		{"an empty choice", `{"anyOf":[]}`, "/anyOf", "valid JSON Schema"},
		{"a pattern that is none", `{"pattern":"("}`, "/pattern", "missing closing"},
		{"a pattern with look-ahead", `{"patternProperties":{"(?=a)":{}}}`, "/patternProperties/(?=a)", "invalid or unsupported"},
		{"a pattern that explodes", `{"pattern":"` + strings.Repeat("(a{500}b{500}){2}", 200) + `"}`, "/pattern", "too large"},
		{"many patterns that explode", `{"allOf":[` + strings.Repeat(`{"pattern":"[ab]{1000}"},`, 100) + `true]}`, "/allOf/50/pattern", "too large together"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := Check([]byte(c.schema))
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("Check = %v, want an *Error", err)
			}
			if !strings.Contains(fault.Message, c.want) {
				t.Errorf("message %q, want it to contain %q", fault.Message, c.want)
			}
			if fault.Pointer != c.pointer && c.want != "leads only to itself" {
				t.Errorf("pointer %q, want %q", fault.Pointer, c.pointer)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	cases := []struct {
		name, schema string
		size         int
	}{
		{"true", `true`, 1},
		{"an empty object", ` {} `, 1},
		{"the draft, spelled out", `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`, 1},
		{"the draft with an empty fragment", `{"$schema":"https://json-schema.org/draft/2020-12/schema#"}`, 1},
		{"a property called $id", `{"properties":{"$id":{"type":"string"},"$ref":{}}}`, 3},
		{"$id in a value", `{"const":{"$id":"x","$ref":"y"}}`, 1},
		{"an unknown keyword", `{"x-form":{"$ref":5}}`, 1},
		{"a format nobody knows", `{"format":"tracking-id"}`, 1},
		{"definitions, the old name", `{"definitions":{"a":{}},"$ref":"#/definitions/a"}`, 2},
		{"references into a large object", references(properties(400), "/properties/p399", 20), 42},
		{"references into a large array", references("[0,"+strings.Repeat("{},", 400)+"{}]", "/401", 20), 42},
		{"a list that refers to itself", `{"properties":{"next":{"$ref":"#"}}}`, 2},
		{"an escaped pointer", `{"$defs":{"a/b~ c":{}},"$ref":"#/$defs/a~1b~0%20c"}`, 2},
		{"then without if", `{"then":{"$ref":"#/$defs/a"},"$defs":{"a":{}}}`, 3},
		{"as many subschemas as allowed", properties(9_999), 10_000},
		{"references as many as allowed", bomb(11, "allOf"), 8190},
		{"nested as deep as allowed", nested(64), 64},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := Compile([]byte(c.schema))
			if err != nil {
				t.Fatal(err)
			}
			if c.size != s.Size() {
				t.Errorf("Size = %d, want %d", s.Size(), c.size)
			}
		})
	}
}

func TestCompileKeepsNothingOfItsInput(t *testing.T) {
	raw := []byte(`{"enum":["aa"],"required":["bb"]}`)
	s, err := Compile(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if got, err := s.Validate([]byte(`"aa"`)); err != nil || len(got) != 0 {
		t.Errorf("Validate = %v, %v", got, err)
	}
}

// TestMissing: what Validate says of a property that is not there is understood.
func TestMissing(t *testing.T) {
	s, err := Compile([]byte(`{"properties":{"a":{"required":["b\"/c"]}},"dependentRequired":{"a":["d"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	violations, err := s.Validate([]byte(`{"a":{}}`))
	if err != nil || len(violations) != 2 {
		t.Fatal(violations, err)
	}
	for i, want := range []string{"d", `b"/c`} {
		if name, ok := Missing(violations[i].Message); !ok || name != want {
			t.Errorf("%q speaks of %q, %v", violations[i].Message, name, ok)
		}
	}
	for _, other := range []string{"", "the property is not allowed", "the property x is missing", `the property "x" is missing.`} {
		if name, ok := Missing(other); ok {
			t.Errorf("%q speaks of %q", other, name)
		}
	}
}
