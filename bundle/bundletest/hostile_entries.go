package bundletest

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

// noise is data that does not shrink, the same every time.
func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{})
	b := make([]byte, n)
	if _, err := r.Read(b); err != nil {
		panic(err)
	}
	return b
}

func twins() []Case {
	pair := func(name, first, second string) Case {
		return Case{Name: "twin-" + name, Code: bundle.CodeDuplicateName, Entry: second, Bytes: changed(func(a *Archive) {
			a.Entries = append(a.Entries, named(first), named(second))
		})}
	}
	manifests := func(name string, other string) Case {
		return Case{Name: "manifests-" + name, Code: bundle.CodeMultipleManifest, Entry: other, Bytes: changed(func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: other, Data: GoodManifest(With("extension_class", "evil.Extension"))})
		})}
	}
	return []Case{
		pair("same", "data/a", "data/a"),
		pair("letter-case", "data/a", "DATA/A"),
		pair("sharp-s", "data/stra\u00dfe", "data/STRASSE"),
		pair("nfc", "data/\u00e9", "data/e\u0301"),
		pair("final-sigma", "data/\u03c2", "data/\u03a3"),
		pair("file-and-folder", "data/a", "data/a/"),
		pair("folder-and-file", "data/a/", "data/A"),
		pair("file-above", "data/a", "data/a/b"),
		pair("file-far-above", "data/a/b/c/d", "DATA"),
		pair("folders", "data/a/", "data/a/"),
		manifests("same", manifestEntry),
		manifests("letter-case", "meta-inf/Manifest.mf"),
	}
}

func mismatches() []Case {
	local := func(name string, change func(h *Header)) Case {
		return Case{Name: "local-" + name, Code: bundle.CodeLocalMismatch, Entry: extraEntry, Bytes: with(Entry{Local: change})}
	}
	described := func(name string, e Entry) Case {
		if e.Descriptor == NoDescriptor {
			e.Descriptor = Descriptor16
		}
		return Case{Name: "descriptor-" + name, Code: bundle.CodeLocalMismatch, Entry: extraEntry, Bytes: with(e)}
	}
	return []Case{
		local("name", func(h *Header) { h.Name = "data/y.txt" }),
		local("name-longer", func(h *Header) { h.Name += "t" }),
		local("method", func(h *Header) { h.Method = 0 }),
		local("flags", func(h *Header) { h.Flags = 1 << 11 }),
		local("flag-descriptor", func(h *Header) { h.Flags = 1 << 3 }),
		local("size", func(h *Header) { h.Size++ }),
		local("compressed-size", func(h *Header) { h.Compressed-- }),
		local("crc", func(h *Header) { h.CRC++ }),
		local("crc-absent", func(h *Header) { h.CRC = 0 }),
		local("zip64-size", func(h *Header) { h.Size, h.Extra = 0xffffffff, Zip64Field(uint64(h.Size)+1) }),
		{Name: "local-manifest-name", Code: bundle.CodeLocalMismatch, Entry: manifestEntry, Bytes: changed(func(a *Archive) {
			a.Entries[0].Local = func(h *Header) { h.Name = "META-INF/MANIFEST.MX" }
		})},
		described("local-size", Entry{Local: func(h *Header) { h.Size = 5 }}),
		described("local-crc", Entry{Local: func(h *Header) { h.CRC = 5 }}),
		described("lies", Entry{DescriptorBytes: Descriptor16.bytes(Header{CRC: 1, Compressed: 2, Size: 3})}),
		described("absent", Entry{DescriptorBytes: []byte{}}),
		described("short", Entry{DescriptorBytes: []byte("PK\x07\x08")}),
		// Without a signature, a CRC that looks like one: a reader of streams takes it
		// for one.
		described("crc-like-signature", Entry{
			Data: []byte("x"), Descriptor: Descriptor12,
			DescriptorBytes: Descriptor12.bytes(Header{CRC: 0x08074b50, Compressed: 3, Size: 1}),
			Central:         func(h *Header) { h.CRC = 0x08074b50 },
		}),
	}
}

func places() []Case {
	text := []byte("some text, some text, some text\n")
	after := Entry{Name: "data/z.txt", Data: text}
	overlap := func(name, entry string, change func(a *Archive)) Case {
		return Case{Name: "overlap-" + name, Code: bundle.CodeOverlap, Entry: entry, Bytes: changed(change)}
	}
	swallow := func(h *Header) { h.Compressed += 20 }
	var shared uint32
	return []Case{
		overlap("shared-header", "data/z.txt", func(a *Archive) {
			a.Entries = append(a.Entries,
				Entry{Name: extraEntry, Data: text, Central: func(h *Header) { shared = h.Offset }},
				Entry{Name: "data/z.txt", Data: text, Local: func(h *Header) { h.Omit = true }, Central: func(h *Header) { h.Offset = shared }})
		}),
		overlap("listed-twice", extraEntry, func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: extraEntry, Data: text})
			a.Order = listedTwice(len(a.Entries))
		}),
		overlap("next-entry", "data/z.txt", func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: extraEntry, Data: text, Local: swallow, Central: swallow}, after)
		}),
		overlap("next-entry-with-descriptor", "data/z.txt", func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: extraEntry, Data: text, Descriptor: Descriptor16, Central: swallow}, after)
		}),
		overlap("header-in-header", "data/z.txt", func(a *Archive) {
			inner := Archive{Entries: []Entry{{Name: "data/z.txt", Data: text}}}
			header := inner.Build()[:30+len("data/z.txt")+len(Deflate(text))]
			var at uint32
			a.Entries = append(a.Entries,
				Entry{Name: extraEntry, Data: text,
					Local:   func(h *Header) { h.Extra = Field(0x7777, header) },
					Central: func(h *Header) { at = h.Offset + 30 + uint32(len(extraEntry)) + 4 }},
				Entry{Name: "data/z.txt", Data: text, Local: func(h *Header) { h.Omit = true }, Central: func(h *Header) { h.Offset = at }})
		}),
		overlap("quoted-data", "data/z.txt", func(a *Archive) {
			// The data of one entry holds the other, whole: the shape of Fifield's bomb.
			inner := Archive{Entries: []Entry{after}}
			quoted := inner.Build()[:30+len(after.Name)+len(Deflate(text))]
			var at uint32
			a.Entries = append(a.Entries,
				Entry{Name: extraEntry, Data: quoted, Stored: true, Central: func(h *Header) { at = h.Offset + 30 + uint32(len(extraEntry)) }},
				Entry{Name: after.Name, Data: text, Local: func(h *Header) { h.Omit = true }, Central: func(h *Header) { h.Offset = at }})
		}),
		overlap("directory", extraEntry, func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: extraEntry, Data: text, Local: swallow, Central: swallow})
		}),
		{Name: "gap-between-entries", Code: bundle.CodeGap, Entry: extraEntry, Bytes: with(Entry{Before: []byte("gap")})},
		{Name: "gap-hidden-entry", Code: bundle.CodeGap, Entry: "data/z.txt", Bytes: changed(func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: extraEntry, Data: text}, after)
			a.Order = []int{0, 1, 3}
			if len(a.Entries) == 5 { // another platform has one executable more
				a.Order = []int{0, 1, 2, 4}
			}
		})},
		{Name: "gap-behind-descriptor", Code: bundle.CodeGap, Bytes: with(Entry{
			Descriptor: Descriptor16, DescriptorBytes: descriptorAnd(text, "more"),
		})},
		{Name: "gap-before-directory", Code: bundle.CodeGap, Bytes: changed(func(a *Archive) {
			a.BeforeDirectory = []byte("APK Sig Block 42")
		})},
		{Name: "gap-behind-directory", Code: bundle.CodeGap, Bytes: changed(func(a *Archive) { a.AfterDirectory = []byte("gap") })},
	}
}

// listedTwice is the order of a directory that lists its last entry twice.
func listedTwice(n int) []int {
	var order []int
	for i := range n {
		order = append(order, i)
	}
	return append(order, n-1)
}

func descriptorAnd(data []byte, more string) []byte {
	h := Header{CRC: crc32.ChecksumIEEE(data), Compressed: uint32(len(Deflate(data))), Size: uint32(len(data))}
	return append(Descriptor16.bytes(h), more...)
}

func extras() []Case {
	unicodePath := func(header, name string) []byte {
		return Field(0x7075, fields(nil, []byte{1}, crc32.ChecksumIEEE([]byte(header)), []byte(name)))
	}
	extra := func(name string, data []byte) []Case {
		set := func(h *Header) { h.Extra = data }
		return []Case{
			{Name: "extra-" + name, Code: bundle.CodeExtraBad, Entry: extraEntry, Bytes: with(Entry{Central: set})},
			{Name: "extra-local-" + name, Code: bundle.CodeExtraBad, Entry: extraEntry, Bytes: with(Entry{Local: set})},
		}
	}
	return slices.Concat(
		extra("short", []byte{1, 2, 3}),
		extra("too-long", []byte{0x55, 0x54, 9, 0, 1}),
		extra("other-name", unicodePath(extraEntry, "data/other.txt")),
		extra("other-name-stale", unicodePath("stale", extraEntry)),
		extra("unicode-path-short", Field(0x7075, []byte{1, 2})),
	)
}

func paths() []Case {
	var list []Case
	for _, c := range []struct{ name, path string }{
		{"empty", ""}, {"slash", "/"}, {"absolute", "/etc/passwd"}, {"parent", "../evil"}, {"parent-inside", "data/../../evil"},
		{"parent-at-end", "data/.."}, {"dot", "data/./x"}, {"double-slash", "data//x"}, {"double-slash-at-end", "data//"},
		{"backslash", `data\x`}, {"drive", "C:/x"}, {"stream", "data/x:y"}, {"nul", "data/x\x00.txt"}, {"newline", "data/x\ny"},
		{"delete", "data/x\x7f"}, {"c1-control", "data/x\u0085"}, {"line-separator", "data/x\u2028"}, {"bidi", "data/\u202etxt.exe"},
		{"bidi-isolate", "data/\u2066x"}, {"zero-width", "data/x\u200by"}, {"soft-hyphen", "data/x\u00ady"}, {"bom", "data/\ufeffx"},
		{"tag", "data/x\U000e0041"}, {"filler", "data/\u3164"}, {"variation", "data/x\ufe0f"}, {"not-utf8", "data/\xff"}, {"surrogate", "data/\xed\xa0\x80"},
		{"trailing-dot", "data/x."}, {"trailing-dot-folder", "data./x"}, {"trailing-space", "data/x "}, {"trailing-wide-space", "data/x\u00a0"},
		{"long-segment", "data/" + strings.Repeat("x", 256)}, {"long-path", strings.Repeat("abcdefg/", 128) + "x"},
		{"very-long-path", strings.Repeat("abcdefg/", 8000)},
	} {
		entry := c.path
		if len(entry) > 1024 {
			entry = entry[:1024]
		}
		list = append(list, Case{Name: "path-" + c.name, Code: bundle.CodeUnsafePath, Entry: strings.ToValidUTF8(entry, "\ufffd"), Bytes: changed(func(a *Archive) {
			a.Entries = append(a.Entries, named(c.path))
		})})
	}
	return list
}

func kinds() []Case {
	mode := func(name string, madeBy uint16, mode uint32) Case {
		return Case{Name: "special-" + name, Code: bundle.CodeSpecialFile, Entry: extraEntry, Bytes: with(Entry{
			Data: []byte("/etc/passwd"), Central: func(h *Header) { h.MadeBy, h.Attributes = madeBy, mode<<16 },
		})}
	}
	both := func(change func(h *Header)) Entry { return Entry{Local: change, Central: change} }
	method := func(name string, e Entry) Case {
		return Case{Name: "method-" + name, Code: bundle.CodeMethod, Entry: extraEntry, Bytes: with(e)}
	}
	return []Case{
		mode("symlink", 3<<8|20, 0o120777),
		mode("symlink-of-another-system", 0, 0o120777),
		mode("fifo", 3<<8|20, 0o010644),
		mode("char-device", 3<<8|20, 0o020644),
		mode("block-device", 19<<8|20, 0o060644),
		mode("socket", 3<<8|20, 0o140644),
		method("bzip2", both(func(h *Header) { h.Method = 12 })),
		method("zstd", both(func(h *Header) { h.Method = 93 })),
		method("deflate64", both(func(h *Header) { h.Method = 9 })),
		method("aes", both(func(h *Header) { h.Method = 99 })),
		method("flag-4", both(func(h *Header) { h.Flags = 1 << 4 })),
		method("flag-patched", both(func(h *Header) { h.Flags = 1 << 5 })),
		method("flag-15", both(func(h *Header) { h.Flags = 1 << 15 })),
		method("stored-with-descriptor", Entry{Stored: true, Descriptor: Descriptor16}),
	}
}

func sizes() []Case {
	size := func(n uint32) Entry {
		change := func(h *Header) { h.Size = n }
		return Entry{Local: change, Central: change}
	}
	// Three times 400 MiB, declared over data that is not empty enough for a bomb.
	total := GoodArchive()
	large := size(400 << 20)
	large.Raw, large.Data = noise(400<<20/200+1), []byte{}
	for _, name := range []string{"data/1", "data/2", "data/3"} {
		large.Name = name
		total.Entries = append(total.Entries, large)
	}
	bomb := Entry{Data: make([]byte, 1<<20+1)}
	return []Case{
		{Name: "size-512-mib-and-1", Code: bundle.CodeEntryTooBig, Entry: extraEntry, Bytes: with(size(512<<20 + 1))},
		{Name: "size-zip64", Code: bundle.CodeEntryTooBig, Entry: extraEntry, Bytes: with(func() Entry {
			change := func(h *Header) {
				h.Size, h.Compressed, h.Extra = 0xffffffff, 0xffffffff, Zip64Field(1<<40, uint64(h.Compressed))
			}
			return Entry{Local: change, Central: change}
		}())},
		{Name: "total-1200-mib", Code: bundle.CodeTotalTooBig, Entry: "data/3", Bytes: total.Build()},
		{Name: "ratio-bomb", Code: bundle.CodeRatioTooHigh, Entry: extraEntry, Bytes: with(bomb)},
		{Name: "ratio-bomb-with-descriptor", Code: bundle.CodeRatioTooHigh, Entry: extraEntry, Bytes: with(Entry{Data: bomb.Data, Descriptor: Descriptor16})},
		{Name: "ratio-declared-only", Code: bundle.CodeRatioTooHigh, Entry: extraEntry, Bytes: with(size(1<<20 + 1))},
	}
}

func data() []Case {
	text := []byte("some text, some text, some text\n")
	deflated := Deflate(text)
	raw := func(name string, raw []byte, change func(h *Header)) Case {
		return Case{Name: "data-" + name, Code: bundle.CodeDataCorrupt, Entry: extraEntry, Bytes: with(Entry{Data: text, Raw: raw, Local: change, Central: change})}
	}
	none := func(*Header) {}
	folder := func(name string, e Entry) Case {
		e.Name = "data/"
		return Case{Name: "data-folder-" + name, Code: bundle.CodeDataCorrupt, Entry: "data/", Bytes: with(e)}
	}
	stored := func(h *Header) { h.Method, h.Size = 0, h.Size+1 }
	broken := slices.Clone(deflated)
	broken[0] |= 6 // a block type that does not exist
	return []Case{
		raw("bad-block", broken, none),
		raw("cut", deflated[:len(deflated)-3], none),
		raw("nothing", []byte{}, none),
		raw("bytes-behind", append(slices.Clone(deflated), "more"...), none),
		raw("two-streams", slices.Concat(deflated, deflated), none),
		raw("size-too-small", deflated, func(h *Header) { h.Size-- }),
		raw("size-too-large", deflated, func(h *Header) { h.Size++ }),
		raw("stored-size", text, stored),
		// Declares 10 bytes and inflates to 2 MiB: must stop behind the tenth.
		raw("bomb-declared-small", Deflate(make([]byte, 2<<20)), func(h *Header) { h.Size = 10 }),
		folder("stored", Entry{Data: text, Stored: true}),
		folder("deflated", Entry{Data: text}),
		{Name: "crc", Code: bundle.CodeCRCMismatch, Entry: extraEntry, Bytes: with(Entry{Local: badCRC, Central: badCRC})},
		{Name: "crc-stored", Code: bundle.CodeCRCMismatch, Entry: extraEntry, Bytes: with(Entry{Stored: true, Local: badCRC, Central: badCRC})},
		{Name: "crc-empty-entry", Code: bundle.CodeCRCMismatch, Entry: extraEntry, Bytes: with(Entry{Data: []byte{}, Stored: true, Local: badCRC, Central: badCRC})},
		{Name: "crc-empty-folder", Code: bundle.CodeCRCMismatch, Entry: "data/", Bytes: with(Entry{Name: "data/", Data: []byte{}, Stored: true, Local: badCRC, Central: badCRC})},
		{Name: "crc-with-descriptor", Code: bundle.CodeCRCMismatch, Entry: extraEntry, Bytes: with(Entry{
			Data: text, Descriptor: Descriptor16, Central: badCRC,
			DescriptorBytes: Descriptor16.bytes(Header{CRC: crc32.ChecksumIEEE(text) + 1, Compressed: uint32(len(deflated)), Size: uint32(len(text))}),
		})},
	}
}

func badCRC(h *Header) { h.CRC++ }

func contents() []Case {
	large := bytes.Repeat([]byte(" "), 4<<20+1)
	return []Case{
		{Name: "no-entries", Code: bundle.CodeNoManifest, Bytes: (&Archive{}).Build()},
		{Name: "no-entries-zip64", Code: bundle.CodeNoManifest, Bytes: (&Archive{Zip64: func(*Zip64End) {}}).Build()},
		{Name: "no-manifest", Code: bundle.CodeNoManifest, Bytes: changed(func(a *Archive) { a.Entries = a.Entries[1:] })},
		{Name: "manifest-is-a-folder", Code: bundle.CodeNoManifest, Bytes: changed(func(a *Archive) {
			a.Entries[0] = Entry{Name: manifestEntry + "/", Data: []byte{}, Stored: true}
		})},
		{Name: "manifest-elsewhere", Code: bundle.CodeNoManifest, Bytes: changed(func(a *Archive) { a.Entries[0].Name = "MANIFEST.MF" })},
		{Name: "manifest-without-class", Code: bundle.CodeManifestInvalid, Entry: manifestEntry, Bytes: Good(With("extension_class", ""))},
		{Name: "manifest-unknown-attribute", Code: bundle.CodeManifestInvalid, Entry: manifestEntry, Bytes: Good(With("extension_versoin", "1"))},
		{Name: "manifest-empty", Code: bundle.CodeManifestInvalid, Entry: manifestEntry, Bytes: changed(func(a *Archive) { a.Entries[0].Data = []byte{} })},
		{Name: "manifest-over-4-mib", Code: bundle.CodeManifestInvalid, Entry: manifestEntry, Bytes: changed(func(a *Archive) {
			a.Entries[0].Data, a.Entries[0].Stored = large, true
		})},
		{Name: "types-not-json", Code: bundle.CodeTypesInvalid, Entry: bundle.TypesName, Bytes: Good(WithFile(bundle.TypesName, []byte("types")))},
		{Name: "types-unknown-field", Code: bundle.CodeTypesInvalid, Entry: bundle.TypesName, Bytes: Good(WithFile(bundle.TypesName, []byte(`{"types":[],"tpyes":[]}`)))},
		{Name: "schema-not-json", Code: bundle.CodeSchemaInvalid, Entry: bundle.ConfigSchemaName, Bytes: Good(WithFile(bundle.ConfigSchemaName, []byte("{")))},
		{Name: "schema-remote-reference", Code: bundle.CodeSchemaInvalid, Entry: bundle.ConfigSchemaName, Bytes: Good(WithFile(bundle.ConfigSchemaName, []byte(`{"$ref":"https://example.org/x"}`)))},
	}
}
