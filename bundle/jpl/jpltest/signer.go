package jpltest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"image"
	"image/color"
	"image/png"
	"math/big"
	"sync"
	"time"
)

// Now is a time at which every good certificate is valid.
func Now() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

// Signer is who signs archives: the chain as it stands in <id>.crt, without the root.
type Signer struct {
	Key   crypto.Signer // of Chain[0]
	Chain []*x509.Certificate
}

// Certificate is a certificate to be. Its zero value, with a subject and a key, is a good
// leaf: X.509 v3, no extensions, a year around Now.
type Certificate struct {
	Subject   string // its common name
	Key       crypto.Signer
	Issuer    *Issuer // nil: itself
	CA        bool
	KeyUsage  x509.KeyUsage // with CA; 0 leaves it out
	PathLen   int           // with CA; 0 leaves it out, -1 is 0
	V1        bool          // no version, no extensions
	Serial    *big.Int      // nil: a random one
	SHA1      bool          // sign it with SHA-1
	NotBefore time.Time
	NotAfter  time.Time
}

// Issuer is who issues certificates.
type Issuer struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// tbsCertificate and certificate are those of RFC 5280, 4.1. They are written here by hand
// because the standard library does not write what is to be refused.
type tbsCertificate struct {
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   struct{ NotBefore, NotAfter time.Time }
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

type certificate struct {
	TBS       asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// Make makes the certificate.
func (c Certificate) Make() *x509.Certificate {
	subject := raw(must(asn1.Marshal(pkix.Name{CommonName: c.Subject, Organization: []string{c.Subject}}.ToRDNSequence())))
	issuer, key := subject, c.Key
	if c.Issuer != nil {
		issuer, key = raw(c.Issuer.Certificate.RawSubject), c.Issuer.Key
	}
	t := tbsCertificate{
		Version: 2, Serial: c.Serial, Issuer: issuer, Subject: subject,
		PublicKey: raw(must(x509.MarshalPKIXPublicKey(c.Key.Public()))),
	}
	if t.Serial == nil {
		t.Serial = new(big.Int).Add(must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))), big.NewInt(1))
	}
	t.Validity.NotBefore, t.Validity.NotAfter = c.NotBefore, c.NotAfter
	if c.NotBefore.IsZero() {
		t.Validity.NotBefore = Now().AddDate(0, -6, 0)
	}
	if c.NotAfter.IsZero() {
		t.Validity.NotAfter = Now().AddDate(0, 6, 0)
	}
	if c.CA && !c.V1 {
		t.Extensions = c.extensions()
	}
	if c.V1 {
		t.Version = 0
	}
	hash, algorithm := algorithmOf(key, c.SHA1)
	t.Algorithm = algorithm
	tbs := must(asn1.Marshal(t))
	h := hash.New()
	h.Write(tbs)
	signature := must(key.Sign(rand.Reader, h.Sum(nil), hash))
	der := must(asn1.Marshal(certificate{raw(tbs), algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}}))
	return must(x509.ParseCertificate(der))
}

// extensions are those of an authority.
func (c Certificate) extensions() []pkix.Extension {
	basic := must(asn1.Marshal(struct{ CA bool }{true}))
	if c.PathLen != 0 {
		basic = must(asn1.Marshal(struct {
			CA      bool
			PathLen int
		}{true, max(c.PathLen, 0)}))
	}
	list := []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: basic}}
	if c.KeyUsage != 0 {
		// Bit 0 of KeyUsage is the first, highest bit of the string.
		var bits byte
		for i := range 8 {
			if c.KeyUsage&(1<<i) != 0 {
				bits |= 0x80 >> i
			}
		}
		list = append(list, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: must(asn1.Marshal(asn1.BitString{Bytes: []byte{bits}, BitLength: 8}))})
	}
	return list
}

func raw(der []byte) asn1.RawValue { return asn1.RawValue{FullBytes: der} }

// algorithmOf is the hash, and its name with the key, by which key signs.
func algorithmOf(key crypto.Signer, weak bool) (crypto.Hash, pkix.AlgorithmIdentifier) {
	null := asn1.RawValue{Tag: asn1.TagNull}
	rsaID := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1}
	_, isRSA := key.Public().(*rsa.PublicKey)
	switch {
	case isRSA && weak:
		return crypto.SHA1, pkix.AlgorithmIdentifier{Algorithm: append(rsaID, 5), Parameters: null}
	case isRSA:
		return crypto.SHA512, pkix.AlgorithmIdentifier{Algorithm: append(rsaID, 13), Parameters: null}
	case weak:
		return crypto.SHA1, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}
	}
	return crypto.SHA256, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}
}

// keys are made at their first use.
var keys = struct {
	root, otherRoot, ec             func() *ecdsa.PrivateKey
	organization, leaf, other, weak func() *rsa.PrivateKey
}{newEC(), newEC(), newEC(), newRSA(2048), newRSA(2048), newRSA(2048), newRSA(1024)}

func newEC() func() *ecdsa.PrivateKey {
	return sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
}

func newRSA(bits int) func() *rsa.PrivateKey {
	return sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, bits)) })
}

// LeafKey is the key of Publisher, OtherKey another one, WeakKey one of RSA-1024, ECKey one
// that is not RSA.
func LeafKey() crypto.Signer  { return keys.leaf() }
func OtherKey() crypto.Signer { return keys.other() }
func WeakKey() crypto.Signer  { return keys.weak() }
func ECKey() crypto.Signer    { return keys.ec() }

var root = sync.OnceValue(func() *Issuer {
	c := Certificate{Subject: "Test Extension Root", Key: keys.root(), CA: true, NotAfter: Now().AddDate(30, 0, 0)}
	return &Issuer{c.Make(), keys.root()}
})

var organization = sync.OnceValue(func() *Issuer {
	c := Certificate{Subject: "Acme Gardens", Key: keys.organization(), Issuer: Root(), CA: true, PathLen: -1, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotAfter: Now().AddDate(5, 0, 0)}
	return &Issuer{c.Make(), keys.organization()}
})

var publisher = sync.OnceValue(func() *Signer { return Organization().Certify(ID, LeafKey()) })

// Root is an authority like Jami's: P-256, only basic constraints.
func Root() *Issuer { return root() }

// Roots is the certificate of Root, to be trusted.
func Roots() []*x509.Certificate { return []*x509.Certificate{Root().Certificate} }

// Organization is one that Root vouches for.
func Organization() *Issuer { return organization() }

// Publisher is who signs Good: a leaf of Organization for ID.
func Publisher() *Signer { return publisher() }

// At makes a root, and a signer for ID of an organization below it, whose certificates are
// valid an hour before and after now: for those who judge by the clock. Keys are those of
// the others.
func At(now time.Time) (*Issuer, *Signer) {
	from, to := now.Add(-time.Hour), now.Add(time.Hour)
	above := &Issuer{Certificate{Subject: "Test Root of Today", Key: ECKey(), CA: true, NotBefore: from, NotAfter: to}.Make(), ECKey()}
	org := above.Issue(Certificate{Subject: "Acme Gardens", Key: OtherKey(), CA: true, NotBefore: from, NotAfter: to})
	return above, (&Issuer{org.Chain[0], org.Key}).Issue(Certificate{Subject: ID, Key: LeafKey(), NotBefore: from, NotAfter: to})
}

// NewOrganization is another one that Root vouches for.
func NewOrganization(name string) *Issuer {
	key := newEC()()
	c := Certificate{Subject: name, Key: key, Issuer: Root(), CA: true, KeyUsage: x509.KeyUsageCertSign}
	return &Issuer{c.Make(), key}
}

// Stranger is somebody with a root of his own.
func Stranger() *Signer {
	key := keys.otherRoot()
	other := &Issuer{Certificate{Subject: "Nobody's Root", Key: key, CA: true}.Make(), key}
	return other.Certify(ID, OtherKey())
}

// Certify makes a signer of a key and a leaf for id.
func (i *Issuer) Certify(id string, key crypto.Signer) *Signer {
	return i.Issue(Certificate{Subject: id, Key: key})
}

// Issue makes a signer of a certificate of i.
func (i *Issuer) Issue(c Certificate) *Signer {
	c.Issuer = i
	s := &Signer{Key: c.Key, Chain: []*x509.Certificate{c.Make()}}
	if !bytes.Equal(i.Certificate.RawIssuer, i.Certificate.RawSubject) {
		s.Chain = append(s.Chain, i.Certificate)
	}
	return s
}

// Revoke makes a list of what i has revoked, in DER.
func (i *Issuer) Revoke(certificates ...*x509.Certificate) []byte {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: Now(), NextUpdate: Now().AddDate(0, 1, 0)}
	for _, c := range certificates {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: Now()})
	}
	issuer := *i.Certificate
	issuer.SubjectKeyId = []byte{1} // CreateRevocationList wants one
	issuer.KeyUsage |= x509.KeyUsageCRLSign
	return must(x509.CreateRevocationList(rand.Reader, list, &issuer, i.Key))
}

// PNG is a small green picture.
func PNG() []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		img.SetNRGBA(i%8, i/8, color.NRGBA{G: 128, A: 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}
