package jameica

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/jameica"
)

const (
	// documentTime bounds reading a plugin.xml out of its ZIP, signTime signing a ZIP, which
	// is read as a whole.
	documentTime = 30 * time.Second
	signTime     = 5 * time.Minute
	// maxDocument bounds a plugin.xml, in bytes; what is taken in has less.
	maxDocument = 1 << 20
	// The caches hold so many bytes.
	maxDocuments = 16 << 20
	maxSums      = 8 << 20
)

// document is the plugin.xml of a release with the address at which this store has its ZIP.
func (f *Face) document(ctx context.Context, o offer) ([]byte, error) {
	return f.documents.Get(ctx, o.file.Digest, documentTime, func(ctx context.Context) ([]byte, error) {
		blob, err := f.catalogue.Open(ctx, o.file.Digest)
		if err != nil {
			return nil, err
		}
		defer blob.Close()
		zip, err := bundle.NewFile(blob, blob.Size(), bundle.Limits{FileBytes: blob.Size()})
		if err != nil {
			return nil, fmt.Errorf("opening the ZIP: %w", err)
		}
		entry, err := zip.OpenEntry(o.id + "/plugin.xml")
		if err != nil {
			return nil, fmt.Errorf("opening the ZIP: %w", err)
		}
		defer entry.Close()
		document, err := io.ReadAll(io.LimitReader(entry, maxDocument))
		if err != nil {
			return nil, fmt.Errorf("reading its plugin.xml: %w", err)
		}
		return jameica.Relocate(document, f.folder(o.id, o.release.Version)+"/"+o.name(), jameica.Limits{})
	})
}

// signature is the .sha1 of a ZIP. One that was made before is not given while this replica is
// not to sign.
func (f *Face) signature(ctx context.Context, digest string) ([]byte, error) {
	if _, err := f.signer.ChainPEM(ctx); err != nil {
		return nil, err
	}
	return f.sums.Get(ctx, digest, signTime, func(ctx context.Context) ([]byte, error) {
		blob, err := f.catalogue.Open(ctx, digest)
		if err != nil {
			return nil, err
		}
		defer blob.Close()
		return f.signer.Sign(ctx, blob)
	})
}
