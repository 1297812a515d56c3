// Package algorithm says which keys and signature algorithms are strong enough to count
// at all, wherever a certificate, an OCSP answer or a CRL is judged. Call CheckKey,
// CheckSignature, or CheckCertificate for both of one certificate.
package algorithm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// The bounds of RSA moduli in bits. The upper one keeps a verification cheap: a hostile
// key of 64 Ki bits would take minutes.
const (
	MinRSABits     = 2048
	MaxRSABits     = 8192
	DefaultRSABits = 3072
)

// CheckKey takes RSA keys of 2048 to 8192 bits and ECDSA keys on P-256 and P-384.
// Ed25519 is left out because the JDK does not write it into JAR signatures in a form
// that all its versions read.
func CheckKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < MinRSABits || bits > MaxRSABits {
			return fmt.Errorf("its RSA key has %d bits; %d to %d are accepted", bits, MinRSABits, MaxRSABits)
		}
		if key.E < 3 || key.E%2 == 0 {
			return fmt.Errorf("its RSA key has the exponent %d; an odd one from 3 on is accepted", key.E)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return fmt.Errorf("its key is on the curve %s; P-256 and P-384 are accepted", key.Curve.Params().Name)
		}
		return nil
	}
	return fmt.Errorf("its key is none of RSA or ECDSA (%T)", key)
}

// CheckSignature takes RSA (PKCS #1 v1.5 and PSS) and ECDSA with SHA-256, SHA-384 and
// SHA-512.
func CheckSignature(algorithm x509.SignatureAlgorithm) error {
	switch algorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return nil
	}
	return fmt.Errorf("it is signed with %s; RSA and ECDSA with SHA-256, SHA-384 or SHA-512 are accepted", algorithm)
}

// CheckCertificate checks the key of a certificate and the signature on it.
func CheckCertificate(cert *x509.Certificate) error {
	if err := CheckKey(cert.PublicKey); err != nil {
		return err
	}
	return CheckSignature(cert.SignatureAlgorithm)
}
