package trusttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	_ "crypto/sha1" // forges what nobody should accept
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
)

// Forged is what of a certificate crypto/x509 would not write: TBSCertificate of RFC 5280,
// 4.1. Version is one less than its name.
type Forged struct {
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   asn1.RawValue
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

// Forge changes a certificate and signs it again as its issuer would, with hash: SHA1,
// SHA256 or SHA384.
func Forge(t testing.TB, h, issuer *Holder, hash crypto.Hash, change func(*Forged)) *Holder {
	t.Helper()
	var tbs Forged
	if _, err := asn1.Unmarshal(h.Cert.RawTBSCertificate, &tbs); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&tbs)
	}
	_, elliptic := issuer.Key.(*ecdsa.PrivateKey)
	tbs.Algorithm = algorithmOf(hash, elliptic)
	signed, err := asn1.Marshal(tbs)
	if err != nil {
		t.Fatal(err)
	}
	digest := hash.New()
	digest.Write(signed)
	signature, err := issuer.Key.Sign(rand.Reader, digest.Sum(nil), hash)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: signed}, tbs.Algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &Holder{Cert: cert, Key: h.Key}
}

func algorithmOf(hash crypto.Hash, elliptic bool) pkix.AlgorithmIdentifier {
	rsa := map[crypto.Hash]int{crypto.SHA1: 5, crypto.SHA256: 11, crypto.SHA384: 12}
	if !elliptic {
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, rsa[hash]}, Parameters: asn1.NullRawValue}
	}
	if hash == crypto.SHA1 {
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}
	}
	return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, map[crypto.Hash]int{crypto.SHA256: 2, crypto.SHA384: 3}[hash]}}
}
