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
	// Payload is valid until the handler returns: copy what you keep. A handler may
	// answer with it, or with a part of it, as it is: the wire keeps the memory until
	// the answer is sent.
	Payload []byte
	// Caller is who asks. Credentials never reach an extension.
	Caller Caller
	// Trace is the span that the request belongs to; the zero value when the host does
	// not trace.
	Trace Trace
	// Ticket names the request to the host in what Setup.Call asks on its behalf. It is
	// empty where the extension has no permission to call, and of no use to anybody else.
	Ticket string
}

// Trace is a W3C trace context: the values of the headers traceparent and tracestate.
// An extension that traces makes its own spans the children of Parent.
type Trace struct {
	Parent, State string
}

// ID returns the trace id in Parent, 32 hexadecimal digits, by which what was logged of
// one request is found in every place; "" when Parent is no traceparent.
func (t Trace) ID() string {
	// A later version may have more fields behind these: version-traceid-parentid-flags.
	const begin, end, least = 3, 3 + 32, 55
	if len(t.Parent) < least || t.Parent[begin-1] != '-' || t.Parent[end] != '-' {
		return ""
	}
	id := t.Parent[begin:end]
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return id
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
	// Release, when it is not nil, is called once, when nobody reads Payload any more:
	// its memory may be used again from then on. Nil leaves it to the collector. Who
	// gets a Response calls Free, and touches neither it nor its Payload afterwards.
	Release func()
}

// Free calls r.Release, if there is one; a nil r is fine. It is called at most once.
func (r *Response) Free() {
	if r != nil && r.Release != nil {
		r.Release()
	}
}

// Caller is the verified identity behind a request. The zero value is an anonymous
// caller.
type Caller struct {
	Subject string
	Roles   []string
	Session string
	// Extension is the id of the extension that asks on the caller's behalf (Setup.Call),
	// verified like the rest; empty when the client asks itself.
	Extension string
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
