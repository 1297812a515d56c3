package edge

import (
	"context"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

// Call has a request of an extension answered as if a client had sent it: with the same
// checks, limits, codes and metrics. Its MediaType may be empty, for the usual one of
// its type; its Caller is believed. The error is an *sdk.Error.
func (e *edge) Call(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	route := e.router.Lookup(req.Type)
	if route == nil {
		e.router.Count(nil, sdk.UnknownType)
		return nil, sdk.Errorf(sdk.UnknownType, "no extension declares the request type %s", quote(req.Type))
	}
	if err := e.admit(route, req); err != nil {
		e.router.Count(route, sdk.CodeOf(err))
		return nil, err
	}
	resp, _, err := e.router.Do(ctx, route, req)
	return resp, err
}

// admit checks a request of an extension as those of clients are.
func (e *edge) admit(route *router.Route, req *sdk.Request) error {
	if fault := route.Refusal(); fault != nil {
		return fault
	}
	if req.MediaType == "" {
		req.MediaType = "application/json"
		if route.Opaque() {
			req.MediaType = "application/octet-stream"
		}
	}
	if err := checkMedia(req.MediaType, route); err != nil {
		return err
	}
	if limit := requestLimit(route); int64(len(req.Payload)) > limit {
		return tooLarge(limit)
	}
	return e.validate(route, req.Payload)
}
