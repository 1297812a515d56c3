package host

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// DeclaredType is a type that an extension answers, or answers with.
type DeclaredType struct {
	Type string `json:"type"`
	// Role is request or response.
	Role string `json:"role"`
	// Extends is the parent type, absent for a base type.
	Extends string `json:"extends,omitempty"`
	// Response is what a request is answered with; absent for a response.
	Response string `json:"response,omitempty"`
	// Schema is a JSON Schema 2020-12, null for an opaque payload.
	Schema json.RawMessage `json:"schema"`
	// Handled is false for what nobody can ask for: responses, and a base type without
	// a handler.
	Handled bool `json:"handled"`
	// State is that of the extension; only what is running answers.
	State State `json:"state"`
}

// Types returns what an extension declares, requests first, each sorted by name. It is
// what the version says that runs, or else the one that should. The error is an *Error:
// CodeNotFound for an id that no extension has. What is no extension (yet) has no types.
func (h *Host) Types(id string) ([]DeclaredType, error) { return h.declaredTypes(id) }

// TryRequest is one request that a person sends from the admin page.
type TryRequest struct {
	// ID is the extension that must answer: a type of another one is CodeNotFound, so
	// that whoever may try one extension does not reach others through it.
	ID   string
	Type string
	// MediaType may be empty, for the usual one of the type.
	MediaType string
	Payload   []byte
	// Timeout is the longest it may take, 0 for as long as the extension may.
	Timeout time.Duration
	// Actor is who asks: his name is the subject of the caller that the extension sees,
	// Roles are its roles.
	Actor Actor
	Roles []string
	// OwnPage says that a page of the extension itself asks, which the person only looks
	// at: the caller then names the extension, too, and has no roles. What it asks others
	// for meanwhile is not asked with the rights of an administrator.
	OwnPage bool
}

// TryResult is how a request was answered.
type TryResult struct {
	// Status is what a client of the request listener would have got, as HTTP has it.
	Status int `json:"status"`
	// Code is ok, or the code of the problem. Message and Retryable belong to a problem.
	Code      string `json:"code"`
	Message   string `json:"message,omitempty"`
	Retryable bool   `json:"retryable,omitempty"`
	// Errors say where the payload breaks the schema of its type.
	Errors []sdk.Violation `json:"errors,omitempty"`
	// RequestID is in the log of the extension, too.
	RequestID string `json:"request_id"`
	// Type, MediaType and Payload are the answer of the extension. Payload is hostile,
	// and no more than the first mebibyte of an answer of Bytes bytes.
	Type      string `json:"type,omitempty"`
	MediaType string `json:"media_type,omitempty"`
	Payload   []byte `json:"payload,omitempty"`
	Bytes     int    `json:"bytes,omitempty"`
	// Took is from the router's door to the answer.
	Took time.Duration `json:"took"`
}

// Try has one request answered through the router, as that of any client: with the same
// checks, limits, deadlines and metrics. A request that an extension refuses is a
// TryResult; the error is an *Error and means that none was sent: CodeNotFound when the
// extension has no such type, CodeTooLarge for a payload over MaxTry, CodeUnavailable
// when as many as the host allows are being tried already.
func (h *Host) Try(ctx context.Context, r TryRequest) (TryResult, error) { return h.try(ctx, r) }

// MaxTry bounds the payload of a TryRequest, in bytes.
const MaxTry = 1 << 20

// Dependencies are what an extension stands on, and what stands on it.
type Dependencies struct {
	Needs    []Dependency `json:"needs"`     // never nil, in the order of the manifest
	NeededBy []Dependency `json:"needed_by"` // never nil, sorted by id
}

// Dependency is one extension that needs another: of Needs the other, of NeededBy the
// one that asks.
type Dependency struct {
	ID string `json:"id"`
	// Name and Version are those of the extension with this id, empty when there is none.
	Name    string `json:"name"`
	Version string `json:"version"`
	// State is its state, empty when it is not there.
	State State `json:"state"`
	// Constraint is what is asked of the version, such as ">=3.0 <4"; empty for any.
	Constraint string `json:"constraint"`
	// Optional says that it also runs without.
	Optional bool `json:"optional"`
	// Met says that what is there satisfies the constraint and runs.
	Met bool `json:"met"`
}

// Dependencies returns those of an extension, an *Error with CodeNotFound when no
// extension has the id.
func (h *Host) Dependencies(id string) (Dependencies, error) { return h.dependencies(id) }

// Icon is a picture that is safe to show: decoded, and encoded anew by the host.
type Icon struct {
	// Data is a PNG or a JPEG of at most 128 × 128 pixels, Media which: image/png, image/jpeg.
	Data  []byte
	Media string
	// ETag changes with the content; it is quoted.
	ETag string
}

// Icon returns the picture of an extension, from META-INF/extension/icon.png of its
// private copy. An SVG is a program and is never passed through. The error is an *Error:
// CodeNotFound when there is no extension or no picture that can be shown.
func (h *Host) Icon(id string) (Icon, error) { return h.icon(id) }
