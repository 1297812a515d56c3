package sdk

import "context"

// Request is one request as it reaches a handler.
type Request struct {
	// ID is the host's Request-Id, for logs.
	ID string
	// Type is the full name of the request type.
	Type string
	// MediaType says what Payload is; it is never empty.
	MediaType string
	// Payload is valid until the handler returns: copy what you keep.
	Payload []byte
	// Caller is who asks. Credentials never reach an extension.
	Caller Caller
}

// Response is what a raw handler answers.
type Response struct {
	// Type is the full name of the response type. Empty means the response type
	// declared for the request's type, else the manifest's extension_response.
	Type string
	// MediaType says what Payload is; empty means application/octet-stream.
	MediaType string
	// Payload belongs to the wire once the handler has returned.
	Payload []byte
}

// Caller is the verified identity behind a request. The zero value is an anonymous
// caller.
type Caller struct {
	Subject string
	Roles   []string
	Session string
}

type requestKey struct{}

// WithRequest returns a context that carries req for RequestFrom. The wire calls
// it; tests of handlers may.
func WithRequest(ctx context.Context, req *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, req)
}

// RequestFrom returns the request that the handler with this context is answering,
// or nil outside of a handler. A typed handler finds its caller there.
func RequestFrom(ctx context.Context) *Request {
	req, _ := ctx.Value(requestKey{}).(*Request)
	return req
}
