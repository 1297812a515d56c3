package bundle

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// ParseTypes reads META-INF/extension/types.json and checks it against the manifest
// of the same bundle. The types come back in the order of the file. The error is an
// *Error with CodeTypesInvalid whose message begins with a JSON pointer.
//
// What holds afterwards: names are unique, every request type derives from
// m.Request and every response type from m.Response through declared types, every
// Response names a declared response type or m.Response, and schema.Compile accepts
// every Schema, all of them together within its limits.
func ParseTypes(data []byte, m *Manifest) ([]sdk.Type, error) {
	raw, err := readTypes(data)
	if err != nil {
		return nil, err
	}
	set := &typeSet{manifest: m, index: make(map[string]int, len(raw))}
	size := 0
	for i, element := range raw {
		t, err := readType(i, element)
		if err != nil {
			return nil, err
		}
		if first, twice := set.index[t.Name]; twice {
			return nil, typesError(i, "name", "%s is declared by /types/%d already", quote(t.Name), first)
		}
		set.index[t.Name] = i
		set.types = append(set.types, t)
		if t.Schema == nil {
			continue
		}
		compiled, err := schema.Compile(t.Schema)
		if err != nil {
			return nil, schemaFault(CodeTypesInvalid, fmt.Sprintf("/types/%d/schema", i), err)
		}
		if size += compiled.Size(); size > schema.MaxSubschemas {
			return nil, typesError(i, "schema", "all schemas together have more than %d subschemas after expanding references", schema.MaxSubschemas)
		}
	}
	if err := set.check(); err != nil {
		return nil, err
	}
	return set.types, nil
}

// ParseConfigSchema checks META-INF/extension/config.schema.json. The error is an
// *Error with CodeSchemaInvalid whose message begins with a JSON pointer.
func ParseConfigSchema(data []byte) error {
	if err := schema.Check(data); err != nil {
		return schemaFault(CodeSchemaInvalid, "", err)
	}
	return nil
}

// schemaFault puts the place of a schema in front of the place within it.
func schemaFault(code Code, at string, err error) error {
	var fault *schema.Error
	if errors.As(err, &fault) {
		return &Error{Code: code, Message: fmt.Sprintf("at %s: %s", quotePointer(at+fault.Pointer), fault.Message)}
	}
	return &Error{Code: code, Message: fmt.Sprintf("at %s: %v", quotePointer(at), err)}
}

func quotePointer(p string) string {
	if p == "" {
		return "the top"
	}
	return quote(p)
}

func typesError(i int, field, format string, args ...any) error {
	return &Error{Code: CodeTypesInvalid, Message: fmt.Sprintf("at /types/%d/%s: ", i, field) + fmt.Sprintf(format, args...)}
}

// readTypes returns the elements of the document's only field.
func readTypes(data []byte) ([]json.RawMessage, error) {
	if err := schema.CheckJSON(data); err != nil {
		return nil, schemaFault(CodeTypesInvalid, "", err)
	}
	fail := func(format string, args ...any) ([]json.RawMessage, error) {
		return nil, &Error{Code: CodeTypesInvalid, Message: fmt.Sprintf(format, args...)}
	}
	var document map[string]json.RawMessage
	if err := json.Unmarshal(data, &document); err != nil || document == nil {
		return fail("at the top: the document must be an object {\"types\": […]}")
	}
	for field := range document {
		if field != "types" {
			return fail("at the top: unknown field %s; the document has one field, \"types\"", quote(field))
		}
	}
	var list []json.RawMessage
	if err := json.Unmarshal(document["types"], &list); err != nil || list == nil {
		return fail("at /types: there must be an array \"types\"")
	}
	return list, nil
}

// readType reads one element. It knows no defaults and no conversions: a field is
// there with its own JSON type or not at all.
func readType(i int, element json.RawMessage) (sdk.Type, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(element, &fields); err != nil || fields == nil {
		return sdk.Type{}, &Error{Code: CodeTypesInvalid, Message: fmt.Sprintf("at /types/%d: a type must be an object", i)}
	}
	var t sdk.Type
	var role string
	texts := map[string]*string{"name": &t.Name, "role": &role, "extends": &t.Extends, "response": &t.Response}
	for field, value := range fields {
		if field == "schema" {
			t.Schema = value
			continue
		}
		into, ok := texts[field]
		if !ok {
			return sdk.Type{}, &Error{Code: CodeTypesInvalid, Message: fmt.Sprintf("at /types/%d: unknown field %s; there are name, role, extends, response and schema", i, quote(field))}
		}
		if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, into) != nil {
			return sdk.Type{}, typesError(i, field, "the value must be a string")
		}
		if field == "role" {
			continue
		}
		if err := checkDottedName(*into); err != nil {
			return sdk.Type{}, typesError(i, field, "%s", err)
		}
	}
	if t.Name == "" {
		return sdk.Type{}, typesError(i, "name", "the type has no name")
	}
	t.Role = sdk.Role(role)
	switch {
	case t.Role != sdk.RoleRequest && t.Role != sdk.RoleResponse:
		return sdk.Type{}, typesError(i, "role", "the role of %s must be \"request\" or \"response\"", t.Name)
	case t.Role == sdk.RoleResponse && t.Response != "":
		return sdk.Type{}, typesError(i, "response", "%s is a response type, so it can not name a response", t.Name)
	}
	return t, nil
}

// typeSet checks how types lean on each other.
type typeSet struct {
	manifest *Manifest
	types    []sdk.Type
	index    map[string]int // name → position in types
}

func (s *typeSet) base(role sdk.Role) string {
	if role == sdk.RoleRequest {
		return s.manifest.Request
	}
	return s.manifest.Response
}

func (s *typeSet) check() error {
	rooted := make([]bool, len(s.types))
	for i, t := range s.types {
		if err := s.checkParent(i, t); err != nil {
			return err
		}
		if t.Response == "" || t.Response == s.manifest.Response {
			continue
		}
		j, ok := s.index[t.Response]
		if !ok {
			return typesError(i, "response", "%s answers %s, which is not declared", t.Name, quote(t.Response))
		}
		if s.types[j].Role != sdk.RoleResponse {
			return typesError(i, "response", "%s answers %s, which is a request type", t.Name, t.Response)
		}
	}
	for i := range s.types {
		if err := s.checkChain(i, rooted); err != nil {
			return err
		}
	}
	return nil
}

func (s *typeSet) checkParent(i int, t sdk.Type) error {
	base, attribute := s.base(t.Role), prefix+string(t.Role)
	other := s.base(otherRole(t.Role))
	switch {
	case t.Name == base && t.Extends != "":
		return typesError(i, "extends", "%s is the %s of the manifest, a base type, which extends nothing", t.Name, attribute)
	case t.Name == base:
		return nil
	case t.Name == other:
		return typesError(i, "role", "%s is the %s of the manifest, so its role is %q", t.Name, prefix+string(otherRole(t.Role)), otherRole(t.Role))
	case t.Extends == "":
		return typesError(i, "extends", "%s must extend %s, the %s of the manifest, or a type derived from it", t.Name, base, attribute)
	case t.Extends == base:
		return nil
	}
	j, ok := s.index[t.Extends]
	if !ok {
		return typesError(i, "extends", "%s extends %s, which is not declared", t.Name, quote(t.Extends))
	}
	if s.types[j].Role != t.Role {
		return typesError(i, "extends", "%s is a %s type and extends %s, which is none", t.Name, t.Role, t.Extends)
	}
	return nil
}

// checkChain follows extends up to the base. Parents are declared already, so only
// a cycle can keep it from there. Names known to lead to the base are marked.
func (s *typeSet) checkChain(i int, rooted []bool) error {
	var path []int
	onPath := map[int]bool{}
	for j, more := i, true; more && !rooted[j]; {
		if onPath[j] {
			return typesError(i, "extends", "%s extends itself through %s", s.types[i].Name, s.types[j].Extends)
		}
		onPath[j] = true
		path = append(path, j)
		j, more = s.index[s.types[j].Extends]
	}
	for _, j := range path {
		rooted[j] = true
	}
	return nil
}

func otherRole(r sdk.Role) sdk.Role {
	if r == sdk.RoleRequest {
		return sdk.RoleResponse
	}
	return sdk.RoleRequest
}
