package bundle_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// FuzzContainer reads anything. It must not panic, must not take more memory than
// the limits and the file allow, and refuses with a known code; what it accepts,
// packed again by us, holds the same entries with the same bytes.
func FuzzContainer(f *testing.F) {
	for _, c := range hostile() {
		if len(c.Bytes) < 16<<10 {
			f.Add(c.Bytes)
		}
	}
	f.Add(bundletest.Good())
	f.Add(zip64Archive())
	for _, form := range []bundletest.Descriptor{bundletest.Descriptor12, bundletest.Descriptor16, bundletest.Descriptor20, bundletest.Descriptor24} {
		a := bundletest.GoodArchive()
		for i := range a.Entries {
			a.Entries[i].Descriptor = form
		}
		f.Add(a.Build())
	}
	limits := bundle.Limits{FileBytes: 1 << 20, EntryBytes: 1 << 20, TotalBytes: 2 << 20, Entries: 1000}
	f.Fuzz(func(t *testing.T, data []byte) {
		var file *bundle.File
		var err error
		used := allocated(func() { file, err = bundle.NewFile(bytes.NewReader(data), int64(len(data)), limits) })
		// Allocation is that of the whole process, other goroutines of the fuzzer
		// included, so the bound is wide.
		if bound := uint64(64<<20 + 64*len(data)); used > bound {
			t.Fatalf("%d bytes took %d bytes of memory, more than %d", len(data), used, bound)
		}
		if err != nil {
			if !slices.Contains(bundle.Codes(), bundle.CodeOf(err)) {
				t.Fatalf("an unknown code: %v", err)
			}
			return
		}
		repack(t, file)
	})
}

// repack writes the entries of a sound container into a bundle of our own and
// compares.
func repack(t *testing.T, file *bundle.File) {
	held := map[string][]byte{}
	var sources []bundle.Source
	for _, e := range file.Entries() {
		r, err := file.OpenEntry(e.Name)
		if err != nil {
			t.Fatalf("%q is listed and can not be opened: %v", e.Name, err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			if code := bundle.CodeOf(err); code != bundle.CodeDataCorrupt && code != bundle.CodeCRCMismatch {
				t.Fatalf("%q: %v", e.Name, err)
			}
			return // sound outside, damaged inside
		}
		if int64(len(data)) != e.Size {
			t.Fatalf("%q has %d bytes, declared are %d", e.Name, len(data), e.Size)
		}
		if e.Dir {
			continue
		}
		// Under a folder of their own, so that nothing meets our manifest.
		name := "data/" + e.Name
		held[name] = data
		if len(name) <= 1024 {
			sources = append(sources, bundle.BytesSource(name, data))
		}
	}
	var b bytes.Buffer
	if err := bundle.Pack(&b, bundletest.GoodManifest(), sources); err != nil {
		t.Fatalf("what was read can not be packed: %v", err)
	}
	again, err := bundle.NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Limits{})
	if err != nil {
		t.Fatalf("what was packed can not be read: %v", err)
	}
	if got := len(again.Entries()); got != len(sources)+1 {
		t.Fatalf("%d entries became %d", len(sources)+1, got)
	}
	for _, s := range sources {
		r, err := again.OpenEntry(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(r); err != nil || !bytes.Equal(data, held[s.Name]) {
			t.Fatalf("%q changed (%v)", s.Name, err)
		}
	}
}
