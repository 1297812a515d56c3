package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/trust"
)

// Memory is where a Reader's owner keeps what was seen of a store, so that it holds after
// a restart. Load returns the zero Seen at first.
type Memory interface {
	Load(ctx context.Context) (Seen, error)
	Save(ctx context.Context, seen Seen) error
}

// ReaderConfig is all that a Reader depends on.
type ReaderConfig struct {
	Source Source
	Roots  *trust.Roots // who may vouch for the store
	Memory Memory       // nil: nothing is remembered beyond the Reader's life
	// Patience is how long one part may take beside the time that its size allows at
	// Rate; zero: 30 seconds.
	Patience time.Duration
	// Rate is the slowest that is endured, in bytes a second; zero: 16 KiB.
	Rate int64
	Now  func() time.Time // nil: time.Now
}

// Reader reads the index of one store. It may be used by several goroutines.
type Reader struct {
	config ReaderConfig
	kept   kept

	mu     sync.Mutex // held while the timestamp is asked for; guards what follows
	loaded bool       // the Memory was asked
	last   Seen
	tag    string // of the envelope in view
	view   *View  // nil before the first
}

// NewReader makes a Reader. Nothing is read yet.
func NewReader(config ReaderConfig) *Reader {
	if config.Patience <= 0 {
		config.Patience = 30 * time.Second
	}
	if config.Rate <= 0 {
		config.Rate = 16 << 10
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Reader{config: config}
}

// Refresh asks for the timestamp and, when the catalogue has changed, for its snapshot. It
// returns the same View when nothing has changed. Every refusal is an *Error; what ctx and
// the Memory say is returned as it is.
//
// A genuine timestamp is remembered even if the rest of its catalogue can not be had: from
// then on nothing older is taken.
func (r *Reader) Refresh(ctx context.Context) (*View, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.loaded && r.config.Memory != nil {
		last, err := r.config.Memory.Load(ctx)
		if err != nil {
			return nil, err
		}
		r.last = last
	}
	r.loaded = true
	envelope, tag, err := r.envelope(ctx)
	if err != nil {
		return nil, err
	}
	if envelope == nil { // unchanged; it may have run out since
		if r.view == nil {
			return nil, refuse(IndexMalformed, "the store says that nothing has changed, before it has said anything")
		}
		if err := r.view.timestamp.judge(r.config.Now(), r.last); err != nil {
			return nil, err
		}
		return r.view, nil
	}
	t, err := VerifyTimestamp(envelope, r.config.Roots, r.config.Now(), r.last)
	if err != nil {
		return nil, err
	}
	if err := r.remember(ctx, t); err != nil {
		return nil, err
	}
	next := &View{reader: r, timestamp: t, envelope: envelope}
	if next.snapshot, err = r.snapshot(ctx, t); err != nil {
		return nil, err
	}
	if r.view != nil && r.view.timestamp.Snapshot == t.Snapshot && r.view.timestamp.Issued.Equal(t.Issued) && r.view.timestamp.Expires.Equal(t.Expires) {
		next = r.view
	}
	r.tag, r.view = tag, next
	return next, nil
}

// remember keeps what must not be taken back; the caller holds mu.
func (r *Reader) remember(ctx context.Context, t Timestamp) error {
	seen := t.Seen()
	if seen.Sequence == r.last.Sequence && seen.Issued.Before(r.last.Issued) {
		seen.Issued = r.last.Issued // of another replica, which said it earlier
	}
	if seen == r.last {
		return nil
	}
	if r.config.Memory != nil {
		if err := r.config.Memory.Save(ctx, seen); err != nil {
			return err
		}
	}
	r.last = seen
	return nil
}

// envelope asks for the timestamp: nil when it is the one in view.
func (r *Reader) envelope(ctx context.Context) (data []byte, tag string, err error) {
	const what = "the timestamp"
	data, err = r.read(ctx, what, MaxEnvelope, func(ctx context.Context) (io.ReadCloser, error) {
		body, newTag, err := r.config.Source.Timestamp(ctx, r.tag)
		tag = newTag
		return body, err
	})
	if len(data) > MaxEnvelope {
		return nil, "", refuse(IndexTooLarge, "%s has more than %d bytes", what, MaxEnvelope)
	}
	return data, tag, err
}

// snapshot returns the snapshot that a timestamp names: the one in view, or a new one. The
// caller holds mu.
func (r *Reader) snapshot(ctx context.Context, t Timestamp) (s *Snapshot, err error) {
	if r.view != nil && r.view.timestamp.Snapshot == t.Snapshot {
		s = r.view.snapshot
	} else {
		data, err := r.object(ctx, "the snapshot", t.Snapshot)
		if err != nil {
			return nil, err
		}
		if s, err = DecodeSnapshot(data); err != nil {
			return nil, err
		}
	}
	if s.Store != t.Store || s.Sequence != t.Sequence {
		return nil, refuse(IndexMixed, "the timestamp of %s, number %d, names the snapshot of %.100q, number %d", t.Store, t.Sequence, s.Store, s.Sequence)
	}
	return s, nil
}

// object reads an object, whose size was checked by whoever decoded its name.
func (r *Reader) object(ctx context.Context, what string, o Object) ([]byte, error) {
	if data, ok := r.kept.get(o.Digest); ok {
		return data, nil
	}
	data, err := r.read(ctx, what, o.Size, func(ctx context.Context) (io.ReadCloser, error) {
		return r.config.Source.Object(ctx, o.Digest)
	})
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > o.Size:
		return nil, refuse(IndexTooLarge, "%s has more than the %d bytes that are announced", what, o.Size)
	case Digest(data) != o.Digest:
		return nil, refuse(IndexWrongDigest, "%s is not what was announced: it was changed or cut short", what)
	}
	r.kept.put(o.Digest, data)
	return data, nil
}

// read reads a body of at most size bytes, and one more that tells of others. It is nil
// without an error where open returns no body.
func (r *Reader) read(ctx context.Context, what string, size int64, open func(context.Context) (io.ReadCloser, error)) ([]byte, error) {
	timed, cancel := r.within(ctx, size)
	defer cancel()
	body, err := open(timed)
	if err == nil && body == nil {
		return nil, nil
	}
	var data []byte
	if err == nil {
		stop := context.AfterFunc(timed, func() { body.Close() })
		data, err = io.ReadAll(io.LimitReader(body, size+1))
		if stop() {
			body.Close()
		}
	}
	if err != nil {
		return nil, explain(ctx, timed, what, err)
	}
	return data, nil
}

// errSlow is why a context ends that within made.
var errSlow = errors.New("it takes too long")

// within gives a part the time that its size allows.
func (r *Reader) within(ctx context.Context, size int64) (context.Context, context.CancelFunc) {
	allowed := r.config.Patience + time.Duration(float64(size)/float64(r.config.Rate)*float64(time.Second))
	return context.WithTimeoutCause(ctx, allowed, errSlow)
}

// explain turns what went wrong while a part was read into what the caller gets.
func explain(ctx, timed context.Context, what string, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case timed.Err() != nil:
		return refuse(IndexTooSlow, "%s came too slowly, and was given up: %w", what, errSlow)
	case errors.Is(err, fs.ErrNotExist):
		return refuse(IndexMissing, "%s is not there, though it should be", what)
	}
	return refuse(IndexUnreachable, "reading %s: %w", what, err)
}

// maxKept bounds in bytes what a Reader keeps of objects that it may need again.
const maxKept = 32 << 20

// kept is a bounded memory of objects. The zero value is ready. When it is full it forgets
// all: what is in use comes again, and nobody has to keep accounts.
type kept struct {
	mu      sync.Mutex
	objects map[string][]byte
	size    int
}

func (k *kept) get(digest string) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	data, ok := k.objects[digest]
	return data, ok
}

func (k *kept) put(digest string, data []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.objects == nil || k.size+len(data) > maxKept {
		k.objects, k.size = map[string][]byte{}, 0
	}
	if _, ok := k.objects[digest]; !ok {
		k.objects[digest], k.size = data, k.size+len(data)
	}
}
