package store

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/trust"
)

// TimestampType is the payloadType of the envelope of a Timestamp.
const TimestampType = "application/vnd.jackfield.timestamp+json"

const (
	// MaxEnvelope bounds the envelope of a Timestamp in bytes.
	MaxEnvelope = 64 << 10
	// MaxValidity bounds the time from Issued to Expires.
	MaxValidity = 366 * 24 * time.Hour
	// futureOfTimestamp is how far the clock of a store may be ahead of a client's.
	futureOfTimestamp = 5 * time.Minute
)

// envelope is DSSE, Dead Simple Signing Envelope v1.0.2, with the certificates beside the
// signature that they belong to.
type envelope struct {
	Payload     []byte      `json:"payload"` // base64
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"` // exactly one
}

type signature struct {
	Sig          []byte   `json:"sig"`          // base64
	Certificates [][]byte `json:"certificates"` // base64 of DER, the store's first
}

// Seen is what a client remembers of a store between two looks: what it has seen must not
// be taken back. The zero value has seen nothing.
type Seen struct {
	Store    string    `json:"store"` // its name
	Sequence int64     `json:"sequence"`
	Issued   time.Time `json:"issued"`
	Snapshot string    `json:"snapshot"` // digest
}

// Seen returns what to remember of a timestamp that was verified.
func (t Timestamp) Seen() Seen {
	return Seen{Store: t.Store, Sequence: t.Sequence, Issued: t.Issued, Snapshot: t.Snapshot.Digest}
}

// SignTimestamp signs a timestamp with the key of a store, whose certificate is chain[0];
// the root need not be in the chain. What it returns is the envelope that is served. It
// refuses what no client would take: another store's name, times that are not in order, an
// end after that of the certificate.
func SignTimestamp(t Timestamp, key crypto.Signer, chain []*x509.Certificate) ([]byte, error) {
	if len(chain) == 0 {
		return nil, errors.New("signing a timestamp needs the certificate of the store")
	}
	t.Issued, t.Expires = t.Issued.UTC().Truncate(time.Second), t.Expires.UTC().Truncate(time.Second)
	if err := t.check(); err != nil {
		return nil, err
	}
	switch leaf := chain[0]; {
	case len(leaf.URIs) != 1 || leaf.URIs[0].String() != trust.StoreName(t.Store):
		return nil, fmt.Errorf("the certificate %q is not that of the store %s", leaf.Subject, t.Store)
	case t.Expires.After(leaf.NotAfter):
		return nil, fmt.Errorf("the certificate %q runs out on %s, before the timestamp does: renew it, or let the timestamp be good for less", leaf.Subject, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	payload, err := Canonical(t)
	if err != nil {
		return nil, err
	}
	signed := preAuthentication(TimestampType, payload)
	hash, options := hashFor(key.Public())
	digest := hash.New()
	digest.Write(signed)
	sig, err := key.Sign(rand.Reader, digest.Sum(nil), options)
	if err != nil {
		return nil, fmt.Errorf("signing a timestamp: %w", err)
	}
	if err := checkSignature(chain[0], signed, sig); err != nil {
		return nil, fmt.Errorf("the key is not that of the certificate %q: %w", chain[0].Subject, err)
	}
	e := envelope{Payload: payload, PayloadType: TimestampType, Signatures: []signature{{Sig: sig}}}
	for _, cert := range chain {
		e.Signatures[0].Certificates = append(e.Signatures[0].Certificates, cert.Raw)
	}
	return Canonical(e)
}

// VerifyTimestamp reads an envelope and refuses, with an *Error, one that is not signed by
// a store that one of the roots vouches for, is not valid now, or is older than last, which
// may be the zero value. Whoever takes it remembers Timestamp.Seen.
func VerifyTimestamp(data []byte, roots *trust.Roots, now time.Time, last Seen) (Timestamp, error) {
	var none Timestamp
	payload, host, err := open(data, roots, now)
	if err != nil {
		return none, err
	}
	var t Timestamp
	if err := decode("the timestamp", payload, MaxEnvelope, &t); err != nil {
		return none, err
	}
	if err := t.check(); err != nil {
		return none, err
	}
	if t.Store != host {
		return none, refuse(IndexForged, "the timestamp of %.100q is signed by the store %s", t.Store, host)
	}
	if err := t.judge(now, last); err != nil {
		return none, err
	}
	return t, nil
}

// open verifies the signature of an envelope, and whose it is.
func open(data []byte, roots *trust.Roots, now time.Time) (payload []byte, host string, err error) {
	var e envelope
	if err := decode("the envelope of the timestamp", data, MaxEnvelope, &e); err != nil {
		return nil, "", err
	}
	if e.PayloadType != TimestampType || len(e.Signatures) != 1 {
		return nil, "", refuse(IndexMalformed, "the envelope holds a %.100q with %d signatures; %s with exactly one is read", e.PayloadType, len(e.Signatures), TimestampType)
	}
	chain := make([]*x509.Certificate, 0, 2)
	for _, der := range e.Signatures[0].Certificates {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, "", refuse(IndexMalformed, "a certificate in the envelope cannot be read: %w", err)
		}
		chain = append(chain, cert)
	}
	host, err = trust.JudgeStore(chain, roots, now)
	if err != nil {
		return nil, "", untrusted(err, chain, now)
	}
	if err := checkSignature(chain[0], preAuthentication(TimestampType, e.Payload), e.Signatures[0].Sig); err != nil {
		return nil, "", refuse(IndexForged, "the signature of the timestamp is not that of %s: it was changed on its way", host)
	}
	return e.Payload, host, nil
}

// untrusted turns the judgement on a store's certificate into a refusal.
func untrusted(err error, chain []*x509.Certificate, now time.Time) error {
	code := IndexForged
	if e, ok := errors.AsType[*trust.StoreError](err); ok {
		switch e.Code {
		case trust.ChainUntrusted, trust.CodeRevoked:
			code = IndexUntrusted
		case trust.CodeExpired:
			code = IndexExpired
			if now.Before(chain[0].NotBefore) {
				code = IndexFuture
			}
		}
	}
	return &Error{Code: code, Err: err}
}

// check refuses what is no timestamp at any time.
func (t Timestamp) check() error {
	if t.Sequence < 0 || !t.Issued.Before(t.Expires) || t.Expires.Sub(t.Issued) > MaxValidity {
		return refuse(IndexMalformed, "the timestamp has a negative number, or is not good for a time of up to a year")
	}
	return t.Snapshot.check("the snapshot", MaxSnapshot)
}

// judge refuses a genuine timestamp that is not valid now, or takes back what was seen.
func (t Timestamp) judge(now time.Time, last Seen) error {
	switch {
	case now.After(t.Expires):
		return refuse(IndexExpired, "the timestamp of %s ran out on %s: either the store has stopped, or somebody holds newer ones back", t.Store, t.Expires.UTC().Format(time.RFC3339))
	case t.Issued.After(now.Add(futureOfTimestamp)):
		return refuse(IndexFuture, "the timestamp of %s is of %s, which is to come: set the clock of this machine, or that of the store", t.Store, t.Issued.UTC().Format(time.RFC3339))
	case last.Store != "" && t.Store != last.Store:
		return refuse(IndexOtherStore, "the store was %s before, and is now %s: if that is right, forget what is known of it", last.Store, t.Store)
	case t.Sequence < last.Sequence:
		return refuse(IndexRolledBack, "the catalogue of %s is at number %d, after %d was seen: it is an old one; if the store was restored from a backup, forget what is known of it", t.Store, t.Sequence, last.Sequence)
	case t.Sequence == last.Sequence && last.Snapshot != "" && t.Snapshot.Digest != last.Snapshot:
		return refuse(IndexMixed, "there are two catalogues of %s with the number %d: ask who runs it", t.Store, t.Sequence)
	}
	return nil
}

// preAuthentication is what is signed: PAE of DSSE.
func preAuthentication(payloadType string, payload []byte) []byte {
	out := []byte("DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " ")
	return append(out, payload...)
}

// checkSignature verifies a signature in the one algorithm that goes with the kind of key.
func checkSignature(cert *x509.Certificate, signed, sig []byte) error {
	var algorithm x509.SignatureAlgorithm
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		algorithm = x509.SHA256WithRSAPSS
	case *ecdsa.PublicKey:
		algorithm = x509.ECDSAWithSHA256
		if key.Curve == elliptic.P384() {
			algorithm = x509.ECDSAWithSHA384
		}
	}
	return cert.CheckSignature(algorithm, signed, sig)
}

// hashFor is the same for whoever signs.
func hashFor(public crypto.PublicKey) (crypto.Hash, crypto.SignerOpts) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return crypto.SHA256, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P384() {
			return crypto.SHA384, crypto.SHA384
		}
	}
	return crypto.SHA256, crypto.SHA256
}
