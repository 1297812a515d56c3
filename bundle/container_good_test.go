package bundle_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// TestFineThings are unusual, legal and not refused.
func TestFineThings(t *testing.T) {
	both := func(change func(h *bundletest.Header)) bundletest.Entry {
		return bundletest.Entry{Local: change, Central: change}
	}
	inner := bundletest.Good()
	for _, c := range []struct {
		name string
		e    bundletest.Entry
		a    func(a *bundletest.Archive)
	}{
		{name: "descriptor-12", e: bundletest.Entry{Descriptor: bundletest.Descriptor12}},
		{name: "descriptor-16", e: bundletest.Entry{Descriptor: bundletest.Descriptor16}},
		{name: "descriptor-20", e: bundletest.Entry{Descriptor: bundletest.Descriptor20}},
		{name: "descriptor-24", e: bundletest.Entry{Descriptor: bundletest.Descriptor24}},
		{name: "descriptor-and-sizes", e: bundletest.Entry{Descriptor: bundletest.Descriptor16, Local: func(h *bundletest.Header) { h.Size = 10 }}},
		{name: "folder", e: bundletest.Entry{Name: "data/", Data: []byte{}, Stored: true}},
		{name: "folder-deflated", e: bundletest.Entry{Name: "data/", Data: []byte{}}},
		{name: "folder-deflated-with-descriptor", e: bundletest.Entry{Name: "data/", Data: []byte{}, Descriptor: bundletest.Descriptor16}},
		{name: "entry-comment", e: bundletest.Entry{Central: func(h *bundletest.Header) { h.Comment = "PK\x05\x06 is no end record" }}},
		{name: "other-times", e: bundletest.Entry{Local: func(h *bundletest.Header) { h.Time, h.Date = 1, 2 }}},
		{name: "setuid", e: bundletest.Entry{Central: func(h *bundletest.Header) { h.MadeBy, h.Attributes = 3<<8|20, 0o104755<<16 }}},
		{name: "level-flags", e: both(func(h *bundletest.Header) { h.Flags = 1<<1 | 1<<2 })},
		{name: "utf-8-without-flag", e: bundletest.Entry{Name: "data/été"}},
		{name: "utf-8-with-flag", e: bundletest.Entry{Name: "data/été", Local: utf8Flag, Central: utf8Flag}},
		{name: "extra-field-jar", e: both(func(h *bundletest.Header) { h.Extra = bundletest.Field(0xcafe, nil) })},
		{name: "zip64-field", e: both(func(h *bundletest.Header) {
			h.Extra = bundletest.Zip64Field(uint64(h.Size), uint64(h.Compressed))
			h.Size, h.Compressed = 0xffffffff, 0xffffffff
		})},
		{name: "zip64-field-unasked", e: both(func(h *bundletest.Header) {
			h.Extra = bundletest.Zip64Field(uint64(h.Size), uint64(h.Compressed))
		})},
		{name: "zip64-field-with-everything", e: bundletest.Entry{Central: func(h *bundletest.Header) {
			h.Extra = bundletest.Zip64Field(uint64(h.Size), uint64(h.Compressed), uint64(h.Offset))
			h.Offset = 0xffffffff
			h.Size, h.Compressed = 0xffffffff, 0xffffffff
		}}},
		{name: "zip64-field-empty", e: both(func(h *bundletest.Header) { h.Extra = bundletest.Zip64Field() })},
		{name: "zip64-end", a: func(a *bundletest.Archive) { a.Zip64 = func(*bundletest.Zip64End) {} }},
		{name: "zip64-end-needed", a: func(a *bundletest.Archive) {
			a.Zip64 = func(*bundletest.Zip64End) {}
			a.End = func(e *bundletest.End) {
				e.Here, e.Total, e.Size, e.Offset = 0xffff, 0xffff, 0xffffffff, 0xffffffff
			}
		}},
		{name: "directory-in-another-order", a: func(a *bundletest.Archive) {
			for i := range a.Entries {
				a.Order = append([]int{i}, a.Order...)
			}
		}},
		{name: "long-names", e: bundletest.Entry{Name: strings.Repeat(strings.Repeat("x", 255)+"/", 3) + strings.Repeat("y", 255)}},
		{name: "inner-jar-stored-last", e: bundletest.Entry{Name: "data/z.jar", Data: inner, Stored: true}},
		{name: "inner-jar-stored-first", a: func(a *bundletest.Archive) {
			a.Entries = slices.Insert(a.Entries, 1, bundletest.Entry{Name: "data/a.jar", Data: inner, Stored: true})
		}},
		{name: "inner-empty-zip-stored-last", e: bundletest.Entry{Name: "data/z.zip", Data: (&bundletest.Archive{}).Build(), Stored: true}},
		{name: "inner-zip64-stored-last", e: bundletest.Entry{Name: "data/z.zip", Stored: true, Data: zip64Archive()}},
		{name: "end-records-in-data", e: bundletest.Entry{Stored: true, Data: bytes.Repeat([]byte("PK\x05\x06 and then some bytes that mean nothing "), 1000)}},
		{name: "high-ratio-below-1-mib", e: bundletest.Entry{Data: make([]byte, 1<<20)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := bundletest.GoodArchive()
			if c.e.Name == "" {
				c.e.Name = "data/x.txt"
			}
			if c.e.Data == nil {
				c.e.Data = []byte("ten bytes\n")
			}
			a.Entries = append(a.Entries, c.e)
			if c.a != nil {
				c.a(a)
			}
			v, err := verify(a.Build(), bundle.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if !v.Valid() {
				t.Error("Verify returned what is not valid")
			}
		})
	}
}

func utf8Flag(h *bundletest.Header) { h.Flags |= 1 << 11 }

func zip64Archive() []byte {
	a := bundletest.GoodArchive()
	a.Zip64 = func(*bundletest.Zip64End) {}
	return a.Build()
}

// TestEntries tells the order of the file from that of the directory.
func TestEntries(t *testing.T) {
	a := bundletest.GoodArchive(bundletest.WithFile("data/a", []byte("a")), bundletest.WithFile("data/b", []byte("b")))
	want := make([]string, len(a.Entries))
	for i, e := range a.Entries {
		want[i] = e.Name
		a.Order = append([]int{i}, a.Order...)
	}
	data := a.Build()
	f, err := bundle.NewFile(bytes.NewReader(data), int64(len(data)), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range f.Entries() {
		got = append(got, e.Name)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("entries %v, want %v", got, want)
	}
	if _, err := f.OpenEntry("data/c"); !os.IsNotExist(err) {
		t.Errorf("an entry that is not there: %v", err)
	}
}
