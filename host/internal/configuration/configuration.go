// Package configuration knows what an administrator can set for an extension: which of
// it is secret, what is filled in where nothing is set, whether it keeps the extension's
// schema, and what another configuration would change.
//
// Compile reads config.schema.json. A Document is a configuration taken apart into what
// may be shown and what may not; Take makes one of what an administrator has sent, Keep
// carries over the secrets that were left out, and Effective puts it together again for
// the extension. A Vault seals secrets for the database.
//
// What is promised: a value whose place the schema marks as writeOnly, in any branch, is
// never among the values of a Document; a secret, once it was one, stays one until a value
// is set in its place that is none. All of it is bounded, whatever schema and values are.
package configuration

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/internal/schema/outline"
	"github.com/jackfield-host/jackfield/sdk"
)

// The limits.
const (
	// MaxBytes bounds what an administrator sends.
	MaxBytes = 256 << 10
	// maxEffective bounds it with all defaults filled in.
	maxEffective = 1 << 20
	// maxSteps bounds the schemas and values that are looked at in one walk, which may
	// refer to themselves without end.
	maxSteps = 1 << 19
	// maxListed bounds the secrets that a schema declares, maxNesting how deep.
	maxListed  = 1000
	maxNesting = schema.MaxDepth
)

// Errors of values that make no Document. A *schema.Error besides says that they are no
// JSON.
var (
	ErrTooLarge  = fmt.Errorf("the configuration is over the limit of %d bytes", MaxBytes)
	ErrNoObject  = errors.New("the configuration must be a JSON object")
	errIntricate = errors.New("the schema and the values together are too intricate")
)

// Schema is the schema of a configuration.
type Schema struct {
	raw      json.RawMessage
	compiled *schema.Schema // nil takes everything
	sure     outline.Place
	possible outline.Place
}

// Compile reads a schema, nil for one that takes every object.
func Compile(raw json.RawMessage) (*Schema, error) {
	s := &Schema{raw: raw}
	if raw != nil {
		var err error
		if s.compiled, err = schema.Compile(raw); err != nil {
			return nil, err
		}
	}
	o, err := outline.Read(raw)
	if err != nil {
		return nil, err
	}
	s.sure, s.possible = o.Sure(), o.Possible()
	return s, nil
}

// Raw is what s was compiled from.
func (s *Schema) Raw() json.RawMessage { return s.raw }

// Document is a configuration taken apart. It is not changed once it is made.
type Document struct {
	// Values is everything but the secrets; nil is an empty object.
	Values *outline.Object
	// Secrets are the values that are secret, by JSON pointer. The objects and lists
	// that hold them are among Values.
	Secrets map[string]any
}

// Empty reports whether nothing is set.
func (d Document) Empty() bool {
	return len(d.Secrets) == 0 && (d.Values == nil || len(d.Values.Keys) == 0)
}

// Encode returns the values as JSON.
func (d Document) Encode() json.RawMessage {
	if d.Values == nil {
		return json.RawMessage("{}")
	}
	return outline.Encode(d.Values)
}

// Stored is a Document whose values were kept as JSON apart from its secrets. What s
// says now of its places is heeded: values that are secret by now are moved, and what
// was secret stays so.
func (s *Schema) Stored(values json.RawMessage, secrets map[string]any) (Document, error) {
	read, err := outline.Decode(values)
	if err != nil {
		return Document{}, fmt.Errorf("reading the stored values: %w", err)
	}
	object, ok := read.(*outline.Object)
	if !ok {
		return Document{}, ErrNoObject
	}
	joined, err := Document{Values: object, Secrets: secrets}.join()
	if err != nil {
		return Document{}, err
	}
	return s.split(joined.(*outline.Object), secrets)
}

// Take makes a Document of what an administrator has sent. A secret that is null is to
// be cleared: Keep does that.
func (s *Schema) Take(sent json.RawMessage) (Document, error) {
	if len(sent) > MaxBytes {
		return Document{}, ErrTooLarge
	}
	if err := schema.CheckJSON(sent); err != nil {
		return Document{}, err
	}
	value, err := outline.Decode(sent)
	if err != nil {
		return Document{}, err
	}
	object, ok := value.(*outline.Object)
	if !ok {
		return Document{}, ErrNoObject
	}
	return s.split(object, nil)
}

// Effective returns what the extension gets: d with its secrets and with the defaults of
// s filled in, and where that breaks s. Without a schema and with nothing set it is nil.
func (s *Schema) Effective(d Document) (json.RawMessage, []sdk.Violation) {
	if s.compiled == nil && d.Empty() {
		return nil, nil
	}
	whole, err := s.whole(d)
	if err != nil {
		return nil, []sdk.Violation{{Message: err.Error()}}
	}
	raw := outline.Encode(whole)
	if len(raw) > maxEffective {
		return nil, []sdk.Violation{{Message: fmt.Sprintf("with its defaults it has %d bytes, %d is the most", len(raw), maxEffective)}}
	}
	if s.compiled == nil {
		return raw, nil
	}
	violations, err := s.compiled.Validate(raw)
	if err != nil {
		return nil, []sdk.Violation{{Message: err.Error()}}
	}
	return raw, violations
}

// whole puts d together and fills the defaults in.
func (s *Schema) whole(d Document) (any, error) {
	joined, err := d.join()
	if err != nil {
		return nil, err
	}
	w := walk{steps: maxSteps}
	whole := w.fill(joined, s.sure, maxNesting)
	if w.steps <= 0 {
		return nil, errIntricate
	}
	return whole, nil
}

// walk bounds how much is looked at.
type walk struct{ steps int }

// spend takes what one place costs and reports whether there is more.
func (w *walk) spend(p outline.Place) bool {
	w.steps -= 1 + p.Size()
	return w.steps > 0
}

// fill returns v with defaults where it has no value. An object that is not there is not
// made for the defaults within it: its absence may mean something.
func (w *walk) fill(v any, p outline.Place, depth int) any {
	if !w.spend(p) || !p.Said() {
		return v
	}
	if depth == 0 { // a default within a default within …
		switch v.(type) {
		case *outline.Object, []any:
			w.steps = 0
		}
		return v
	}
	switch v := v.(type) {
	case *outline.Object:
		filled := &outline.Object{}
		for _, key := range v.Keys {
			member, _ := v.Get(key)
			filled.Set(key, w.fill(member, p.Property(key), depth-1))
		}
		for _, name := range p.Names() {
			if _, there := v.Get(name); there {
				continue
			}
			place := p.Property(name)
			if value, ok := place.Lookup("default"); ok && w.spend(place) {
				filled.Set(name, w.fill(value, place, depth-1))
			}
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, item := range v {
			filled[i] = w.fill(item, p.Item(i), depth-1)
		}
		return filled
	}
	return v
}
