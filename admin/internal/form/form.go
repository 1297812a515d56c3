// Package form makes forms from JSON Schema, and values from what was sent with them.
//
// Parse reads a schema once. Fill gives the tree of fields for a value, to be rendered;
// Decode gives the value for what a browser has posted; Refill gives the tree for that,
// wrong texts and all, after an error or when a button has added or removed something.
// (*Field).Place puts messages beside the fields that they speak of. There is no HTML
// here, and no JavaScript is needed for what a form can do.
//
// What is promised: every schema that package schema accepts gives a form, whatever it
// says: what has no field of its own is a text area of JSON. For a value that keeps the
// schema Decode of what Fill has shown is that value, but for secrets, which Fill never
// shows. What is posted may be hostile: the tree is bounded by MaxFields.
//
// A form is no validation: Decode reports texts that are no number or no JSON, and the
// owner of the schema says the rest.
package form

import (
	"encoding/json"
	"net/url"
)

// MaxFields bounds the fields of one tree. Beyond them values are shown as JSON.
const MaxFields = 5000

// Form is a form without values. It is immutable.
type Form struct{}

// Error says what is wrong at a place of a value.
type Error struct {
	// Pointer is a JSON pointer (RFC 6901), "" for the whole.
	Pointer string
	Message string
}

// Parse makes the form of a schema that package schema accepts. Nil stands for the
// schema true: one text area of JSON.
func Parse(schema []byte) (*Form, error) { return &Form{}, nil }

// Fill returns the tree of fields that shows a value, nil for an empty object. set are
// the pointers of secrets that are set.
func (f *Form) Fill(value json.RawMessage, set ...string) (*Field, error) { return &Field{}, nil }

// Refill returns the tree of fields as it was posted, with what add and remove buttons
// ask for done to it.
func (f *Form) Refill(posted url.Values, set ...string) *Field { return &Field{} }

// Decode returns the value that was posted. A secret that was left empty is absent from
// it, one that is to be cleared is null. Errors speak of texts that cannot be what their
// fields hold.
func (f *Form) Decode(posted url.Values) (json.RawMessage, []Error) { return nil, nil }

// Restructures reports whether it was an add or remove button by which a form was sent:
// then it is to be shown again (Refill), not taken.
func Restructures(posted url.Values) bool { return false }
