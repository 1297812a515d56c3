package trust_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/revocation"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

func TestStoreNames(t *testing.T) {
	for _, host := range []string{"store.acme.example", "localhost", "xn--4ca.example", strings.Repeat("a", 63) + ".example"} {
		if got, err := trust.ParseStoreName(trust.StoreName(host)); err != nil || got != host {
			t.Errorf("%s: %s, %v", host, got, err)
		}
	}
	for _, text := range []string{
		"", "jmap-store:", "jmap-store://", "jmap-store://acme.example/", "jmap-store://acme.example/x", "JMAP-STORE://acme.example", "jmap-ext://acme.example/",
		"jmap-store://Acme.example", "jmap-store://acme.example.", "jmap-store://acme.example:443", "jmap-store://me@acme.example", "jmap-store://127.0.0.1",
		"jmap-store://acme.example?x", "jmap-store://acme.example#x", "jmap-store://acme.example ", "jmap-store://[::1]", "jmap-store://ac\x00me",
	} {
		if host, err := trust.ParseStoreName(text); err == nil {
			t.Errorf("%q is taken as %s", text, host)
		}
	}
	if _, err := trust.StoreTemplate("10.0.0.1"); err == nil {
		t.Error("a store with an address for a name")
	}
}

// checkStore holds what JudgeStore says to what it has to.
func checkStore(t *testing.T, a *tt.Authority, roots *trust.Roots, code trust.Code, chain ...*x509.Certificate) {
	t.Helper()
	host, err := trust.JudgeStore(chain, roots, a.Now)
	var e *trust.StoreError
	switch {
	case code == trust.OK && (err != nil || host != "store."+a.Host):
		t.Errorf("judged %q, %v, want a good store", host, err)
	case code != trust.OK && (!errors.As(err, &e) || e.Code != code || host != "" || strings.Contains(err.Error(), "%!")):
		t.Errorf("judged %q, %v, want the code %s", host, err, code)
	}
}

func TestJudgeStore(t *testing.T) {
	a := tt.NewAuthority(t)
	trusted := &trust.Roots{Certificates: tt.Certs(a.Root)}
	change := func(change func(*x509.Certificate)) func(*testing.T) []*x509.Certificate {
		return func(t *testing.T) []*x509.Certificate {
			return tt.Certs(a.Issue(t, a.Root, a.Template(tt.Store, change)))
		}
	}
	names := func(names ...string) func(*testing.T) []*x509.Certificate {
		return change(func(c *x509.Certificate) {
			c.URIs = nil
			for _, name := range names {
				u, err := url.Parse(name)
				if err != nil {
					t.Fatal(err)
				}
				c.URIs = append(c.URIs, u)
			}
		})
	}
	usage := func(usages ...x509.ExtKeyUsage) func(*testing.T) []*x509.Certificate {
		return change(func(c *x509.Certificate) { c.ExtKeyUsage = usages })
	}
	good := a.Issue(t, a.Root, a.Template(tt.Store))
	stranger := tt.NewAuthority(t)
	for _, row := range []struct {
		name  string
		code  trust.Code
		chain func(*testing.T) []*x509.Certificate
	}{
		{"good", trust.OK, func(*testing.T) []*x509.Certificate { return tt.Certs(good) }},
		{"with its root", trust.OK, func(*testing.T) []*x509.Certificate { return tt.Certs(good, a.Root) }},
		{"with an earlier edition of its root", trust.OK, func(t *testing.T) []*x509.Certificate {
			earlier := tt.IssueFor(t, nil, a.Template(tt.Root, func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Minute) }), a.Root.Key)
			return tt.Certs(good, earlier)
		}},
		{"none", trust.ChainInvalid, func(*testing.T) []*x509.Certificate { return nil }},
		{"nil", trust.ChainInvalid, func(*testing.T) []*x509.Certificate { return []*x509.Certificate{nil} }},
		{"too many", trust.ChainInvalid, func(*testing.T) []*x509.Certificate { return tt.Certs(good, a.Root, a.Root) }},
		{"twice", trust.ChainInvalid, func(*testing.T) []*x509.Certificate { return tt.Certs(good, good) }},
		{"another root behind it", trust.ChainInvalid, func(*testing.T) []*x509.Certificate { return tt.Certs(good, stranger.Root) }},
		{"by a stranger of the same name", trust.ChainUntrusted, func(t *testing.T) []*x509.Certificate {
			return tt.Certs(stranger.Issue(t, stranger.Root, stranger.Template(tt.Store)))
		}},
		{"by a stranger, with the trusted root", trust.ChainInvalid, func(t *testing.T) []*x509.Certificate {
			return tt.Certs(stranger.Issue(t, stranger.Root, stranger.Template(tt.Store)), a.Root)
		}},
		{"by an organization", trust.ChainUntrusted, func(t *testing.T) []*x509.Certificate {
			return tt.Certs(a.Issue(t, a.Organization, a.Template(tt.Store)))
		}},
		{"by an organization, which follows", trust.ChainUntrusted, func(t *testing.T) []*x509.Certificate {
			return tt.Certs(a.Issue(t, a.Organization, a.Template(tt.Store)), a.Organization)
		}},
		{"by itself", trust.ChainUntrusted, func(t *testing.T) []*x509.Certificate { return tt.Certs(a.Issue(t, nil, a.Template(tt.Store))) }},
		{"expired", trust.CodeExpired, change(func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Second) })},
		{"not valid yet", trust.CodeExpired, change(func(c *x509.Certificate) { c.NotBefore = a.Now.Add(time.Minute) })},
		{"an authority", trust.ChainInvalid, change(func(c *x509.Certificate) { c.IsCA = true })},
		{"no key usage", trust.ChainInvalid, change(func(c *x509.Certificate) { c.KeyUsage = 0 })},
		{"more key usage", trust.ChainInvalid, change(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyAgreement })},
		{"no extended usage", trust.ChainInvalid, change(func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil })},
		{"another unknown usage", trust.ChainInvalid, change(func(c *x509.Certificate) {
			c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 10, 3, 12}}
		})},
		{"two unknown usages", trust.ChainInvalid, change(func(c *x509.Certificate) {
			c.UnknownExtKeyUsage = append(c.UnknownExtKeyUsage, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 12})
		})},
		{"code signing besides", trust.ChainInvalid, usage(x509.ExtKeyUsageCodeSigning)},
		{"TLS besides", trust.ChainInvalid, usage(x509.ExtKeyUsageServerAuth)},
		{"any usage besides", trust.ChainInvalid, usage(x509.ExtKeyUsageAny)},
		{"no name", trust.ChainInvalid, names()},
		{"two names", trust.ChainInvalid, names("jmap-store://a.example", "jmap-store://b.example")},
		{"the name of an organization", trust.ChainInvalid, names("jmap-ext://acme.example/")},
		{"a slash too many", trust.ChainInvalid, names("jmap-store://acme.example/")},
		{"a port", trust.ChainInvalid, names("jmap-store://acme.example:443")},
		{"a DNS name besides", trust.ChainInvalid, change(func(c *x509.Certificate) { c.DNSNames = []string{"store.acme.example"} })},
		{"unknown and critical", trust.ChainInvalid, change(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: asn1.NullBytes}}
		})},
		{"RSA of 1024 bits", trust.WeakAlgorithm, func(t *testing.T) []*x509.Certificate { return weakStore(t, a) }},
	} {
		t.Run(row.name, func(t *testing.T) { checkStore(t, a, trusted, row.code, row.chain(t)...) })
	}
	checkStore(t, a, nil, trust.ChainUntrusted, good.Cert)
	checkStore(t, a, &trust.Roots{Timestamp: tt.Certs(a.Root)}, trust.ChainUntrusted, good.Cert)
	checkStore(t, a, &trust.Roots{Certificates: tt.Certs(good)}, trust.ChainUntrusted, good.Cert)
}

func weakStore(t *testing.T, a *tt.Authority) []*x509.Certificate {
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return tt.Certs(tt.IssueFor(t, a.Root, a.Template(tt.Store), key))
}

// TestNoOtherPassesForAStore: whatever kind of certificate, of whatever issuer with
// whatever name, is none, and a store's is none of the others.
func TestNoOtherPassesForAStore(t *testing.T) {
	a := tt.NewAuthority(t)
	trusted := &trust.Roots{Certificates: tt.Certs(a.Root), Timestamp: tt.Certs(a.TimestampRoot, a.Root)}
	tls := func(c *x509.Certificate) {
		c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.DNSNames = []string{"store." + a.Host}
	}
	storeName := func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "jmap-store", Host: "store." + a.Host}} }
	nothing := func(*x509.Certificate) {}
	var others []*x509.Certificate
	for _, issuer := range []*tt.Holder{a.Root, a.Organization} {
		for _, kind := range []tt.Kind{tt.Root, tt.Organization, tt.Extension, tt.Responder, tt.Timestamper} {
			for _, change := range []func(*x509.Certificate){nothing, storeName} {
				others = append(others, a.Issue(t, issuer, a.Template(kind, change)).Cert)
			}
		}
		others = append(others, a.Issue(t, issuer, a.Template(tt.Store, tls)).Cert)
	}
	others = append(others, tt.Certs(a.Root, a.Organization, a.Extension, a.Responder, a.RootResponder, a.Timestamper)...)
	for i, cert := range others {
		for _, behind := range [][]*x509.Certificate{nil, tt.Certs(a.Root), tt.Certs(a.Organization)} {
			if host, err := trust.JudgeStore(append([]*x509.Certificate{cert}, behind...), trusted, a.Now); err == nil {
				t.Errorf("certificate %d (%s) passes for the store %s", i, cert.Subject, host)
			}
		}
	}
	for _, issuer := range []*tt.Holder{a.Root, a.Organization} {
		store := a.Issue(t, issuer, a.Template(tt.Store))
		for _, behind := range [][]*tt.Holder{nil, {a.Root}, {a.Organization}, {a.Organization, a.Root}} {
			claim := claimOf(a, append([]*tt.Holder{store}, behind...)...)
			if v := judgeBy(a).Judge(t.Context(), claim); v.State == trust.Valid {
				t.Error("a store signs extensions")
			}
		}
		claim := claimOf(a, a.Extension, a.Organization)
		claim.SignedAt, claim.TimestampChain = a.Now, tt.Certs(store)
		if v := judgeBy(a, func(c *trust.Config) { c.Roots = trusted }).Judge(t.Context(), claim); !v.SignedAt.IsZero() {
			t.Error("a store proves times")
		}
		answer := tt.OCSP(t, a.Extension.Cert, a.Organization, store, nil)
		claim = claimOf(a, a.Extension, a.Organization)
		claim.Staples = [][]byte{answer, tt.OCSP(t, a.Organization.Cert, a.Root, a.RootResponder, nil)}
		if v := judgeBy(a, func(c *trust.Config) { c.Revocation = trust.Hard }).Judge(t.Context(), claim); v.Code != trust.RevocationUnknown {
			t.Errorf("a store answers for revocation: %q", v.Code)
		}
	}
}

func TestStoreRevokedByList(t *testing.T) {
	a := tt.NewAuthority(t)
	store := a.Issue(t, a.Root, a.Template(tt.Store))
	list := func(issuer *tt.Holder, serial *big.Int) *trust.Roots {
		der := tt.CRL(t, issuer, 1, nil, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: a.Now.Add(-time.Minute)})
		crl, err := revocation.ParseCRL("store.crl", der)
		if err != nil {
			t.Fatal(err)
		}
		return &trust.Roots{Certificates: tt.Certs(a.Root), CRLs: []revocation.CRL{crl}}
	}
	checkStore(t, a, list(a.Root, store.Cert.SerialNumber), trust.CodeRevoked, store.Cert)
	checkStore(t, a, list(a.Root, a.Organization.Cert.SerialNumber), trust.OK, store.Cert)
	checkStore(t, a, list(tt.NewAuthority(t).Root, store.Cert.SerialNumber), trust.OK, store.Cert)
}

func TestStoreTemplate(t *testing.T) {
	a := tt.NewAuthority(t)
	template, err := trust.StoreTemplate("store." + a.Host)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = a.Now, a.Now.AddDate(0, 0, 1)
	checkStore(t, a, &trust.Roots{Certificates: tt.Certs(a.Root)}, trust.OK, a.Issue(t, a.Root, template).Cert)
}

// FuzzJudgeStore: nobody has the keys of the root any more, and it has issued no store, so
// that nothing is one.
func FuzzJudgeStore(f *testing.F) {
	fixed := tt.NewFixed(f)
	genuine := []*x509.Certificate{fixed.Extension, fixed.Organization, fixed.Root, fixed.Sibling, fixed.Responder, fixed.Timestamper}
	for i, cert := range genuine {
		f.Add(cert.Raw, []byte{byte(i)})
		f.Add(cert.Raw, []byte{byte(len(genuine)), 2})
	}
	roots := &trust.Roots{Certificates: []*x509.Certificate{fixed.Root}}
	f.Fuzz(func(t *testing.T, der, order []byte) {
		pool := slices.Clone(genuine)
		if cert, err := x509.ParseCertificate(der); err == nil {
			pool = append(pool, cert)
		}
		host, err := trust.JudgeStore(pick(pool, order), roots, fixed.Now)
		var e *trust.StoreError
		if !errors.As(err, &e) || e.Code == trust.OK || !bytes.Equal([]byte(host), nil) {
			t.Fatalf("judged %q, %v", host, err)
		}
	})
}
