package schema

import (
	"fmt"

	"github.com/jackfield-host/jackfield/sdk"
)

// DiffTypes compares the types that a bundle declares with those that its process
// reports, and returns the first difference in words, "" when there is none. The
// order of types does not count, nor do annotations in schemas (title, description,
// $comment, default, examples, deprecated, readOnly, writeOnly, $schema) or the
// spelling of numbers and strings.
func DiffTypes(declared, reported []sdk.Type) string {
	byName := make(map[string]sdk.Type, len(reported))
	for _, t := range reported {
		if _, twice := byName[t.Name]; twice {
			return fmt.Sprintf("the extension reports %s twice", clip(t.Name))
		}
		byName[t.Name] = t
	}
	for _, want := range declared {
		got, ok := byName[want.Name]
		if !ok {
			return fmt.Sprintf("%s is declared in types.json, but the extension does not report it", clip(want.Name))
		}
		delete(byName, want.Name)
		if diff := diffType(want, got); diff != "" {
			return diff
		}
	}
	for _, t := range reported {
		if _, left := byName[t.Name]; left {
			return fmt.Sprintf("the extension reports %s, which types.json does not declare", clip(t.Name))
		}
	}
	return ""
}

func diffType(want, got sdk.Type) string {
	for _, field := range []struct{ name, want, got string }{
		{"role", string(want.Role), string(got.Role)},
		{"extends", want.Extends, got.Extends},
		{"response", want.Response, got.Response},
	} {
		if field.want != field.got {
			return fmt.Sprintf("%s: %s is %q in types.json, but the extension reports %q", clip(want.Name), field.name, clip(field.want), clip(field.got))
		}
	}
	switch {
	case want.Schema == nil && got.Schema == nil:
		return ""
	case want.Schema == nil:
		return fmt.Sprintf("%s: the extension reports a schema, types.json has none", clip(want.Name))
	case got.Schema == nil:
		return fmt.Sprintf("%s: types.json has a schema, the extension reports none", clip(want.Name))
	}
	var a, b tape
	if err := a.parseDocument(want.Schema); err != nil {
		return fmt.Sprintf("%s: the schema in types.json: %v", clip(want.Name), err)
	}
	if err := b.parseDocument(got.Schema); err != nil {
		return fmt.Sprintf("%s: the schema that the extension reports: %v", clip(want.Name), err)
	}
	d := differ{a: &a, b: &b}
	if at, differ := d.schema(0, 0, ""); differ {
		return fmt.Sprintf("%s: the schemas differ at %s", clip(want.Name), where(at))
	}
	return ""
}

// differ compares two schema documents value by value.
type differ struct {
	a, b *tape
	e    evaluation
}

// schema compares two subschemas without their annotations.
func (d *differ) schema(i, j uint32, at string) (string, bool) {
	return d.members(i, j, at, true)
}

// value compares what stands under a keyword.
func (d *differ) value(keyword string, i, j uint32, at string) (string, bool) {
	x, y := d.a.cells[i], d.b.cells[j]
	switch keyword {
	case "const", "enum", "required", "dependentRequired", "type", "pattern":
		return at, !d.same(i, j)
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies":
		return d.members(i, j, at, false)
	}
	if x.kind == array && y.kind == array {
		if x.count != y.count {
			return at, true
		}
		pos := 0
		for k, l := i+1, j+1; k < x.next; k, l = d.a.cells[k].next, d.b.cells[l].next {
			if place, differ := d.schema(k, l, fmt.Sprintf("%s/%d", at, pos)); differ {
				return place, true
			}
			pos++
		}
		return "", false
	}
	return d.schema(i, j, at)
}

// members compares two objects: as schemas, or as maps from names to schemas.
func (d *differ) members(i, j uint32, at string, schema bool) (string, bool) {
	if d.a.cells[i].kind != object || d.b.cells[j].kind != object {
		return at, !d.same(i, j)
	}
	for k := i + 1; k < d.a.cells[i].next; k = d.a.cells[k+1].next {
		key := string(d.a.text(k))
		if schema && isAnnotation(key) {
			continue
		}
		place := at + "/" + pointerToken(key)
		other, ok := d.b.member(j, key)
		if !ok {
			return place, true
		}
		compare := d.schema
		if schema {
			compare = func(i, j uint32, at string) (string, bool) { return d.value(key, i, j, at) }
		}
		if place, differ := compare(k+1, other, place); differ {
			return place, true
		}
	}
	for l := j + 1; l < d.b.cells[j].next; l = d.b.cells[l+1].next {
		key := string(d.b.text(l))
		if _, ok := d.a.member(i, key); !ok && !(schema && isAnnotation(key)) {
			return at + "/" + pointerToken(key), true
		}
	}
	return "", false
}

func (d *differ) same(i, j uint32) bool {
	d.e.steps = 1 << 30
	return d.e.equal(d.a, i, d.b, j)
}

func isAnnotation(keyword string) bool {
	switch keyword {
	case "title", "description", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema":
		return true
	}
	return false
}
