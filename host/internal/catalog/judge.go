package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// verdict is what judging one file came to.
type verdict struct {
	kind   kind
	parcel *parcel           // for acceptable
	reason *lifecycle.Reason // for refused and trouble
	// pending marks trouble that is the host's own, so that the file is not at fault.
	pending bool
}

// kind sorts verdicts by what happens next.
type kind int

const (
	acceptable kind = iota
	refused         // nothing until the file changes
	incomplete      // begins like a bundle: wait for the rest
	changed         // was not what was seen: look again
	trouble         // nothing is known about the bytes: try again later
)

// judge takes files up, one call at a time or several at once.
type judge struct {
	dir    string
	limits bundle.Limits
	shelf  *shelf
}

// run judges the file with a name, which must still be what was seen. The structure is
// read from the dropped file first, so that neither an incomplete nor a foreign file is
// copied; everything else is read from the private copy.
func (j judge) run(ctx context.Context, name string, want sighting) verdict {
	if limit := j.limits.FileBytes; want.size > limit {
		return verdict{kind: refused, reason: lifecycle.Reasonf(lifecycle.StageScan, string(bundle.CodeTooBig),
			"the file has %d bytes, more than the %d that bundle.max_bytes allows", want.size, limit)}
	}
	f, err := openDropped(filepath.Join(j.dir, name), want)
	if err != nil {
		return j.sort(err)
	}
	defer f.Close()
	parcel, err := j.accept(ctx, f, want)
	if still := unchanged(f, want); still != nil {
		return j.sort(still) // whatever was found, it was found in a mixture
	}
	if err != nil {
		return j.sort(err)
	}
	return verdict{kind: acceptable, parcel: parcel}
}

func (j judge) accept(ctx context.Context, f *os.File, want sighting) (*parcel, error) {
	outside, err := bundle.NewFile(f, want.size, j.limits)
	if err != nil {
		return nil, err
	}
	outside.Close() // does not own f
	return j.shelf.put(ctx, f, want.size)
}

// fetch verifies a bundle on the shelf once more. One that is not there, or was damaged,
// is refused.
func (j judge) fetch(ctx context.Context, digest string) verdict {
	p, err := j.shelf.fetch(ctx, digestHex(digest))
	switch {
	case err != nil:
		return j.sort(err)
	case p == nil:
		return verdict{kind: refused}
	}
	return verdict{kind: acceptable, parcel: p}
}

// sort says what an error means for the file. Only an error of package bundle speaks
// of the bytes; any other one speaks of this machine.
func (j judge) sort(err error) verdict {
	var source *sourceError
	var broken *bundle.Error
	switch {
	case errors.Is(err, errChanged), errors.Is(err, context.Canceled):
		return verdict{kind: changed}
	case errors.As(err, &source):
		return unreadable(err)
	case errors.As(err, &broken):
		return broke(err, broken)
	}
	return verdict{kind: trouble, pending: true, reason: lifecycle.Reasonf(lifecycle.StageScan, lifecycle.CodeCopying,
		"the private copy cannot be made: %v; trying again", err)}
}

func unreadable(err error) verdict {
	return verdict{kind: trouble, reason: lifecycle.Reasonf(lifecycle.StageScan, string(bundle.CodeUnreadable),
		"the file cannot be read: %v; trying again", err)}
}

func broke(err error, broken *bundle.Error) verdict {
	stage := lifecycle.StageVerify
	switch broken.Code {
	case bundle.CodeTruncated:
		return verdict{kind: incomplete}
	case bundle.CodeUnreadable:
		return unreadable(err)
	case bundle.CodeNotZip, bundle.CodeTooBig:
		stage = lifecycle.StageScan
	case bundle.CodeManifestInvalid:
		stage = lifecycle.StageManifest
	}
	return verdict{kind: refused, reason: lifecycle.Reasonf(stage, string(broken.Code), "%s", sentence(broken))}
}

// sentence is an error without its code, which stands in a field of its own.
func sentence(e *bundle.Error) string {
	switch {
	case e.Entry != "" && e.Line > 0:
		return fmt.Sprintf("%q, line %d: %s", e.Entry, e.Line, e.Message)
	case e.Entry != "":
		return fmt.Sprintf("%q: %s", e.Entry, e.Message)
	}
	return e.Message
}

// sourceError is a fault of reading the dropped file, as opposed to one of writing the
// copy.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }
