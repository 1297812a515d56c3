package algorithm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

func TestKeys(t *testing.T) {
	modulus := func(bits uint) *big.Int { return new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1) }
	on := func(curve elliptic.Curve) crypto.PublicKey { return &ecdsa.PublicKey{Curve: curve} }
	for _, row := range []struct {
		name string
		key  crypto.PublicKey
		ok   bool
	}{
		{"RSA-2048", &rsa.PublicKey{N: modulus(2048), E: 65537}, true},
		{"RSA-8192", &rsa.PublicKey{N: modulus(8192), E: 3}, true},
		{"RSA-2047", &rsa.PublicKey{N: modulus(2047), E: 65537}, false},
		{"RSA-1024", &rsa.PublicKey{N: modulus(1024), E: 65537}, false},
		{"RSA-8193", &rsa.PublicKey{N: modulus(8193), E: 65537}, false},
		{"exponent 1", &rsa.PublicKey{N: modulus(2048), E: 1}, false},
		{"even exponent", &rsa.PublicKey{N: modulus(2048), E: 4}, false},
		{"P-256", on(elliptic.P256()), true},
		{"P-384", on(elliptic.P384()), true},
		{"P-224", on(elliptic.P224()), false},
		{"P-521", on(elliptic.P521()), false},
		{"Ed25519", make(ed25519.PublicKey, ed25519.PublicKeySize), false},
		{"none", nil, false},
	} {
		if err := algorithm.CheckKey(row.key); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestSignatures(t *testing.T) {
	good := map[x509.SignatureAlgorithm]bool{
		x509.SHA256WithRSA: true, x509.SHA384WithRSA: true, x509.SHA512WithRSA: true,
		x509.SHA256WithRSAPSS: true, x509.SHA384WithRSAPSS: true, x509.SHA512WithRSAPSS: true,
		x509.ECDSAWithSHA256: true, x509.ECDSAWithSHA384: true, x509.ECDSAWithSHA512: true,
	}
	for a := range x509.PureEd25519 + 10 {
		if err := algorithm.CheckSignature(a); (err == nil) != good[a] {
			t.Errorf("%s: %v", a, err)
		}
	}
}
