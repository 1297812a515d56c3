package jpl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

// Code says which rule an archive breaks. The set is closed: those of the container are
// those of package bundle, up to crc_mismatch; docs/jami.md explains the others.
type Code string

// The codes of what stands inside. Jami calls all of them an invalid plugin.
const (
	CodeManifestInvalid    Code = "manifest_invalid"
	CodeIDInvalid          Code = "id_invalid"
	CodeLocaleInvalid      Code = "locale_invalid"
	CodePreferencesInvalid Code = "preferences_invalid"
)

// The codes of who signed. Jami calls them a certificate that is not good.
const (
	CodeUnsigned         Code = "unsigned"
	CodeIdentityMismatch Code = "identity_mismatch"
	CodeChainInvalid     Code = "chain_invalid"
	CodeChainUntrusted   Code = "chain_untrusted"
	CodeWeakAlgorithm    Code = "weak_algorithm"
	CodeExpired          Code = "expired" // also: not yet valid
	CodeRevoked          Code = "revoked"
	CodePublisherChanged Code = "publisher_changed"
)

// The codes of what was signed. Jami calls them a signature that is not good.
const (
	CodeSignatureInvalid Code = "signature_invalid"
	CodeEntryUnsigned    Code = "entry_unsigned"
	CodeEntryMissing     Code = "entry_missing"
)

// The codes of an update.
const (
	CodeSameVersion  Code = "same_version"
	CodeOlderVersion Code = "older_version"
	// CodeVersionOrder is a pair of versions that readers put in different orders.
	CodeVersionOrder Code = "version_order"
)

// The codes of what a store does not take although its signature holds.
const (
	CodeVersionInvalid   Code = "version_invalid"
	CodePlatformMissing  Code = "platform_missing"
	CodeLibraryMissing   Code = "library_missing"
	CodeLibraryMisplaced Code = "library_misplaced"
	CodeFileDropped      Code = "file_dropped"
	CodeTextUnsafe       Code = "text_unsafe"
)

// Codes lists every Code, in the order of docs/jami.md.
func Codes() []Code {
	var list []Code
	for _, c := range bundle.Codes() {
		if c == bundle.CodeNoManifest {
			break
		}
		list = append(list, Code(c))
	}
	return append(list,
		CodeManifestInvalid, CodeIDInvalid, CodeLocaleInvalid, CodePreferencesInvalid,
		CodeUnsigned, CodeIdentityMismatch, CodeChainInvalid, CodeChainUntrusted, CodeWeakAlgorithm,
		CodeExpired, CodeRevoked, CodePublisherChanged,
		CodeSignatureInvalid, CodeEntryUnsigned, CodeEntryMissing,
		CodeSameVersion, CodeOlderVersion, CodeVersionOrder,
		CodeVersionInvalid, CodePlatformMissing, CodeLibraryMissing, CodeLibraryMisplaced, CodeFileDropped, CodeTextUnsafe,
	)
}

// JamiCode is what a Jami daemon answers to installPlugin.
type JamiCode int

// The answers of Jami.
const (
	JamiOK          JamiCode = 0
	JamiSameVersion JamiCode = 100
	JamiOlder       JamiCode = 200
	JamiSignature   JamiCode = 300
	JamiCertificate JamiCode = 400
	JamiInvalid     JamiCode = 500
)

// Jami is the answer of a Jami daemon that fits the code best. Where Jami accepts what is
// refused here, it is the answer that a daemon should have given.
func (c Code) Jami() JamiCode {
	switch c {
	case "":
		return JamiOK
	case CodeSameVersion:
		return JamiSameVersion
	case CodeOlderVersion, CodeVersionOrder:
		return JamiOlder
	case CodeSignatureInvalid, CodeEntryUnsigned, CodeEntryMissing:
		return JamiSignature
	case CodeUnsigned, CodeIdentityMismatch, CodeChainInvalid, CodeChainUntrusted, CodeWeakAlgorithm,
		CodeExpired, CodeRevoked, CodePublisherChanged:
		return JamiCertificate
	}
	return JamiInvalid
}

// Check is one step of the reasoning. OK is false for the check that decided, which is the
// last one. Warning marks one that holds with a remark that a person should read.
type Check struct {
	Name    string `json:"name"` // one of CheckNames
	OK      bool   `json:"ok"`
	Warning bool   `json:"warning,omitempty"`
	Detail  string `json:"detail"`
}

// CheckNames lists the names of checks, in the order in which they are made.
func CheckNames() []string {
	return []string{checkContainer, checkManifest, checkCertificate, checkChain, checkValidity, checkRevocation, checkSignature, checkEntries, checkContent}
}

const (
	checkContainer   = "container"
	checkManifest    = "manifest"
	checkCertificate = "certificate"
	checkChain       = "chain"
	checkValidity    = "validity"
	checkRevocation  = "revocation"
	checkSignature   = "signature"
	checkEntries     = "entries"
	checkContent     = "content"
)

// Error is why an archive is refused. Entry and Message hold text of its author: escape
// them wherever they are shown.
type Error struct {
	Code Code
	// Entry is the entry at fault, "" when it is the whole file.
	Entry   string
	Message string
	// Err is the cause, where there is one beneath.
	Err error
	// Checks is the whole reasoning, for an error of Verify.
	Checks []Check
}

// Error returns "code: entry: message", leaving out what does not apply.
func (e *Error) Error() string {
	parts := []string{string(e.Code)}
	if e.Entry != "" {
		parts = append(parts, strconv.QuoteToGraphic(e.Entry))
	}
	return strings.Join(append(parts, e.Message), ": ")
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

// refuse makes an *Error about an entry, or about the file when entry is "".
func refuse(code Code, entry, format string, args ...any) *Error {
	return &Error{Code: code, Entry: entry, Message: fmt.Sprintf(format, args...)}
}

// ofContainer makes an *Error of one of package bundle; others, like that of a context,
// are returned as they are.
func ofContainer(err error) error {
	var e *bundle.Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{Code: Code(e.Code), Entry: e.Entry, Message: e.Message, Err: err, Checks: []Check{{Name: checkContainer, Detail: e.Message}}}
}

// holds adds a check that holds.
func (v *Verified) holds(name, format string, args ...any) {
	v.checks = append(v.checks, Check{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)})
}

// holdsBut adds a check that holds with a remark.
func (v *Verified) holdsBut(name, format string, args ...any) {
	v.holds(name, format, args...)
	v.checks[len(v.checks)-1].Warning = true
}

// fails adds the check that decided, and returns err.
func (v *Verified) fails(name string, err error) error {
	detail := err.Error()
	var e *Error
	if errors.As(err, &e) {
		detail = e.Message
	}
	v.checks = append(v.checks, Check{Name: name, Detail: detail})
	return err
}
