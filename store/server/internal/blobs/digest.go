package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"regexp"
	"strings"

	"github.com/jackfield-host/jackfield/store"
)

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
