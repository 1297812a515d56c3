package openapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// object is a JSON object; it is written with its keys in order.
type object = map[string]any

// place is where schemas of named types stand in the document.
const place = "#/components/schemas/"

// schemas makes schemas of Go types as package encoding/json encodes them. A named
// struct is one component, whichever operations speak of it.
type schemas struct {
	enums      Enums
	components object
	types      map[string]reflect.Type // of components
	// strict has objects take no members but those that they have: what is sent to us
	// is read so.
	strict bool
}

// OneOf, as the Of of a Content, stands for a value of one of several types.
type OneOf []any

// value returns the schema of what is encoded like v.
func (s *schemas) value(v any) (object, error) {
	several, ok := v.(OneOf)
	if !ok {
		return s.of(reflect.TypeOf(v))
	}
	var list []object
	for _, one := range several {
		schema, err := s.value(one)
		if err != nil {
			return nil, err
		}
		list = append(list, schema)
	}
	return object{"anyOf": list}, nil
}

// of returns the schema of t, or a reference to it.
func (s *schemas) of(t reflect.Type) (object, error) {
	if values, ok := s.enums.Types[t]; ok {
		return object{"type": "string", "enum": values}, nil
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}, nil
	case reflect.TypeFor[json.RawMessage]():
		return object{}, nil // anything
	case reflect.TypeFor[any]():
		return object{}, nil
	}
	switch t.Kind() {
	case reflect.String:
		if t != reflect.TypeFor[string]() {
			return nil, fmt.Errorf("%s has a closed set of values, and Enums does not know it", t)
		}
		return object{"type": "string"}, nil
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}, nil
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}, nil
	case reflect.Float64:
		return object{"type": "number"}, nil
	case reflect.Pointer:
		return s.nullable(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}, nil
		}
		items, err := s.of(t.Elem())
		return object{"type": "array", "items": items}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			break
		}
		values, err := s.of(t.Elem())
		return object{"type": "object", "additionalProperties": values}, err
	case reflect.Struct:
		return s.component(t)
	}
	return nil, fmt.Errorf("%s can not be described", t)
}

// nullable returns the schema of what is a t, or null.
func (s *schemas) nullable(t reflect.Type) (object, error) {
	schema, err := s.of(t)
	if err != nil {
		return nil, err
	}
	if kind, simple := schema["type"].(string); simple && schema["enum"] == nil {
		schema["type"] = []string{kind, "null"}
		return schema, nil
	}
	return object{"anyOf": []object{schema, {"type": "null"}}}, nil
}

// component returns a reference to the schema of the struct t.
func (s *schemas) component(t reflect.Type) (object, error) {
	name := t.Name()
	if other, ok := s.enums.Names[t]; ok {
		name = other
	}
	if name == "" || strings.ContainsAny(name, "[]") {
		return nil, fmt.Errorf("%s has no name to be described by", t)
	}
	ref := object{"$ref": place + name}
	if known, ok := s.types[name]; ok {
		if known != t {
			return nil, fmt.Errorf("%s and %s can not both be described as %s", known, t, name)
		}
		return ref, nil
	}
	s.types[name] = t
	schema := object{"type": "object"}
	s.components[name] = schema
	properties, required := object{}, []string{}
	if err := s.fields(t, name, properties, &required); err != nil {
		return nil, err
	}
	schema["properties"] = properties
	if len(required) > 0 {
		schema["required"] = required
	}
	if s.strict {
		schema["additionalProperties"] = false
	}
	return ref, nil
}

// fields describes the fields of t, and of what it embeds, as those of the type name.
func (s *schemas) fields(t reflect.Type, name string, properties object, required *[]string) error {
	for f := range t.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && tag == "" && f.Type.Kind() == reflect.Struct:
			if err := s.fields(f.Type, f.Type.Name(), properties, required); err != nil {
				return err
			}
			continue
		case !f.IsExported() || tag == "-":
			continue
		case tag == "":
			return fmt.Errorf("%s.%s has no name in JSON", t, f.Name)
		}
		optional := strings.Contains(options, "omit")
		kind := f.Type
		if optional && kind.Kind() == reflect.Pointer {
			kind = kind.Elem() // it is left out instead of being null
		}
		describe := s.of
		if s.enums.Nullable[name+"."+tag] {
			describe = s.nullable
		}
		schema, err := describe(kind)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		if values, ok := s.enums.Fields[name+"."+tag]; ok {
			schema["enum"] = values
		}
		properties[tag] = schema
		if !optional {
			*required = append(*required, tag)
		}
	}
	return nil
}
