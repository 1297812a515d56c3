package output

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackfield-host/jackfield/internal/visible"
)

// The exit codes of jackfield.
const (
	ExitOK     = 0
	ExitFailed = 1 // refused or failed
	ExitUsage  = 2 // wrong command line
)

// Error is an error of a command: what happened, and what to do about it.
type Error struct {
	Err  error
	Hint string // what next, without "hint:"; may be empty
	Code int    // the exit code
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ExitCode is the process's exit code.
func (e *Error) ExitCode() int { return e.Code }

// Errorf makes an error with exit code 1 and, unless it is empty, a hint.
func Errorf(hint, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Hint: hint, Code: ExitFailed}
}

// WithHint adds a hint to err and keeps its exit code. Of nil it makes nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: hint, Code: ExitCode(err)}
}

// Usagef makes an error about the command line, with exit code 2.
func Usagef(hint, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Hint: hint, Code: ExitUsage}
}

// ExitCode returns the exit code for err: 0 for nil, what the first error in its
// chain with an ExitCode method says, else 1.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return ExitFailed
}

// Report prints err as "jackfield: …", the further lines of a longer message
// indented, then one "hint: …" line per hint in its chain.
func Report(w io.Writer, err error) {
	lines := strings.Split(strings.TrimRight(visible.Lines(err.Error()), "\n"), "\n")
	var b strings.Builder
	b.WriteString("jackfield: " + lines[0] + "\n")
	for _, line := range lines[1:] {
		b.WriteString("  " + line + "\n")
	}
	for _, hint := range Hints(err) {
		b.WriteString("hint: " + hint + "\n")
	}
	// There is no further place to tell that stderr is gone.
	_, _ = io.WriteString(w, b.String())
}

// Hints collects the hints of err's chain, the outermost first.
func Hints(err error) []string {
	var found []string
	for err != nil {
		if e, ok := err.(*Error); ok && e.Hint != "" {
			found = append(found, strings.Split(visible.Lines(e.Hint), "\n")...)
		} else if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" {
			found = append(found, strings.Split(visible.Lines(h.Hint()), "\n")...)
		}
		err = errors.Unwrap(err)
	}
	return found
}
