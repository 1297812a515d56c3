package store

import "time"

// What the native API (/api/v1) takes and answers besides listings, releases, submissions
// and the signed index. Lists are never null; Next is the cursor of the next page, "" on
// the last one.

// Card is a listing as catalogues show it: what a client of one host and platform would
// get of it.
type Card struct {
	ID          string       `json:"id"`
	Format      Format       `json:"format"`
	Name        string       `json:"name"`    // in the language that was asked for
	Summary     string       `json:"summary"` // the beginning of its description, plain text
	Publisher   Publisher    `json:"publisher"`
	License     string       `json:"license,omitempty"`
	Labels      []string     `json:"labels"`
	Icon        bool         `json:"icon"`      // GET listings/{id}/icon has one
	Version     string       `json:"version"`   // the newest that is offered
	Channel     Channel      `json:"channel"`   // of that version
	State       ReleaseState `json:"state"`     // of that version
	Platforms   []string     `json:"platforms"` // of that version
	MinHost     string       `json:"min_host,omitempty"`
	Permissions []string     `json:"permissions"`
	Created     time.Time    `json:"created"`
	Updated     time.Time    `json:"updated"`
}

// CardPage is GET listings.
type CardPage struct {
	Listings []Card `json:"listings"`
	Next     string `json:"next"`
}

// ReleaseList is GET listings/{id}/releases, highest version first.
type ReleaseList struct {
	Releases []Release `json:"releases"`
}

// ReleaseDetail is GET listings/{id}/releases/{version}: the release with what is too
// large for its listing.
type ReleaseDetail struct {
	Listing string `json:"listing"` // its id
	Release
	Detail Detail `json:"detail"`
}

// MaxInstalled is how many extensions one UpdateQuery may hold.
const MaxInstalled = 1000

// UpdateQuery is what a host tells POST updates of itself.
type UpdateQuery struct {
	HostVersion string      `json:"host_version,omitempty"`
	Platform    string      `json:"platform,omitempty"` // "server" when it is empty
	Channel     Channel     `json:"channel,omitempty"`  // beta to be told of betas, too
	Installed   []Installed `json:"installed"`
}

// Installed is one extension that somebody has.
type Installed struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Digest  string `json:"digest,omitempty"` // sha256:<hex> of its file
}

// Updates is what the store knows of them, in the same order.
type Updates struct {
	// Sequence is that of the catalogue that was looked into.
	Sequence int64    `json:"sequence"`
	Updates  []Update `json:"updates"`
}

// Update is what the store knows of one extension that somebody has.
type Update struct {
	ID      string `json:"id"`
	Version string `json:"version"` // the one that was asked about
	// Known says that the store lists this version; Same that its file has the digest
	// that was asked about (true when none was).
	Known bool `json:"known"`
	Same  bool `json:"same"`
	// State is its ReleaseState, "" for one that is not known; Note says why.
	State ReleaseState `json:"state,omitempty"`
	Note  string       `json:"note,omitempty"`
	// Newer is the highest version above it that this host can use; nil for none.
	Newer *Newer `json:"newer,omitempty"`
	// Latest is a higher one that the host is too old for, and Needs what it asks for.
	Latest string `json:"latest,omitempty"`
	Needs  string `json:"needs,omitempty"`
	// Revocation stops it; Advisories are about it.
	Revocation *Revocation `json:"revocation,omitempty"`
	Advisories []Advisory  `json:"advisories"`
}

// Newer is a version to go to.
type Newer struct {
	Version     string   `json:"version"`
	Channel     Channel  `json:"channel"`
	Digest      string   `json:"digest"`
	Size        int64    `json:"size"`
	MinHost     string   `json:"min_host,omitempty"`
	Permissions []string `json:"permissions"`
}

// SubmissionPage is GET submissions, newest first.
type SubmissionPage struct {
	Submissions []Submission `json:"submissions"`
	Next        string       `json:"next"`
}

// Withdrawal is what takes a revocation back: exactly the one of this digest, or of this
// listing and version.
type Withdrawal struct {
	Digest  string `json:"digest,omitempty"`
	Listing string `json:"listing,omitempty"`
	Version string `json:"version,omitempty"`
}

// Reason is what an action on a release says of itself.
type Reason struct {
	Reason string `json:"reason"`
}

// Labeling changes the labels of a listing.
type Labeling struct {
	Add    []string `json:"add,omitempty"` // ids of labels
	Remove []string `json:"remove,omitempty"`
}

// Organization is whoever may publish: an administrator of the store adds it.
type Organization struct {
	Name    string    `json:"name"`  // the host name in its certificates
	Title   string    `json:"title"` // as people read it
	Pins    []string  `json:"pins"`  // its public keys as trust.Pin says them, sorted
	Created time.Time `json:"created"`
}

// OrganizationList is GET organizations, by name.
type OrganizationList struct {
	Organizations []Organization `json:"organizations"`
}

// Role is what a token lets somebody do.
type Role string

// The roles.
const (
	RolePublisher     Role = "publisher"     // publishes for one organization
	RoleReviewer      Role = "reviewer"      // looks at all submissions, approves, labels
	RoleAdministrator Role = "administrator" // everything
)

// Token is what is known of a token; the token itself is shown once.
type Token struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"` // what its owner calls it
	Role         Role      `json:"role"`
	Organization string    `json:"organization,omitempty"` // name of it; of publishers
	Created      time.Time `json:"created"`
	Expires      time.Time `json:"expires,omitzero"`   // zero: never
	LastUsed     time.Time `json:"last_used,omitzero"` // to the minute
}

// OrganizationRequest adds an organization, or changes the one of that name.
type OrganizationRequest struct {
	Name  string   `json:"name"`
	Title string   `json:"title,omitempty"` // Name when it is empty
	Pins  []string `json:"pins"`
}

// TokenRequest asks for a new token.
type TokenRequest struct {
	Name         string `json:"name"`
	Role         Role   `json:"role"`
	Organization string `json:"organization,omitempty"`
	Days         int    `json:"days,omitempty"` // until it expires; 0 is never
}

// NewToken is a token at the only time that it is shown.
type NewToken struct {
	Token
	Secret string `json:"secret"`
}

// TokenList is GET tokens.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// AdvisoryList is GET advisories; RevocationList is GET revocations. Newest first.
type AdvisoryList struct {
	Advisories []Advisory `json:"advisories"`
}

// RevocationList is GET revocations.
type RevocationList struct {
	Revocations []Revocation `json:"revocations"`
}

// Count is how often a version was downloaded on one day. Nothing of who did is kept.
type Count struct {
	Listing   string `json:"listing"`
	Version   string `json:"version"`
	Platform  string `json:"platform"`
	Day       string `json:"day"` // 2026-11-26, UTC; the first of the month for what is long ago
	Downloads int64  `json:"downloads"`
}

// Stats is GET stats, newest day first.
type Stats struct {
	Counts []Count `json:"counts"`
}

// AuditEntry is one line of the audit trail. Its hash is over the one before, so that none
// can be taken out or changed unseen.
type AuditEntry struct {
	Number int64     `json:"number"`
	Time   time.Time `json:"time"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Target string    `json:"target"`
	Reason string    `json:"reason,omitempty"`
	Detail string    `json:"detail,omitempty"` // JSON
	Remote string    `json:"remote,omitempty"` // address of who asked
	Hash   string    `json:"hash"`             // hex
}

// AuditPage is GET audit, newest first.
type AuditPage struct {
	Entries []AuditEntry `json:"entries"`
	Next    string       `json:"next"`
}
