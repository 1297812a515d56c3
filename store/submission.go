package store

import "time"

// SubmissionState is where a submitted file stands.
type SubmissionState string

// The states of a submission. What happens to a release after it is published is a
// ReleaseState.
const (
	Submitted    SubmissionState = "submitted"
	Checking     SubmissionState = "checking"
	NeedsChanges SubmissionState = "needs_changes" // refused: Problems say why
	InReview     SubmissionState = "in_review"
	Approved     SubmissionState = "approved"
	Accepted     SubmissionState = "published"
)

// Submission is one file on its way into the catalogue, with all that was found of it.
// One that is refused stays, with its reason: that is the quarantine.
type Submission struct {
	Number int64           `json:"number"`
	State  SubmissionState `json:"state"`
	// Source is "api" or "drop"; File is the name it came with, made safe to show.
	Source       string  `json:"source"`
	File         string  `json:"file"`
	Organization string  `json:"organization,omitempty"` // who sent it, of those that the store knows
	Digest       string  `json:"digest"`
	Size         int64   `json:"size"`
	Format       Format  `json:"format,omitempty"`
	Listing      string  `json:"listing,omitempty"`
	Version      string  `json:"version,omitempty"`
	Channel      Channel `json:"channel,omitempty"`
	// Detached is the signature that came with the file, nil where none did.
	Detached *Detached `json:"detached,omitempty"`
	Problems []Problem `json:"problems,omitempty"` // why it is refused
	Warnings []string  `json:"warnings,omitempty"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

// Detached is the signature of a file whose format has no place for one.
type Detached struct {
	// Signature is over the SHA-256 of the file, as "openssl dgst -sha256 -sign" writes it:
	// RSASSA-PKCS1-v1_5, or ECDSA in DER. At most MaxSignature bytes.
	Signature []byte `json:"signature"`
	// Certificates are in DER: the signer's first, each followed by its issuer; the root may
	// be left out. At most MaxCertificates, of MaxCertificate bytes each.
	Certificates [][]byte `json:"certificates"`
}

// Bounds of a Detached.
const (
	MaxSignature    = 1024
	MaxCertificates = 4
	MaxCertificate  = 4096
)

// Problem is one reason for a refusal.
type Problem struct {
	// Code is one of bundle.Codes, trust.Codes, those of jpl, or those below.
	Code    string `json:"code"`
	Entry   string `json:"entry,omitempty"` // the entry of the file at fault
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"` // what, which, what next
}

// The codes of the store's own rules, beside those of the formats.
const (
	CodeFormatUnknown    = "format_unknown" // neither a bundle nor another format that is taken
	CodeIDTaken          = "id_taken"       // the id, or one that reads alike, belongs to another organization
	CodeVersionNotHigher = "version_not_higher"
	CodeVersionExists    = "version_exists" // the version is there with other bytes
	CodeDuplicate        = "duplicate"      // these bytes were published already
	CodeNotYours         = "not_yours"      // signed by another organization than the one that sent it
	CodePictureInvalid   = "picture_invalid"
	CodeTextInvalid      = "text_invalid"
	CodeRevoked          = "revoked_release"
	CodeUnstable         = "unstable"     // the file changed while it was read
	CodeCheckFailed      = "check_failed" // the check took too long, or ended as no check should
	CodeTooManyReleases  = "too_many_releases"
	CodeNameMismatch     = "name_mismatch" // a file of the drop folder is not named like its folder
	CodeRejected         = "rejected"      // a reviewer says no
)
