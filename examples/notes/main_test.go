package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

//go:embed README.md
var readme string

//go:embed manifest.mf
var manifest string

// hello stands for the extension of examples/hello.
func hello() sdk.Handler {
	return sdk.Handle("examples.hello.HelloRequest", "examples.hello.HelloResponse", func(_ context.Context, in helloRequest) (helloResponse, error) {
		return helloResponse{"Hello, " + in.Name}, nil
	})
}

func start(t *testing.T, opts ...sdktest.Option) *sdktest.Extension {
	return sdktest.Start(t, &notes{}, append([]sdktest.Option{
		sdktest.WithLog(sdktest.Silent()), sdktest.WithManifest(map[string]string{
			"extension_request": "examples.notes.NotesRequest", "extension_response": "examples.notes.NotesResponse",
		})}, opts...)...)
}

func granted(t *testing.T) *sdktest.Extension {
	return start(t, sdktest.WithKeyValue(sdktest.NewKeyValue(0)), sdktest.WithCallee(hello()))
}

func TestConform(t *testing.T) { sdktest.Conform(t, granted) }

func list(t *testing.T, e *sdktest.Extension, after int) (out listResponse) {
	t.Helper()
	if err := e.Call(t.Context(), "examples.notes.ListRequest", listRequest{after}, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNotes(t *testing.T) {
	kv := sdktest.NewKeyValue(0)
	e := start(t, sdktest.WithKeyValue(kv), sdktest.WithCallee(hello()))
	const writers, each = 8, 16
	var mu sync.Mutex
	var wg sync.WaitGroup
	numbers := map[int]string{}
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				text := strconv.Itoa(w) + " " + strconv.Itoa(n)
				var out addResponse
				if err := e.Call(t.Context(), "examples.notes.AddRequest", addRequest{Text: text}, &out); err != nil {
					t.Errorf("adding: %v", err)
				}
				mu.Lock()
				numbers[out.Number] = text
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(numbers) != writers*each {
		t.Errorf("%d notes have %d numbers", writers*each, len(numbers))
	}
	e.Stop()

	// It is all there for the next process.
	e = start(t, sdktest.WithKeyValue(kv), sdktest.WithCallee(hello()))
	first := list(t, e, 0)
	second := list(t, e, first.Next)
	if len(first.Notes) != 100 || first.Next != 100 || len(second.Notes) != writers*each-100 || second.Next != 0 {
		t.Errorf("pages of %d and %d notes, next %d and %d", len(first.Notes), len(second.Notes), first.Next, second.Next)
	}
	for _, n := range append(first.Notes, second.Notes...) {
		if numbers[n.Number] != n.Text {
			t.Errorf("note %d is %q, want %q", n.Number, n.Text, numbers[n.Number])
		}
	}
}

func TestGreetings(t *testing.T) {
	e := granted(t)
	resp, err := e.Do(t.Context(), &sdk.Request{Type: "examples.notes.ListRequest", Payload: []byte("{}"), Caller: sdk.Caller{Subject: "Ada"}})
	if err != nil || string(resp.Payload) != `{"greeting":"Hello, Ada","notes":[]}` {
		t.Errorf("got %s, %v", resp.Payload, err)
	}
	alone := start(t, sdktest.WithKeyValue(sdktest.NewKeyValue(0)))
	if out := list(t, alone, 0); out.Greeting != "" || out.Notes == nil {
		t.Errorf("without somebody who greets: %+v", out)
	}
}

func TestRefusals(t *testing.T) {
	err := start(t).Call(t.Context(), "examples.notes.AddRequest", addRequest{Text: "x"}, nil)
	if sdk.CodeOf(err) != sdk.PermissionDenied || !strings.Contains(err.Error(), "would need kv") {
		t.Errorf("without the permission: %v", err)
	}
	full := start(t, sdktest.WithKeyValue(sdktest.NewKeyValue(1000)))
	err = full.Call(t.Context(), "examples.notes.AddRequest", addRequest{Text: strings.Repeat("x", 1000)}, nil)
	if sdk.CodeOf(err) != sdk.Exhausted {
		t.Errorf("a store that is full: %v", err)
	}
}

// TestREADME sends what the README sends and expects what it shows, and holds the
// permissions it shows to the manifest.
func TestREADME(t *testing.T) {
	e := granted(t)
	rest := readme
	for _, name := range []string{"examples.notes.AddRequest", "examples.notes.ListRequest"} {
		var payload, want string
		_, rest, _ = strings.Cut(rest, name)
		_, rest, _ = strings.Cut(rest, "-d '")
		payload, rest, _ = strings.Cut(rest, "'")
		_, rest, _ = strings.Cut(rest, "```json\n")
		want, rest, _ = strings.Cut(rest, "\n")
		got, err := e.Do(t.Context(), &sdk.Request{Type: name, Payload: []byte(payload)})
		if err != nil {
			t.Fatal(err)
		}
		var is, shown any
		if json.Unmarshal(got.Payload, &is) != nil || json.Unmarshal([]byte(want), &shown) != nil || !reflect.DeepEqual(is, shown) {
			t.Errorf("answer to %s is %s, want %s", payload, got.Payload, want)
		}
	}
	_, rest, _ = strings.Cut(rest, "```\n")
	if permissions, _, _ := strings.Cut(rest, "\n"); !strings.Contains(manifest, permissions+"\n") {
		t.Errorf("the manifest does not have %q", permissions)
	}
}
