package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/jackfield-host/jackfield/admin/internal/access"
)

// described serves what is held to its description: ask checks each answer.
type described struct {
	http.Handler
	t *testing.T
}

// description is the document of the API, as tests use it.
type description struct {
	root     map[string]any
	compiler *jsonschema.Compiler
	paths    map[string]*regexp.Regexp

	mu      sync.Mutex // guards schemas
	schemas map[string]*jsonschema.Schema
}

// made is the document: it is made once for all tests, since making it costs more than
// they do.
var made struct {
	sync.Once
	d   *description
	err error
}

func document(t *testing.T) (*description, error) {
	made.Do(func() { made.d, made.err = makeDocument(t) })
	return made.d, made.err
}

func makeDocument(t *testing.T) (*description, error) {
	var log bytes.Buffer // has the reason when there is none
	cfg := testConfig()
	cfg.Accounts, cfg.Log = accountsOf(t, nil), slog.New(slog.NewTextHandler(&log, nil))
	h, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/api/v1/openapi.json", nil)
	r.Host = "127.0.0.1:8081"
	withToken(r)
	h.site.Handler(h.routes()).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("the description: %d %s", w.Code, &log)
	}
	doc, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		return nil, err
	}
	d := &description{root: doc.(map[string]any), compiler: jsonschema.NewCompiler(), paths: map[string]*regexp.Regexp{}, schemas: map[string]*jsonschema.Schema{}}
	for path := range d.root["paths"].(map[string]any) {
		d.paths[path] = regexp.MustCompile("^" + regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
	}
	d.compiler.UseLoader(jsonschema.SchemeURLLoader{})
	return d, d.compiler.AddResource("api.json", strict(doc))
}

// strict is doc with objects that have no members but those that are described: clients
// may get more later, tests may not.
func strict(v any) any {
	switch v := v.(type) {
	case map[string]any:
		strictly := map[string]any{}
		for key, sub := range v {
			strictly[key] = strict(sub)
		}
		if _, more := v["additionalProperties"]; v["type"] == "object" && v["properties"] != nil && !more {
			strictly["additionalProperties"] = false
		}
		return strictly
	case []any:
		strictly := make([]any, len(v))
		for i, sub := range v {
			strictly[i] = strict(sub)
		}
		return strictly
	}
	return v
}

// at returns what stands at the steps of a path into v, nil for nothing; references are
// followed.
func (d *description) at(v any, steps ...string) any {
	for _, step := range steps {
		object, _ := v.(map[string]any)
		if ref, ok := object["$ref"].(string); ok {
			object, _ = d.at(d.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
		}
		v = object[step]
	}
	if object, ok := v.(map[string]any); ok && object["$ref"] != nil {
		return d.at(d.root, strings.Split(strings.TrimPrefix(object["$ref"].(string), "#/"), "/")...)
	}
	return v
}

// operation returns what is said of a method on a path, nil for nothing; known says that
// the path has methods.
func (d *description) operation(method, path string) (operation any, known bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	best := ""
	for template, matches := range d.paths { // literal segments go before parameters
		if matches.MatchString(path) && (best == "" || strings.Count(template, "{") < strings.Count(best, "{")) {
			best = template
		}
	}
	return d.at(d.root, "paths", best, strings.ToLower(method)), best != ""
}

func (d *description) schema(fragment string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[fragment]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile("api.json#" + fragment)
	d.schemas[fragment] = s
	return s, err
}

// check holds an answer of the API to its description.
func (d described) check(r *http.Request, w *httptest.ResponseRecorder) {
	d.t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/api/v1/") {
		return
	}
	doc, err := document(d.t)
	if err != nil {
		d.t.Fatal(err)
	}
	operation, known := doc.operation(r.Method, r.URL.EscapedPath())
	if operation == nil {
		if w.Code < 400 || known && !slices.Contains([]int{401, 403, 405, 421}, w.Code) {
			d.t.Errorf("%s %s answers %d, and is not described", r.Method, r.URL.Path, w.Code)
		}
		return
	}
	if w.Code == http.StatusNotModified {
		return
	}
	response := doc.at(operation, "responses", fmt.Sprint(w.Code))
	if response == nil {
		d.t.Errorf("%s %s answers %d, which is not described: %s", r.Method, r.URL.Path, w.Code, w.Body)
		return
	}
	media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	content, ok := doc.at(response, "content").(map[string]any)[media]
	if !ok {
		d.t.Errorf("%s %s answers %d as %q, which is not described", r.Method, r.URL.Path, w.Code, media)
		return
	}
	if r.Method != http.MethodHead && w.Header().Get("Content-Encoding") == "" {
		bodies := [][]byte{w.Body.Bytes()}
		if media == "application/x-ndjson" { // a line each
			bodies = bytes.Split(bytes.TrimSuffix(w.Body.Bytes(), []byte("\n")), []byte("\n"))
		}
		for _, body := range bodies {
			if err := doc.validate(content, body); err != nil {
				d.t.Errorf("%s %s answers %d: %v\n%s", r.Method, r.URL.Path, w.Code, err, body)
			}
		}
	}
}

// validate holds body to the schema of content, if it has one.
func (d *description) validate(content any, body []byte) error {
	schema, ok := content.(map[string]any)["schema"].(map[string]any)
	if !ok {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	references := []any{schema}
	if several, ok := schema["anyOf"].([]any); ok {
		references = several
	}
	for _, one := range references {
		ref, ok := one.(map[string]any)["$ref"].(string)
		if !ok { // an object of anything
			return nil
		}
		compiled, failure := d.schema(strings.TrimPrefix(ref, "#"))
		if failure == nil {
			failure = compiled.Validate(value)
		}
		if err = failure; err == nil {
			return nil
		}
	}
	return err
}

// TestDescription: the document is OpenAPI 3.1, and says of the table of routes all, and
// nothing else.
func TestDescription(t *testing.T) {
	t.Parallel()
	doc, err := document(t)
	if err != nil {
		t.Fatal(err)
	}
	official, err := os.ReadFile("../host/internal/edge/testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(official))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("openapi.json", value); err != nil {
		t.Fatal(err)
	}
	if err := c.MustCompile("openapi.json").Validate(doc.root); err != nil {
		t.Error(err)
	}
	for name := range doc.at(doc.root, "components", "schemas").(map[string]any) {
		if _, err := doc.schema("/components/schemas/" + name); err != nil {
			t.Error(err)
		}
	}

	described := map[string]bool{}
	for path, methods := range doc.root["paths"].(map[string]any) {
		for method, operation := range methods.(map[string]any) {
			described[strings.ToUpper(method)+" "+path] = true
			text, err := json.Marshal(operation)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`"\$ref":"#/([^"]*)"`).FindAllSubmatch(text, -1) {
				if doc.at(doc.root, strings.Split(string(m[1]), "/")...) == nil {
					t.Errorf("%s %s refers to %s, which is not there", method, path, m[1])
				}
			}
		}
	}
	routes := mustNew(t, testConfig()).routes()
	for _, r := range routes {
		if !strings.HasPrefix(r.Path, "/api/v1/") {
			continue
		}
		name := r.Method + " " + r.Path
		if !described[name] {
			t.Errorf("%s is not described", name)
		}
		delete(described, name)
		operation := doc.at(doc.root, "paths", r.Path, strings.ToLower(r.Method))
		if right := doc.at(operation, "x-right"); right != string(r.Right) || r.Right == access.Open {
			t.Errorf("%s needs the right %v", name, right)
		}
	}
	if len(described) > 0 || len(routes) < 20 {
		t.Errorf("what there is not is described: %v", described)
	}
}

// TestClosedSetsAreEnumerations, and what may be null says so.
func TestClosedSetsAreEnumerations(t *testing.T) {
	t.Parallel()
	doc, err := document(t)
	if err != nil {
		t.Fatal(err)
	}
	schemas := doc.at(doc.root, "components", "schemas")
	for _, c := range []struct {
		want  string
		steps []string
	}{
		{`"backoff"`, []string{"Extension", "properties", "state", "enum"}},
		{`"needs_consent"`, []string{"Reason", "properties", "code", "enum"}},
		{`"crc_mismatch"`, []string{"Problem", "properties", "code", "enum"}},
		{`"handshake"`, []string{"Reason", "properties", "stage", "enum"}},
		{`{"type":"null"}`, []string{"Extension", "properties", "reason", "anyOf"}},
		{`"null"`, []string{"Extension", "properties", "started", "type"}},
		{`"null"`, []string{"Reason", "properties", "exit_code", "type"}},
		{`"reason"`, []string{"Extension", "required"}},
		{`false`, []string{"RollingBack", "additionalProperties"}},
	} {
		text, err := json.Marshal(doc.at(schemas, c.steps...))
		if err != nil || !strings.Contains(string(text), c.want) {
			t.Errorf("%v is %s, %v, want %s in it", c.steps, text, err, c.want)
		}
	}
}
