package main

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

//go:embed README.md
var readme string

//go:embed main.go
var source string

func start(t *testing.T) *sdktest.Extension {
	return sdktest.Start(t, sdk.Handlers{sdk.Handle("examples.hello.HelloRequest", "examples.hello.HelloResponse", hello)},
		sdktest.WithManifest(map[string]string{
			"extension_request": "examples.hello.HelloRequest", "extension_response": "examples.hello.HelloResponse",
		}))
}

func TestConform(t *testing.T) { sdktest.Conform(t, start) }

func TestHello(t *testing.T) {
	ext := start(t)
	for name, greeting := range map[string]string{
		"Ada": "Hello, Ada", "Zoë 🙂": "Hello, Zoë 🙂", "<b>": "Hello, <b>", "": "Hello, ",
	} {
		var got response
		if err := ext.Call(t.Context(), "examples.hello.HelloRequest", request{Name: name}, &got); err != nil {
			t.Fatal(err)
		}
		if got.Greeting != greeting {
			t.Errorf("greeting is %q, want %q", got.Greeting, greeting)
		}
	}
	if err := ext.Call(t.Context(), "examples.hello.HelloRequest", 7, nil); sdk.CodeOf(err) != sdk.InvalidArgument {
		t.Errorf("a number for an object: %v", err)
	}
}

// TestREADME sends what the README sends and expects what it shows.
func TestREADME(t *testing.T) {
	_, rest, _ := strings.Cut(readme, "-d '")
	payload, rest, _ := strings.Cut(rest, "'")
	_, rest, _ = strings.Cut(rest, "```json\n")
	want, _, _ := strings.Cut(rest, "\n")
	got, err := start(t).Do(t.Context(), &sdk.Request{Type: "examples.hello.HelloRequest", Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Payload) != want || got.Type != "examples.hello.HelloResponse" {
		t.Errorf("answer to %s is a %s: %s, want %s", payload, got.Type, got.Payload, want)
	}
}

// TestItStaysSmall holds the promise that an extension with one handler has at most
// 25 lines.
func TestItStaysSmall(t *testing.T) {
	if lines := strings.Count(source, "\n"); lines > 25 {
		t.Errorf("main.go has %d lines", lines)
	}
}
