package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers: RFC 5652 (messages and attributes), 3161 and 5816 (timestamps),
// 6211 (algorithm protection), 5754 (SHA-2 in messages), 4055 (RSASSA-PSS).
var (
	oidData                = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidAlgorithmProtection = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 52}
	oidTSTInfo             = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertificate  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidTimestampToken      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oidSigningCertificate2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}

	oidRSA    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
)

// strongHash is a digest that is strong enough, and the signatures with it: PKCS #1
// v1.5, PSS, ECDSA.
type strongHash struct {
	oid              asn1.ObjectIdentifier
	hash             crypto.Hash
	rsaOID, ecdsaOID asn1.ObjectIdentifier
	rsa, pss, ecdsa  x509.SignatureAlgorithm
}

func hashes() []strongHash {
	return []strongHash{
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256,
			asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2},
			x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384,
			asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3},
			x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512,
			asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4},
			x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512},
	}
}

// weak are digests and signatures that were good once: MD2, MD5, SHA-1 and SHA-224,
// alone and with RSA, DSA and ECDSA.
func weak() []asn1.ObjectIdentifier {
	return []asn1.ObjectIdentifier{
		{1, 2, 840, 113549, 2, 2}, {1, 2, 840, 113549, 2, 5}, {1, 3, 14, 3, 2, 26}, {2, 16, 840, 1, 101, 3, 4, 2, 4},
		{1, 2, 840, 113549, 1, 1, 2}, {1, 2, 840, 113549, 1, 1, 4}, {1, 2, 840, 113549, 1, 1, 5}, {1, 2, 840, 113549, 1, 1, 14},
		{1, 2, 840, 10040, 4, 1}, {1, 2, 840, 10040, 4, 3}, {2, 16, 840, 1, 101, 3, 4, 3, 1}, {2, 16, 840, 1, 101, 3, 4, 3, 2},
		{1, 2, 840, 10045, 4, 1}, {1, 2, 840, 10045, 4, 3, 1},
	}
}

// algorithm is an AlgorithmIdentifier: its parameters in DER, nil without.
type algorithm struct {
	oid        asn1.ObjectIdentifier
	parameters []byte
}

func derNull() []byte { return []byte{byte(casn1.NULL), 0} }

func readAlgorithm(in *cryptobyte.String) (algorithm, error) {
	var a algorithm
	var body, parameters cryptobyte.String
	var tag casn1.Tag
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !body.ReadASN1ObjectIdentifier(&a.oid) ||
		!body.Empty() && (!body.ReadAnyASN1Element(&parameters, &tag) || !body.Empty()) {
		return a, malformed("an algorithm")
	}
	a.parameters = parameters
	return a, nil
}

func (a algorithm) plain() bool { return a.parameters == nil || bytes.Equal(a.parameters, derNull()) }

// refuse says why an algorithm that is none of the known ones is not taken.
func (a algorithm) refuse(what string) error {
	for _, oid := range weak() {
		if oid.Equal(a.oid) {
			return fmt.Errorf("the %s %v is %w; take SHA-256 or better with RSA or ECDSA", what, a.oid, ErrWeak)
		}
	}
	return fmt.Errorf("the %s %v, with these parameters, is not known here", what, a.oid)
}

func readHash(in *cryptobyte.String) (crypto.Hash, error) {
	a, err := readAlgorithm(in)
	if err != nil {
		return 0, err
	}
	return a.hash()
}

func (a algorithm) hash() (crypto.Hash, error) {
	for _, h := range hashes() {
		if h.oid.Equal(a.oid) && a.plain() {
			return h.hash, nil
		}
	}
	return 0, a.refuse("digest")
}

// readSignatureAlgorithm reads the algorithm of a signature whose digest is known
// already, and must be the same.
func readSignatureAlgorithm(in *cryptobyte.String, digest crypto.Hash) (x509.SignatureAlgorithm, error) {
	a, err := readAlgorithm(in)
	if err != nil {
		return 0, err
	}
	for _, h := range hashes() {
		if h.hash != digest {
			continue
		}
		switch {
		case (a.oid.Equal(oidRSA) || a.oid.Equal(h.rsaOID)) && a.plain():
			return h.rsa, nil
		case a.oid.Equal(h.ecdsaOID) && a.parameters == nil:
			return h.ecdsa, nil
		case a.oid.Equal(oidRSAPSS):
			return h.pss, checkPSS(a.parameters, digest)
		}
	}
	return 0, a.refuse("signature algorithm")
}

// checkPSS takes the parameters that everybody writes: one hash for everything, a salt
// as long as it (RFC 4055, 3.1).
func checkPSS(der []byte, digest crypto.Hash) error {
	in := cryptobyte.String(der)
	var body, hash, mask, salt, trailer cryptobyte.String
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() || !body.ReadASN1(&hash, explicit(0)) ||
		!body.ReadASN1(&mask, explicit(1)) || !body.ReadASN1(&salt, explicit(2)) {
		return malformed("the parameters of RSASSA-PSS")
	}
	if !body.Empty() { // the only trailer there is may be written out
		var one int
		if !body.ReadASN1(&trailer, explicit(3)) || !body.Empty() || !trailer.ReadASN1Integer(&one) || !trailer.Empty() || one != 1 {
			return malformed("the trailer of RSASSA-PSS")
		}
	}
	message, err := readHash(&hash)
	if err != nil {
		return err
	}
	var length int
	generator, err := readAlgorithm(&mask)
	if err != nil {
		return err
	}
	masked := cryptobyte.String(generator.parameters)
	maskHash, err := readHash(&masked)
	if err != nil {
		return err
	}
	if message != digest || maskHash != digest || !generator.oid.Equal(oidMGF1) || !salt.ReadASN1Integer(&length) || length != digest.Size() ||
		!hash.Empty() || !mask.Empty() || !masked.Empty() || !salt.Empty() {
		return errors.New("the parameters of RSASSA-PSS are not those of one hash with a salt of its length")
	}
	return nil
}

// checkProtection compares CMSAlgorithmProtection (RFC 6211) with what is used.
func (s *signerInfo) checkProtection(der []byte) error {
	in := cryptobyte.String(der)
	var body, signature cryptobyte.String
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() {
		return malformed("the attribute algorithm-protection")
	}
	digest, err := readHash(&body)
	if err != nil {
		return err
	}
	// [1] IMPLICIT, read as the SEQUENCE that it stands for.
	if !body.ReadASN1(&signature, explicit(1)) || !body.Empty() {
		return malformed("the attribute algorithm-protection")
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(signature) })
	again := cryptobyte.String(b.BytesOrPanic())
	used, err := readSignatureAlgorithm(&again, digest)
	if err == nil && (digest != s.digest || used != s.algorithm) {
		err = errors.New("the attribute algorithm-protection names other algorithms than are used")
	}
	return err
}

// The bounds on RSA keys, in bits. The upper one is on the time of a verification.
const (
	minRSA = 2048
	maxRSA = 8192
)

// checkKey judges the key that made the signature.
func checkKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA {
			return fmt.Errorf("the signer's RSA key of %d bits is %w; take %d or more", bits, ErrWeak, minRSA)
		}
		return nil
	case *ecdsa.PublicKey:
		if bits := key.Params().BitSize; bits < 256 {
			return fmt.Errorf("the signer's curve of %d bits is %w; take P-256 or P-384", bits, ErrWeak)
		}
		return nil
	}
	return fmt.Errorf("the signer's key is neither RSA nor ECDSA, it is %v", c.PublicKeyAlgorithm)
}

// checkSize bounds the time that a signature of this key takes to verify.
func checkSize(c *x509.Certificate) error {
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
		return fmt.Errorf("the RSA key of %q has %d bits, more than the %d allowed", c.Subject, key.N.BitLen(), maxRSA)
	}
	return nil
}
