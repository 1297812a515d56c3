package store

import (
	"errors"
	"fmt"
)

// Code says why what a store, or a mirror of it, gives is not taken. The set is closed.
type Code string

// The codes of reading an index.
const (
	IndexUnreachable Code = "index_unreachable" // nobody answers, or with an error
	IndexMalformed   Code = "index_malformed"   // it is not the document that it should be
	IndexTooLarge    Code = "index_too_large"   // more bytes than were announced, or than a document may have
	IndexTooSlow     Code = "index_too_slow"    // the bytes came too slowly, or not at all
	IndexUntrusted   Code = "index_untrusted"   // no trusted root vouches for who signed it
	IndexForged      Code = "index_forged"      // the signature is not good, or the certificate is no store's
	IndexOtherStore  Code = "index_other_store" // it is signed by another store than before
	IndexRolledBack  Code = "index_rolled_back" // it is older than what was seen before
	IndexExpired     Code = "index_expired"     // its timestamp has run out: somebody may hold newer ones back
	IndexFuture      Code = "index_future"      // its timestamp is not valid yet: a clock is wrong
	IndexMixed       Code = "index_mixed"       // its parts do not belong together
	IndexWrongDigest Code = "index_wrong_digest"
	IndexMissing     Code = "index_missing" // a part that it names is not there
	IndexUnknown     Code = "index_unknown" // the index names no such listing, release or file
)

// Codes lists every Code.
func Codes() []Code {
	return []Code{
		IndexUnreachable, IndexMalformed, IndexTooLarge, IndexTooSlow, IndexUntrusted, IndexForged, IndexOtherStore,
		IndexRolledBack, IndexExpired, IndexFuture, IndexMixed, IndexWrongDigest, IndexMissing, IndexUnknown,
	}
}

// Error is a refusal. Its message says what, which and what next.
type Error struct {
	Code Code
	Err  error
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

func refuse(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}
