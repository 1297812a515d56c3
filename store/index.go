package store

import "time"

// The index, from the top:
//
//	Timestamp  signed, short-lived: names the Snapshot by digest
//	Snapshot   names the Shards, the advisories and the revocations by digest
//	Shard      names the documents of its listings by digest
//	Listing    names the files of its releases by digest
//
// Everything but the Timestamp is an immutable object: GET /api/v1/snapshot/objects/{digest}.

// Object names bytes: what has another size or digest is not it.
type Object struct {
	Digest string `json:"digest"` // sha256:<hex>
	Size   int64  `json:"size"`   // bytes, uncompressed
}

// Timestamp is the only signed document. A client refuses one whose Sequence is lower than
// the last it has seen, and one whose Expires has passed.
type Timestamp struct {
	// Store is the store's name as its certificate has it: the host of its URI name.
	Store string `json:"store"`
	// Sequence counts changes of the catalogue. The same number with a later Issued is the
	// same catalogue, said anew.
	Sequence int64     `json:"sequence"`
	Issued   time.Time `json:"issued"`
	Expires  time.Time `json:"expires"`
	Snapshot Object    `json:"snapshot"`
}

// Snapshot is the whole catalogue at one Sequence.
type Snapshot struct {
	Store    string `json:"store"`
	Sequence int64  `json:"sequence"`
	Listings int    `json:"listings"` // how many there are
	// Shards are a power of two in number; the listing with id x is in the one whose index
	// is the first bits of SHA-256 of FoldID(x).
	Shards      []Object `json:"shards"`
	Advisories  Object   `json:"advisories"`
	Revocations Object   `json:"revocations"`
}

// Shard names the documents of some listings.
type Shard struct {
	Listings map[string]Object `json:"listings"` // by id as written
}

// Advisory tells of a weakness. It never changes what is served; a Revocation does.
type Advisory struct {
	ID       string    `json:"id"`       // given by the store: JFA-2026-0001
	Listing  string    `json:"listing"`  // the id that it is about
	Affected string    `json:"affected"` // constraints as in extension_requires: ">=1.0 <1.4.2"; "" is every version
	Fixed    string    `json:"fixed,omitempty"`
	Severity Severity  `json:"severity"`
	Title    string    `json:"title"`
	Text     string    `json:"text,omitempty"` // Markdown
	URL      string    `json:"url,omitempty"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

// Severity is how bad an advisory is.
type Severity string

// The severities, mildest first.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Revocation says that something must not run any more, wherever it is installed.
type Revocation struct {
	Digest  string    `json:"digest,omitempty"` // one file; or
	Listing string    `json:"listing,omitempty"`
	Version string    `json:"version,omitempty"` // with Listing; "" is every version
	Reason  string    `json:"reason"`
	URL     string    `json:"url,omitempty"`
	Created time.Time `json:"created"`
}
