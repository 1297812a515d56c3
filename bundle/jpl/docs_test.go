package jpl_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
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
	for _, code := range jpl.Codes() {
		container := code != ""
		for _, c := range bundle.Codes() {
			if c == bundle.CodeNoManifest {
				container = false
				break
			}
			if string(c) == string(code) {
				break
			}
		}
		if !container {
			words = append(words, string(code))
		}
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
