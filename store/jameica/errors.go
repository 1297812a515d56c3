package jameica

import "errors"

// Code says what is wrong. The set is closed; the codes of a ZIP's container are those
// of package bundle, whose *bundle.Error comes through unchanged.
type Code string

// The codes.
const (
	CodeUnreachable        Code = "unreachable"         // no answer, or another status than 200
	CodeRedirectRefused    Code = "redirect_refused"    // to another origin, or too many
	CodeTooBig             Code = "too_big"             // more bytes, entries or levels than are read
	CodeCharset            Code = "charset_unsupported" // an encoding that nobody declares here, or bytes that are none of it
	CodeXML                Code = "xml_invalid"
	CodeDoctype            Code = "doctype_refused"
	CodeRepository         Code = "repository_invalid" // no repository.xml by the client's rules
	CodeManifest           Code = "manifest_invalid"   // no plugin.xml by the client's rules
	CodeArchive            Code = "archive_invalid"    // a sound ZIP that the client does not take, or should not
	CodeMismatch           Code = "manifest_mismatch"  // plugin.xml of the repository and of the ZIP differ
	CodeCertificateInvalid Code = "certificate_invalid"
	CodeUntrusted          Code = "untrusted" // the chain leads to no root that was given
	CodeWeakAlgorithm      Code = "weak_algorithm"
	CodeUnsigned           Code = "unsigned"    // no signature where there has to be one
	CodeUncertified        Code = "uncertified" // a signature, but no certificate to judge it by
	CodeSignatureInvalid   Code = "signature_invalid"
)

// Error is why something of a repository is refused. Message and Subject may hold text
// of strangers: escape them wherever they are shown.
type Error struct {
	Code Code
	// Subject is the URL, file or element at fault, "" where the caller knows it.
	Subject string
	Message string
	Err     error // the cause beneath, if any
}

// Error returns "code: subject: message".
func (e *Error) Error() string {
	text := string(e.Code) + ": "
	if e.Subject != "" {
		text += e.Subject + ": "
	}
	return text + e.Message
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the Code of the first *Error in err's chain, "" when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// maxProblems is how many problems of one document, or one repository, are told.
const maxProblems = 500

// note appends a problem, up to a bound.
func note(list []*Error, e *Error) []*Error {
	switch {
	case len(list) < maxProblems:
		return append(list, e)
	case len(list) == maxProblems:
		return append(list, fault(e.Code, "", "there are more problems, which are not told"))
	}
	return list
}
