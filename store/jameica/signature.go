package jameica

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	minKeyBits = 2048
	maxKeyBits = 8192
	maxChain   = 8 // certificates
	// maxSignature is the longest .sha1 that is one, in bytes.
	maxSignature = maxKeyBits / 8
)

// Sign makes the .sha1 of a ZIP: RSASSA-PKCS1-v1_5 over the SHA-1 of its bytes, raw. The
// key is RSA of at least 2048 bits. SHA-1 is what the client knows: whoever can choose
// checks a SHA-256 digest besides.
func Sign(zip io.Reader, key crypto.Signer) ([]byte, error) {
	if _, err := strongKey(key.Public()); err != nil {
		return nil, err
	}
	sum := sha1.New()
	if _, err := io.Copy(sum, zip); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	signature, err := key.Sign(rand.Reader, sum.Sum(nil), crypto.SHA1)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return signature, nil
}

// VerifySignature reports whether signature is the .sha1 of the ZIP under the key of leaf,
// RSA of at least 2048 bits. Whether leaf counts is Chain.Judge's to say.
func VerifySignature(zip io.Reader, signature []byte, leaf *x509.Certificate) error {
	sum := sha1.New()
	if _, err := io.Copy(sum, zip); err != nil {
		return fmt.Errorf("verifying the signature: %w", err)
	}
	return verifySum(sum.Sum(nil), signature, leaf)
}

func verifySum(sum, signature []byte, leaf *x509.Certificate) error {
	key, err := strongKey(leaf.PublicKey)
	if err != nil {
		return err
	}
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA1, sum, signature); err != nil {
		return &Error{Code: CodeSignatureInvalid, Message: "the signature is not one of this ZIP by " + leaf.Subject.String(), Err: err}
	}
	return nil
}

// strongKey is the key if it is one by which signatures count.
func strongKey(public crypto.PublicKey) (*rsa.PublicKey, error) {
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, fault(CodeWeakAlgorithm, "", "the key is not RSA (%T), which is all that Jameica knows", public)
	}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, fault(CodeWeakAlgorithm, "", "the key has %d bits; %d to %d count", bits, minKeyBits, maxKeyBits)
	}
	return key, nil
}

// Chain is the certificate of a group: the leaf first, which signs, then intermediates. It
// is never empty.
type Chain []*x509.Certificate

// ParseChain reads the file that a group's certificate attribute leads to: PEM or DER, one
// certificate or several, at most 8.
func ParseChain(data []byte) (Chain, error) {
	der, found := data, false
	if bytes.Contains(data, []byte("-----BEGIN")) {
		der = nil
		for rest := data; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if found = true; block.Type != "CERTIFICATE" {
				return nil, fault(CodeCertificateInvalid, "", "it has a PEM block %q; only certificates belong there", clip(block.Type))
			}
			der = append(der, block.Bytes...)
		}
		if !found {
			return nil, fault(CodeCertificateInvalid, "", "its PEM blocks are broken")
		}
	}
	chain, err := x509.ParseCertificates(der)
	switch {
	case err != nil:
		return nil, &Error{Code: CodeCertificateInvalid, Message: "it is neither PEM nor DER of certificates", Err: err}
	case len(chain) == 0:
		return nil, fault(CodeCertificateInvalid, "", "there is no certificate in it")
	case len(chain) > maxChain:
		return nil, fault(CodeCertificateInvalid, "", "it has %d certificates; a chain has at most %d", len(chain), maxChain)
	}
	return chain, nil
}

// Leaf is the certificate whose key signs.
func (c Chain) Leaf() *x509.Certificate { return c[0] }

// Judge reports whether the chain leads to one of the roots at that time and its leaf can
// sign. Whatever the certificates are for does not matter: those in the wild are made for
// servers. A leaf that is itself among the roots is trusted. Without roots nobody is.
func (c Chain) Judge(roots *x509.CertPool, at time.Time) error {
	if len(c) == 0 || roots == nil { // x509 would take the roots of the system
		return fault(CodeUntrusted, "", "no roots are trusted for this repository")
	}
	if _, err := strongKey(c.Leaf().PublicKey); err != nil {
		return err
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range c[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := c.Leaf().Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &Error{Code: CodeUntrusted, Message: fmt.Sprintf("the certificate of %s, or one above it, is not valid at %s", c.Leaf().Subject, at.UTC().Format(time.RFC3339)), Err: err}
	}
	return &Error{Code: CodeUntrusted, Message: fmt.Sprintf("the certificate of %s leads to no root that is trusted for this repository", c.Leaf().Subject), Err: err}
}

// Pin is by what a signer is known again: "sha256:" and the hexadecimal SHA-256 of the
// public key as the certificate has it. A certificate that is renewed with its key has the
// same.
func Pin(leaf *x509.Certificate) string {
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:])
}
