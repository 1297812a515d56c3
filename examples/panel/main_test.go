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

func start(t *testing.T) *sdktest.Extension {
	return sdktest.Start(t, &panel{}, sdktest.WithManifest(map[string]string{
		"extension_request": "examples.panel.PanelRequest", "extension_response": "examples.panel.PanelResponse",
	}))
}

func TestConform(t *testing.T) { sdktest.Conform(t, start) }

func TestItGreetsAsConfigured(t *testing.T) {
	ext := start(t)
	greets := func(want string) {
		t.Helper()
		var got response
		if err := ext.Call(t.Context(), "examples.panel.GreetRequest", request{Name: "Ada"}, &got); err != nil || got.Greeting != want {
			t.Errorf("%q, error %v, want %q", got.Greeting, err, want)
		}
	}
	greets("Hello, Ada")
	if err := ext.Configure(t.Context(), config{Salutation: "Bonjour"}); err != nil {
		t.Fatal(err)
	}
	greets("Bonjour, Ada")
	if err := ext.Configure(t.Context(), "no object"); err == nil {
		t.Error("a text is taken for a configuration")
	}
	greets("Bonjour, Ada")
}

// TestREADME sends what the README sends and expects what it shows.
func TestREADME(t *testing.T) {
	_, rest, _ := strings.Cut(readme, "-d '")
	payload, rest, _ := strings.Cut(rest, "'")
	_, rest, _ = strings.Cut(rest, "```json\n")
	want, _, _ := strings.Cut(rest, "\n")
	got, err := start(t).Do(t.Context(), &sdk.Request{Type: "examples.panel.GreetRequest", Payload: []byte(payload)})
	if err != nil || string(got.Payload) != want {
		t.Errorf("answer %+v, error %v, want %s", got, err, want)
	}
}
