package jameica

import (
	"crypto"
	"crypto/x509"
	"io"
	"time"
)

// Sign makes the .sha1 of a ZIP: RSASSA-PKCS1-v1_5 over the SHA-1 of its bytes, raw. The
// key is RSA of at least 2048 bits. SHA-1 is what the client knows: whoever can choose
// checks a SHA-256 digest besides.
func Sign(zip io.Reader, key crypto.Signer) ([]byte, error) { return nil, errNotBuilt }

// VerifySignature reports whether signature is the .sha1 of the ZIP under the key of leaf,
// RSA of at least 2048 bits.
func VerifySignature(zip io.Reader, signature []byte, leaf *x509.Certificate) error {
	return errNotBuilt
}

// Chain is the certificate of a group: the leaf first, which signs, then intermediates.
type Chain []*x509.Certificate

// ParseChain reads the file that a group's certificate attribute leads to: PEM or DER, one
// certificate or several.
func ParseChain(data []byte) (Chain, error) { return nil, errNotBuilt }

// Judge reports whether the chain leads to one of the roots at that time and its leaf can
// sign. Whatever the certificates are for does not matter: those in the wild are made for
// servers. A leaf that is itself among the roots is trusted.
func (c Chain) Judge(roots *x509.CertPool, at time.Time) error { return errNotBuilt }
