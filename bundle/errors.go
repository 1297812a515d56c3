package bundle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Code says which rule a bundle breaks. The set is closed: it labels metrics, and
// docs/bundle.md explains each one.
type Code string

// The codes of the container, in the order in which the rules are judged.
const (
	CodeUnreadable       Code = "unreadable"
	CodeTooBig           Code = "too_big"
	CodeNotZip           Code = "not_zip"
	CodeTruncated        Code = "truncated"
	CodePrefixData       Code = "prefix_data"
	CodeTrailingData     Code = "trailing_data"
	CodeMultipleEOCD     Code = "multiple_eocd"
	CodeZip64Bad         Code = "zip64_bad"
	CodeDirectoryBad     Code = "directory_bad"
	CodeEncrypted        Code = "encrypted"
	CodeMultiDisk        Code = "multi_disk"
	CodeDuplicateName    Code = "duplicate_name"
	CodeLocalMismatch    Code = "local_central_mismatch"
	CodeOverlap          Code = "overlap"
	CodeGap              Code = "gap"
	CodeExtraBad         Code = "extra_bad"
	CodeUnsafePath       Code = "unsafe_path"
	CodeSpecialFile      Code = "special_file"
	CodeMethod           Code = "method_unsupported"
	CodeTooManyEntries   Code = "too_many_entries"
	CodeEntryTooBig      Code = "entry_too_big"
	CodeTotalTooBig      Code = "total_too_big"
	CodeRatioTooHigh     Code = "ratio_too_high"
	CodeDataCorrupt      Code = "data_corrupt"
	CodeCRCMismatch      Code = "crc_mismatch"
	CodeNoManifest       Code = "no_manifest"
	CodeMultipleManifest Code = "multiple_manifest"
)

// The codes of a signature. Who signed is not judged here.
const (
	CodeSignatureInvalid Code = "signature_invalid"
	CodeEntryUnsigned    Code = "entry_unsigned"
	CodeEntryMissing     Code = "entry_missing"
	CodeWeakAlgorithm    Code = "weak_algorithm"
)

// The codes of what stands inside.
const (
	CodeManifestInvalid Code = "manifest_invalid"
	CodeTypesInvalid    Code = "types_invalid"
	CodeSchemaInvalid   Code = "schema_invalid"
)

// OfSignature reports whether the code says that a signature is there and does not hold.
func (c Code) OfSignature() bool {
	switch c {
	case CodeSignatureInvalid, CodeEntryUnsigned, CodeEntryMissing, CodeWeakAlgorithm:
		return true
	}
	return false
}

// Codes lists every Code, in the order of docs/bundle.md.
func Codes() []Code {
	return []Code{
		CodeUnreadable, CodeTooBig, CodeNotZip, CodeTruncated, CodePrefixData, CodeTrailingData,
		CodeMultipleEOCD, CodeZip64Bad, CodeDirectoryBad, CodeEncrypted, CodeMultiDisk,
		CodeDuplicateName, CodeLocalMismatch, CodeOverlap, CodeGap, CodeExtraBad, CodeUnsafePath,
		CodeSpecialFile, CodeMethod, CodeTooManyEntries, CodeEntryTooBig, CodeTotalTooBig,
		CodeRatioTooHigh, CodeDataCorrupt, CodeCRCMismatch, CodeNoManifest, CodeMultipleManifest,
		CodeSignatureInvalid, CodeEntryUnsigned, CodeEntryMissing, CodeWeakAlgorithm,
		CodeManifestInvalid, CodeTypesInvalid, CodeSchemaInvalid,
	}
}

// Error is why a bundle is refused. Entry and Message hold text of the bundle's
// author: escape them wherever they are shown.
type Error struct {
	Code Code
	// Entry is the name of the entry at fault, "" when it is the whole file. It is
	// valid UTF-8 of at most 1024 bytes, but may hold any character.
	Entry string
	// Line is the line of the manifest at fault, counted from 1, else 0.
	Line    int
	Message string
	// Err is the cause, where there is one beneath: an error of the file system.
	Err error
}

// Error returns "code: entry: line n: message", leaving out what does not apply.
func (e *Error) Error() string {
	parts := []string{string(e.Code)}
	if e.Entry != "" {
		parts = append(parts, strconv.QuoteToGraphic(e.Entry))
	}
	if e.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", e.Line))
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
	return &Error{Code: code, Entry: clip(entry), Message: fmt.Sprintf(format, args...)}
}

// clip makes a name from a bundle fit to stand in an error.
func clip(name string) string {
	if len(name) > maxPathBytes {
		name = name[:maxPathBytes]
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}
