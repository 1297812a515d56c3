package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

//go:embed README.md
var readme string

// start runs the extension under the names of a bundle, request and response.
func start(t *testing.T, request, response string) (*sdktest.Extension, *echo) {
	t.Helper()
	e := new(echo)
	return sdktest.Start(t, e, sdktest.WithManifest(map[string]string{
		"extension_request": request, "extension_response": response,
	})), e
}

func TestConform(t *testing.T) {
	sdktest.Conform(t, func(t *testing.T) *sdktest.Extension {
		ext, _ := start(t, "examples.echo.EchoRequest", "examples.echo.EchoResponse")
		return ext
	})
}

func TestEchoChangesNothing(t *testing.T) {
	ext, _ := start(t, "examples.echo.EchoRequest", "examples.echo.EchoResponse")
	if declared := ext.Types(); len(declared) != 0 {
		t.Errorf("echo declares %v", declared)
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, test := range []struct {
		name, mediaType string
		payload         []byte
	}{
		{"text", "text/plain; charset=utf-8", []byte("anything at all")},
		{"every byte", "application/octet-stream", every},
		{"nothing", "application/octet-stream", nil},
		{"a megabyte", "image/png", bytes.Repeat(every, 4096)},
		{"JSON as it is written", "application/json", []byte(" { \"b\" : 1,\n\"a\":1.50 }")},
		{"broken JSON", "application/json", []byte(`{"sleep_ms":`)},
		{"a demand in another type", "text/plain", []byte(`{"panic":true}`)},
		{"a demand that is none", "application/json", []byte(`{"panic":"true"}`)},
		{"a demand in a list", "application/json", []byte(`[{"panic":true}]`)},
		{"a demand in a member", "application/json", []byte(`{"a":{"panic":true}}`)},
		{"a demand that is too long", "application/json", []byte(`{"panic":true,"a":"` + strings.Repeat("a", demandBytes) + `"}`)},
		{"demands of nothing", "application/json", []byte(`{"sleep_ms":0,"panic":false,"exit":null,"alloc_mb":0}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ext.Do(t.Context(), &sdk.Request{Type: "examples.echo.EchoRequest", MediaType: test.mediaType, Payload: test.payload})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Payload, test.payload) || got.MediaType != test.mediaType || got.Type != "examples.echo.EchoResponse" {
				t.Errorf("answer is a %s of %s with %d bytes, %d were sent", got.Type, got.MediaType, len(got.Payload), len(test.payload))
			}
		})
	}
}

func TestEchoUnderAnotherName(t *testing.T) {
	ext, _ := start(t, "org.example.mirror.Look", "org.example.mirror.Image")
	got, err := ext.Do(t.Context(), &sdk.Request{Type: "org.example.mirror.Look", Payload: []byte(`{}`)})
	if err != nil || got.Type != "org.example.mirror.Image" || string(got.Payload) != `{}` {
		t.Errorf("answer is %+v (%v)", got, err)
	}
}

func TestEchoCopiesNothing(t *testing.T) {
	req := &sdk.Request{MediaType: "text/plain", Payload: []byte("mine")}
	got, err := new(echo).Handlers()[0].Serve(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if &got.Payload[0] != &req.Payload[0] {
		t.Error("the answer is a copy of the request")
	}
}

func TestDemands(t *testing.T) {
	ext, e := start(t, "examples.echo.EchoRequest", "examples.echo.EchoResponse")
	ask := func(ctx context.Context, mediaType, payload string) error {
		got, err := ext.Do(ctx, &sdk.Request{Type: "examples.echo.EchoRequest", MediaType: mediaType, Payload: []byte(payload)})
		if err == nil && string(got.Payload) != payload {
			t.Errorf("%s was answered with %s", payload, got.Payload)
		}
		return err
	}
	t.Run("sleep_ms", func(t *testing.T) {
		for _, mediaType := range []string{"application/json", "Application/JSON; charset=utf-8", "application/geo+json", "application/octet-stream"} {
			began := time.Now()
			if err := ask(t.Context(), mediaType, "\n {\"sleep_ms\":30}"); err != nil {
				t.Error(err)
			}
			if slept := time.Since(began); slept < 30*time.Millisecond {
				t.Errorf("%s: slept for %v", mediaType, slept)
			}
		}
	})
	t.Run("sleep_ms ends with the request", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := ask(ctx, "application/json", `{"sleep_ms":600000}`); sdk.CodeOf(err) != sdk.DeadlineExceeded {
			t.Errorf("error is %v", err)
		}
		_, err := e.answer(ctx, &sdk.Request{MediaType: "application/json", Payload: []byte(`{"sleep_ms":600000}`)})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("panic", func(t *testing.T) {
		if err := ask(t.Context(), "application/json", `{"panic":true}`); sdk.CodeOf(err) != sdk.ExtensionFault {
			t.Errorf("error is %v", err)
		}
		if err := ask(t.Context(), "application/json", `{}`); err != nil {
			t.Errorf("after a panic: %v", err)
		}
	})
	t.Run("alloc_mb", func(t *testing.T) {
		if err := ask(t.Context(), "application/json", `{"alloc_mb":8}`); err != nil {
			t.Fatal(err)
		}
		e.kept.mu.Lock()
		defer e.kept.mu.Unlock()
		if len(e.kept.blocks) != 8 || e.kept.blocks[7][1<<20-4096] != 1 {
			t.Errorf("%d MiB are kept, want 8", len(e.kept.blocks))
		}
	})
	t.Run("metrics", func(t *testing.T) {
		if err := ask(t.Context(), "application/json", `{"metrics":"up 1\n"}`); err != nil {
			t.Fatal(err)
		}
		if text, err := ext.Metrics(t.Context()); err != nil || string(text) != "up 1\n" {
			t.Errorf("the metrics are %q, %v", text, err)
		}
	})
	t.Run("out of bounds", func(t *testing.T) {
		for _, payload := range []string{
			`{"sleep_ms":-1}`, `{"sleep_ms":600001}`, `{"alloc_mb":-1}`, `{"alloc_mb":16385}`, `{"exit":-1}`, `{"exit":256}`,
		} {
			if err := ask(t.Context(), "application/json", payload); sdk.CodeOf(err) != sdk.InvalidArgument {
				t.Errorf("%s: error is %v", payload, err)
			}
		}
	})
}

// TestExit runs itself in other processes, which are asked to exit.
func TestExit(t *testing.T) {
	if demand := os.Getenv("ECHO_DEMAND"); demand != "" {
		_, err := new(echo).answer(t.Context(), &sdk.Request{MediaType: "application/json", Payload: []byte(demand)})
		t.Fatalf("still there: %v", err)
	}
	for demand, code := range map[string]int{`{"exit":0}`: 0, `{"exit":7}`: 7, `{"exit":255}`: 255} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestExit$")
		child.Env = append(os.Environ(), "ECHO_DEMAND="+demand)
		if out, err := child.CombinedOutput(); child.ProcessState.ExitCode() != code {
			t.Errorf("%s: %v\n%s", demand, err, out)
		}
	}
}

// TestREADME sends what the README sends and expects what it shows.
func TestREADME(t *testing.T) {
	ext, _ := start(t, "examples.echo.EchoRequest", "examples.echo.EchoResponse")
	_, rest, _ := strings.Cut(readme, "-d '")
	payload, rest, _ := strings.Cut(rest, "'")
	_, rest, _ = strings.Cut(rest, "```text\n")
	want, _, _ := strings.Cut(rest, "\n")
	got, err := ext.Do(t.Context(), &sdk.Request{Type: "examples.echo.EchoRequest", MediaType: "text/plain", Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Payload) != want {
		t.Errorf("answer is %q, want %q", got.Payload, want)
	}
}

func BenchmarkEcho(b *testing.B) {
	for name, payload := range map[string]string{
		"opaque": strings.Repeat("x", 1024),
		"json":   `{"text":"` + strings.Repeat("x", 1014) + `"}`,
	} {
		b.Run(name, func(b *testing.B) {
			serve := new(echo).Handlers()[0].Serve
			req := &sdk.Request{MediaType: "application/json", Payload: []byte(payload)}
			for b.Loop() {
				if _, err := serve(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
