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
	return sdktest.Start(t, new(words), sdktest.WithManifest(map[string]string{
		"extension_request": "examples.words.WordsRequest", "extension_response": "examples.words.WordsResponse",
	}))
}

func TestConform(t *testing.T) { sdktest.Conform(t, start) }

// TestREADME sends what the README sends and expects what it shows.
func TestREADME(t *testing.T) {
	between := func(before, after string) string {
		_, rest, _ := strings.Cut(readme, before)
		text, _, _ := strings.Cut(rest, after)
		return text
	}
	ext := start(t)
	got, err := ext.Do(t.Context(), &sdk.Request{Type: "examples.words.CountRequest", Payload: []byte(between("-d '", "'"))})
	if err != nil {
		t.Fatal(err)
	}
	if want := between("```json\n", "\n"); string(got.Payload) != want {
		t.Errorf("the answer is %s, want %s", got.Payload, want)
	}
	text, err := ext.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.NewReplacer("ext_", "", `{extension="examples.words.WordsExtension"}`, "").Replace("words_counted_total" + between("```\next_words_counted_total", "\n```"))
	for _, want := range []string{shown, "words_text_words_bucket{le=\"1\"} 0", "words_text_words_bucket{le=\"10\"} 1", "words_text_words_sum 6"} {
		if !strings.Contains(string(text), "\n"+want+"\n") {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
