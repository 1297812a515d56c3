package sdk

import "encoding/json"

// Role says whether a declared type is asked with or answered with.
type Role string

// The two roles.
const (
	RoleRequest  Role = "request"
	RoleResponse Role = "response"
)

// Type is one declared type, an element of META-INF/extension/types.json and of
// what a running extension reports through Describe.
type Type struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Extends is the parent type, empty for a base type of the manifest.
	Extends string `json:"extends,omitempty"`
	// Response is the response type of a request type.
	Response string `json:"response,omitempty"`
	// Schema is a JSON Schema 2020-12, nil when the payload is opaque.
	Schema json.RawMessage `json:"schema,omitempty"`
}

// Types is the document of types.json.
type Types struct {
	Types []Type `json:"types"`
}

// SchemaProvider is a Go type that says its own JSON Schema, where its fields do
// not (a custom MarshalJSON, say). It is asked on the type's zero value.
type SchemaProvider interface {
	SchemaJSON() []byte
}
