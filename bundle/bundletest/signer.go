package bundletest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
)

// Signer is somebody who signs bundles: a chain root > organization > extension with
// the key of its last certificate.
type Signer struct {
	Root, Organization, Leaf *x509.Certificate
	Key                      crypto.Signer // of Leaf
	OrganizationKey, rootKey crypto.Signer
}

// NewSigner makes a chain for jmap-ext://host/id. The leaf has the key given; nil is a
// new one on P-256, as the others have.
func NewSigner(host, id string, key crypto.Signer) *Signer {
	s := &Signer{Key: key}
	rootKey := newKey()
	s.rootKey, s.OrganizationKey = rootKey, newKey()
	if s.Key == nil {
		s.Key = newKey()
	}
	s.Root = issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true, MaxPathLen: 1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, rootKey.Public(), rootKey)
	s.Organization = issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Test Organization CA", Organization: []string{"Test Organization"}}, IsCA: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		PermittedDNSDomainsCritical: true, PermittedURIDomains: []string{host}, URIs: []*url.URL{extensionURL(host, "")},
	}, s.Root, s.OrganizationKey.Public(), rootKey)
	s.Leaf = issue(leafTemplate(id, extensionURL(host, id)), s.Organization, s.Key.Public(), s.OrganizationKey)
	return s
}

func leafTemplate(id string, name *url.URL) *x509.Certificate {
	return &x509.Certificate{
		Subject:  pkix.Name{CommonName: id},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		URIs: []*url.URL{name},
	}
}

// Strayed is a certificate for Key like Leaf, but issued by the root.
func (s *Signer) Strayed() *x509.Certificate {
	return issue(leafTemplate(s.Leaf.Subject.CommonName, s.Leaf.URIs[0]), s.Root, s.Key.Public(), s.rootKey)
}

// Chain is leaf, organization, root.
func (s *Signer) Chain() []*x509.Certificate {
	return []*x509.Certificate{s.Leaf, s.Organization, s.Root}
}

// Sign signs a bundle with bundle.Sign.
func (s *Signer) Sign(jar []byte) []byte {
	f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := bundle.Sign(context.Background(), f, &out, bundle.SignOptions{Signer: s.Key, Chain: s.Chain()}); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func newKey() crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func extensionURL(host, id string) *url.URL {
	return &url.URL{Scheme: "jmap-ext", Host: host, Path: "/" + id}
}

// issue makes a certificate; a nil parent makes it sign itself.
func issue(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	if parent == nil {
		parent = template
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err)
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(365 * 24 * time.Hour)
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		panic(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return c
}
