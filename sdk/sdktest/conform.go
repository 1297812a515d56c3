package sdktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/internal/exposition"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk"
)

// Conform checks what every extension must do, whatever its task: say the same types
// twice, derive them from its base types, be healthy, and answer anything that a
// client may send with an answer of the declared type or with an error that is no
// fault (internal and extension_fault are faults); and, where it has metrics, measure
// nothing that a host would leave out. Start is called once.
//
//	func TestConform(t *testing.T) {
//		sdktest.Conform(t, func(t *testing.T) *sdktest.Extension { return sdktest.Start(t, extension()) })
//	}
func Conform(t *testing.T, start func(t *testing.T) *Extension) {
	e := start(t)
	t.Run("declared types", func(t *testing.T) { conformTypes(t, e) })
	t.Run("describe is stable", func(t *testing.T) {
		ctx, cancel := withTimeout(t.Context())
		defer cancel()
		types, can, err := e.child.Describe(ctx, e.manifest)
		if err != nil {
			t.Fatal(err)
		}
		if can != e.can || !reflect.DeepEqual(types, e.types) {
			t.Errorf("the second answer differs: %+v %+v, first %+v %+v", types, can, e.types, e.can)
		}
	})
	t.Run("a type that nobody declared", func(t *testing.T) {
		_, err := e.Do(t.Context(), &sdk.Request{Type: "sdktest.NobodyDeclaredThis", Payload: []byte(`{}`)})
		e.noFault(t, err) // a raw handler may answer
		e.healthy(t)
	})
	t.Run("payloads of every kind", func(t *testing.T) { conformPayloads(t, e) })
	t.Run("a client that went away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, name := range e.requests() {
			if _, err := e.Do(ctx, &sdk.Request{Type: name, Payload: []byte(`{}`)}); sdk.CodeOf(err) != sdk.Canceled {
				t.Errorf("%s: got %v, want canceled", name, err)
			}
		}
		e.healthy(t)
	})
	t.Run("a payload over the limit", func(t *testing.T) {
		for _, name := range e.requests() {
			_, err := e.Do(t.Context(), &sdk.Request{Type: name, Payload: make([]byte, MaxPayload+1)})
			if sdk.CodeOf(err) != sdk.TooLarge {
				t.Errorf("%s: got %v, want too_large", name, err)
			}
		}
	})
	t.Run("metrics", func(t *testing.T) { conformMetrics(t, e) })
	t.Run("project parameters", func(t *testing.T) {
		_, err := e.ProjectParameters(t.Context(), "project", "fr_CA")
		if !e.can.ProjectParameters && sdk.CodeOf(err) != sdk.Unimplemented {
			t.Errorf("got %v, want unimplemented", err)
		}
		if e.can.ProjectParameters {
			e.noFault(t, err)
		}
	})
}

// conformMetrics checks that a host shows all that the extension measures.
func conformMetrics(t *testing.T, e *Extension) {
	text, err := e.Metrics(t.Context())
	if !e.can.Collect {
		if sdk.CodeOf(err) != sdk.Unimplemented {
			t.Errorf("got %v, want unimplemented", err)
		}
		return
	}
	if err != nil {
		t.Errorf("no metrics: %v", err)
	}
	_, refused := exposition.Read(text)
	for _, r := range refused {
		t.Errorf("a host does not show the family %v", r)
	}
}

// conformTypes checks the rules of types.json that need no schema library.
func conformTypes(t *testing.T, e *Extension) {
	byName := make(map[string]sdk.Type)
	for _, declared := range e.types {
		if _, twice := byName[declared.Name]; twice {
			t.Errorf("%s is declared twice", declared.Name)
		}
		byName[declared.Name] = declared
	}
	base := map[sdk.Role]string{
		sdk.RoleRequest: e.manifest["extension_request"], sdk.RoleResponse: e.manifest["extension_response"],
	}
	for _, declared := range e.types {
		if !wire.ValidTypeName(declared.Name) {
			t.Errorf("%q is no type name", declared.Name)
		}
		if declared.Schema != nil && !json.Valid(declared.Schema) {
			t.Errorf("the schema of %s is not JSON", declared.Name)
		}
		at, steps := declared, 0
		for at.Name != base[declared.Role] && steps <= len(e.types) {
			if at.Extends == base[declared.Role] {
				break
			}
			at, steps = byName[at.Extends], steps+1
		}
		if steps > len(e.types) || at.Name == "" {
			t.Errorf("%s does not derive from %s", declared.Name, base[declared.Role])
		}
		if declared.Role != sdk.RoleRequest || declared.Response == "" || declared.Response == base[sdk.RoleResponse] {
			continue
		}
		if byName[declared.Response].Role != sdk.RoleResponse {
			t.Errorf("%s is answered with %s, which is not declared", declared.Name, declared.Response)
		}
	}
}

// conformPayloads sends what clients send by mistake or on purpose, many at once.
func conformPayloads(t *testing.T, e *Extension) {
	deep := append(bytes.Repeat([]byte("["), 5000), bytes.Repeat([]byte("]"), 5000)...)
	payloads := map[string][]byte{
		"empty": nil, "null": []byte("null"), "an empty object": []byte("{}"), "an array": []byte("[]"),
		"a string": []byte(`"x"`), "a number": []byte("-1e309"), "half": []byte(`{"a":`), "two": []byte("{}{}"),
		"no text": {0, 0xff, 0xfe}, "deep": deep, "an unknown member": []byte(`{"sdktest":true}`),
	}
	var wg sync.WaitGroup
	for _, name := range e.requests() {
		for kind, payload := range payloads {
			wg.Go(func() {
				resp, err := e.Do(t.Context(), &sdk.Request{Type: name, Payload: payload})
				if err != nil {
					if faulty(err) {
						t.Errorf("%s with %s: %v", name, kind, err)
					}
					return
				}
				if want := e.responseOf(name); want != "" && resp.Type != want {
					t.Errorf("%s with %s: answered with %s, declared is %s", name, kind, resp.Type, want)
				}
			})
		}
	}
	wg.Wait()
	e.healthy(t)
}

// requests returns the types that the extension answers: those it declares, else its
// base type.
func (e *Extension) requests() []string {
	var names []string
	for _, declared := range e.types {
		if declared.Role == sdk.RoleRequest {
			names = append(names, declared.Name)
		}
	}
	if names == nil {
		names = []string{e.manifest["extension_request"]}
	}
	return names
}

// responseOf returns the declared response type of a request type, "" when there is
// none.
func (e *Extension) responseOf(request string) string {
	at := slices.IndexFunc(e.types, func(declared sdk.Type) bool { return declared.Name == request })
	if at < 0 {
		return e.manifest["extension_response"]
	}
	return e.types[at].Response
}

func (e *Extension) healthy(t *testing.T) {
	t.Helper()
	if err := e.Check(t.Context()); err != nil {
		t.Errorf("no longer healthy: %v", err)
	}
}

func (e *Extension) noFault(t *testing.T, err error) {
	t.Helper()
	if err != nil && faulty(err) {
		t.Errorf("got %v", err)
	}
}

// faulty reports whether err says that the extension is broken, rather than the
// request.
func faulty(err error) bool {
	var e *sdk.Error
	if !errors.As(err, &e) {
		return true
	}
	switch e.Code {
	case sdk.Internal, sdk.ExtensionFault, sdk.DeadlineExceeded:
		return true
	}
	return false
}
