package trusttest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// OCSP makes an answer about cert, which issuer is said to have issued, signed by a
// responder; it is in there unless it is the issuer. Without a change it says good, from a
// minute ago for an hour.
func OCSP(t testing.TB, cert *x509.Certificate, issuer, responder *Holder, change func(*ocsp.Response)) []byte {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	answer := ocsp.Response{
		Status: ocsp.Good, SerialNumber: cert.SerialNumber, IssuerHash: crypto.SHA1,
		ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(time.Hour),
	}
	if responder != issuer {
		answer.Certificate = responder.Cert
	}
	if change != nil {
		change(&answer)
	}
	der, err := ocsp.CreateResponse(issuer.Cert, responder.Cert, answer, responder.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// CRL makes a list in DER, from a minute ago for an hour, then changed. The number is
// that of the list; revoked may be empty.
func CRL(t testing.TB, issuer *Holder, number int64, change func(*x509.RevocationList), revoked ...x509.RevocationListEntry) []byte {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	list := &x509.RevocationList{
		Number: big.NewInt(number), ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(time.Hour),
		RevokedCertificateEntries: revoked,
	}
	if change != nil {
		change(list)
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, issuer.Cert, issuer.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
