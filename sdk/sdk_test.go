package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

type hello struct {
	Name string `json:"name"`
}

type greeting struct {
	Greeting string `json:"greeting"`
}

// A typed handler is a Go function; tests may call it without any host.
func ExampleHandle() {
	h := sdk.Handle("examples.HelloRequest", "examples.HelloResponse",
		func(ctx context.Context, in hello) (greeting, error) {
			if in.Name == "" {
				return greeting{}, sdk.Errorf(sdk.InvalidArgument, "name is empty")
			}
			return greeting{Greeting: "Hello, " + in.Name}, nil
		})
	resp, err := h.Serve(context.Background(), &sdk.Request{
		Type: h.RequestType(), MediaType: "application/json", Payload: []byte(`{"name":"Ada"}`),
	})
	fmt.Println(resp.Type, string(resp.Payload), err)
	_, err = h.Serve(context.Background(), &sdk.Request{Type: h.RequestType(), Payload: []byte(`{}`)})
	fmt.Println(sdk.CodeOf(err), err)
	// Output:
	// examples.HelloResponse {"greeting":"Hello, Ada"} <nil>
	// invalid_argument invalid_argument: name is empty
}

// Who asks stands in the context of a typed handler.
func ExampleRequestFrom() {
	h := sdk.Handle("x.WhoAmIRequest", "x.WhoAmIResponse", func(ctx context.Context, _ struct{}) (string, error) {
		return sdk.RequestFrom(ctx).Caller.Subject, nil
	})
	resp, _ := h.Serve(context.Background(), &sdk.Request{Payload: []byte(`{}`), Caller: sdk.Caller{Subject: "ada"}})
	fmt.Println(string(resp.Payload))
	// Output: "ada"
}

func TestHandleDecodesExactlyOneValue(t *testing.T) {
	called := 0
	h := sdk.Handle("x.A", "x.B", func(_ context.Context, in hello) (hello, error) {
		called++
		return in, nil
	})
	for payload, want := range map[string]string{
		``:                       "invalid_argument: decoding x.A: the payload is empty",
		`{`:                      "invalid_argument: decoding x.A: unexpected end of JSON input",
		`{}{}`:                   "invalid_argument: decoding x.A: invalid character '{' after top-level value",
		`{"name":1}`:             "invalid_argument: decoding x.A: json: cannot unmarshal number",
		"\xff":                   "invalid_argument: decoding x.A: invalid character",
		` {"name":"a","b":[]}  `: "",
		`null`:                   "",
	} {
		before := called
		resp, err := h.Serve(t.Context(), &sdk.Request{Payload: []byte(payload)})
		switch {
		case want == "" && (err != nil || called != before+1 || resp.Type != "x.B" || resp.MediaType != "application/json"):
			t.Errorf("%q: got %+v, %v", payload, resp, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || called != before):
			t.Errorf("%q: got %v, want %s", payload, err, want)
		}
	}
}

func TestHandleKeepsErrors(t *testing.T) {
	cause := errors.New("cause")
	h := sdk.Handle("x.A", "x.B", func(context.Context, struct{}) (func(), error) { return nil, cause })
	if _, err := h.Serve(t.Context(), &sdk.Request{Payload: []byte("{}")}); err != cause {
		t.Errorf("got %v", err)
	}
	h = sdk.Handle("x.A", "x.B", func(context.Context, struct{}) (func(), error) { return nil, nil })
	if _, err := h.Serve(t.Context(), &sdk.Request{Payload: []byte("{}")}); err == nil || !strings.HasPrefix(err.Error(), "encoding x.B: ") {
		t.Errorf("got %v", err)
	}
}

func TestHandlerSaysWhatItIs(t *testing.T) {
	typed := sdk.Handle("x.A", "x.B", func(context.Context, hello) (greeting, error) { return greeting{}, nil })
	request, response := typed.GoTypes()
	if typed.RequestType() != "x.A" || typed.ResponseType() != "x.B" ||
		request != reflect.TypeFor[hello]() || response != reflect.TypeFor[greeting]() {
		t.Errorf("got %s %s %v %v", typed.RequestType(), typed.ResponseType(), request, response)
	}
	raw := sdk.HandleRaw(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		if sdk.RequestFrom(ctx) != req {
			t.Error("a raw handler's context has another request")
		}
		return &sdk.Response{Payload: req.Payload}, nil
	})
	request, response = raw.GoTypes()
	if raw.RequestType() != "" || raw.ResponseType() != "" || request != nil || response != nil {
		t.Error("a raw handler has types")
	}
	resp, err := raw.Serve(t.Context(), &sdk.Request{Payload: []byte{0xff}})
	if err != nil || string(resp.Payload) != "\xff" {
		t.Errorf("got %v, %v", resp, err)
	}
	if handlers := (sdk.Handlers{typed, raw}).Handlers(); len(handlers) != 2 {
		t.Errorf("got %d handlers", len(handlers))
	}
	if sdk.RequestFrom(t.Context()) != nil {
		t.Error("a request outside of a handler")
	}
}

func TestCodes(t *testing.T) {
	codes := sdk.Codes()
	if len(codes) != 16 || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != 16 {
		t.Errorf("got %q", codes)
	}
	for _, c := range []struct {
		err  error
		want sdk.Code
	}{
		{nil, ""},
		{errors.New("x"), sdk.Internal},
		{sdk.Errorf(sdk.NotFound, "no %s", "x"), sdk.NotFound},
		{fmt.Errorf("wrapped: %w", sdk.Errorf(sdk.Conflict, "x")), sdk.Conflict},
	} {
		if got := sdk.CodeOf(c.err); got != c.want {
			t.Errorf("%v: got %q", c.err, got)
		}
	}
	if got := sdk.Errorf(sdk.NotFound, "no %s", "device").Error(); got != "not_found: no device" {
		t.Errorf("got %q", got)
	}
}

// The JSON form of a type is a part of the bundle format.
func TestTypesAsJSON(t *testing.T) {
	data, err := json.Marshal(sdk.Types{Types: []sdk.Type{
		{Name: "x.Base", Role: sdk.RoleRequest},
		{Name: "x.A", Role: sdk.RoleRequest, Extends: "x.Base", Response: "x.B", Schema: json.RawMessage(`{"type":"object"}`)},
	}})
	const want = `{"types":[{"name":"x.Base","role":"request"},{"name":"x.A","role":"request","extends":"x.Base","response":"x.B","schema":{"type":"object"}}]}`
	if err != nil || string(data) != want {
		t.Errorf("got %s, %v", data, err)
	}
}

func TestTraceID(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	for parent, want := range map[string]string{
		"00-" + id + "-b7ad6b7169203331-01":       id,
		"cc-" + id + "-b7ad6b7169203331-01-later": id,
		"": "", "00-" + id: "", "00-" + id + "-b7ad6b71": "",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01":  "",
		"00-\"af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "",
		"00_" + id + "-b7ad6b7169203331-01":                        "",
	} {
		if got := (sdk.Trace{Parent: parent}).ID(); got != want {
			t.Errorf("%q: %q, want %q", parent, got, want)
		}
	}
}
