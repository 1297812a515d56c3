package bundle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

func trackingManifest(t testing.TB) *Manifest {
	t.Helper()
	m, _, err := ParseManifest([]byte(strings.NewReplacer("jmap.extensions.tracking.common.", "", "jmap.extensions.tracking.server.", "").Replace(complete)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseTypes(t *testing.T) {
	m := trackingManifest(t)
	got, err := ParseTypes([]byte(`{"types": [
		{"name": "PositionRequest", "role": "request", "extends": "Moving", "response": "PositionResponse", "schema": {"type": "object"}},
		{"name": "Moving", "role": "request", "extends": "TrackingRequest"},
		{"name": "TrackingRequest", "role": "request", "response": "TrackingResponse", "schema": true},
		{"name": "PositionResponse", "role": "response", "extends": "TrackingResponse"}
	]}`), m)
	if err != nil {
		t.Fatal(err)
	}
	want := []sdk.Type{
		{Name: "PositionRequest", Role: sdk.RoleRequest, Extends: "Moving", Response: "PositionResponse", Schema: []byte(`{"type": "object"}`)},
		{Name: "Moving", Role: sdk.RoleRequest, Extends: "TrackingRequest"},
		{Name: "TrackingRequest", Role: sdk.RoleRequest, Response: "TrackingResponse", Schema: []byte("true")},
		{Name: "PositionResponse", Role: sdk.RoleResponse, Extends: "TrackingResponse"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
	if got, err := ParseTypes([]byte(`{"types":[]}`), m); err != nil || len(got) != 0 {
		t.Errorf("an empty list: %v, %v", got, err)
	}
}

func TestParseTypesRefuses(t *testing.T) {
	m := trackingManifest(t)
	list := func(types ...string) string { return `{"types":[` + strings.Join(types, ",") + `]}` }
	request := func(more string) string {
		return `{"name":"A","role":"request","extends":"TrackingRequest"` + more + `}`
	}
	cases := []struct{ name, document, want string }{
		{"nothing", ``, "empty"},
		{"no object", `[]`, "must be an object"},
		{"null", `null`, "must be an object"},
		{"no types", `{}`, `there must be an array "types"`},
		{"types is null", `{"types":null}`, `there must be an array "types"`},
		{"types is an object", `{"types":{}}`, `there must be an array "types"`},
		{"a field beside types", `{"types":[],"version":1}`, `unknown field "version"`},
		{"types in other case", `{"Types":[]}`, `unknown field "Types"`},
		{"types twice", `{"types":[],"types":[]}`, "stands twice"},
		{"a key twice within", list(`{"name":"A","name":"B","role":"request"}`), "stands twice"},
		{"a type that is no object", list(`"A"`), "at /types/0: a type must be an object"},
		{"a type that is null", list(`null`), "at /types/0: a type must be an object"},
		{"an unknown field", list(request(`,"Schema":{}`)), `at /types/0: unknown field "Schema"`},
		{"a name that is a number", list(`{"name":5,"role":"request"}`), "at /types/0/name: the value must be a string"},
		{"a parent that is null", list(`{"name":"A","role":"request","extends":null}`), "at /types/0/extends: the value must be a string"},
		{"no name", list(`{"role":"request","extends":"TrackingRequest"}`), "at /types/0/name: the type has no name"},
		{"an empty name", list(`{"name":"","role":"request"}`), "at /types/0/name: the value is empty"},
		{"a bad name", list(`{"name":"a-b","role":"request"}`), "at /types/0/name: "},
		{"a bad parent", list(`{"name":"A","role":"request","extends":"a b"}`), "at /types/0/extends: "},
		{"a bad response", list(request(`,"response":"."`)), "at /types/0/response: "},
		{"no role", list(`{"name":"A","extends":"TrackingRequest"}`), "at /types/0/role: "},
		{"another role", list(`{"name":"A","role":"Request","extends":"TrackingRequest"}`), "at /types/0/role: "},
		{"a name twice", list(request(""), request("")), `at /types/1/name: "A" is declared by /types/0 already`},
		{"no parent", list(`{"name":"A","role":"request"}`), "must extend TrackingRequest, the extension_request of the manifest"},
		{"no parent of a response", list(`{"name":"A","role":"response"}`), "must extend TrackingResponse, the extension_response"},
		{"a parent nobody declares", list(`{"name":"A","role":"request","extends":"B"}`), `at /types/0/extends: A extends "B", which is not declared`},
		{"a parent of the other role", list(`{"name":"B","role":"response","extends":"TrackingResponse"}`, `{"name":"A","role":"request","extends":"B"}`), "at /types/1/extends: "},
		{"the base of the other role", list(`{"name":"A","role":"request","extends":"TrackingResponse"}`), "which is not declared"},
		{"a base type with a parent", list(request(""), `{"name":"TrackingRequest","role":"request","extends":"A"}`), "a base type, which extends nothing"},
		{"a base type with the other role", list(`{"name":"TrackingRequest","role":"response","extends":"TrackingResponse"}`), `so its role is "request"`},
		{"a cycle of one", list(`{"name":"A","role":"request","extends":"A"}`), "extends itself"},
		{"a cycle of three", list(`{"name":"A","role":"request","extends":"B"}`, `{"name":"B","role":"request","extends":"C"}`, `{"name":"C","role":"request","extends":"A"}`), "extends itself"},
		{"a tail that leads into a cycle", list(`{"name":"D","role":"request","extends":"A"}`, `{"name":"A","role":"request","extends":"B"}`, `{"name":"B","role":"request","extends":"A"}`), "extends itself"},
		{"a response nobody declares", list(request(`,"response":"B"`)), `at /types/0/response: A answers "B", which is not declared`},
		{"a response that is a request", list(request(`,"response":"TrackingRequest"`)), "which is not declared"},
		{"a response that is a declared request", list(request(`,"response":"A"`)), "which is a request type"},
		{"a response that has a response", list(`{"name":"A","role":"response","extends":"TrackingResponse","response":"A"}`), "can not name a response"},
		{"a schema that is null", list(request(`,"schema":null`)), "at \"/types/0/schema\": a schema must be"},
		{"a schema that is none", list(request(`,"schema":{"properties":{"a":{"type":"text"}}}`)), "at \"/types/0/schema/properties/a/type\": "},
		{"a $ref to another file", list(request(`,"schema":{"$ref":"x.json"}`)), "is not local"},
		{"a $ref into the list of types", list(request(`,"schema":{"$ref":"#/types/0/schema"}`)), "leads nowhere"},
		{"nested too deep", list(request(`,"schema":` + strings.Repeat(`{"not":`, 62) + `{}` + strings.Repeat(`}`, 62))), "nested deeper than 64"},
		{"too many subschemas in all", manyTypes(25, 500), "all schemas together have more than 10000 subschemas"},
		{"more than 4 MiB", list(request(`,"schema":{"title":"` + strings.Repeat("x", 4<<20) + `"}`)), "more than the 4194304 allowed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseTypes([]byte(c.document), m)
			checkFault(t, err, CodeTypesInvalid, 0, c.want)
		})
	}
}

func manyTypes(n, properties int) string {
	var b strings.Builder
	b.WriteString(`{"types":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"A%d","role":"request","extends":"TrackingRequest","schema":{"properties":{"p":true`, i)
		for k := range properties {
			fmt.Fprintf(&b, `,"p%d":{}`, k)
		}
		b.WriteString("}}}")
	}
	return b.String() + "]}"
}

// A long chain of parents takes one walk, not one for each type.
func TestParseTypesFollowsLongChains(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var b strings.Builder
	b.WriteString(`{"types":[`)
	for i := range n {
		fmt.Fprintf(&b, `{"name":"A%d","role":"request","extends":"A%d"},`, i, i+1)
	}
	fmt.Fprintf(&b, `{"name":"A%d","role":"request","extends":"TrackingRequest"}]}`, n)
	got, err := ParseTypes([]byte(b.String()), trackingManifest(t))
	if err != nil || len(got) != n+1 {
		t.Errorf("%d types, %v", len(got), err)
	}
}

func TestParseConfigSchema(t *testing.T) {
	if err := ParseConfigSchema([]byte(`{"type":"object","properties":{"interval":{"type":"integer","minimum":1}}}`)); err != nil {
		t.Error(err)
	}
	for schema, want := range map[string]string{
		``:                                "at the top: ",
		`{"properties":{"a":5}}`:          `at "/properties/a": `,
		`{"$schema":"http://x/draft-07"}`: "draft must be",
		`{"$ref":"#"}`:                    "leads only to itself",
	} {
		checkFault(t, ParseConfigSchema([]byte(schema)), CodeSchemaInvalid, 0, want)
	}
}
