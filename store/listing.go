package store

import "time"

// Format is the kind of file that a release consists of, and with it who can use it.
type Format string

// The formats. They are a closed set.
const (
	FormatBundle  Format = "bundle"  // our own JAR, for a Jackfield host
	FormatJami    Format = "jpl"     // a .jpl archive, for Jami
	FormatJameica Format = "jameica" // a ZIP, for Jameica
)

// Listing is what a store shows of one extension. It is also the document that the index
// names by its digest, so its JSON is deterministic: fields in this order, maps sorted.
type Listing struct {
	ID     string `json:"id"`
	Format Format `json:"format"`
	// Texts are what people read, by locale in lower case with a hyphen ("en", "fr-ca");
	// "" is the text of whoever has no better one and is always there.
	Texts     map[string]Text `json:"texts"`
	Publisher Publisher       `json:"publisher"`
	License   string          `json:"license,omitempty"` // SPDX id or expression
	Links     Links           `json:"links"`
	Labels    []string        `json:"labels,omitempty"` // ids of labels, sorted
	Pictures  Pictures        `json:"pictures"`
	// Readme is Markdown as the author wrote it, of the newest release; it may be cut.
	Readme string `json:"readme,omitempty"`
	// Releases are the published ones, highest version first; withdrawn and taken-down
	// ones stay in it, so that hosts that have them learn of it. Never empty.
	Releases []Release `json:"releases"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

// Text is what people read of a listing, in one language.
type Text struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"` // Markdown
}

// Publisher is the organization that an id belongs to.
type Publisher struct {
	// Organization is the name in its certificate, Host the domain that it is bound to
	// (empty for formats whose certificates name none).
	Organization string `json:"organization"`
	Host         string `json:"host,omitempty"`
	// Pin is the organization's public key as trust.Pin says it. Hosts pin it at the first
	// installation.
	Pin string `json:"pin"`
}

// Links lead away from the store: http(s) URLs, Security may be mailto.
type Links struct {
	Homepage     string `json:"homepage,omitempty"`
	Support      string `json:"support,omitempty"`
	ReleaseNotes string `json:"release_notes,omitempty"`
	Source       string `json:"source,omitempty"`
	Security     string `json:"security,omitempty"`
}

// Pictures are re-encoded by the store: nothing of a publisher's file is passed through.
type Pictures struct {
	Icon        *Picture  `json:"icon,omitempty"`
	Background  *Picture  `json:"background,omitempty"`
	Screenshots []Picture `json:"screenshots,omitempty"`
}

// Picture is one picture: a PNG or JPEG among the store's blobs.
type Picture struct {
	Digest string `json:"digest"` // sha256:<hex>
	Size   int64  `json:"size"`   // bytes
	Media  string `json:"media"`  // image/png or image/jpeg
	Width  int    `json:"width"`  // pixels
	Height int    `json:"height"`
}

// ReleaseState is where a release stands once it was published.
type ReleaseState string

// The states of a release, in the order in which they can follow each other.
const (
	Published  ReleaseState = "published"
	Deprecated ReleaseState = "deprecated" // still served; nobody should begin with it
	Withdrawn  ReleaseState = "withdrawn"  // no longer offered; bytes stay for those who have them
	TakenDown  ReleaseState = "taken_down" // no longer served at all
)

// Channel says how far a release is meant to be trusted.
type Channel string

// The channels.
const (
	Stable Channel = "stable"
	Beta   Channel = "beta"
)

// Release is one version of a listing. Its bytes never change: a release is its digest.
type Release struct {
	Version string       `json:"version"` // exactly as the author wrote it
	Channel Channel      `json:"channel"`
	State   ReleaseState `json:"state"`
	// Note says why it is deprecated, withdrawn or taken down, and what to take instead.
	Note      string    `json:"note,omitempty"`
	Published time.Time `json:"published"`
	// Files are what can be downloaded, each for some platforms; no platform is in two of
	// them. A bundle is one file for all of its platforms.
	Files []File `json:"files"`
	// MinHost is the lowest host version it works on, in the format's own grammar.
	MinHost string `json:"min_host,omitempty"`
	// Requires are its dependencies as extension_requires writes them, one per item; for
	// Jameica "name version-requirement[; optional]" in Jameica's grammar.
	Requires    []string `json:"requires,omitempty"`
	Permissions []string `json:"permissions,omitempty"`
	// Types are the names of its request and response types.
	Types     []Type `json:"types,omitempty"`
	Changelog string `json:"changelog,omitempty"` // Markdown, of this version; it may be cut
	Signer    Signer `json:"signer"`
	// Revoked names the revocation that stops this release on hosts, "" when none does.
	Revoked string `json:"revoked,omitempty"`
}

// File is one file of a release.
type File struct {
	Name      string   `json:"name"`      // for the disk of who downloads: letters, digits, . _ + -
	Platforms []string `json:"platforms"` // in our names ("linux-amd64"), "server" for what runs in a host, sorted
	Digest    string   `json:"digest"`    // sha256:<hex> of the whole file
	Size      int64    `json:"size"`      // bytes
}

// Type is a declared type, without its schema.
type Type struct {
	Name string `json:"name"`
	Role string `json:"role"` // request or response
}

// Signer is whose signature a release carries and what was found of it at ingest.
type Signer struct {
	Name string `json:"name,omitempty"` // subject of the leaf
	// Key is the pin of the leaf's public key, as trust.Pin says it.
	Key string `json:"key,omitempty"`
	// SignedAt is the time that a timestamp proves, or that of acceptance by the store:
	// certificates are judged at this time.
	SignedAt time.Time `json:"signed_at,omitzero"`
}
