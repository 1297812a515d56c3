package sdk

import (
	"context"
	"encoding/json"
)

// Call sends in, as JSON, to whoever answers the request type named typeName, and
// decodes the answer:
//
//	out, err := sdk.Call[HelloResponse](ctx, setup, "examples.hello.HelloRequest", HelloRequest{Name: "Ada"})
//
// It needs the permission call:TYPE, and is Setup.Call otherwise: every error is an
// *Error. An answer that does not decode is an extension_fault.
func Call[Resp any](ctx context.Context, setup Setup, typeName string, in any) (Resp, error) {
	var out Resp
	payload, err := json.Marshal(in)
	if err != nil {
		return out, Errorf(InvalidArgument, "encoding %s: %v", typeName, err)
	}
	resp, err := setup.Call(ctx, &Request{Type: typeName, MediaType: "application/json", Payload: payload})
	if err != nil {
		return out, err
	}
	defer resp.Free()
	if err := json.Unmarshal(resp.Payload, &out); err != nil {
		return out, Errorf(ExtensionFault, "decoding %s: %v", resp.Type, err)
	}
	return out, nil
}
