// Package form makes forms from JSON Schema, and values from what was sent with them.
//
// Parse reads a schema once. Fill gives the tree of fields for a value, to be rendered;
// Refill gives the tree for what a browser has posted, wrong texts and all, with what a
// button has added or removed; Decode gives the value for it. (*Field).Place puts messages
// beside the fields that they speak of. There is no HTML here, and no JavaScript is needed
// for what a form can do.
//
// What is promised: every schema that package schema accepts gives a form, whatever it
// says: what has no control of its own is a text area of JSON. For a value that keeps the
// schema Decode of what Fill has shown is that value, but for secrets: Fill never shows
// one that is set, and Refill shows only what was typed a moment ago. What is posted may be
// hostile: a tree has at most MaxFields fields.
//
// A form is no validation: Decode reports texts that are no number or no JSON, and the
// owner of the schema says the rest.
package form

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

const (
	// MaxFields bounds the fields of one tree; what would have more is shown as JSON.
	MaxFields = 5000
	// maxItems bounds the items of a list that are shown one by one.
	maxItems = 200
	// maxNesting bounds the groups and lists within each other.
	maxNesting = 12
)

// Form is a form without values. It is immutable.
type Form struct{ sure, possible outline.Place }

// Error says what is wrong at a place of a value.
type Error struct {
	// Pointer is a JSON pointer (RFC 6901), "" for the whole.
	Pointer string
	Message string
}

// Parse makes the form of a schema that package schema accepts. Nil stands for the
// schema true: one text area of JSON.
func Parse(schema []byte) (*Form, error) {
	o, err := outline.Read(schema)
	if err != nil {
		return nil, err
	}
	return &Form{o.Sure(), o.Possible()}, nil
}

// Fill returns the tree of fields that shows a value, nil for none. set are the pointers
// of secrets that are set.
func (f *Form) Fill(value json.RawMessage, set ...string) (*Field, error) {
	s := given{secrets: set}
	if value != nil {
		decoded, err := outline.Decode(value)
		if err != nil {
			return nil, fmt.Errorf("reading the value of a form: %w", err)
		}
		s.value, s.there = decoded, true
	}
	return f.build(s), nil
}

// Refill returns the tree of fields as it was posted, with what an add or remove button
// asks for done to it.
func (f *Form) Refill(posted url.Values, set ...string) *Field {
	root := f.build(newPosted(posted, set))
	for name := range posted {
		if pointer, ok := strings.CutPrefix(name, "remove:"); ok {
			root.remove(pointer)
		}
		if pointer, ok := strings.CutPrefix(name, "add:"); ok {
			root.add(pointer, posted.Get("key:"+pointer))
		}
	}
	return root
}

// Decode returns the value that was posted, nil for none. A secret that was left empty is
// absent from it, one that is to be cleared is null. Errors speak of texts that cannot be
// what their fields hold.
func (f *Form) Decode(posted url.Values) (json.RawMessage, []Error) {
	root := f.build(newPosted(posted, nil))
	d := &decoder{}
	value, there := d.value(root, false)
	if len(d.errors) > 0 || !there {
		return nil, d.errors
	}
	return outline.Encode(value), nil
}

// Restructures reports whether it was an add or remove button by which a form was sent:
// then it is to be shown again (Refill), not taken.
func Restructures(posted url.Values) bool {
	for name := range posted {
		if strings.HasPrefix(name, "add:") || strings.HasPrefix(name, "remove:") {
			return true
		}
	}
	return false
}

func (f *Form) build(s source) *Field {
	b := &builder{left: MaxFields}
	return b.field(spot{sure: f.sure, possible: f.possible, required: true, root: true}, s)
}
