package database

import (
	"context"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// Document is the document of one listing as the catalogue names it.
type Document struct {
	ID       string
	Sequence int64 // of its last change
	// Removed says that it is no longer in the catalogue; the rest is zero then.
	Removed bool
	Object  store.Object // of the JSON, uncompressed
	Gzip    []byte       // the JSON of a store.Listing
}

// Changes is what is new behind a sequence.
type Changes struct {
	// Sequence is where to go on from. If More is false it is the catalogue's, and who has
	// applied everything has exactly the catalogue of this sequence.
	Sequence  int64
	More      bool
	Documents []Document // in the order of their sequence
	// Lists are the advisories, revocations and labels, whole, if one of them is new
	// behind the sequence asked for; it comes only where More is false.
	Lists *Lists
}

// Lists are what the catalogue has beside listings, each sorted: by id; revocations by
// digest, listing and version.
type Lists struct {
	Advisories  []store.Advisory
	Revocations []store.Revocation
	Labels      []Label
}

// Changes returns at most limit documents (1 to 1000) that changed behind the sequence
// after; 0 is the beginning.
func (d *Database) Changes(ctx context.Context, after int64, limit int) (Changes, error) {
	return d.changes(ctx, after, limit)
}

// Sequence returns the catalogue's. It is cheap: poll it.
func (d *Database) Sequence(ctx context.Context) (int64, error) { return d.sequence(ctx) }

// Document returns the document of the listing whose id reads as id does, hidden or not.
func (d *Database) Document(ctx context.Context, id string) (Document, error) {
	return d.document(ctx, id)
}

// Detail returns what is kept of one release; the version is as the author wrote it.
func (d *Database) Detail(ctx context.Context, id, version string) (store.Detail, error) {
	return d.detail(ctx, id, version)
}

// File returns the release that the file with this digest belongs to.
func (d *Database) File(ctx context.Context, digest string) (FileOwner, error) {
	return d.file(ctx, digest)
}

// Timestamp is the signed head of the index at one sequence.
type Timestamp struct {
	Sequence int64
	Issued   time.Time // in microseconds, as everything here
	Expires  time.Time
	Snapshot string // digest of the snapshot that it names
	Envelope []byte
}

// Timestamp returns that of a sequence, or ErrNotFound.
func (d *Database) Timestamp(ctx context.Context, sequence int64) (Timestamp, error) {
	return d.timestamp(ctx, sequence)
}

// SaveTimestamp keeps t if its sequence has none yet (replaces is zero), or if the one that
// it has was issued at replaces. It returns the one that is kept, which is another
// replica's if that was first: compare its Snapshot with yours.
func (d *Database) SaveTimestamp(ctx context.Context, t Timestamp, replaces time.Time) (Timestamp, error) {
	return d.saveTimestamp(ctx, t, replaces)
}
