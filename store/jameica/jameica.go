// Package jameica reads and writes what Jameica's repositories are made of: versions and
// requirements, repository.xml, plugin.xml, the ZIP of one version and its signature. Both
// generations of the client, the one that expands entities and follows anything, and the
// hardened one, take what is written here; what is read is read as they read it, and then
// judged more strictly.
//
//   - ParseVersion and Requirement are the grammar of versions, mistakes included.
//   - ParseRepository and ParseManifest read the two documents; their XML methods write them.
//   - OpenArchive reads a ZIP, WriteArchive makes one of a folder.
//   - Sign and VerifySignature are the .sha1 beside a ZIP; ParseChain and Chain.Judge are
//     the certificate of a group.
//   - Client reads a whole repository of somebody else's, and downloads from it.
//
// Jameica publishes no specification of these formats but two XML schemas; the rest is
// what its client does. Errors are *Error with a Code of a closed set, or the *bundle.Error
// of a container that is not sound. Nothing here writes to a disk, but Download into the
// file it is given.
package jameica

// Limits bound what is read of a stranger. A field that is 0 stands for its default.
type Limits struct {
	// DocumentBytes is the size of repository.xml, plugin.xml, a certificate.
	DocumentBytes int64
	// TotalBytes is the size of all plugin.xml of one repository.
	TotalBytes int64
	// Depth is how deep elements may nest, Elements how many one document may have, and
	// separately how many attributes.
	Depth, Elements int
	// Entries is how many plugin elements of one repository are read.
	Entries int
	// ArchiveBytes is the size of a ZIP.
	ArchiveBytes int64
}

// DefaultLimits returns 1 MiB for a document and 32 MiB for all, 32 levels, 20 000 elements,
// 2 000 entries and 512 MiB.
func DefaultLimits() Limits {
	return Limits{DocumentBytes: 1 << 20, TotalBytes: 32 << 20, Depth: 32, Elements: 20_000, Entries: 2_000, ArchiveBytes: 512 << 20}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct {
		value *int64
		def   int64
	}{{&l.DocumentBytes, d.DocumentBytes}, {&l.TotalBytes, d.TotalBytes}, {&l.ArchiveBytes, d.ArchiveBytes}} {
		if *f.value <= 0 {
			*f.value = f.def
		}
	}
	for _, f := range []struct {
		value *int
		def   int
	}{{&l.Depth, d.Depth}, {&l.Elements, d.Elements}, {&l.Entries, d.Entries}} {
		if *f.value <= 0 {
			*f.value = f.def
		}
	}
	return l
}
