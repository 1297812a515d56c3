// Package blobs keeps bytes by their SHA-256: in a directory, or in a bucket of any
// S3-compatible server.
//
// Open makes a Store of a location; Read and Verify go through one and check what they
// read. Promised: a blob is in place whole or not at all, also after kill -9 or a power
// failure; what Put and PutDigest return without an error is on the disk; no bytes are ever
// kept under a digest that they do not have. Bytes on the way out are checked by Read and
// Verify only: who streams a File to a client leaves that to the client, who has the digest.
package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// The errors to branch on.
var (
	ErrNotFound = errors.New("no such blob")
	ErrDigest   = errors.New("the bytes have another digest") // or size
	ErrTooLarge = errors.New("too large")
)

// File is an open blob. Read and Seek are for one goroutine, ReadAt for many.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// Info is what a Store knows of a blob without reading it.
type Info struct {
	store.Object
	// Modified is when it was put for the last time.
	Modified time.Time
}

// Store keeps blobs. Its methods may be called by many at once. Digests are written
// sha256:<hex>; one that is not is ErrNotFound.
type Store interface {
	// Put keeps what r has until its end, and says under which digest.
	Put(ctx context.Context, r io.Reader) (store.Object, error)
	// PutDigest keeps what r has if that is what want says, else it is ErrDigest.
	PutDigest(ctx context.Context, want store.Object, r io.Reader) error
	// Open opens a blob for reading.
	Open(ctx context.Context, digest string) (File, error)
	Stat(ctx context.Context, digest string) (Info, error)
	// Walk calls visit for every blob, in the order of the digests, until it errs.
	Walk(ctx context.Context, visit func(Info) error) error
	// Sweep removes blobs that were put longer ago than olderThan and that keep does not
	// want. To put a blob that is there makes it young again, so an ingest that takes less
	// than olderThan from Put to the row which names the blob never loses it.
	Sweep(ctx context.Context, keep func(ctx context.Context, digest string) (bool, error), olderThan time.Duration) (Swept, error)
	// Check finds out whether the place is there: it writes to a directory, and asks for a
	// bucket.
	Check(ctx context.Context) error
}

// Swept is what Sweep removed.
type Swept struct {
	Blobs int64
	Bytes int64
}

// Options are what Open takes beside the location; the zero value is usable.
type Options struct {
	Limit int64 // bytes of the largest blob; 1 GiB if it is 0
	// Temp is the folder for what is on its way to a bucket; the system's if it is "".
	Temp string
	// AccessKey and SecretKey are for S3; without them they are those of the environment
	// or of the machine, as AWS's own tools look for them.
	AccessKey, SecretKey string
	// PutTimeout bounds one upload to a bucket; 10 minutes if it is 0.
	PutTimeout time.Duration
}

// Open opens the blobs at location: a path (or file:PATH), or
// s3://BUCKET[/PREFIX]?endpoint=URL[&region=NAME]. A directory is made if it is missing, a
// bucket is not.
func Open(ctx context.Context, location string, opts Options) (Store, error) {
	opts = opts.withDefaults()
	if strings.HasPrefix(location, "s3://") {
		u, err := url.Parse(location)
		if e, ok := errors.AsType[*url.Error](err); ok {
			return nil, fmt.Errorf("reading the location of the blobs: %w", e.Err) // without the text: keys may be in it
		}
		return openBucket(ctx, u, opts)
	}
	return openDirectory(strings.TrimPrefix(location, "file:"), opts)
}

// Read returns a blob of at most limit bytes, checked.
func Read(ctx context.Context, from Store, digest string, limit int64) (data []byte, err error) {
	f, err := from.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := measure(ctx, f, limit)
	if data, err = io.ReadAll(m); err != nil {
		return nil, fmt.Errorf("reading blob %s: %w", digest, err)
	}
	if got := m.object(); got.Digest != digest {
		return nil, differs(store.Object{Digest: digest, Size: f.Size()}, got)
	}
	return data, nil
}

// Verify reads a blob and returns ErrDigest if it is not what its digest says.
func Verify(ctx context.Context, from Store, digest string) error {
	f, err := from.Open(ctx, digest)
	if err != nil {
		return err
	}
	defer f.Close()
	m := measure(ctx, f, f.Size())
	if _, err := io.Copy(io.Discard, m); err != nil && !errors.Is(err, ErrTooLarge) {
		return fmt.Errorf("reading blob %s: %w", digest, err)
	}
	if got := m.object(); got.Digest != digest {
		return differs(store.Object{Digest: digest, Size: f.Size()}, got)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Limit == 0 {
		o.Limit = 1 << 30
	}
	if o.PutTimeout == 0 {
		o.PutTimeout = 10 * time.Minute
	}
	return o
}
