package main

import (
	"bytes"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
)

func TestParcelsAreBundles(t *testing.T) {
	k, err := newKit(bytes.Repeat([]byte("executable "), 1000))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []parcel{
		{name: "one", version: "1.0.0"},
		{name: "two", version: "2.0.1", overlap: true, types: otherTypes("two")},
		{name: "three", version: "3.0.0", requires: idOf("two") + " >=2.0.1 <2.0.2"},
	} {
		data := k.pack(p)
		file, err := bundle.NewFile(bytes.NewReader(data), int64(len(data)), bundle.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Verify(t.Context(), file)
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		if m := b.Manifest(); m.ID != idOf(p.name) || m.Request != typeOf(p.name) || m.Version.String() != p.version || len(m.Requires) > 0 != (p.requires != "") {
			t.Errorf("%s: the manifest says %+v", p.name, m)
		}
	}
}
