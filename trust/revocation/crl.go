package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// MaxCRL bounds a CRL in bytes: over a hundred thousand revoked certificates.
const MaxCRL = 4 << 20

// CRL is a certificate revocation list with the name of where it came from. Whether its
// issuer really signed it is checked when it is used.
type CRL struct {
	Name string
	List *x509.RevocationList
}

// ParseCRL reads a list in DER or PEM (RFC 5280, 5). Lists that are not about all
// certificates of their issuer, or hold entries of other issuers, are refused: whoever
// is not on one of those may still be revoked.
func ParseCRL(name string, data []byte) (CRL, error) {
	if len(data) > MaxCRL {
		return CRL{}, fmt.Errorf("it has more than %d bytes", MaxCRL)
	}
	der := data
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN")) {
		block, rest := pem.Decode(data)
		if block == nil || block.Type != "X509 CRL" || len(bytes.TrimSpace(rest)) > 0 {
			return CRL{}, errors.New("it is not one X509 CRL in PEM")
		}
		der = block.Bytes
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return CRL{}, fmt.Errorf("it is not a certificate revocation list: %w", err)
	}
	if err := checkScope(list); err != nil {
		return CRL{}, err
	}
	if list.NextUpdate.IsZero() || list.NextUpdate.Before(list.ThisUpdate) {
		return CRL{}, errors.New("it does not say when the next one comes")
	}
	if err := algorithm.CheckSignature(list.SignatureAlgorithm); err != nil {
		return CRL{}, err
	}
	return CRL{Name: name, List: list}, nil
}

// checkScope refuses extensions that change what a list is about. The two that have names
// are to be critical by RFC 5280; where they are not, they mean the same.
func checkScope(list *x509.RevocationList) error {
	for _, extension := range list.Extensions {
		switch oid := extension.Id.String(); {
		case oid == "2.5.29.27":
			return errors.New("it is a delta CRL, which counts only together with another one; use a complete one")
		case oid == "2.5.29.28":
			return errors.New("it is about some certificates of its issuer only (issuing distribution point); use a complete one")
		case extension.Critical:
			return fmt.Errorf("it has the unknown critical extension %s", oid)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.ReasonCode == 8 {
			return errors.New("it takes a certificate off another list (removeFromCRL), as only delta CRLs do")
		}
		for _, extension := range entry.Extensions {
			if extension.Critical {
				return fmt.Errorf("its entry %x has the unknown critical extension %s", entry.SerialNumber, extension.Id)
			}
		}
	}
	return nil
}

// by reports whether the list claims to be by issuer.
func (l CRL) by(issuer *x509.Certificate) bool {
	return l.List != nil && bytes.Equal(l.List.RawIssuer, issuer.RawSubject)
}

// verify checks that issuer signed the list.
func (l CRL) verify(issuer *x509.Certificate) error {
	if !l.by(issuer) {
		return errors.New("the list is by another issuer")
	}
	if err := l.List.CheckSignatureFrom(issuer); err != nil {
		return fmt.Errorf("the list is not signed by the issuer of the certificate: %w", err)
	}
	return nil
}

// about returns what a verified list says of the certificate with this serial number.
func (l CRL) about(serial *big.Int) *evidence {
	e := &evidence{
		kind: kindCRL, status: Good, source: "CRL " + l.Name, der: l.List.Raw,
		producedAt: l.List.ThisUpdate, thisUpdate: l.List.ThisUpdate, nextUpdate: l.List.NextUpdate,
	}
	for _, entry := range l.List.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(serial) == 0 {
			listed := *e
			listed.status, listed.revokedAt, listed.reason = Revoked, entry.RevocationTime, Reason(entry.ReasonCode)
			if e.status == Good || listed.graver(e) {
				e = &listed
			}
		}
	}
	return e
}

// freshAt checks that a list may be believed at the time now.
func (l CRL) freshAt(now time.Time) error { return l.about(new(big.Int)).fresh(now) }
