package router

import (
	"encoding/json"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// Family is the response types of one extension: its base type and all that derive
// from it. It is immutable.
type Family struct {
	members map[string]*schema.Schema
}

// NewFamily returns the family of base and the declared types, each with what its
// schema compiles to, nil for an opaque one.
func NewFamily(base string, declared map[string]*schema.Schema) *Family {
	f := &Family{members: make(map[string]*schema.Schema, len(declared)+1)}
	f.members[base] = nil
	for name, compiled := range declared {
		f.members[name] = compiled
	}
	return f
}

// Has reports whether name is one of the types. A nil Family has them all.
func (f *Family) Has(name string) bool {
	if f == nil {
		return true
	}
	_, ok := f.members[name]
	return ok
}

// Schema returns the text of the schema declared for name, nil for an opaque type.
// The caller must not change it.
func (f *Family) Schema(name string) json.RawMessage {
	if f == nil || f.members[name] == nil {
		return nil
	}
	return f.members[name].Raw()
}

// validate checks a JSON payload against the schema declared for name, if any.
func (f *Family) validate(name string, payload []byte) ([]sdk.Violation, error) {
	if f == nil || f.members[name] == nil {
		return nil, nil
	}
	return f.members[name].Validate(payload)
}
