package schema

import (
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestDiffTypes(t *testing.T) {
	typ := func(name, schema string) sdk.Type {
		out := sdk.Type{Name: name, Role: sdk.RoleRequest, Extends: "Base", Response: "R"}
		if schema != "" {
			out.Schema = []byte(schema)
		}
		return out
	}
	other := typ("A", "")
	other.Response = "S"
	cases := []struct {
		name               string
		declared, reported []sdk.Type
		want               string // "" for no difference
	}{
		{"nothing at all", nil, nil, ""},
		{"another order", []sdk.Type{typ("A", ""), typ("B", "")}, []sdk.Type{typ("B", ""), typ("A", "")}, ""},
		{"one missing", []sdk.Type{typ("A", "")}, nil, "A is declared in types.json, but the extension does not report it"},
		{"one more", nil, []sdk.Type{typ("A", "")}, "the extension reports A, which types.json does not declare"},
		{"one twice", []sdk.Type{typ("A", "")}, []sdk.Type{typ("A", ""), typ("A", "")}, "the extension reports A twice"},
		{"another response", []sdk.Type{typ("A", "")}, []sdk.Type{other}, `A: response is "R" in types.json, but the extension reports "S"`},
		{"a schema on one side", []sdk.Type{typ("A", "true")}, []sdk.Type{typ("A", "")}, "A: types.json has a schema"},
		{"a schema on the other side", []sdk.Type{typ("A", "")}, []sdk.Type{typ("A", "true")}, "A: the extension reports a schema"},
		{"spelling", []sdk.Type{typ("A", `{"type":"object","minimum":1,"enum":[{"a":1,"b":[2.0]}]}`)}, []sdk.Type{typ("A", ` {"enum":[{"b":[2],"\u0061":1}], "minimum":1.0,"type":"object"}`)}, ""},
		{"annotations", []sdk.Type{typ("A", `{"title":"x","default":1,"properties":{"p":{"$comment":"y","examples":[1]}},"allOf":[{"description":"z"}],"$schema":"`+Draft+`"}`)},
			[]sdk.Type{typ("A", `{"properties":{"p":{"readOnly":true}},"allOf":[{}]}`)}, ""},
		{"a property called title", []sdk.Type{typ("A", `{"properties":{"title":{"type":"string"}}}`)}, []sdk.Type{typ("A", `{"properties":{}}`)}, "differ at /properties/title"},
		{"a property called title, other way", []sdk.Type{typ("A", `{"properties":{}}`)}, []sdk.Type{typ("A", `{"properties":{"title":true}}`)}, "differ at /properties/title"},
		{"a title in a value", []sdk.Type{typ("A", `{"const":{"title":1}}`)}, []sdk.Type{typ("A", `{"const":{"title":2}}`)}, "differ at /const"},
		{"a keyword more", []sdk.Type{typ("A", `{"items":{}}`)}, []sdk.Type{typ("A", `{"items":{"type":"null"}}`)}, "differ at /items/type"},
		{"an alternative more", []sdk.Type{typ("A", `{"anyOf":[true]}`)}, []sdk.Type{typ("A", `{"anyOf":[true,true]}`)}, "differ at /anyOf"},
		{"another alternative", []sdk.Type{typ("A", `{"anyOf":[{"type":"null"}]}`)}, []sdk.Type{typ("A", `{"anyOf":[{"type":"string"}]}`)}, "differ at /anyOf/0/type"},
		{"false for an object", []sdk.Type{typ("A", `{"additionalProperties":false}`)}, []sdk.Type{typ("A", `{"additionalProperties":{}}`)}, "differ at /additionalProperties"},
		{"true for false", []sdk.Type{typ("A", `true`)}, []sdk.Type{typ("A", `false`)}, "differ at the whole schema"},
		{"a reported schema that is no JSON", []sdk.Type{typ("A", `true`)}, []sdk.Type{typ("A", `{`)}, "the schema that the extension reports: "},
		{"a reported schema without end", []sdk.Type{typ("A", `true`)}, []sdk.Type{typ("A", strings.Repeat("[", 1000))}, "nested deeper"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := DiffTypes(c.declared, c.reported)
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("DiffTypes = %q, want %q", got, c.want)
			}
		})
	}
}
