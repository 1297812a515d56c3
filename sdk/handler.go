package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
)

// Handler answers the requests of one type. It is made by Handle or HandleRaw.
type Handler struct {
	request, response string
	reqType, respType reflect.Type
	serve             func(ctx context.Context, req *Request) (*Response, error)
}

// RequestType is the full name of the type that h answers, "" for a raw handler.
func (h Handler) RequestType() string { return h.request }

// ResponseType is the full name of the type that h answers with, "" for a raw
// handler.
func (h Handler) ResponseType() string { return h.response }

// GoTypes returns the Go types behind the two names, nil and nil for a raw handler.
// Schemas are made from them.
func (h Handler) GoTypes() (request, response reflect.Type) { return h.reqType, h.respType }

// Serve answers one request. It does not recover from panics: that is the wire's
// task, which knows where the stack belongs.
func (h Handler) Serve(ctx context.Context, req *Request) (*Response, error) {
	return h.serve(ctx, req)
}

// Handle makes a handler for one declared type. The names are full type names as
// clients and types.json use them; the JSON Schemas of both are made from Req and
// Resp, so a json tag is all the description a field needs. Both types derive from
// the manifest's extension_request and extension_response, unless they are these.
//
// A payload that does not decode into Req is answered with invalid_argument, and
// fn is not called. fn is called by many goroutines at once. Its context ends with
// the request's deadline, and when the client goes away. A non-nil error should be
// an *Error; any other is logged and answered as internal, without its text.
func Handle[Req, Resp any](request, response string, fn func(ctx context.Context, req Req) (Resp, error)) Handler {
	return Handler{
		request: request, response: response,
		reqType: reflect.TypeFor[Req](), respType: reflect.TypeFor[Resp](),
		serve: func(ctx context.Context, req *Request) (*Response, error) {
			var in Req
			if len(req.Payload) == 0 {
				return nil, Errorf(InvalidArgument, "decoding %s: the payload is empty", request)
			}
			if err := json.Unmarshal(req.Payload, &in); err != nil {
				return nil, Errorf(InvalidArgument, "decoding %s: %v", request, err)
			}
			out, err := fn(WithRequest(ctx, req), in)
			if err != nil {
				return nil, err
			}
			payload, err := json.Marshal(out)
			if err != nil {
				return nil, fmt.Errorf("encoding %s: %w", response, err)
			}
			return &Response{Type: response, MediaType: "application/json", Payload: payload}, nil
		},
	}
}

// HandleRaw makes a handler that takes whatever no typed handler takes, bytes of
// any media type, and answers bytes. An Extension has at most one. With a raw
// handler alone an extension declares no types: its bundle accepts exactly the
// manifest's extension_request and answers its extension_response. Beside typed
// handlers, too, that is the type it is asked with, unless a typed handler takes it.
func HandleRaw(fn func(ctx context.Context, req *Request) (*Response, error)) Handler {
	return Handler{serve: func(ctx context.Context, req *Request) (*Response, error) {
		return fn(WithRequest(ctx, req), req)
	}}
}
