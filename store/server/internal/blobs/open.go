package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

func (o Options) withDefaults() Options {
	if o.Limit == 0 {
		o.Limit = 1 << 30
	}
	if o.PutTimeout == 0 {
		o.PutTimeout = 10 * time.Minute
	}
	return o
}

func open(ctx context.Context, location string, opts Options) (Store, error) {
	opts = opts.withDefaults()
	if strings.HasPrefix(location, "s3://") {
		u, err := url.Parse(location)
		if err != nil {
			return nil, fmt.Errorf("reading the location of the blobs: %w", err)
		}
		return openBucket(ctx, u, opts)
	}
	return openDirectory(strings.TrimPrefix(location, "file:"), opts)
}

const digestPrefix = "sha256:"

// digests is how the part of a digest behind the prefix is written.
var digests = regexp.MustCompile(`^[0-9a-f]{64}$`)

// digits returns what is behind the prefix of a digest.
func digits(digest string) (string, error) {
	if _, ok := store.ParseDigest(digest); !ok {
		return "", fmt.Errorf("%w: %q is no digest", ErrNotFound, digest)
	}
	return strings.TrimPrefix(digest, digestPrefix), nil
}

// measured reads from r, counts and hashes, and ends with ErrTooLarge behind limit bytes
// and with the error of ctx.
type measured struct {
	ctx   context.Context
	r     io.Reader
	limit int64
	size  int64
	hash  hash.Hash
}

func measure(ctx context.Context, r io.Reader, limit int64) *measured {
	return &measured{ctx: ctx, r: r, limit: limit, hash: sha256.New()}
}

func (m *measured) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.size += int64(n)
	m.hash.Write(p[:n])
	if m.size > m.limit {
		return n, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, m.limit)
	}
	return n, err
}

func (m *measured) object() store.Object {
	return store.Object{Digest: digestPrefix + hex.EncodeToString(m.hash.Sum(nil)), Size: m.size}
}

// limitFor bounds the reading of what must be want: one byte more shows that it is not.
func limitFor(want store.Object, opts Options) (int64, error) {
	if want.Size < 0 || want.Size > opts.Limit {
		return 0, fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLarge, want.Size, opts.Limit)
	}
	return want.Size, nil
}

// differs is the error for bytes that are not what was wanted.
func differs(want, got store.Object) error {
	return fmt.Errorf("%w: %s with %d bytes, want %s with %d", ErrDigest, got.Digest, got.Size, want.Digest, want.Size)
}

func read(ctx context.Context, from Store, digest string, limit int64) (data []byte, err error) {
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

func verify(ctx context.Context, from Store, digest string) error {
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
