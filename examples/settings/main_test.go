package main

import (
	_ "embed"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

//go:embed README.md
var readme string

//go:embed config.schema.json
var schema []byte

const greet = "examples.settings.GreetRequest"

// usual is what the host gives when nothing is set: the defaults of the schema.
func usual(t *testing.T) map[string]any {
	t.Helper()
	var s struct {
		Properties map[string]struct{ Default any }
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	for name, p := range s.Properties {
		if p.Default != nil {
			values[name] = p.Default
		}
	}
	return values
}

func start(t *testing.T) *sdktest.Extension {
	return sdktest.Start(t, new(settings), sdktest.WithConfig(usual(t)), sdktest.WithManifest(map[string]string{
		"extension_request": "examples.settings.SettingsRequest", "extension_response": "examples.settings.SettingsResponse",
	}))
}

func TestConform(t *testing.T) { sdktest.Conform(t, start) }

func TestConfigure(t *testing.T) {
	ext := start(t)
	greets := func(greeting, signature string) {
		t.Helper()
		var got response
		if err := ext.Call(t.Context(), greet, request{Name: "Ada"}, &got); err != nil {
			t.Fatal(err)
		}
		if got != (response{greeting, signature}) {
			t.Errorf("it greets with %+v", got)
		}
	}
	greets("Hello, Ada.", "")
	// The signature is that of: printf 'Salut, Ada!' | openssl dgst -sha256 -hmac 'a long enough key'
	const signature = "7dc3b577243459281edf06f6063edb1c3aa4019b1ce7c422eeb4abd72a717fa4"
	values := map[string]any{"greeting": "Salut", "mark": "!", "key": "a long enough key"}
	if err := ext.Configure(t.Context(), values); err != nil {
		t.Fatal(err)
	}
	greets("Salut, Ada!", signature)

	values["greeting"] = "  "
	err := ext.Configure(t.Context(), values)
	var refusal *sdk.Error
	if refusal, _ = err.(*sdk.Error); refusal == nil || len(refusal.Violations) != 1 || refusal.Violations[0].Pointer != "/greeting" {
		t.Errorf("a greeting without a word: %v", err)
	}
	values["greeting"], values["key"] = "Salut", "kkkkkkkk"
	if err := ext.Configure(t.Context(), values); err == nil || strings.Contains(err.Error(), "kkkkkkkk") {
		t.Errorf("a poor key: %v", err)
	}
	greets("Salut, Ada!", signature) // what was refused has changed nothing
}

// TestREADME sends what the README sends and expects what it shows.
func TestREADME(t *testing.T) {
	_, rest, _ := strings.Cut(readme, "-d '")
	payload, rest, _ := strings.Cut(rest, "'")
	_, rest, _ = strings.Cut(rest, "```json\n")
	want, _, _ := strings.Cut(rest, "\n")
	got, err := start(t).Do(t.Context(), &sdk.Request{Type: greet, Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Payload) != want {
		t.Errorf("answer to %s is %s, want %s", payload, got.Payload, want)
	}
}
