package bundletest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

// Case is a file that must be refused with a code, under Limits.
type Case struct {
	Name string
	Code bundle.Code
	// Entry is the entry at fault, "" for the file.
	Entry  string
	Bytes  []byte
	Limits bundle.Limits
}

// Hostile returns files that are refused under bundle.DefaultLimits, for every code
// but two: unreadable is not in the bytes of a file, and for too_big see Limited. Most
// have some hundred bytes, the largest a few MiB. Names are unique and fit to be file
// names.
func Hostile() []Case {
	var list []Case
	for _, group := range [][]Case{
		wholeFile(), tails(), zip64Ends(), directories(), flags(),
		twins(), mismatches(), places(), extras(), paths(), kinds(), sizes(), data(), contents(),
	} {
		list = append(list, group...)
	}
	return list
}

// Limited returns files that are refused only under the Limits they come with.
func Limited() []Case {
	good := GoodArchive()
	data := good.Build()
	size := int64(0)
	for _, e := range good.Entries {
		size += int64(len(e.Data))
	}
	last := good.Entries[len(good.Entries)-1].Name
	return []Case{
		{Name: "limit-file", Code: bundle.CodeTooBig, Bytes: data, Limits: bundle.Limits{FileBytes: int64(len(data)) - 1}},
		{Name: "limit-entries", Code: bundle.CodeTooManyEntries, Bytes: data, Limits: bundle.Limits{Entries: len(good.Entries) - 1}},
		{Name: "limit-folders", Code: bundle.CodeTooManyEntries, Bytes: with(named("a/b/c/d/e/f/g")), Limits: bundle.Limits{Entries: 7}},
		{Name: "limit-entry", Code: bundle.CodeEntryTooBig, Entry: extraEntry, Bytes: with(Entry{Data: make([]byte, 2000)}), Limits: bundle.Limits{EntryBytes: 1999}},
		{Name: "limit-total", Code: bundle.CodeTotalTooBig, Entry: last, Bytes: data, Limits: bundle.Limits{TotalBytes: size - 1}},
		{Name: "limit-ratio", Code: bundle.CodeRatioTooHigh, Entry: extraEntry, Bytes: with(Entry{Data: make([]byte, 2000)}), Limits: bundle.Limits{Ratio: 20, RatioFrom: 1000}},
	}
}

const (
	manifestEntry = "META-INF/MANIFEST.MF"
	program       = "bin/linux-amd64/extension"
	extraEntry    = "data/x.txt"
)

// with returns a good bundle with one entry more, which comes last.
func with(e Entry) []byte {
	a := GoodArchive()
	if e.Name == "" {
		e.Name = extraEntry
	}
	if e.Data == nil {
		e.Data = []byte("some text, some text, some text\n")
	}
	a.Entries = append(a.Entries, e)
	return a.Build()
}

// changed returns a good bundle after change.
func changed(change func(a *Archive)) []byte {
	a := GoodArchive()
	change(a)
	return a.Build()
}

// named returns an entry called that in both headers, whatever it is.
func named(name string) Entry { return Entry{Name: name, Data: []byte("x")} }

func wholeFile() []Case {
	good := Good()
	half := func(n int) []byte { return slices.Clone(good[:n]) }
	nested := GoodArchive()
	nested.Entries = append(nested.Entries, Entry{Name: "data/inner.jar", Data: good, Stored: true})
	outer := nested.Build()
	inner := bytes.LastIndex(outer, good)
	return []Case{
		{Name: "text", Code: bundle.CodeNotZip, Bytes: []byte("this is no archive\n")},
		{Name: "zeros", Code: bundle.CodeNotZip, Bytes: make([]byte, 100_000)},
		{Name: "gzip", Code: bundle.CodeNotZip, Bytes: append([]byte("\x1f\x8b\x08\x00"), make([]byte, 400)...)},
		{Name: "truncated-1-byte", Code: bundle.CodeTruncated, Bytes: half(1)},
		{Name: "truncated-in-header", Code: bundle.CodeTruncated, Bytes: half(20)},
		{Name: "truncated-in-data", Code: bundle.CodeTruncated, Bytes: half(150)},
		{Name: "truncated-in-directory", Code: bundle.CodeTruncated, Bytes: half(len(good) - 60)},
		{Name: "truncated-by-1-byte", Code: bundle.CodeTruncated, Bytes: half(len(good) - 1)},
		{Name: "truncated-preallocated", Code: bundle.CodeTruncated, Bytes: append(half(300), make([]byte, 200_000)...)},
		{Name: "truncated-behind-inner-jar", Code: bundle.CodeTruncated, Bytes: slices.Clone(outer[:inner+len(good)])},
		{Name: "truncated-soon-behind-inner-jar", Code: bundle.CodeTruncated, Bytes: slices.Clone(outer[:inner+len(good)+40])},
		{Name: "prefix-relative", Code: bundle.CodePrefixData, Bytes: changed(func(a *Archive) {
			a.Prefix, a.Relative = []byte("#!/bin/sh\nexec java -jar $0\n"), true
		})},
		{Name: "prefix-counted", Code: bundle.CodePrefixData, Bytes: changed(func(a *Archive) { a.Prefix = []byte("dex\n035\x00 and more") })},
		{Name: "prefix-like-an-entry", Code: bundle.CodePrefixData, Bytes: changed(func(a *Archive) {
			a.Prefix = []byte("PK\x03\x04 is how it begins, but it is none")
		})},
		{Name: "prefix-hidden-entry", Code: bundle.CodePrefixData, Bytes: changed(func(a *Archive) {
			hidden := Entry{Name: "hidden", Data: []byte("hidden"), Central: func(h *Header) { h.Omit = true }}
			a.Entries = slices.Insert(a.Entries, 0, hidden)
			a.Order = []int{1, 2}[:len(a.Entries)-1]
		})},
		{Name: "prefix-zip64", Code: bundle.CodePrefixData, Bytes: changed(func(a *Archive) {
			a.Prefix, a.Relative, a.Zip64 = []byte("stub"), true, func(*Zip64End) {}
		})},
	}
}

func tails() []Case {
	good := Good()
	record := good[len(good)-22:]
	second := Good(With("extension_class", "evil.Extension"))
	return []Case{
		{Name: "trailing-newline", Code: bundle.CodeTrailingData, Bytes: append(slices.Clone(good), '\n')},
		{Name: "trailing-64-kib", Code: bundle.CodeTrailingData, Bytes: append(slices.Clone(good), make([]byte, 65535-22)...)},
		{Name: "trailing-far", Code: bundle.CodeTrailingData, Bytes: append(slices.Clone(good), make([]byte, 70_000)...)},
		{Name: "archive-comment", Code: bundle.CodeTrailingData, Bytes: changed(func(a *Archive) {
			a.End = func(e *End) { e.Comment = "made with care" }
		})},
		{Name: "archive-comment-too-short", Code: bundle.CodeTrailingData, Bytes: changed(func(a *Archive) {
			a.End = func(e *End) { e.Comment, e.CommentLen = "made with care", 4 }
		})},
		{Name: "two-archives", Code: bundle.CodeMultipleEOCD, Bytes: slices.Concat(good, second)},
		{Name: "two-archives-far", Code: bundle.CodeMultipleEOCD, Bytes: slices.Concat(good,
			Good(WithFile("data/noise", noise(100_000))))},
		{Name: "two-archives-counted", Code: bundle.CodeMultipleEOCD, Bytes: changed(func(a *Archive) { a.Prefix = second })},
		{Name: "two-end-records", Code: bundle.CodeMultipleEOCD, Bytes: slices.Concat(good, record)},
		{Name: "end-record-in-comment", Code: bundle.CodeMultipleEOCD, Bytes: changed(func(a *Archive) {
			a.End = func(e *End) { e.Comment = string(record) }
		})},
		{Name: "end-record-in-comment-with-a-rest", Code: bundle.CodeMultipleEOCD, Bytes: changed(func(a *Archive) {
			a.End = func(e *End) { e.Comment = string(record) + "rest" }
		})},
		{Name: "end-record-in-data", Code: bundle.CodeMultipleEOCD, Bytes: endInData(), Entry: ""},
		{Name: "two-directories", Code: bundle.CodeMultipleEOCD, Bytes: changed(func(a *Archive) {
			directory := good[bytes.Index(good, []byte("PK\x01\x02")):]
			a.BeforeDirectory = directory
		})},
		{Name: "archive-behind-the-directory", Code: bundle.CodeMultipleEOCD, Bytes: changed(func(a *Archive) { a.AfterDirectory = second })},
	}
}

// endInData is an archive whose last entry holds an end record with a comment that
// reaches exactly to the end of the file.
func endInData() []byte {
	record := EndRecord(End{Signature: 0x06054b50, CommentLen: -1})
	e := Entry{Name: "data/inner.zip", Stored: true, Data: record}
	plain := with(e)
	at := bytes.Index(plain, record)
	e.Data = EndRecord(End{Signature: 0x06054b50, CommentLen: len(plain) - at - 22})
	return with(e)
}

func zip64Ends() []Case {
	zip64 := func(name string, change func(z *Zip64End)) Case {
		return Case{Name: "zip64-" + name, Code: bundle.CodeZip64Bad, Bytes: changed(func(a *Archive) { a.Zip64 = change })}
	}
	return []Case{
		zip64("record-gone", func(z *Zip64End) { z.Signature = 0 }),
		zip64("record-size", func(z *Zip64End) { z.RecordSize = 60 }),
		zip64("bytes-between", func(z *Zip64End) { z.Between = []byte("between") }),
		zip64("locator-lies", func(z *Zip64End) { z.LocatorAt += 4 }),
		zip64("count-differs", func(z *Zip64End) { z.Here, z.Total = 7, 7 }),
		zip64("offset-differs", func(z *Zip64End) { z.Offset += 4 }),
		{Name: "zip64-record-absent", Code: bundle.CodeZip64Bad, Bytes: changed(func(a *Archive) {
			a.End = func(e *End) { e.Offset = 0xffffffff }
		})},
		{Name: "zip64-locator-in-directory", Code: bundle.CodeZip64Bad, Bytes: with(Entry{Central: func(h *Header) {
			h.Comment = "PK\x06\x07" + strings.Repeat("\x00", 16)
		}})},
		{Name: "zip64-field-absent", Code: bundle.CodeZip64Bad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) { h.Size = 0xffffffff }})},
		{Name: "zip64-field-short", Code: bundle.CodeZip64Bad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) {
			h.Size, h.Compressed, h.Extra = 0xffffffff, 0xffffffff, Zip64Field(32)
		}})},
		{Name: "zip64-field-disagrees", Code: bundle.CodeZip64Bad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) {
			h.Extra = Zip64Field(uint64(h.Size)+1, uint64(h.Compressed))
		}})},
		{Name: "zip64-field-ambiguous", Code: bundle.CodeZip64Bad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) {
			h.Extra, h.Compressed = Zip64Field(uint64(h.Compressed), uint64(h.Size)), 0xffffffff
		}})},
		{Name: "zip64-field-twice", Code: bundle.CodeZip64Bad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) {
			h.Extra = slices.Concat(Zip64Field(), Zip64Field())
		}})},
		{Name: "zip64-field-in-local-header", Code: bundle.CodeZip64Bad, Entry: extraEntry, Bytes: with(Entry{Local: func(h *Header) { h.Size = 0xffffffff }})},
		{Name: "zip64-size-beyond-files", Code: bundle.CodeZip64Bad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) {
			h.Size, h.Extra = 0xffffffff, Zip64Field(1<<63)
		}})},
	}
}

func directories() []Case {
	end := func(name string, change func(e *End)) Case {
		return Case{Name: "directory-" + name, Code: bundle.CodeDirectoryBad, Bytes: changed(func(a *Archive) { a.End = change })}
	}
	many := func(total uint64) []byte {
		return changed(func(a *Archive) {
			a.Zip64 = func(z *Zip64End) { z.Here, z.Total = total, total }
			a.End = func(e *End) { e.Here, e.Total = 0xffff, 0xffff }
		})
	}
	return []Case{
		end("counts-too-many", func(e *End) { e.Here++; e.Total++ }),
		end("counts-too-few", func(e *End) { e.Here--; e.Total-- }),
		end("counts-65535", func(e *End) { e.Here, e.Total = 65535, 65535 }),
		end("counts-differ", func(e *End) { e.Here-- }),
		end("counts-none", func(e *End) { e.Here, e.Total, e.Size, e.Offset = 0, 0, 0, e.Offset+e.Size }),
		end("too-long", func(e *End) { e.Size += 4 }),
		end("too-short", func(e *End) { e.Size -= 4 }),
		end("beyond-file", func(e *End) { e.Offset = 0x7fffffff }),
		end("offset-low", func(e *End) { e.Offset -= 8 }),
		end("offset-high", func(e *End) { e.Offset += 8 }),
		{Name: "directory-hides-a-record", Code: bundle.CodeDirectoryBad, Bytes: changed(func(a *Archive) {
			a.End = func(e *End) { e.Here--; e.Total--; e.Size -= uint32(46 + len(program)) }
		})},
		{Name: "directory-signature", Code: bundle.CodeDirectoryBad, Bytes: with(Entry{Central: func(h *Header) { h.Signature++ }})},
		{Name: "directory-entry-offset", Code: bundle.CodeDirectoryBad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) { h.Offset += 2 }})},
		{Name: "directory-entry-offset-first", Code: bundle.CodeDirectoryBad, Entry: manifestEntry, Bytes: changed(func(a *Archive) {
			a.Entries[0].Central = func(h *Header) { h.Offset += 5 }
		})},
		{Name: "directory-entry-offset-beyond", Code: bundle.CodeDirectoryBad, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) { h.Offset = 0x7fffffff }})},
		{Name: "directory-local-signature", Code: bundle.CodeDirectoryBad, Entry: extraEntry, Bytes: with(Entry{Local: func(h *Header) { h.Signature++ }})},
		{Name: "directory-local-absent", Code: bundle.CodeDirectoryBad, Entry: extraEntry, Bytes: with(Entry{Local: func(h *Header) { h.Omit = true }})},
		{Name: "many-65536", Code: bundle.CodeTooManyEntries, Bytes: many(65536)},
		{Name: "many-1000000", Code: bundle.CodeTooManyEntries, Bytes: many(1_000_000)},
		{Name: "many-2-to-63", Code: bundle.CodeTooManyEntries, Bytes: many(1 << 63)},
	}
}

func flags() []Case {
	var list []Case
	for _, bit := range []int{0, 6, 13} {
		set := func(h *Header) { h.Flags |= 1 << bit }
		list = append(list,
			Case{Name: fmt.Sprintf("encrypted-flag-%d", bit), Code: bundle.CodeEncrypted, Entry: extraEntry, Bytes: with(Entry{Local: set, Central: set})},
			Case{Name: fmt.Sprintf("encrypted-flag-%d-local-only", bit), Code: bundle.CodeEncrypted, Entry: extraEntry, Bytes: with(Entry{Local: set})})
	}
	return append(list,
		Case{Name: "disk-of-end-record", Code: bundle.CodeMultiDisk, Bytes: changed(func(a *Archive) { a.End = func(e *End) { e.Disk = 1 } })},
		Case{Name: "disk-of-directory", Code: bundle.CodeMultiDisk, Bytes: changed(func(a *Archive) { a.End = func(e *End) { e.DirDisk = 1 } })},
		Case{Name: "disk-of-entry", Code: bundle.CodeMultiDisk, Entry: extraEntry, Bytes: with(Entry{Central: func(h *Header) { h.Disk = 1 }})},
		Case{Name: "disk-of-locator", Code: bundle.CodeMultiDisk, Bytes: changed(func(a *Archive) { a.Zip64 = func(z *Zip64End) { z.LocatorDisks = 2 } })},
		Case{Name: "disk-last-of-split", Code: bundle.CodeMultiDisk, Bytes: changed(func(a *Archive) {
			a.Prefix = []byte("the rest of an entry")
			a.End = func(e *End) { e.Disk, e.DirDisk, e.Here = 1, 1, 1 }
		})},
	)
}
