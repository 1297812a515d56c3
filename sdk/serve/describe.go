package serve

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/jackfield-host/jackfield/sdk"
)

// Describe returns the types that ext declares: two for every typed handler, in the
// order of the handlers, the request type first, each once; none with a raw handler
// alone, and beside one the base type of requests at the end, whose payloads may be
// anything. The manifest says the base types, which are the parents of all others:
// extension_request and extension_response, names in lower case.
//
// Schemas come from the Go types. A field is required unless its json tag says
// omitempty or omitzero, other members are refused, and struct tags add to it:
// `jsonschema:"minimum=0,description=…"`. Only the tag nullable allows null, so that
// what may be nil in an answer (a slice, a map, a pointer) needs it, or omitempty. A
// type that is an sdk.SchemaProvider says its schema itself. A type with its own
// MarshalJSON may be anything, one with MarshalText is a string.
func Describe(ext sdk.Extension, manifest map[string]string) ([]sdk.Type, error) {
	handlers, err := handlersOf(ext)
	if err != nil {
		return nil, err
	}
	return typesOf(handlers, manifest)
}

func typesOf(handlers []sdk.Handler, manifest map[string]string) ([]sdk.Type, error) {
	list := typeList{
		base: map[sdk.Role]string{
			sdk.RoleRequest: manifest["extension_request"], sdk.RoleResponse: manifest["extension_response"],
		},
		seen: make(map[string]declared),
	}
	raw := false
	for _, h := range handlers {
		if h.RequestType() == "" {
			raw = true
			continue
		}
		request, response := h.GoTypes()
		if err := list.add(sdk.RoleRequest, h.RequestType(), h.ResponseType(), request); err != nil {
			return nil, err
		}
		if err := list.add(sdk.RoleResponse, h.ResponseType(), "", response); err != nil {
			return nil, err
		}
	}
	// Where types are declared the host routes no other, and without this one the
	// raw handler would be asked nothing.
	base := list.base[sdk.RoleRequest]
	if _, typed := list.seen[base]; raw && len(list.types) > 0 && !typed {
		list.types = append(list.types, sdk.Type{Name: base, Role: sdk.RoleRequest, Response: list.base[sdk.RoleResponse]})
	}
	return list.types, nil
}

// typeList collects declared types, each once.
type typeList struct {
	base  map[sdk.Role]string
	types []sdk.Type
	seen  map[string]declared
}

type declared struct {
	role sdk.Role
	goes reflect.Type
}

func (l *typeList) add(role sdk.Role, name, response string, t reflect.Type) error {
	base := l.base[role]
	if base == "" {
		return fmt.Errorf("extension: the manifest has no extension_%s, from which %s derives", role, name)
	}
	other := l.base[sdk.RoleRequest]
	if role == sdk.RoleRequest {
		other = l.base[sdk.RoleResponse]
	}
	if before, ok := l.seen[name]; ok && before == (declared{role, t}) {
		return nil
	} else if ok && before.role != role || name == other {
		return fmt.Errorf("extension: %s is used as a request type and as a response type", name)
	} else if ok {
		return fmt.Errorf("extension: %s stands for two Go types, %s and %s", name, before.goes, t)
	}
	l.seen[name] = declared{role, t}
	schema, err := schemaOf(t)
	if err != nil {
		return fmt.Errorf("extension: the schema of %s, from the Go type %s: %w", name, t, err)
	}
	declared := sdk.Type{Name: name, Role: role, Response: response, Schema: schema}
	if name != base {
		declared.Extends = base
	}
	l.types = append(l.types, declared)
	return nil
}

// schemaOf makes a JSON Schema of a Go type, in a form that does not depend on
// anything but the type.
func schemaOf(t reflect.Type) (schema json.RawMessage, err error) {
	// The reflector panics for what has no JSON form, such as a channel.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if text, ok := provided(t); ok {
		return canonical(text)
	}
	n := namer{names: make(map[reflect.Type]string), types: make(map[string]reflect.Type)}
	r := jsonschema.Reflector{Anonymous: true, Mapper: mapped, Namer: n.name, AdditionalFields: taggedLists}
	data, err := json.Marshal(r.ReflectFromType(t))
	if err != nil {
		return nil, err
	}
	return canonical(data)
}

// provided asks a SchemaProvider for its schema.
func provided(t reflect.Type) ([]byte, bool) {
	if p, ok := reflect.New(t).Interface().(sdk.SchemaProvider); ok {
		return p.SchemaJSON(), true
	}
	return nil, false
}

// mapped knows the types that are not what their fields say; nil for all others. It
// panics where a provided schema can not be used.
func mapped(t reflect.Type) *jsonschema.Schema {
	if text, ok := provided(t); ok {
		return nested(t, text)
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[json.Number]():
		return &jsonschema.Schema{Type: "number"}
	}
	if t.Kind() == reflect.Interface {
		return &jsonschema.Schema{}
	}
	switch reflect.New(t).Interface().(type) {
	case json.Marshaler:
		return &jsonschema.Schema{}
	case encoding.TextMarshaler:
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// taggedLists returns those fields of a struct once more that have a tag and a named
// list type, with the same type without its name. The reflector describes a named list
// elsewhere and refers to it, where minItems, pattern and the like have no effect.
func taggedLists(t reflect.Type) []reflect.StructField {
	var again []reflect.StructField
	for f := range t.Fields() {
		goes := f.Type
		for goes.Kind() == reflect.Pointer {
			goes = goes.Elem()
		}
		if goes.Name() == "" || f.Tag.Get("jsonschema") == "" || mapped(goes) != nil {
			continue
		}
		switch goes.Kind() {
		case reflect.Slice:
			f.Type = reflect.SliceOf(goes.Elem())
		case reflect.Array:
			f.Type = reflect.ArrayOf(goes.Len(), goes.Elem())
		default:
			continue
		}
		again = append(again, f)
	}
	return again
}

// nested takes a provided schema of a field's type as it is.
func nested(t reflect.Type, text []byte) *jsonschema.Schema {
	var keywords map[string]any
	switch s := string(bytes.TrimSpace(text)); s {
	case "true":
		return &jsonschema.Schema{}
	case "false":
		return &jsonschema.Schema{Not: &jsonschema.Schema{}}
	}
	if err := json.Unmarshal(text, &keywords); err != nil {
		panic(fmt.Sprintf("SchemaJSON of %s: %v", t, err))
	}
	if bytes.Contains(text, []byte(`"$ref"`)) || bytes.Contains(text, []byte(`"$defs"`)) {
		panic(fmt.Sprintf("SchemaJSON of %s: a schema that becomes part of another can not have $ref or $defs", t))
	}
	delete(keywords, "$schema")
	return &jsonschema.Schema{Extras: keywords}
}

// canonical returns one JSON value with sorted members and without spaces.
func canonical(data []byte) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if dec.More() {
		return nil, errors.New("not JSON: more than one value")
	}
	switch v.(type) {
	case map[string]any, bool:
		return json.Marshal(v)
	}
	return nil, errors.New("a JSON Schema is an object, true or false")
}

// namer names the definitions of one schema: the Go name without what a JSON pointer
// could not carry, and a number where two types have the same.
type namer struct {
	names map[reflect.Type]string
	types map[string]reflect.Type
}

func (n *namer) name(t reflect.Type) string {
	if name, ok := n.names[t]; ok || t.Name() == "" {
		return name
	}
	plain := make([]byte, 0, len(t.Name()))
	for _, c := range []byte(t.Name()) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
			plain = append(plain, c)
		case c == '[', c == ',':
			plain = append(plain, '_')
		}
	}
	if len(plain) == 0 {
		plain = []byte("Type")
	}
	name := string(plain)
	for i := 2; n.types[name] != nil; i++ {
		name = string(plain) + "_" + strconv.Itoa(i)
	}
	n.names[t], n.types[name] = name, t
	return name
}
