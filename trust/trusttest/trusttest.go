// Package trusttest makes authorities, chains, OCSP answers and CRLs in memory, good ones
// and broken ones, for the tests of whoever judges or issues them.
//
//	a := trusttest.NewAuthority(t)
//	a.Chain()                                             // leaf, organization: what a signature holds
//	a.Extension.Key                                       // signs bundles
//	a.Issue(t, a.Organization, a.Template(trusttest.Extension, func(c *x509.Certificate) { c.ExtKeyUsage = nil }))
//	trusttest.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, nil)
//
// Its certificates are not made by the package trust, so that a mistake there does not
// hide itself.
package trusttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Holder is a certificate with its key.
type Holder struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// Authority is a whole world of trust: one of each kind of certificate, all valid from an
// hour ago for a year.
type Authority struct {
	Host, ID         string
	Now              time.Time // when it was made, in whole seconds
	Root             *Holder
	Organization     *Holder
	Extension        *Holder
	RootResponder    *Holder // answers for the root's certificates: organizations
	Responder        *Holder // answers for those of the organization: extensions
	TimestampRoot    *Holder
	Timestamper      *Holder
	responder, lists string
}

// Option changes an authority before it is made.
type Option func(*Authority)

// For sets the organization's host and the extension's id; by default they are acme.example
// and org.acme.hello.
func For(host, id string) Option {
	return func(a *Authority) { a.Host, a.ID = host, id }
}

// At sets the time; by default it is now.
func At(now time.Time) Option {
	return func(a *Authority) { a.Now = now.Truncate(time.Second) }
}

// Reachable puts addresses into the certificates of organization and extension: of an OCSP
// responder, and of a server of CRLs, to which root.crl or organization.crl is added. Either
// may be empty.
func Reachable(responder, lists string) Option {
	return func(a *Authority) { a.responder, a.lists = responder, lists }
}

// NewAuthority makes an authority with keys on P-256.
func NewAuthority(t testing.TB, options ...Option) *Authority {
	t.Helper()
	a := &Authority{Host: "acme.example", ID: "org.acme.hello", Now: time.Now().Truncate(time.Second)}
	for _, option := range options {
		option(a)
	}
	a.Root = a.Issue(t, nil, a.Template(Root))
	a.Organization = a.Issue(t, a.Root, a.Template(Organization))
	a.Extension = a.Issue(t, a.Organization, a.Template(Extension))
	a.RootResponder = a.Issue(t, a.Root, a.Template(Responder))
	a.Responder = a.Issue(t, a.Organization, a.Template(Responder))
	a.TimestampRoot = a.Issue(t, nil, a.Template(Root, func(c *x509.Certificate) { c.Subject.CommonName = "Stamp Root" }))
	a.Timestamper = a.Issue(t, a.TimestampRoot, a.Template(Timestamper))
	return a
}

// Chain is what a signature holds: leaf and organization.
func (a *Authority) Chain() []*x509.Certificate { return Certs(a.Extension, a.Organization) }

// Certs returns the certificates of holders, in their order.
func Certs(holders ...*Holder) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, h := range holders {
		certs = append(certs, h.Cert)
	}
	return certs
}

// WriteRoots writes the two roots into a folder as a host wants it: root.pem and
// timestamp/root.pem.
func (a *Authority) WriteRoots(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "timestamp"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, cert := range map[string]*x509.Certificate{"root.pem": a.Root.Cert, "timestamp/root.pem": a.TimestampRoot.Cert} {
		if err := os.WriteFile(filepath.Join(dir, name), PEM(cert), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// PEM writes certificates one after the other.
func PEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, cert := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}

// Kind is a kind of certificate.
type Kind int

// The kinds.
const (
	Root Kind = iota
	Organization
	Extension
	Responder
	Timestamper
	Store // that of the host "store." and the organization's; the root issues it
)

// Template returns what a good certificate of this kind is made from, then changed.
func (a *Authority) Template(kind Kind, change ...func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: serial(), NotBefore: a.Now.Add(-time.Hour), NotAfter: a.Now.AddDate(1, 0, 0), BasicConstraintsValid: true,
	}
	switch kind {
	case Root:
		c.Subject.CommonName = "Test Root"
		c.IsCA, c.MaxPathLen = true, 1
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	case Organization:
		c.Subject = pkix.Name{CommonName: "Acme CA", Organization: []string{"Acme"}}
		c.IsCA, c.MaxPathLenZero = true, true
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
		c.URIs = []*url.URL{URI(a.Host, "")}
		c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{a.Host}, true
		a.reach(c, "root.crl")
	case Extension:
		c.Subject = pkix.Name{CommonName: a.ID, Organization: []string{"Acme"}}
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		c.URIs = []*url.URL{URI(a.Host, a.ID)}
		a.reach(c, "organization.crl")
	case Responder:
		c.Subject.CommonName = "Test responder"
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: asn1.NullBytes}}
	case Timestamper:
		c.Subject.CommonName = "Test timestamps"
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.ExtraExtensions = []pkix.Extension{TimeStamping(true)}
	case Store:
		c.Subject.CommonName = "Test store"
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}} // documentSigning, RFC 9336
		c.URIs = []*url.URL{{Scheme: "jmap-store", Host: "store." + a.Host}}
		a.reach(c, "root.crl")
	}
	for _, change := range change {
		change(c)
	}
	return c
}

func (a *Authority) reach(c *x509.Certificate, list string) {
	if a.responder != "" {
		c.OCSPServer = []string{a.responder}
	}
	if a.lists != "" {
		c.CRLDistributionPoints = []string{a.lists + "/" + list}
	}
}

// TimeStamping is the extended key usage of timestamp authorities, which crypto/x509 would
// never make critical.
func TimeStamping(critical bool) pkix.Extension {
	value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		panic(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: value}
}

// URI is the name of an extension, or of an organization if id is empty, unchecked.
func URI(host, id string) *url.URL { return &url.URL{Scheme: "jmap-ext", Host: host, Path: "/" + id} }

// Issue makes a certificate with a new key on P-256; without issuer it issues itself.
func (a *Authority) Issue(t testing.TB, issuer *Holder, template *x509.Certificate) *Holder {
	t.Helper()
	return IssueFor(t, issuer, template, NewKey(t))
}

// IssueFor makes a certificate for a key.
func IssueFor(t testing.TB, issuer *Holder, template *x509.Certificate, key crypto.Signer) *Holder {
	t.Helper()
	by := issuer
	if by == nil {
		by = &Holder{Cert: template, Key: key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, by.Cert, key.Public(), by.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &Holder{Cert: cert, Key: key}
}

// NewKey makes a key on P-256.
func NewKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		panic(err)
	}
	return n.Add(n, big.NewInt(1))
}
