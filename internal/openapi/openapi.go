// Package openapi describes APIs. Document makes an OpenAPI 3.1 document of a table of
// routes: of the description that each route has (Doc) and of the Go types that it reads
// and answers.
//
// What is promised: every route that it is given is in it, with the right it needs, and
// nothing else; closed sets are enumerations; what may be null says so; nothing in it
// refers out of it. A route that can not be described is an error, not a gap.
//
// Schemas are made here, not by a library: those at hand do not say of a Go pointer that
// it may be null.
package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Enums are the closed sets of strings that appear in the API.
type Enums struct {
	// Types has the values of string types.
	Types map[reflect.Type][]string
	// Fields has the values of fields that are plain strings, by Type.member, the member
	// as it is called in JSON.
	Fields map[string][]string
	// Nullable has the fields that are lists, and null where that says something else
	// than an empty one, as in Fields.
	Nullable map[string]bool
	// Names has what types are called whose own name another type has.
	Names map[reflect.Type]string
}

// prefix is that of all paths that are described.
const prefix = "/api/v1/"

// API is what is described.
type API struct {
	Title, Version, Description string
	// Bearer says which tokens it takes.
	Bearer string
	// Problem is a value of the Go type of its errors, whose name is Problem.
	Problem any
	// Codes are those of its problems with the statuses under which they come. A code may
	// stand there more than once.
	Codes []Code
	// InPath says what the parameter of a path is where its route does not.
	InPath func(name string) string
	// Common are the codes of problems that every route answers; those that need a right
	// answer unauthenticated and permission_denied besides, those with a parameter in
	// their path not_found.
	Common []string
	Enums  Enums
}

// Code is the code of a problem, and a status under which it comes.
type Code struct {
	Code   string
	Status int
}

// Route is one operation. Those outside of /api/v1/ are not described.
type Route struct {
	// Method is that of HTTP, Path a pattern of http.ServeMux without one.
	Method, Path string
	// Right is what it needs; Open says that it needs none.
	Right string
	Open  bool
	Doc   *Doc
}

// Document describes those of routes that are the API.
func Document(api API, routes []Route) ([]byte, error) {
	d := &document{
		api:     api,
		schemas: schemas{enums: api.Enums, components: object{}, types: map[string]reflect.Type{}},
		paths:   map[string]object{}, ids: map[string]bool{},
	}
	described := slices.DeleteFunc(slices.Clone(routes), func(r Route) bool { return !strings.HasPrefix(r.Path, prefix) })
	slices.SortFunc(described, func(a, b Route) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method)) })
	if _, err := d.schemas.of(reflect.TypeOf(api.Problem)); err != nil {
		return nil, err
	}
	operations := make([]object, len(described))
	for i, r := range described { // answers first: a type that is also sent is as lax as it is there
		var err error
		if operations[i], err = d.operation(r); err != nil {
			return nil, fmt.Errorf("describing %s %s: %w", r.Method, r.Path, err)
		}
	}
	d.schemas.strict = true
	for i, r := range described {
		if err := d.body(r, operations[i]); err != nil {
			return nil, fmt.Errorf("describing %s %s: %w", r.Method, r.Path, err)
		}
	}
	return json.Marshal(object{
		"openapi":           "3.1.0",
		"jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
		"info": object{
			"title": api.Title, "version": cmp.Or(api.Version, "0"),
			"description": api.Description + " Errors are application/problem+json (RFC 9457); programs branch on their code.",
		},
		"security": []object{{"bearer": []string{}}},
		"paths":    d.paths,
		"components": object{
			"schemas":         d.schemas.components,
			"responses":       api.problems(),
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer", "description": api.Bearer}},
			"headers":         object{"Request-Id": object{"description": "Names the request in the log.", "schema": object{"type": "string"}}},
		},
	})
}

type document struct {
	api     API
	schemas schemas
	paths   map[string]object
	ids     map[string]bool
}

// wildcard is a parameter in a path of http.ServeMux.
var wildcard = regexp.MustCompile(`\{([a-z_]+)(\.\.\.)?\}`)

// operation describes r but for its body, and puts it under its path.
func (d *document) operation(r Route) (object, error) {
	doc := r.Doc
	switch {
	case doc == nil:
		return nil, fmt.Errorf("the route has no Doc")
	case r.Method == "":
		return nil, fmt.Errorf("the route takes any method")
	case d.ids[doc.ID] || doc.ID == "" || doc.Summary == "" || len(doc.Answers) == 0:
		return nil, fmt.Errorf("the Doc %q has no id of its own, no summary or no answer", doc.ID)
	}
	d.ids[doc.ID] = true
	parameters, err := d.parameters(r)
	if err != nil {
		return nil, err
	}
	responses := object{}
	for _, code := range append(slices.Clone(doc.Codes), d.common(r)...) {
		statuses := d.api.statuses(code)
		if len(statuses) == 0 {
			return nil, fmt.Errorf("there is no code %q", code)
		}
		for _, status := range statuses {
			responses[strconv.Itoa(status)] = object{"$ref": "#/components/responses/Problem" + strconv.Itoa(status)}
		}
	}
	for _, a := range doc.Answers {
		if responses[strconv.Itoa(a.Status)], err = d.answer(a); err != nil {
			return nil, err
		}
	}
	op := object{
		"operationId": doc.ID, "summary": doc.Summary, "responses": responses, "tags": []string{tag(r.Path)},
		"x-right": r.Right,
	}
	if len(parameters) > 0 {
		op["parameters"] = parameters
	}
	if doc.Description != "" {
		op["description"] = doc.Description
	}
	if r.Open {
		op["security"] = []object{}
	}
	path := wildcard.ReplaceAllString(r.Path, "{$1}")
	if d.paths[path] == nil {
		d.paths[path] = object{}
	}
	d.paths[path][strings.ToLower(r.Method)] = op
	return op, nil
}

// common are the codes that every route may answer.
func (d *document) common(r Route) []string {
	codes := slices.Clone(d.api.Common)
	if !r.Open {
		codes = append(codes, "unauthenticated", "permission_denied")
	}
	if strings.Contains(r.Path, "{") {
		codes = append(codes, "not_found")
	}
	return codes
}

// tag groups operations by the noun of their path.
func tag(path string) string {
	noun, _, _ := strings.Cut(strings.TrimPrefix(path, prefix), "/")
	return noun
}

func (d *document) parameters(r Route) ([]object, error) {
	var list []object
	takes := slices.Clone(r.Doc.Takes)
	for _, m := range wildcard.FindAllStringSubmatch(r.Path, -1) {
		if !slices.ContainsFunc(takes, func(p Parameter) bool { return p.In == "path" && p.Name == m[1] }) {
			takes = append(takes, Parameter{Name: m[1], In: "path", Summary: d.api.InPath(m[1])})
		}
	}
	for _, p := range takes {
		schema, err := d.schema(p)
		if err != nil {
			return nil, err
		}
		in := cmp.Or(p.In, "query")
		list = append(list, object{"name": p.Name, "in": in, "description": p.Summary, "required": in == "path", "schema": schema})
	}
	return list, nil
}

func (d *document) schema(p Parameter) (object, error) {
	if len(p.Enum) > 0 {
		return object{"type": "string", "enum": p.Enum}, nil
	}
	if p.Of == nil {
		return object{"type": "string"}, nil
	}
	return d.schemas.of(reflect.TypeOf(p.Of))
}

func (d *document) answer(a Answer) (object, error) {
	headers := object{"Request-Id": object{"$ref": "#/components/headers/Request-Id"}}
	for _, h := range a.Headers {
		schema, err := d.schema(h)
		if err != nil {
			return nil, err
		}
		headers[h.Name] = object{"description": h.Summary, "schema": schema}
	}
	response := object{"description": cmp.Or(a.Summary, http.StatusText(a.Status)), "headers": headers}
	content, err := d.content(a.Content)
	if len(content) > 0 {
		response["content"] = content
	}
	return response, err
}

func (d *document) content(forms []Content) (object, error) {
	content := object{}
	for _, c := range forms {
		media := object{}
		if c.Of != nil {
			schema, err := d.schemas.value(c.Of)
			if err != nil {
				return nil, err
			}
			media["schema"] = schema
		}
		content[c.Media] = media
	}
	return content, nil
}

// body adds what r reads to its operation.
func (d *document) body(r Route, op object) error {
	content, err := d.content(r.Doc.Body)
	if err == nil && len(content) > 0 {
		op["requestBody"] = object{"content": content}
	}
	return err
}

// problems has one response for each status, which may stand for several codes.
func (api API) problems() object {
	responses := object{}
	for status, codes := range api.byStatus() {
		headers := object{"Request-Id": object{"$ref": "#/components/headers/Request-Id"}}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			headers["Retry-After"] = object{"description": "Seconds to wait", "schema": object{"type": "integer", "minimum": 1}}
		}
		responses["Problem"+strconv.Itoa(status)] = object{
			"description": strings.Join(codes, " or "),
			"content":     object{"application/problem+json": object{"schema": object{"$ref": place + "Problem"}}},
			"headers":     headers,
		}
	}
	return responses
}

// statuses are those under which a code comes, none for a code that there is not.
func (api API) statuses(code string) []int {
	var statuses []int
	for _, c := range api.Codes {
		if c.Code == code {
			statuses = append(statuses, c.Status)
		}
	}
	return statuses
}

func (api API) byStatus() map[int][]string {
	codes := map[int][]string{}
	for _, c := range api.Codes {
		codes[c.Status] = append(codes[c.Status], c.Code)
	}
	return codes
}
