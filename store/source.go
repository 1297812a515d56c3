package store

import (
	"context"
	"io"
)

// Source is where the bytes of a store come from: its address, a folder, an exported file.
// Nothing of what it gives is trusted. A part that does not exist is fs.ErrNotExist.
type Source interface {
	// Timestamp returns the envelope and its tag. known is the tag of the last one, or
	// empty; the body is nil when that one is still current.
	Timestamp(ctx context.Context, known string) (body io.ReadCloser, tag string, err error)
	// Object returns the bytes of a document of the index.
	Object(ctx context.Context, digest string) (io.ReadCloser, error)
	// File returns the bytes of a file of a release from offset to its end.
	File(ctx context.Context, want ReleaseFile, offset int64) (io.ReadCloser, error)
}

// ReleaseFile is one file of a release with all that it can be asked for by.
type ReleaseFile struct {
	Listing string // id
	Version string
	File    File
}
