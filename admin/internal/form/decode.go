package form

import (
	"encoding/json"
	"strings"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// decoder makes a value of a tree that was posted.
type decoder struct{ errors []Error }

func (d *decoder) fail(f *Field, message string) (any, bool) {
	d.errors = append(d.errors, Error{f.Pointer, message})
	return nil, false
}

// value returns the value of a field, and whether there is one. needed says that there
// must be: an item cannot be left out.
func (d *decoder) value(f *Field, needed bool) (any, bool) {
	if f.Null {
		return nil, true
	}
	needed = needed || f.Undeclared
	switch f.Kind {
	case Group, List:
		return d.within(f)
	case Text:
		if f.Text == "" && !f.EmptyText && !needed && !(f.Required && (f.MinLength == "" || f.MinLength == "0")) {
			return nil, false
		}
		return f.Text, true
	case Secret:
		switch {
		case f.Text == "":
			return nil, false
		case shapeOf(f.spot).texts:
			return f.Text, true
		}
	}
	text := strings.TrimSpace(f.Text)
	if text == "" {
		if needed {
			return d.fail(f, "this needs a value, or has to be removed")
		}
		return nil, false
	}
	switch f.Kind {
	case Number, Integer:
		if value, err := outline.Decode([]byte(text)); err == nil {
			if number, ok := value.(json.Number); ok {
				return number, true
			}
		}
		return d.fail(f, "this is not a number")
	case Boolean, Choice:
		for _, o := range f.Choices {
			if o.Value == text {
				return d.json(f, text)
			}
		}
		return d.fail(f, "this is none of the choices")
	}
	return d.json(f, text)
}

func (d *decoder) json(f *Field, text string) (any, bool) {
	if err := schema.CheckJSON([]byte(text)); err != nil {
		return d.fail(f, "this is not JSON: "+err.Error())
	}
	value, err := outline.Decode([]byte(text))
	if err != nil {
		return d.fail(f, "this is not JSON: "+err.Error())
	}
	return value, true
}

// within makes an object or a list.
func (d *decoder) within(f *Field) (any, bool) {
	if !f.Set {
		return nil, false
	}
	if f.Kind == List {
		list := []any{}
		for _, item := range f.Fields {
			value, there := d.value(item, true)
			if !there {
				value = nil // an error was noted, or it is a secret that stays
				if item.Kind == Group || item.Kind == List {
					continue
				}
			}
			list = append(list, value)
		}
		return list, true
	}
	object := &outline.Object{}
	for _, member := range f.Fields {
		if value, there := d.value(member, false); there {
			object.Set(member.key, value)
		}
	}
	return object, true
}
