package jpl_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
)

// TestDocumented: docs/jami.md has every code that is not one of bundles, every check, every
// platform with our names for it, and the root.
func TestDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/jami.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	words := append(jpl.CheckNames(), jpl.JamiRootSHA256)
	codes := jpl.Codes()
	for _, code := range codes[slices.Index(codes, jpl.CodeManifestInvalid):] {
		words = append(words, string(code))
	}
	for _, name := range abi.Names() {
		words = append(append(words, name), abi.Platforms(name)...)
	}
	for _, word := range words {
		if !strings.Contains(page, "`"+word+"`") {
			t.Errorf("docs/jami.md does not have `%s`", word)
		}
	}
}
