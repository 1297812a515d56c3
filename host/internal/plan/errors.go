package plan

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Fault is why something was refused or has failed: a code, and what is wrong, for people.
type Fault struct {
	Code    string
	Message string
	Hint    string // what next, "" for nothing
	// Others are extensions that stand in the way.
	Others []string
}

// Error returns the message.
func (f *Fault) Error() string { return f.Message }

// The codes of plans and steps, beside those of bundles, of reasons of extensions and of
// repositories. The set is closed.
const (
	CodeInvalid      = "invalid_argument"  // what is asked for cannot be read
	CodeNotFound     = "not_found"         // no such plan
	CodeConflict     = "conflict"          // not as things stand
	CodeUnavailable  = "unavailable"       // not now
	CodeNoPlan       = "no_plan"           // nothing does what is asked for; the problems say why
	CodeNeedsConsent = "needs_consent"     // it asks for what nobody has consented to
	CodePublisher    = "publisher_changed" // another one has signed it than was announced, or than before
	CodeOtherBundle  = "not_as_announced"  // the bundle is not what its repository says
	CodeChanged      = "changed"           // things are not as they were when it was planned
	CodeSuperseded   = "superseded"        // somebody has put another version there, or removed it
	CodeCanceled     = "canceled"          // somebody has canceled it
	CodeDeadline     = "deadline_exceeded" // it took too long
	CodeTooLarge     = "too_large"         // larger than bundle.max_bytes allows
	CodeDiskFull     = "disk_full"         // there is no room
	CodeInternal     = "internal"          // this machine is at fault; the log says more
	CodeInterrupted  = "interrupted"       // the database is a backup: what it says of plans may be old
	CodeAnother      = "another_step"      // of a step: another one of its plan has failed
	CodeUnmet        = "unmet"             // of a problem: a requirement that does not hold, now as before
)

// Codes lists every code of this package.
func Codes() []string {
	return []string{
		CodeInvalid, CodeNotFound, CodeConflict, CodeUnavailable, CodeNoPlan, CodeNeedsConsent, CodePublisher, CodeOtherBundle,
		CodeChanged, CodeSuperseded, CodeCanceled, CodeDeadline, CodeTooLarge, CodeDiskFull, CodeInternal, CodeInterrupted, CodeAnother, CodeUnmet,
	}
}

// Faultf makes a Fault without a hint.
func Faultf(code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrCanceled is why the context of a plan ends that somebody has canceled.
var ErrCanceled = errors.New("somebody has canceled it")

// FaultOf says what went wrong as a Fault.
func FaultOf(ctx context.Context, err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	u, unfetched := errors.AsType[*Unfetched](err)
	switch {
	case errors.Is(context.Cause(ctx), ErrCanceled):
		return Faultf(CodeCanceled, "%v", ErrCanceled)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return Faultf(CodeDiskFull, "the disk of the home folder is full: %v; make room and install it again", err)
	case errors.Is(err, context.DeadlineExceeded):
		return Faultf(CodeDeadline, "it has taken too long, and was given up")
	case unfetched:
		return Faultf(u.Code, "%v", u.Err)
	}
	return Faultf(CodeInternal, "%v", err)
}
