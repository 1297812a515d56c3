package store

import (
	"crypto"
	"crypto/x509"
	"errors"
	"time"

	"github.com/jackfield-host/jackfield/trust"
)

// TimestampType is the payloadType of the envelope of a Timestamp.
const TimestampType = "application/vnd.jackfield.timestamp+json"

// MaxEnvelope bounds the envelope of a Timestamp in bytes.
const MaxEnvelope = 64 << 10

// Seen is what a client remembers of a store between two looks: what it has seen must not
// be taken back. The zero value has seen nothing.
type Seen struct {
	Store    string    `json:"store"` // its name
	Sequence int64     `json:"sequence"`
	Issued   time.Time `json:"issued"`
	Snapshot string    `json:"snapshot"` // digest
}

// SignTimestamp signs a timestamp with the key of a store, whose certificate is chain[0];
// the root need not be in the chain. What it returns is the envelope that is served: JSON
// by DSSE (Dead Simple Signing Envelope, v1), with the chain in it.
func SignTimestamp(t Timestamp, key crypto.Signer, chain []*x509.Certificate) ([]byte, error) {
	return nil, errors.New("signing is not built yet")
}

// VerifyTimestamp reads an envelope and refuses, with an *Error, one that is not signed by
// a store that one of the roots vouches for, is not valid now, or is older than last, which
// may be the zero value. Whoever takes it remembers Timestamp.Seen.
func VerifyTimestamp(envelope []byte, roots *trust.Roots, now time.Time, last Seen) (Timestamp, error) {
	return Timestamp{}, refuse(IndexForged, "verifying is not built yet")
}

// Seen returns what to remember of a timestamp that was verified.
func (t Timestamp) Seen() Seen {
	return Seen{Store: t.Store, Sequence: t.Sequence, Issued: t.Issued, Snapshot: t.Snapshot.Digest}
}
