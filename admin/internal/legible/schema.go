package legible

import (
	"encoding/json"
	"strings"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	maxRows  = 300 // of a schema: one may unfold without end
	maxDepth = 8
	maxWords = 400 // characters of a title, a description, a value
	maxOnes  = 40  // values to choose from
)

// Row is one place of a value, and what a schema says of it.
type Row struct {
	// Path is where: "" for the whole value, "positions[].lat" for a member of each item.
	Path string
	// Type is what it may be, such as "string or null"; "" for anything.
	Type string
	// Title and Help are the schema's own words.
	Title, Help string
	// Required says that the value around it must have it.
	Required, Secret, Deprecated bool
	// Rules are what else holds, as the schema has it: "minimum 0".
	Rules []string
	// Choices are the only values, as JSON. More says that they are not all.
	Choices []string
	More    bool
	// Default is what holds when it is left out, as JSON; "" for nothing.
	Default string
}

// Table is a schema in rows.
type Table struct {
	Rows []Row
	// Cut says that there is more to it than Rows.
	Cut bool
}

// Schema reads a JSON Schema into rows, each place before those within it. Of
// alternatives all are told. A nil schema, and one that can not be read, has no rows.
func Schema(raw json.RawMessage) Table {
	o, err := outline.Read(raw)
	if len(raw) == 0 || err != nil {
		return Table{}
	}
	t := &Table{}
	t.add(o.Possible(), "", false, 0)
	return *t
}

func (t *Table) add(p outline.Place, path string, required bool, depth int) {
	if len(t.Rows) >= maxRows || depth > maxDepth {
		t.Cut = true
		return
	}
	row := rowOf(p)
	row.Path, row.Required = visible.Clip(path, maxWords), required
	t.Rows = append(t.Rows, row)
	needed := map[string]bool{}
	for _, list := range p.All("required") {
		names, _ := list.([]any)
		for _, name := range names {
			if s, ok := name.(string); ok {
				needed[s] = true
			}
		}
	}
	for _, name := range p.Names() {
		t.add(p.Property(name), join(path, name), needed[name], depth+1)
	}
	if item := p.Item(0); item.Said() {
		t.add(item, path+"[]", false, depth+1)
	}
	if other := p.Property("\x00"); other.Said() { // a name that nobody declares
		t.add(other, join(path, "*"), false, depth+1)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func rowOf(p outline.Place) Row {
	row := Row{
		Title: text(p, "title"), Help: text(p, "description"), Type: typeOf(p),
		Secret: p.Is("writeOnly"), Deprecated: p.Is("deprecated"),
	}
	for _, keyword := range []string{
		"format", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf",
		"minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
	} {
		if v, ok := p.Lookup(keyword); ok {
			row.Rules = append(row.Rules, keyword+" "+plain(v))
		}
	}
	row.Choices, row.More = choices(p)
	if v, ok := p.Lookup("default"); ok {
		row.Default = Value(outline.Encode(v), maxWords)
	}
	return row
}

func text(p outline.Place, keyword string) string {
	v, _ := p.Lookup(keyword)
	s, _ := v.(string)
	return visible.Clip(s, maxWords)
}

// plain is a value without the quotes of a string.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return visible.Clip(s, maxWords)
	}
	return Value(outline.Encode(v), maxWords)
}

// typeOf names the types of all that judge the value, each once.
func typeOf(p outline.Place) string {
	var names []string
	seen := map[string]bool{}
	add := func(v any) {
		if s, ok := v.(string); ok && !seen[s] {
			seen[s] = true
			names = append(names, visible.Clip(s, maxWords))
		}
	}
	for _, v := range p.All("type") {
		if list, ok := v.([]any); ok {
			for _, one := range list {
				add(one)
			}
			continue
		}
		add(v)
	}
	if seen["number"] && seen["integer"] && len(names) == 2 {
		return "integer" // allOf of both
	}
	return strings.Join(names, " or ")
}

func choices(p outline.Place) (list []string, more bool) {
	values := p.All("const")
	if all := p.All("enum"); len(all) > 0 {
		values, _ = all[0].([]any)
	}
	for _, v := range values {
		if len(list) == maxOnes {
			return list, true
		}
		list = append(list, Value(outline.Encode(v), maxWords))
	}
	return list, false
}
