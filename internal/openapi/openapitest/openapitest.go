// Package openapitest holds the answers of an API to its OpenAPI document. Read makes a
// Description of the document, Check says how an answer differs from what is described
// there, Faults what is wrong with the document itself.
package openapitest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Description is an OpenAPI document, as tests use it.
type Description struct {
	// Root is the document as it was decoded.
	Root     map[string]any
	compiler *jsonschema.Compiler
	paths    map[string]*regexp.Regexp

	mu      sync.Mutex // guards schemas
	schemas map[string]*jsonschema.Schema
}

// Read reads a document.
func Read(text io.Reader) (*Description, error) {
	doc, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		return nil, err
	}
	root, ok := doc.(map[string]any)
	if !ok {
		return nil, errors.New("the document is no object")
	}
	d := &Description{Root: root, compiler: jsonschema.NewCompiler(), paths: map[string]*regexp.Regexp{}, schemas: map[string]*jsonschema.Schema{}}
	paths, _ := root["paths"].(map[string]any)
	for path := range paths {
		d.paths[path] = regexp.MustCompile("^" + regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
	}
	d.compiler.UseLoader(jsonschema.SchemeURLLoader{})
	return d, d.compiler.AddResource("api.json", strict(doc))
}

// Answer is what was answered, and to what.
type Answer struct {
	Method, Path string // Path as it was sent, escaped
	Status       int
	Header       http.Header
	Body         []byte
}

// Check returns how a differs from what is described. always are the statuses that a path
// answers to methods that it does not have.
func (d *Description) Check(a Answer, always ...int) error {
	operation, known := d.operation(a.Method, a.Path)
	if operation == nil {
		if a.Status < 400 || known && !slices.Contains(always, a.Status) {
			return fmt.Errorf("%s %s answers %d, and is not described", a.Method, a.Path, a.Status)
		}
		return nil
	}
	if a.Status == http.StatusNotModified {
		return nil
	}
	response := d.At(operation, "responses", fmt.Sprint(a.Status))
	if response == nil {
		return fmt.Errorf("%s %s answers %d, which is not described: %s", a.Method, a.Path, a.Status, a.Body)
	}
	media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	contents, _ := d.At(response, "content").(map[string]any)
	if a.Status == http.StatusNoContent && contents == nil {
		return nil
	}
	content, ok := contents[media]
	if !ok {
		return fmt.Errorf("%s %s answers %d as %q, which is not described", a.Method, a.Path, a.Status, media)
	}
	if a.Method == http.MethodHead || a.Header.Get("Content-Encoding") != "" {
		return nil
	}
	bodies := [][]byte{a.Body}
	if media == "application/x-ndjson" { // a line each
		bodies = bytes.Split(bytes.TrimSuffix(a.Body, []byte("\n")), []byte("\n"))
	}
	for _, body := range bodies {
		if err := d.validate(content, body); err != nil {
			return fmt.Errorf("%s %s answers %d: %w\n%s", a.Method, a.Path, a.Status, err, body)
		}
	}
	return nil
}

// Faults holds the document to official, the schema of OpenAPI 3.1 documents, and to
// itself: every schema can be compiled, nothing refers to what is not there.
func (d *Description) Faults(official io.Reader) error {
	value, err := jsonschema.UnmarshalJSON(official)
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("openapi.json", value); err != nil {
		return err
	}
	faults := []error{c.MustCompile("openapi.json").Validate(d.Root)}
	schemas, _ := d.At(d.Root, "components", "schemas").(map[string]any)
	for name := range schemas {
		_, err := d.schema("/components/schemas/" + name)
		faults = append(faults, err)
	}
	return errors.Join(append(faults, d.dangling(d.Root))...)
}

// dangling finds references to what is not there.
func (d *Description) dangling(v any) error {
	var faults []error
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && d.At(d.Root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...) == nil {
			faults = append(faults, fmt.Errorf("%s is not there", ref))
		}
		for _, sub := range v {
			faults = append(faults, d.dangling(sub))
		}
	case []any:
		for _, sub := range v {
			faults = append(faults, d.dangling(sub))
		}
	}
	return errors.Join(faults...)
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

// At returns what stands at the steps of a path into v, nil for nothing; references are
// followed.
func (d *Description) At(v any, steps ...string) any {
	for _, step := range steps {
		object, _ := v.(map[string]any)
		if ref, ok := object["$ref"].(string); ok {
			object, _ = d.At(d.Root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
		}
		v = object[step]
	}
	if object, ok := v.(map[string]any); ok && object["$ref"] != nil {
		return d.At(d.Root, strings.Split(strings.TrimPrefix(object["$ref"].(string), "#/"), "/")...)
	}
	return v
}

// operation returns what is said of a method on a path, nil for nothing; known says that
// the path has methods.
func (d *Description) operation(method, path string) (operation any, known bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	best := ""
	for template, matches := range d.paths { // literal segments go before parameters
		if matches.MatchString(path) && (best == "" || strings.Count(template, "{") < strings.Count(best, "{")) {
			best = template
		}
	}
	return d.At(d.Root, "paths", best, strings.ToLower(method)), best != ""
}

func (d *Description) schema(fragment string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[fragment]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile("api.json#" + fragment)
	d.schemas[fragment] = s
	return s, err
}

// validate holds body to the schema of content, if it has one.
func (d *Description) validate(content any, body []byte) error {
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
