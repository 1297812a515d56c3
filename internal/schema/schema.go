// Package schema is the house's reading of JSON Schema 2020-12: which schemas a
// bundle may bring, and whether a payload keeps one.
//
// Call Compile once per schema and Validate for every payload. Both take hostile
// bytes. A Schema has at most MaxSubschemas subschemas after expanding references,
// never refers to anything outside of itself, and is immutable, so that many
// goroutines may use it. Validate does work in proportion to the payload, whatever
// schema and payload were made for.
//
// Schemas are checked against the metaschema by santhosh-tekuri/jsonschema. Payloads
// are not given to it: its cost grows exponentially with the nesting of a payload
// where a schema refers to itself twice, it multiplies numbers such as 1e999999 out,
// and it offers no way to stop it. The evaluator here agrees with it in all else,
// and tests hold the two side by side.
package schema

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	faults "github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// The limits on a document with schemas, from bundle.md, "Types".
const (
	// Draft is the only draft, and what $schema says when there is one.
	Draft = "https://json-schema.org/draft/2020-12/schema"
	// MaxBytes bounds a document.
	MaxBytes = 4 << 20
	// MaxDepth bounds its nesting.
	MaxDepth = 64
	// MaxSubschemas bounds the subschemas of a document when each $ref counts as
	// much as what it refers to.
	MaxSubschemas = 10_000
)

// maxNumber bounds the exponent and the length of a number within a schema.
const maxNumber = 1000

// Schema is a compiled schema.
type Schema struct {
	doc   tape
	root  *node
	size  int
	tapes sync.Pool // of *tape, empty ones with room for the next payload
}

// Check reports whether Compile accepts raw. The error is an *Error.
func Check(raw []byte) error {
	_, err := Compile(raw)
	return err
}

// CheckJSON reports whether data is one JSON value within MaxBytes and MaxDepth,
// valid UTF-8, and without a key that stands twice in an object. The error is an
// *Error.
func CheckJSON(data []byte) error {
	var t tape
	return t.parseDocument(data)
}

func (t *tape) parseDocument(data []byte) error {
	if len(data) > MaxBytes {
		return &Error{Message: fmt.Sprintf("the document has %d bytes, more than the %d allowed", len(data), MaxBytes)}
	}
	return t.parse(data, MaxDepth)
}

// Compile checks raw against every limit and compiles it. The error is an *Error
// that says where. raw is copied.
func Compile(raw []byte) (*Schema, error) {
	s := &Schema{}
	if err := s.doc.parseDocument(bytes.Clone(raw)); err != nil {
		return nil, err
	}
	if err := checkNumbers(&s.doc); err != nil {
		return nil, err
	}
	c := &compiler{
		tape: &s.doc, nodes: map[uint32]*node{},
		members: map[uint32]map[string]uint32{}, items: map[uint32][]uint32{},
	}
	root, err := c.compile()
	if err != nil {
		return nil, err
	}
	if err := checkMeta(s.doc.data, ""); err != nil {
		return nil, err
	}
	s.root = root
	if s.size, err = measure(c.order); err != nil {
		return nil, err
	}
	return s, nil
}

// Size is the number of subschemas after expanding references, at least 1. One
// that refers back to itself counts once there.
func (s *Schema) Size() int { return s.size }

// Raw is the text that s was compiled from. The caller must not change it.
func (s *Schema) Raw() []byte { return s.doc.data }

// checkNumbers refuses numbers that would cost more to expand than a schema is worth.
func checkNumbers(t *tape) error {
	for i, c := range t.cells {
		if c.kind != number {
			continue
		}
		raw := t.raw(uint32(i))
		d := parseDecimal(raw)
		if len(raw) > maxNumber || d.exp > maxNumber || d.exp < -maxNumber {
			return &Error{Message: fmt.Sprintf("the number %s at byte %d is out of range for a schema", clip(string(raw)), c.start)}
		}
	}
	return nil
}

// metaschema is compiled once per process and never changes.
var metaschema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // neither files nor the network
	return c.Compile(Draft)
})

// checkMeta checks the schema raw, which lies at pointer, against the metaschema.
func checkMeta(raw []byte, pointer string) error {
	meta, err := metaschema()
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return &Error{pointer, clip(err.Error())}
	}
	err = meta.Validate(doc)
	if err == nil {
		return nil
	}
	fault, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return err
	}
	leaf := deepest(fault)
	var at strings.Builder
	for _, token := range leaf.InstanceLocation {
		at.WriteString("/" + pointerToken(token))
	}
	return &Error{pointer + at.String(), clip("this is no valid JSON Schema: " + leaf.ErrorKind.LocalizedString(message.NewPrinter(language.English)))}
}

// deepest returns the first cause of causes: the one that names a keyword. Of
// alternatives it stops at the choice, which says more than its branches.
func deepest(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	for len(e.Causes) > 0 {
		if _, choice := e.ErrorKind.(*faults.AnyOf); choice {
			return e
		}
		e = e.Causes[0]
	}
	return e
}
