package ingest

import (
	"context"
	"io"

	"github.com/jackfield-host/jackfield/store"
)

// Format reads one kind of file. Its methods may be called by any goroutine; a panic in
// Read is the file's fault.
type Format interface {
	// Name is the format of what it reads.
	Name() store.Format
	// Sniff says whether a file wants to be of this format. The first that says so reads it.
	Sniff(f File) bool
	// Read reads all of the file and judges who signed it. A file that it does not take is
	// a *Refused; any other error is not the file's fault.
	Read(ctx context.Context, f File) (*Candidate, error)
	// Compare compares two versions that candidates of this format had, like strings.Compare.
	Compare(a, b string) int
}

// File is a file that was taken in. Its bytes do not change.
type File struct {
	io.ReaderAt
	Size   int64
	Digest string // sha256:<hex>
	// Names are the entries of the ZIP archive that it seems to be, nil when it is none.
	Names []string
	// Detached is the signature that came with it, nil where none did.
	Detached *store.Detached
}

// Candidate is a file that a format's reader takes: all that a listing says of it.
type Candidate struct {
	// Release lacks what only the store knows: State, Published and, unless the format
	// knows it, Channel.
	Release   store.Release
	ID        string
	Texts     map[string]store.Text
	Publisher store.Publisher // proven by the signature
	License   string
	Links     store.Links
	Readme    string       // for the listing; it may be cut
	Detail    store.Detail // what is kept of this release beside its listing
	// Pictures are encoded anew.
	Icon, Background *Picture
	Screenshots      []Picture
	// Fits, if not nil, is what the format asks of a new release beside the releases that
	// were ever published of its id (none: an empty slice).
	Fits     func(versions []string) []store.Problem
	Warnings []string
}

// Picture is a picture that was encoded anew.
type Picture struct {
	Data          []byte
	Media         string // image/png or image/jpeg
	Width, Height int    // pixels
}

// Refused is a file that is not taken.
type Refused struct{ Problems []store.Problem }

// Error returns the first problem.
func (r *Refused) Error() string {
	if len(r.Problems) == 0 {
		return "the file is refused"
	}
	return r.Problems[0].Code + ": " + r.Problems[0].Message
}
