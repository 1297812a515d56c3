package bundletest

import (
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

// Content is what a good bundle is made of.
type Content struct {
	Attributes map[string]string
	Files      map[string][]byte
}

// Edit changes the content of a bundle before it is written.
type Edit func(c *Content)

// With sets an attribute of the manifest; an empty value takes it out.
func With(name, value string) Edit {
	return func(c *Content) {
		if value == "" {
			delete(c.Attributes, name)
			return
		}
		c.Attributes[name] = value
	}
}

// WithFile adds an entry, or replaces one.
func WithFile(name string, data []byte) Edit {
	return func(c *Content) { c.Files[name] = data }
}

// Without takes an entry out.
func Without(name string) Edit {
	return func(c *Content) { delete(c.Files, name) }
}

// WithExecutable adds an executable for the platform of the test.
func WithExecutable(data []byte) Edit {
	return WithFile("bin/"+runtime.GOOS+"-"+runtime.GOARCH+"/extension", data)
}

// GoodManifest returns the manifest of Good.
func GoodManifest(edits ...Edit) []byte { return content(edits).manifest() }

// Good returns a bundle that bundle.Verify takes: examples.hello, version 1.0.0, with
// a script as the executable for linux-amd64 and for the platform of the test. Its
// entries are, in this order, the manifest and the rest by name.
func Good(edits ...Edit) []byte {
	a := GoodArchive(edits...)
	return a.Build()
}

// GoodArchive is Good before it is written.
func GoodArchive(edits ...Edit) *Archive {
	c := content(edits)
	a := &Archive{Entries: []Entry{{Name: "META-INF/MANIFEST.MF", Data: c.manifest()}}}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		a.Entries = append(a.Entries, Entry{Name: name, Data: c.Files[name]})
	}
	return a
}

func content(edits []Edit) *Content {
	c := &Content{
		Attributes: map[string]string{
			"extension_class":    "examples.hello.HelloExtension",
			"extension_request":  "examples.hello.HelloRequest",
			"extension_response": "examples.hello.HelloResponse",
			"extension_name":     "Hello",
			"extension_version":  "1.0.0",
		},
		Files: map[string][]byte{"bin/linux-amd64/extension": script()},
	}
	WithExecutable(script())(c)
	for _, edit := range edits {
		edit(c)
	}
	return c
}

// script is no extension: it ends at once.
func script() []byte { return []byte("#!/bin/sh\nexit 0\n") }

func (c *Content) manifest() []byte {
	var attrs []bundle.Attribute
	for _, name := range slices.SortedFunc(maps.Keys(c.Attributes), strings.Compare) {
		attrs = append(attrs, bundle.Attribute{Name: name, Value: c.Attributes[name]})
	}
	data, err := bundle.FormatManifest(attrs)
	if err != nil {
		panic(err)
	}
	return data
}
