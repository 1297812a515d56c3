package bundle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// TestOrder has files that break two rules; the one that is judged first counts.
func TestOrder(t *testing.T) {
	type (
		archive = bundletest.Archive
		entry   = bundletest.Entry
		header  = bundletest.Header
	)
	text := []byte("some text, some text, some text\n")
	both := func(name string, changes ...func(h *header)) entry {
		change := func(h *header) {
			for _, c := range changes {
				c(h)
			}
		}
		return entry{Name: name, Data: text, Local: change, Central: change}
	}
	central := func(name string, change func(h *header)) entry {
		return entry{Name: name, Data: text, Central: change}
	}
	encrypted := func(h *header) { h.Flags |= 1 }
	method := func(h *header) { h.Method = 12 }
	special := func(h *header) { h.Attributes = 0o120777 << 16 }
	malformed := func(h *header) { h.Extra = []byte{1} }
	tooBig := func(h *header) { h.Size = 600 << 20 }
	wrongCRC := func(h *header) { h.CRC++ }
	noType := []byte("no types")

	for _, c := range []struct {
		name  string
		want  bundle.Code
		entry string
		a     func(a *archive)
	}{
		{"prefix before trailing", bundle.CodePrefixData, "", func(a *archive) { a.Prefix, a.Trailer = []byte("x"), []byte("x") }},
		{"relative prefix before trailing", bundle.CodePrefixData, "", func(a *archive) {
			a.Prefix, a.Relative, a.Trailer = []byte("x"), true, []byte("x")
		}},
		{"prefix before zip64", bundle.CodePrefixData, "", func(a *archive) {
			a.Prefix, a.Zip64 = []byte("x"), func(z *bundletest.Zip64End) { z.RecordSize++ }
		}},
		{"prefix before the directory", bundle.CodePrefixData, "", func(a *archive) {
			a.Prefix, a.End = []byte("x"), func(e *bundletest.End) { e.Total, e.Here = 9, 9 }
		}},
		{"prefix before too many", bundle.CodePrefixData, "", func(a *archive) {
			a.Prefix, a.Zip64 = []byte("x"), func(z *bundletest.Zip64End) { z.Here, z.Total = 1<<20, 1<<20 }
			a.End = func(e *bundletest.End) { e.Here, e.Total = 0xffff, 0xffff }
		}},
		{"trailing before zip64", bundle.CodeTrailingData, "", func(a *archive) {
			a.Trailer, a.Zip64 = []byte("x"), func(z *bundletest.Zip64End) { z.RecordSize++ }
		}},
		{"trailing before the directory", bundle.CodeTrailingData, "", func(a *archive) {
			a.End = func(e *bundletest.End) { e.Comment, e.Total, e.Here = "x", 9, 9 }
		}},
		{"zip64 of the last before the directory", bundle.CodeZip64Bad, "data/b", func(a *archive) {
			a.Entries = append(a.Entries,
				central("data/a", func(h *header) { h.Offset++ }), central("data/b", func(h *header) { h.Size = 0xffffffff }))
		}},
		{"directory of the last before encrypted", bundle.CodeDirectoryBad, "data/b", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a", encrypted), central("data/b", func(h *header) { h.Offset++ }))
		}},
		{"encrypted before disks", bundle.CodeEncrypted, "data/b", func(a *archive) {
			a.Entries = append(a.Entries, central("data/a", func(h *header) { h.Disk = 1 }), both("data/b", encrypted))
		}},
		{"encrypted before a disk in the end record", bundle.CodeEncrypted, "data/a", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a", encrypted))
			a.End = func(e *bundletest.End) { e.Disk = 1 }
		}},
		{"disks before too many", bundle.CodeMultiDisk, "", func(a *archive) {
			a.Zip64 = func(z *bundletest.Zip64End) { z.Here, z.Total, z.LocatorDisks = 1<<20, 1<<20, 2 }
			a.End = func(e *bundletest.End) { e.Here, e.Total = 0xffff, 0xffff }
		}},
		{"disks before names", bundle.CodeMultiDisk, "data/b", func(a *archive) {
			a.Entries = append(a.Entries, both("../a"), central("data/b", func(h *header) { h.Disk = 1 }))
		}},
		{"encrypted last before names", bundle.CodeEncrypted, "data/b", func(a *archive) {
			a.Entries = append(a.Entries, both("../a"), both("data/b", encrypted))
		}},
		{"headers in the order of the file", bundle.CodeMethod, "data/a", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a", method), both("data/A"))
		}},
		{"headers not in the order of the directory", bundle.CodeMethod, "data/a", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a", method), both("../b"))
			for i := range a.Entries {
				a.Order = append([]int{i}, a.Order...)
			}
		}},
		{"twin before mismatch", bundle.CodeDuplicateName, "data/a", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a"), central("data/a", wrongCRC))
		}},
		{"file below a file before a twin", bundle.CodeDuplicateName, "data/a/b", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a"), both("data/a/b"), both("x:y"), both("data/A"))
		}},
		{"mismatch before gap", bundle.CodeLocalMismatch, "data/a", func(a *archive) {
			e := central("data/a", wrongCRC)
			e.Before = []byte("gap")
			a.Entries = append(a.Entries, e)
		}},
		{"gap before extra", bundle.CodeGap, "data/a", func(a *archive) {
			e := both("data/a", malformed)
			e.Before = []byte("gap")
			a.Entries = append(a.Entries, e)
		}},
		{"extra before path", bundle.CodeExtraBad, "../a", func(a *archive) { a.Entries = append(a.Entries, both("../a", malformed)) }},
		{"path before special", bundle.CodeUnsafePath, "../a", func(a *archive) { a.Entries = append(a.Entries, central("../a", special)) }},
		{"special before method", bundle.CodeSpecialFile, "data/a", func(a *archive) { a.Entries = append(a.Entries, both("data/a", special, method)) }},
		{"method before size", bundle.CodeMethod, "data/a", func(a *archive) { a.Entries = append(a.Entries, both("data/a", method, tooBig)) }},
		{"size before ratio", bundle.CodeEntryTooBig, "data/a", func(a *archive) { a.Entries = append(a.Entries, both("data/a", tooBig)) }},
		{"size before the next name", bundle.CodeEntryTooBig, "data/a", func(a *archive) { a.Entries = append(a.Entries, both("data/a", tooBig), both("../b")) }},
		{"gap behind the headers", bundle.CodeUnsafePath, "../a", func(a *archive) {
			a.Entries, a.BeforeDirectory = append(a.Entries, both("../a")), []byte("gap")
		}},
		{"headers before data", bundle.CodeUnsafePath, "../a", func(a *archive) {
			a.Entries[0].Local, a.Entries[0].Central = wrongCRC, wrongCRC
			a.Entries = append(a.Entries, both("../a"))
		}},
		{"data in the order of the file", bundle.CodeCRCMismatch, "data/a", func(a *archive) {
			broken := both("data/b")
			broken.Raw = []byte("broken")
			a.Entries = append(a.Entries, both("data/a", wrongCRC), broken)
		}},
		{"corrupt before CRC", bundle.CodeDataCorrupt, "data/a", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a", wrongCRC, func(h *header) { h.Size++ }))
		}},
		{"data before no manifest", bundle.CodeCRCMismatch, "data/a", func(a *archive) {
			a.Entries = append(a.Entries[1:], both("data/a", wrongCRC))
		}},
		{"data before two manifests is a header", bundle.CodeMultipleManifest, "meta-inf/manifest.mf", func(a *archive) {
			a.Entries = append(a.Entries, both("data/a", wrongCRC), both("meta-inf/manifest.mf"))
		}},
		{"manifest before types", bundle.CodeManifestInvalid, "META-INF/MANIFEST.MF", func(a *archive) {
			a.Entries[0].Data = []byte("no manifest")
			a.Entries = append(a.Entries, entry{Name: bundle.TypesName, Data: noType})
		}},
		{"types before schema", bundle.CodeTypesInvalid, bundle.TypesName, func(a *archive) {
			a.Entries = append(a.Entries, entry{Name: bundle.ConfigSchemaName, Data: noType}, entry{Name: bundle.TypesName, Data: noType})
		}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			a := bundletest.GoodArchive()
			a.Entries = slices.Clip(a.Entries)
			c.a(a)
			_, err := verify(a.Build(), bundle.Limits{})
			if bundle.CodeOf(err) != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if e := err.(*bundle.Error); e.Entry != c.entry {
				t.Errorf("%v is about %q, want %q", err, e.Entry, c.entry)
			}
		})
	}
}
