// Package cms makes and verifies the two signed messages of a JAR: the detached
// signature over a signature file (RFC 5652), and the RFC 3161 timestamp token about it.
//
// Verify and VerifyTimestamp say what was signed, when, and with which certificates;
// Sign, NewStampRequest and StampRequest.Token make the same. Only DER is read, only
// what these messages need, and no byte is passed over: what is not understood is
// refused. ErrWeak is in the chain of an error about an algorithm that is not strong
// enough any more. Whether a certificate may sign is for others to judge.
//
// The cryptography is that of crypto/x509. There is a reader here because those of
// libraries take BER, pass over elements they do not know and leave attributes
// unchecked, each of which lets two readers see two signatures in one file.
package cms

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ErrWeak says that a digest, a signature algorithm or a key is too weak.
var ErrWeak = errors.New("too weak")

// Limits on what is read.
const (
	maxMessage      = 256 << 10 // bytes
	maxCertificates = 16
	maxCertificate  = 16 << 10 // bytes
	maxAttributes   = 16
)

// Signed is what a detached signature proves.
type Signed struct {
	// Chain is the signer's certificate, each followed by its issuer as far as the
	// message holds them. The signatures between them were verified, nothing else.
	Chain []*x509.Certificate
	// Value is the signature itself: what a timestamp is about.
	Value []byte
	// Token is the timestamp in DER, nil without.
	Token []byte
}

// Verify verifies that der is a detached signature over content, by one signer.
func Verify(der, content []byte) (*Signed, error) {
	m, err := parse(der)
	if err != nil {
		return nil, err
	}
	switch {
	case m.version != 1:
		return nil, fmt.Errorf("the message has version %d, not 1", m.version)
	case !m.contentType.Equal(oidData):
		return nil, fmt.Errorf("the message is about content of type %v, not about data", m.contentType)
	case m.content != nil:
		return nil, errors.New("the message holds content of its own; the signature must be detached")
	}
	chain, err := m.verify(content, false)
	if err != nil {
		return nil, err
	}
	if len(chain) != len(m.certificates) {
		return nil, fmt.Errorf("%d of the %d certificates do not belong to the chain of the signer", len(m.certificates)-len(chain), len(m.certificates))
	}
	s := &Signed{Chain: chain, Value: m.signer.signature}
	for _, a := range m.signer.unsigned {
		if !a.kind.Equal(oidTimestampToken) {
			return nil, fmt.Errorf("there is an unsigned attribute %v; only a timestamp may stand there", a.kind)
		}
		s.Token = a.value
	}
	return s, nil
}

// message is a SignedData with one signer.
type message struct {
	version      int
	contentType  asn1.ObjectIdentifier
	content      []byte // nil: detached
	certificates []*x509.Certificate
	signer       signerInfo
}

// signerInfo is who signed, and how.
type signerInfo struct {
	issuer    []byte // Name in DER
	serial    *big.Int
	digest    crypto.Hash
	algorithm x509.SignatureAlgorithm
	signedRaw []byte // SET OF Attribute in DER, nil without
	signed    []attr
	signature []byte
	unsigned  []attr
}

// attr is an attribute with its single value in DER.
type attr struct {
	kind  asn1.ObjectIdentifier
	value []byte
}

func find(list []attr, kind asn1.ObjectIdentifier) ([]byte, bool) {
	for _, a := range list {
		if a.kind.Equal(kind) {
			return a.value, true
		}
	}
	return nil, false
}

// verify verifies the signature over content and returns the signer's chain. The
// signed attributes may be absent only where they are not needed.
func (m *message) verify(content []byte, needAttributes bool) ([]*x509.Certificate, error) {
	signer, err := m.signerCertificate()
	if err != nil {
		return nil, err
	}
	covered := content
	switch {
	case m.signer.signedRaw != nil:
		if err := m.checkSignedAttributes(content); err != nil {
			return nil, err
		}
		covered = m.signer.signedRaw
	case needAttributes || !m.contentType.Equal(oidData):
		return nil, errors.New("the signed attributes are missing")
	}
	if err := checkKey(signer); err != nil {
		return nil, err
	}
	if err := signer.CheckSignature(m.signer.algorithm, covered, m.signer.signature); err != nil {
		return nil, fmt.Errorf("the signature does not fit: %w", err)
	}
	return chainFrom(signer, m.certificates)
}

// signerCertificate finds the certificate that the signer names.
func (m *message) signerCertificate() (*x509.Certificate, error) {
	var found *x509.Certificate
	for _, c := range m.certificates {
		if !bytes.Equal(c.RawIssuer, m.signer.issuer) || c.SerialNumber.Cmp(m.signer.serial) != 0 {
			continue
		}
		if found != nil {
			return nil, errors.New("two certificates have the issuer and serial number of the signer")
		}
		found = c
	}
	if found == nil {
		return nil, errors.New("the certificate of the signer is not in the message")
	}
	return found, nil
}

// checkSignedAttributes compares what the attributes say with what is there.
func (m *message) checkSignedAttributes(content []byte) error {
	kind, ok := find(m.signer.signed, oidContentType)
	if !ok {
		return errors.New("the attribute content-type is missing")
	}
	var said asn1.ObjectIdentifier
	in := cryptobyte.String(kind)
	if !in.ReadASN1ObjectIdentifier(&said) || !in.Empty() || !said.Equal(m.contentType) {
		return errors.New("the attribute content-type names another type")
	}
	digest, ok := find(m.signer.signed, oidMessageDigest)
	if !ok {
		return errors.New("the attribute message-digest is missing")
	}
	var sum []byte
	in = cryptobyte.String(digest)
	if !in.ReadASN1Bytes(&sum, casn1.OCTET_STRING) || !in.Empty() {
		return errors.New("the attribute message-digest is malformed")
	}
	h := m.signer.digest.New()
	h.Write(content)
	if !bytes.Equal(sum, h.Sum(nil)) {
		return errors.New("the attribute message-digest is of other content")
	}
	if protection, ok := find(m.signer.signed, oidAlgorithmProtection); ok {
		return m.signer.checkProtection(protection)
	}
	return nil
}

// chainFrom follows issuers from leaf through pool, verifying each signature.
func chainFrom(leaf *x509.Certificate, pool []*x509.Certificate) ([]*x509.Certificate, error) {
	chain := []*x509.Certificate{leaf}
	for last := leaf; ; last = chain[len(chain)-1] {
		if bytes.Equal(last.RawIssuer, last.RawSubject) {
			if !issued(last, last) {
				return nil, fmt.Errorf("the certificate of %q names itself as issuer and did not sign itself", last.Subject)
			}
			return chain, nil
		}
		var next *x509.Certificate
		for _, c := range pool {
			if bytes.Equal(c.RawSubject, last.RawIssuer) && issued(last, c) {
				if next != nil {
					return nil, fmt.Errorf("two certificates are issuers of %q", last.Subject)
				}
				next = c
			}
		}
		if next == nil {
			return chain, nil
		}
		if len(chain) == len(pool) {
			return nil, errors.New("the certificates issue each other in a circle")
		}
		chain = append(chain, next)
	}
}

// issued reports whether the key of issuer signed child, with whatever is not broken
// altogether: SHA-1 passes, and is for those to refuse who judge certificates.
func issued(child, issuer *x509.Certificate) bool {
	return issuer.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
}
