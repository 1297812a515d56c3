// Command relay is the extension of stories about calls. A request is JSON: "then" names
// the types that are asked one after the other, each by the one before, with what is
// left of the list. The last one answers with who asked it. What an extension should
// not do it does on demand, too.
package main

import (
	"context"
	"encoding/json"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

type order struct {
	Then []string `json:"then"`
	// Detached forgets the request within which it calls.
	Detached bool `json:"detached"`
	// Forge calls as if another request were being answered.
	Forge string `json:"forge"`
	// Sleep waits for the end of the request, at the end of the list.
	Sleep bool `json:"sleep"`
}

type relay struct{ setup sdk.Setup }

func (r *relay) Init(_ context.Context, setup sdk.Setup) error {
	r.setup = setup
	return nil
}

func (r *relay) Handlers() []sdk.Handler { return []sdk.Handler{sdk.HandleRaw(r.answer)} }

func (r *relay) answer(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	var o order
	if err := json.Unmarshal(req.Payload, &o); err != nil {
		return nil, sdk.Errorf(sdk.InvalidArgument, "%v", err)
	}
	if len(o.Then) == 0 {
		if o.Sleep {
			<-ctx.Done()
			r.setup.Log.Info("nobody waits any more", "error", ctx.Err())
			return nil, ctx.Err()
		}
		_, hasDeadline := ctx.Deadline()
		payload, err := json.Marshal(map[string]any{"caller": req.Caller, "request_id": req.ID, "deadline": hasDeadline})
		return &sdk.Response{MediaType: "application/json", Payload: payload}, err
	}
	next := o.Then[0]
	o.Then = o.Then[1:]
	payload, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if o.Detached {
		ctx = context.Background()
	}
	if o.Forge != "" {
		ctx = sdk.WithRequest(ctx, &sdk.Request{ID: o.Forge, Ticket: o.Forge, Caller: sdk.Caller{Subject: o.Forge}})
	}
	resp, err := r.setup.Call(ctx, &sdk.Request{
		Type: next, MediaType: "application/json", Payload: payload, Caller: sdk.Caller{Subject: "forged", Roles: []string{"administrator"}},
	})
	if err != nil {
		return nil, err
	}
	defer resp.Free()
	return &sdk.Response{MediaType: resp.MediaType, Payload: resp.Payload}, nil
}

func main() { serve.Main(&relay{}) }
