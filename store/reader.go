package store

import (
	"context"
	"errors"
	"io"
	"iter"
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
type Reader struct{ config ReaderConfig }

// NewReader makes a Reader. Nothing is read yet.
func NewReader(config ReaderConfig) *Reader { return &Reader{config: config} }

// Refresh asks for the timestamp and, when the catalogue has changed, for its snapshot. It
// returns the same View when nothing has changed. Every refusal is an *Error.
func (r *Reader) Refresh(ctx context.Context) (*View, error) {
	return nil, refuse(IndexUnreachable, "reading is not built yet")
}

// View is a catalogue at one sequence number. What it gives was signed by its store, byte
// for byte. Parts are read when they are asked for. Errors are of type *Error.
type View struct{}

// Timestamp returns what was signed.
func (v *View) Timestamp() Timestamp { return Timestamp{} }

// Listings returns how many listings there are.
func (v *View) Listings() int { return 0 }

// Listing reads one listing. The id is taken as FoldID has it. IndexUnknown when there is
// none.
func (v *View) Listing(ctx context.Context, id string) (*Listing, error) {
	return nil, errors.New("not built yet")
}

// All reads every listing, in the order of their shards, and ends after the first error
// that is not IndexMissing: those of listings that an export leaves out.
func (v *View) All(ctx context.Context) iter.Seq2[*Listing, error] {
	return func(func(*Listing, error) bool) {}
}

// Advisories reads all advisories.
func (v *View) Advisories(ctx context.Context) ([]Advisory, error) {
	return nil, errors.New("not built yet")
}

// Revocations reads all revocations.
func (v *View) Revocations(ctx context.Context) ([]Revocation, error) {
	return nil, errors.New("not built yet")
}

// Partial is a file on its way: *os.File is one.
type Partial interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
}

// Download completes a file of a release: what into holds already is kept if the whole
// then has the right digest, else into is emptied and the error is IndexWrongDigest. What
// had come before an interruption stays for the next try. progress, which may be nil, is
// told how many bytes are there.
func (v *View) Download(ctx context.Context, want ReleaseFile, into Partial, progress func(size int64)) error {
	return errors.New("not built yet")
}
