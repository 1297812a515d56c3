package jameica

import (
	"context"
	"io"
	"io/fs"

	"github.com/jackfield-host/jackfield/bundle"
)

// Archive is the ZIP of one version whose shape is sound.
type Archive struct {
	// Folder is the one folder that everything lies in. It is the name in the manifest.
	Folder   string
	Manifest *Manifest
	// Lenient says that the ZIP has no entry for its folder itself: the client refuses it as
	// empty, we do not.
	Lenient bool
}

// OpenArchive reads the ZIP of one version from a container: one top-level folder, named as
// the plugin, its plugin.xml, every entry inside of it, every name safe on every system. It
// reads every entry to its end, so that sizes and checksums hold. Faults of the container
// come as *bundle.Error, others as *Error.
func OpenArchive(ctx context.Context, f *bundle.File, limits Limits) (*Archive, error) {
	return nil, errNotBuilt
}

// Matches compares what a repository said of a version with what its ZIP says: name and
// version, what it requires and where it is from. The error has CodeMismatch.
func (a *Archive) Matches(listed *Manifest) error { return errNotBuilt }

// WriteArchive writes the ZIP of one version: the folder itself as the first entry, then
// its files in the order of their names, always the same bytes for the same files. folder
// holds what is to lie in it, plugin.xml included, which must have a name and a version.
func WriteArchive(ctx context.Context, w io.Writer, folder fs.FS) (*Manifest, error) {
	return nil, errNotBuilt
}
