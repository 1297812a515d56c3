package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/internal/schema"
)

// withSchemas is a route whose request and response have schemas.
func withSchemas(t testing.TB, name, request, response string) *router.Route {
	rt := opaque(echo)
	rt.Type, rt.Response, rt.Extension = name, name+"Answer", "x."+name
	rt.Schema, rt.Validator = json.RawMessage(request), mustCompile(t, request)
	rt.Responses = router.NewFamily("x.Base", map[string]*schema.Schema{rt.Response: mustCompile(t, response)})
	return rt
}

// openAPI fetches the document and checks all that must hold whatever types there
// are.
func openAPI(t testing.TB, l *listener) map[string]any {
	t.Helper()
	r := l.send("GET", "/v1/openapi.json", "")
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	return checkOpenAPI(t, []byte(r.body))
}

func checkOpenAPI(t testing.TB, text []byte) map[string]any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := structure(t).Validate(doc); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	checkReferences(t, doc)
	root := doc.(map[string]any)
	checkComponents(t, doc, root["components"].(map[string]any)["schemas"].(map[string]any))
	return root
}

func structure(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "openapi-3.1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkReferences resolves every $ref outside of the component schemas, whose own
// are resolved by compiling them.
func checkReferences(t testing.TB, doc any) {
	t.Helper()
	var walk func(v any, path string)
	walk = func(v any, path string) {
		if path == "/components/schemas" {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				if _, found := find(doc, strings.TrimPrefix(ref, "#")); !found || !strings.HasPrefix(ref, "#/") {
					t.Errorf("%s refers to %s, which is not there", path, ref)
				}
			}
			for key, sub := range v {
				walk(sub, path+"/"+key)
			}
		case []any:
			for i, sub := range v {
				walk(sub, fmt.Sprint(path, "/", i))
			}
		}
	}
	walk(doc, "")
}

// checkComponents compiles every component in the document: an invalid schema or a
// reference that leads nowhere does not compile.
func checkComponents(t testing.TB, doc any, components map[string]any) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("doc.json", doc); err != nil {
		t.Fatal(err)
	}
	for name := range components {
		if _, err := c.Compile("doc.json" + schemaPlace + name); err != nil {
			t.Errorf("component %s: %v", name, err)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	dollar := opaque(echo)
	dollar.Type = "x.Outer$Inner"
	twin := opaque(echo)
	twin.Type = "x.Outer_Inner"
	stopped := opaque(nil)
	stopped.Type, stopped.State, stopped.Backend = "x.Stopped", lifecycle.Stopped, nil
	backoff := withSchemas(t, "Late", `true`, `{"type": "string"}`)
	backoff.State, backoff.Backend = lifecycle.Backoff, nil
	l := listen(t, Config{}, typed(t, echo), dollar, twin, stopped, backoff,
		withSchemas(t, "Tree", `{"$schema": "https://json-schema.org/draft/2020-12/schema",
			"properties": {"left": {"$ref": "#"}, "leaf": {"$ref": "#/$defs/Leaf"}}, "$defs": {"Leaf": {"type": "string"}}}`,
			`{"$ref": "#/$defs/Leaf", "$defs": {"Leaf": {"type": "integer"}}}`))
	doc := openAPI(t, l)

	if doc["openapi"] != "3.1.0" || doc["info"].(map[string]any)["version"] != "1.2.3" {
		t.Errorf("it says it is %v of %v", doc["openapi"], doc["info"])
	}
	paths := doc["paths"].(map[string]any)
	for path, body := range map[string]string{
		"/v1/requests/x.Hello":       `{"application/json":{"schema":{"$ref":"#/components/schemas/x.Hello"}}}`,
		"/v1/requests/x.Outer$Inner": `{"*/*":{}}`,
		"/v1/requests/x.Outer_Inner": `{"*/*":{}}`,
		"/v1/requests/Tree":          `{"application/json":{"schema":{"$ref":"#/components/schemas/Tree"}}}`,
		"/v1/requests/Late":          `{"application/json":{"schema":{"$ref":"#/components/schemas/Late"}}}`,
	} {
		item, ok := paths[path].(map[string]any)
		if !ok {
			t.Errorf("no %s", path)
			continue
		}
		op := item["post"].(map[string]any)
		if got := marshal(t, op["requestBody"].(map[string]any)["content"]); got != body {
			t.Errorf("%s takes %s, want %s", path, got, body)
		}
		if op["operationId"] != strings.TrimPrefix(path, "/v1/requests/") {
			t.Errorf("%s is %v", path, op["operationId"])
		}
	}
	if len(paths) != 5 {
		t.Errorf("%d paths, want 5 without that of the disabled extension", len(paths))
	}
	late := paths["/v1/requests/Late"].(map[string]any)["post"].(map[string]any)
	if late["x-state"] != "backoff" || late["x-extension"] != "x.Late" || late["x-version"] != "1.0" {
		t.Errorf("of an extension in backoff it says %v", late)
	}
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for name, want := range map[string]string{
		"Tree":            `{"properties":{"leaf":{"$ref":"#/components/schemas/Tree.Leaf"},"left":{"$ref":"#/components/schemas/Tree"}}}`,
		"Tree.Leaf":       `{"type":"string"}`,
		"TreeAnswer":      `{"$ref":"#/components/schemas/TreeAnswer.Leaf"}`,
		"TreeAnswer.Leaf": `{"type":"integer"}`,
		"Late":            `true`,
		"LateAnswer":      `{"type":"string"}`,
	} {
		if got := marshal(t, schemas[name]); got != want {
			t.Errorf("component %s is %s, want %s", name, got, want)
		}
	}
}

// TestOpenAPIAnswersAreThoseOfTheTable: what the edge answers is what it documents.
func TestOpenAPIAnswersAreThoseOfTheTable(t *testing.T) {
	l := listen(t, Config{}, typed(t, echo))
	doc := openAPI(t, l)
	op := doc["paths"].(map[string]any)["/v1/requests/x.Hello"].(map[string]any)["post"].(map[string]any)
	responses := op["responses"].(map[string]any)
	for _, s := range statuses() {
		if _, ok := responses[fmt.Sprint(s.status)]; ok == (s.code == methodNotAllowed) {
			t.Errorf("%s (%d) documented: %v", s.code, s.status, ok)
		}
	}
	problem := doc["components"].(map[string]any)["schemas"].(map[string]any)["Problem"]
	s, err := schema.Compile([]byte(marshal(t, problem)))
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"name":1}`, `{`} {
		r := l.send("POST", "/v1/requests/x.Hello", body)
		if violations, err := s.Validate([]byte(r.body)); err != nil || len(violations) > 0 {
			t.Errorf("the problem %s breaks its own schema: %v, %v", r.body, violations, err)
		}
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// oddSchemas lead to places that need care when a schema moves.
func oddSchemas() []string {
	return []string{
		`{"$defs": {"a/b~c d%": {"type": "string"}}, "$ref": "#/$defs/a~1b~0c%20d%25"}`,
		`{"$defs": {"A": {"properties": {"x": {"type": "string"}}}}, "$ref": "#/$defs/A/properties/x"}`,
		`{"$defs": {"A": {"$defs": {"B": {"$ref": "#/$defs/A/$defs/C"}, "C": {}}}}, "$ref": "#/$defs/A/$defs/B"}`,
		`{"properties": {"$ref": {"$ref": "#/properties/a~1b"}, "a/b": {"type": "string"}, "$defs": {"$ref": "#/properties/$ref"}}}`,
		`{"const": {"$ref": "#/nowhere"}, "enum": [{"$ref": "#/nowhere"}], "default": {"$ref": "x"}, "examples": [{"$ref": "#/nowhere"}]}`,
		`{"x-odd": {"$ref": "#/x-odder"}, "x-odder": {"type": "string"}, "$ref": "#/x-odd"}`,
		`{"allOf": [{"type": "object"}, {"$ref": "#/allOf/0"}], "definitions": {"A": {"$ref": "#/allOf/0"}}, "not": {"$ref": "#/definitions/A/x-y"}, "x": 1}`,
		`{"$defs": {"A": {"type": "string"}, "$defs": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/$defs"}`,
		`{"$defs": {"not": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs"}, "b": {"$ref": "#/$defs/not"}}}`,
		`{"properties": {"a": {"items": {"$ref": "#/properties/a"}}}, "minimum": 12345678901234567890.123456789}`,
		`true`,
		`false`,
	}
}

func TestHoistedReferencesResolve(t *testing.T) {
	var routes []*router.Route
	for i, text := range oddSchemas() {
		if schema.Check([]byte(text)) != nil {
			continue // no bundle can bring it
		}
		routes = append(routes, withSchemas(t, fmt.Sprintf("x.T%d", i), text, text))
	}
	if len(routes) < 9 {
		t.Errorf("only %d of the odd schemas are legal", len(routes))
	}
	openAPI(t, listen(t, Config{}, routes...))
}

// FuzzHoist: a schema that a bundle may bring, moved into a document, still
// compiles there, refers to nothing outside of itself, and judges as before.
func FuzzHoist(f *testing.F) {
	payloads := []string{`{}`, `[]`, `"x"`, `{"a": {"a": 1}}`, `1`, `null`, `{"$ref": "x"}`}
	for _, text := range oddSchemas() {
		f.Add(text)
	}
	component := regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	f.Fuzz(func(t *testing.T, text string) {
		declared, err := schema.Compile([]byte(text))
		if err != nil {
			return
		}
		h := newHoister()
		ref := h.add("x", "x.T", []byte(text))
		moved, err := json.Marshal(object{"components": object{"schemas": h.components}, "$ref": ref})
		if err != nil {
			t.Fatal(err)
		}
		for name := range h.components {
			if !component.MatchString(name) {
				t.Errorf("component %q", name)
			}
		}
		if len(moved) > schema.MaxBytes/2 || strings.Contains(text, "dependencies") {
			return
		}
		again, err := schema.Compile(moved)
		if err != nil {
			t.Fatalf("%v\n%s", err, moved)
		}
		for _, payload := range payloads {
			before, err1 := declared.Validate([]byte(payload))
			after, err2 := again.Validate([]byte(payload))
			if err1 != nil || err2 != nil || (len(before) == 0) != (len(after) == 0) {
				t.Errorf("%s: %v before and %v after\n%s", payload, before, after, moved)
			}
		}
	})
}
