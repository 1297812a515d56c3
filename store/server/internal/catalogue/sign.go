package catalogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// head is the timestamp that is served with a Snapshot. It may name an earlier one, as long
// as the newest could not be signed.
type head struct {
	sequence int64
	snapshot string // digest
	issued   time.Time
	expires  time.Time
	envelope []byte
	etag     string
}

// retryForeign is how often a timestamp that another replica has signed with another root is
// put aside: two such replicas would else do nothing but that.
const retryForeign = time.Minute

// sign returns s with the timestamp that is current for it: the one in the database, or else a
// new one, which is in the database before anybody sees it. If that fails it returns s with
// the timestamp that it has, and why.
func (f *follower) sign(ctx context.Context, s *Snapshot) (*Snapshot, error) {
	now := f.config.Now()
	if s.head.snapshot == s.index.Digest && f.fresh(s.head.issued, s.head.expires, now) {
		return s, nil
	}
	kept, err := f.config.Database.Timestamp(ctx, s.sequence)
	if errors.Is(err, database.ErrNotFound) {
		kept = database.Timestamp{}
	} else if err != nil {
		return s, fmt.Errorf("reading the timestamp of number %d: %w", s.sequence, err)
	}
	if kept.Envelope != nil {
		if kept.Snapshot != s.index.Digest {
			return s, fmt.Errorf("another replica has made another catalogue of number %d: %s, here %s; do all run the same version?", s.sequence, kept.Snapshot, s.index.Digest)
		}
		_, err := f.config.Signer.Verify(kept.Envelope, now)
		foreign := store.CodeOf(err) == store.IndexUntrusted || store.CodeOf(err) == store.IndexForged
		switch {
		case err == nil && f.fresh(kept.Issued, kept.Expires, now):
			return s.withHead(kept), nil
		case foreign && now.Sub(f.checked) < retryForeign:
			return s, fmt.Errorf("the timestamp of number %d is signed by somebody else: do all replicas have the same certificate? %w", s.sequence, err)
		case foreign:
			f.checked = now
		}
	}
	return f.signNew(ctx, s, kept.Issued, now)
}

// fresh reports whether a timestamp need not be renewed yet.
func (f *follower) fresh(issued, expires, now time.Time) bool {
	return now.Sub(issued) < f.config.Validity/3 && now.Before(expires)
}

func (f *follower) signNew(ctx context.Context, s *Snapshot, replaces, now time.Time) (*Snapshot, error) {
	issued := now.UTC().Truncate(time.Second)
	t := store.Timestamp{
		Store: f.config.Store, Sequence: s.sequence, Issued: issued, Expires: issued.Add(f.config.Validity),
		Snapshot: store.Object{Digest: s.index.Digest, Size: s.index.Size},
	}
	envelope, err := f.config.Signer.Sign(t)
	if err != nil {
		return s, fmt.Errorf("signing the catalogue: %w", err)
	}
	mine := database.Timestamp{Sequence: s.sequence, Issued: t.Issued, Expires: t.Expires, Snapshot: t.Snapshot.Digest, Envelope: envelope}
	kept, err := f.config.Database.SaveTimestamp(ctx, mine, replaces)
	switch {
	case err != nil:
		return s, fmt.Errorf("keeping the timestamp of number %d: %w", s.sequence, err)
	case kept.Snapshot != s.index.Digest:
		return s, fmt.Errorf("another replica has made another catalogue of number %d: %s, here %s; do all run the same version?", s.sequence, kept.Snapshot, s.index.Digest)
	case !bytes.Equal(kept.Envelope, envelope):
		if _, err := f.config.Signer.Verify(kept.Envelope, now); err != nil {
			return s, fmt.Errorf("the timestamp that another replica has signed: %w", err)
		}
	}
	return s.withHead(kept), nil
}

// withHead returns s with a timestamp for it.
func (s *Snapshot) withHead(t database.Timestamp) *Snapshot {
	if bytes.Equal(s.head.envelope, t.Envelope) {
		return s
	}
	next := *s
	next.head = head{
		sequence: t.Sequence, snapshot: t.Snapshot, issued: t.Issued, expires: t.Expires,
		envelope: t.Envelope, etag: `"` + store.Digest(t.Envelope)[len("sha256:"):][:32] + `"`,
	}
	return &next
}
