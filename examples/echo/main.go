// Command echo is an extension that answers with the bytes it was sent, in the
// media type they came in. It shows the raw handler: it declares no types, so the
// same executable works in a bundle whose manifest names any other class and types.
//
// For those who test a host it also misbehaves on demand; see demand.
package main

import (
	"context"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// echo is the extension.
type echo struct {
	kept    memory
	metrics atomic.Pointer[string] // as somebody has asked for them
}

// Collect says what it was told to say.
func (e *echo) Collect(context.Context) ([]byte, error) {
	if text := e.metrics.Load(); text != nil {
		return []byte(*text), nil
	}
	return nil, nil
}

func (e *echo) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.HandleRaw(e.answer)}
}

func (e *echo) answer(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	wanted, err := demandOf(req)
	if err != nil {
		return nil, err
	}
	if wanted != nil {
		if err := wanted.obey(ctx, e); err != nil {
			return nil, err
		}
	}
	// The request's payload is ours only until we return; to answer with it is allowed.
	return &sdk.Response{MediaType: req.MediaType, Payload: req.Payload}, nil
}

func main() { serve.Main(&echo{}) }
