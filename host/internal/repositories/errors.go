package repositories

import (
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/store"
)

// Code says why a repository, or something of it, is not taken. The set is closed.
type Code string

// The codes beside those of package store, which keep their names here.
const (
	CodeRedirected  Code = "redirect_refused"  // it leads to another origin, or leads on and on
	CodeRoot        Code = "root_invalid"      // the file of repository.<name>.root can not be used
	CodeMemory      Code = "memory_unreadable" // what was seen of a store, on the disk, can not be read
	CodeReleaseGone Code = "release_gone"      // what was planned is not offered any more
	CodeSignature   Code = "zip_untrusted"     // nobody that is trusted has signed a ZIP of Jameica's
	CodeNoBundle    Code = "no_bundle"         // a ZIP of Jameica's without a bundle for this host
)

// Codes lists every Code.
func Codes() []Code {
	codes := []Code{CodeRedirected, CodeRoot, CodeMemory, CodeReleaseGone, CodeSignature, CodeNoBundle}
	for _, c := range store.Codes() {
		codes = append(codes, Code(c))
	}
	return codes
}

// Error is a refusal. Its message says what, which and what next; it may hold text of
// strangers.
type Error struct {
	Repository string
	Code       Code
	Err        error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of an error of this package, "" for any other.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

func refuse(repository string, code Code, format string, args ...any) error {
	return &Error{Repository: repository, Code: code, Err: fmt.Errorf(format, args...)}
}
