package state

import (
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Errors to branch on. The first three are the kinds of an *Error.
var (
	ErrFull     = sqlitefile.ErrFull
	ErrReadOnly = sqlitefile.ErrReadOnly
	ErrNewer    = sqlitefile.ErrNewer

	ErrClosed = errors.New("the state is closed")
	// ErrCursor is the answer to a cursor that History or Audit did not give out.
	ErrCursor = errors.New("the cursor is none that was given out")
	// ErrInvalid is the answer to a change that can never be saved: a name or digest
	// is missing or too long.
	ErrInvalid = errors.New("invalid change")
)

// Error says what could not be done with which file, and what to do next.
type Error = sqlitefile.Error

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
