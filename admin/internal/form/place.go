package form

import (
	"strings"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// Placed is a message with the field that it stands beside.
type Placed struct {
	// ID is that of the control, Label its name.
	ID, Label string
	Message   string
}

// Place puts messages beside the fields that they speak of, or the nearest that stands
// above them, and returns all of them with those fields, in the order of the form, for a
// summary.
func (f *Field) Place(errors []Error) []Placed {
	at := map[*Field][]string{}
	for _, e := range errors {
		field := f.nearest(e.Pointer)
		if name, ok := schema.Missing(e.Message); ok {
			if member, _ := f.find(outline.Pointer(e.Pointer, name)); member != nil {
				field, e.Message = member, "this is missing"
			}
		}
		at[field] = append(at[field], e.Message)
	}
	var placed []Placed
	var visit func(f *Field)
	visit = func(f *Field) {
		for _, message := range at[f] {
			f.Messages = append(f.Messages, message)
			placed = append(placed, Placed{f.ID(), f.Label, message})
		}
		for _, below := range f.Fields {
			visit(below)
		}
	}
	visit(f)
	return placed
}

// nearest is the field at a pointer, or the nearest above it.
func (f *Field) nearest(pointer string) *Field {
	for {
		if at, _ := f.find(pointer); at != nil {
			return at
		}
		cut := strings.LastIndexByte(pointer, '/')
		if cut < 0 {
			return f
		}
		pointer = pointer[:cut]
	}
}
