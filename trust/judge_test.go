package trust_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// judgeBy returns a judge that trusts the roots of a and asks nobody.
func judgeBy(a *tt.Authority, change ...func(*trust.Config)) *trust.Judge {
	config := trust.Config{
		Roots:      &trust.Roots{Certificates: tt.Certs(a.Root), Timestamp: tt.Certs(a.TimestampRoot)},
		Revocation: trust.Soft, Offline: true, Now: func() time.Time { return a.Now },
	}
	for _, change := range change {
		change(&config)
	}
	return trust.New(config)
}

func claimOf(a *tt.Authority, chain ...*tt.Holder) trust.Claim {
	return trust.Claim{ID: a.ID, Chain: tt.Certs(chain...)}
}

// checkVerdict holds a verdict to what is always so.
func checkVerdict(t *testing.T, v trust.Verdict, code trust.Code) {
	t.Helper()
	if v.Code != code || v.State != code.State() {
		t.Fatalf("state %q, code %q, want %q: %s", v.State, v.Code, code, v.Message)
	}
	if (v.Code == trust.OK) != (v.State == trust.Valid) || (v.Message == "") != (v.Code == trust.OK) {
		t.Errorf("state %q, code %q and message %q do not agree", v.State, v.Code, v.Message)
	}
	for i, check := range v.Checks {
		if last := i == len(v.Checks)-1; check.OK == (last && v.Code != trust.OK) && v.Code != trust.PublisherChanged {
			t.Errorf("check %d of %d, %s, is %v, though the code is %q", i, len(v.Checks), check.Name, check.OK, v.Code)
		}
		if check.Name == "" || check.Detail == "" || strings.Contains(check.Detail, "%!") {
			t.Errorf("check %d says nothing: %+v", i, check)
		}
	}
}

func TestValid(t *testing.T) {
	for _, row := range []struct {
		name  string
		chain func(t *testing.T, a *tt.Authority) []*tt.Holder
	}{
		{"leaf and organization", func(t *testing.T, a *tt.Authority) []*tt.Holder {
			return []*tt.Holder{a.Extension, a.Organization}
		}},
		{"with the root", func(t *testing.T, a *tt.Authority) []*tt.Holder {
			return []*tt.Holder{a.Extension, a.Organization, a.Root}
		}},
		{"with an earlier edition of the root", func(t *testing.T, a *tt.Authority) []*tt.Holder {
			earlier := tt.IssueFor(t, nil, a.Template(tt.Root, func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Minute) }), a.Root.Key)
			return []*tt.Holder{a.Extension, a.Organization, earlier}
		}},
		{"keys on P-384, RSA leaf", func(t *testing.T, a *tt.Authority) []*tt.Holder {
			key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			organization := tt.IssueFor(t, a.Root, a.Template(tt.Organization), key)
			return []*tt.Holder{tt.IssueFor(t, organization, a.Template(tt.Extension), rsaKey(t, 2048)), organization}
		}},
		{"organization without cRLSign and digitalSignature", func(t *testing.T, a *tt.Authority) []*tt.Holder {
			organization := a.Issue(t, a.Root, a.Template(tt.Organization, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }))
			return []*tt.Holder{a.Issue(t, organization, a.Template(tt.Extension)), organization}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := tt.NewAuthority(t)
			v := judgeBy(a).Judge(t.Context(), claimOf(a, row.chain(t, a)...))
			checkVerdict(t, v, trust.OK)
			if len(v.Chain) != 3 || !v.Chain[2].Equal(a.Root.Cert) {
				t.Errorf("the chain does not end with the trusted root: %d certificates", len(v.Chain))
			}
			if v.Signer != a.ID || v.Organization != "Acme" || !strings.HasSuffix(v.Publisher, "@"+a.Host) {
				t.Errorf("signer %q, organization %q, publisher %q", v.Signer, v.Organization, v.Publisher)
			}
			if !v.Until.Equal(a.Extension.Cert.NotAfter) || !v.SignedAt.IsZero() {
				t.Errorf("until %s, signed %s", v.Until, v.SignedAt)
			}
		})
	}
}

func rsaKey(t *testing.T, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// wrong is one way in which a chain is wrong.
type wrong struct {
	name  string
	code  trust.Code
	check string // that does not hold
	claim func(t *testing.T, a *tt.Authority) trust.Claim
}

// leafWith and organizationWith are chains in which one certificate is made otherwise.
func leafWith(change func(*x509.Certificate)) func(*testing.T, *tt.Authority) trust.Claim {
	return func(t *testing.T, a *tt.Authority) trust.Claim {
		return claimOf(a, a.Issue(t, a.Organization, a.Template(tt.Extension, change)), a.Organization)
	}
}

func organizationWith(change func(*x509.Certificate)) func(*testing.T, *tt.Authority) trust.Claim {
	return func(t *testing.T, a *tt.Authority) trust.Claim {
		organization := a.Issue(t, a.Root, a.Template(tt.Organization, change))
		return claimOf(a, a.Issue(t, organization, a.Template(tt.Extension)), organization)
	}
}

// forgedLeaf and forgedOrganization sign what crypto/x509 would not write.
func forgedLeaf(change func(*tt.Forged)) func(*testing.T, *tt.Authority) trust.Claim {
	return func(t *testing.T, a *tt.Authority) trust.Claim {
		return claimOf(a, tt.Forge(t, a.Extension, a.Organization, crypto.SHA256, change), a.Organization)
	}
}

func forgedOrganization(change func(*tt.Forged)) func(*testing.T, *tt.Authority) trust.Claim {
	return func(t *testing.T, a *tt.Authority) trust.Claim {
		return claimOf(a, a.Extension, tt.Forge(t, a.Organization, a.Root, crypto.SHA256, change))
	}
}

func without(oid ...int) func(*tt.Forged) {
	return func(f *tt.Forged) {
		f.Extensions = slices.DeleteFunc(f.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) })
	}
}

func named(texts ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		var names []asn1.RawValue
		for _, text := range texts {
			names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(text)})
		}
		value, err := asn1.Marshal(names)
		if err != nil {
			panic(err)
		}
		c.URIs = nil
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}}
	}
}

func wrongChains() []wrong {
	return []wrong{
		{"nothing", trust.CodeUnsigned, "signature", func(t *testing.T, a *tt.Authority) trust.Claim { return trust.Claim{ID: a.ID} }},
		{"a gap", trust.ChainInvalid, "signature", func(t *testing.T, a *tt.Authority) trust.Claim {
			return trust.Claim{ID: a.ID, Chain: []*x509.Certificate{a.Extension.Cert, nil}}
		}},
		{"reversed", trust.ChainInvalid, "order", func(t *testing.T, a *tt.Authority) trust.Claim { return claimOf(a, a.Organization, a.Extension) }},
		{"reversed with the root", trust.ChainInvalid, "order", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Root, a.Organization, a.Extension)
		}},
		{"organization missing", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim { return claimOf(a, a.Extension) }},
		{"organization missing between leaf and root", trust.ChainInvalid, "order", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Extension, a.Root)
		}},
		{"leaf directly under the root", trust.ChainInvalid, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Issue(t, a.Root, a.Template(tt.Extension)))
		}},
		{"leaf directly under the root, with it", trust.ChainInvalid, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Issue(t, a.Root, a.Template(tt.Extension)), a.Root)
		}},
		{"the root alone", trust.ChainInvalid, "root", func(t *testing.T, a *tt.Authority) trust.Claim { return claimOf(a, a.Root) }},
		{"the organization as the leaf", trust.ChainInvalid, "root", func(t *testing.T, a *tt.Authority) trust.Claim { return claimOf(a, a.Organization) }},
		{"organization twice", trust.ChainInvalid, "order", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Extension, a.Organization, a.Organization)
		}},
		{"an extra certificate behind", trust.ChainInvalid, "signature", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Extension, a.Organization, a.Root, a.TimestampRoot)
		}},
		{"an extra certificate for the root", trust.ChainInvalid, "order", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Extension, a.Organization, a.TimestampRoot)
		}},
		{"an organization too many", trust.ChainInvalid, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			above := a.Issue(t, a.Root, a.Template(tt.Organization, func(c *x509.Certificate) { c.Subject.CommonName, c.MaxPathLen, c.MaxPathLenZero = "Above", 1, false }))
			below := a.Issue(t, above, a.Template(tt.Organization))
			return claimOf(a, a.Issue(t, below, a.Template(tt.Extension)), below, above)
		}},
		{"leaf signed by a leaf", trust.ChainInvalid, "organization", func(t *testing.T, a *tt.Authority) trust.Claim {
			middle := a.Issue(t, a.Root, a.Template(tt.Extension, func(c *x509.Certificate) { c.Subject.CommonName = "middle" }))
			return claimOf(a, a.Issue(t, middle, a.Template(tt.Extension)), middle)
		}},
		{"leaf signed by a sibling leaf", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Issue(t, a.Extension, a.Template(tt.Extension)), a.Extension)
		}},
		{"leaf signed by another key of the organization's name", trust.ChainInvalid, "order", func(t *testing.T, a *tt.Authority) trust.Claim {
			other := a.Issue(t, nil, a.Template(tt.Organization))
			return claimOf(a, a.Issue(t, other, a.Template(tt.Extension)), a.Organization)
		}},
		{"leaf whose signature is broken", trust.ChainInvalid, "order", func(t *testing.T, a *tt.Authority) trust.Claim {
			raw := slices.Clone(a.Extension.Cert.Raw)
			raw[len(raw)-1] ^= 1
			cert, err := x509.ParseCertificate(raw)
			if err != nil {
				t.Fatal(err)
			}
			return trust.Claim{ID: a.ID, Chain: []*x509.Certificate{cert, a.Organization.Cert}}
		}},
		{"self-signed leaf", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Issue(t, nil, a.Template(tt.Extension)))
		}},
		{"another root", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			root := a.Issue(t, nil, a.Template(tt.Root, func(c *x509.Certificate) { c.Subject.CommonName = "Evil" }))
			organization := a.Issue(t, root, a.Template(tt.Organization))
			return claimOf(a, a.Issue(t, organization, a.Template(tt.Extension)), organization, root)
		}},
		{"another root of the same name", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			root := a.Issue(t, nil, a.Template(tt.Root))
			organization := a.Issue(t, root, a.Template(tt.Organization))
			return claimOf(a, a.Issue(t, organization, a.Template(tt.Extension)), organization, root)
		}},
		{"another root of the same name, left out", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			organization := a.Issue(t, a.Issue(t, nil, a.Template(tt.Root)), a.Template(tt.Organization))
			return claimOf(a, a.Issue(t, organization, a.Template(tt.Extension)), organization)
		}},
		{"organization cross-signed by another root", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			root := a.Issue(t, nil, a.Template(tt.Root, func(c *x509.Certificate) { c.Subject.CommonName = "Evil" }))
			crossed := tt.IssueFor(t, root, a.Template(tt.Organization), a.Organization.Key)
			return claimOf(a, a.Extension, crossed, root)
		}},
		{"root cross-signed by another root", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			root := a.Issue(t, nil, a.Template(tt.Root, func(c *x509.Certificate) { c.Subject.CommonName = "Evil" }))
			return claimOf(a, a.Extension, a.Organization, tt.IssueFor(t, root, a.Template(tt.Root), a.Root.Key))
		}},
		{"root of timestamps", trust.ChainUntrusted, "root", func(t *testing.T, a *tt.Authority) trust.Claim {
			organization := a.Issue(t, a.TimestampRoot, a.Template(tt.Organization))
			return claimOf(a, a.Issue(t, organization, a.Template(tt.Extension)), organization)
		}},

		{"organization without CA", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) {
			c.IsCA, c.MaxPathLenZero = false, false
			c.PermittedURIDomains, c.PermittedDNSDomainsCritical = nil, false
		})},
		{"organization without basic constraints", trust.ChainInvalid, "organization", forgedOrganization(without(2, 5, 29, 19))},
		{"organization of version 1", trust.ChainInvalid, "organization", forgedOrganization(func(f *tt.Forged) { f.Version, f.Extensions = 0, nil })},
		{"organization without keyCertSign", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
		})},
		{"organization without key usage", trust.ChainInvalid, "organization", forgedOrganization(without(2, 5, 29, 15))},
		{"organization with more key usage", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) {
			c.KeyUsage |= x509.KeyUsageKeyEncipherment
		})},
		{"organization with path length 1", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 1, false })},
		{"organization without path length", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false })},
		{"organization that may answer OCSP", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning, x509.ExtKeyUsageCodeSigning}
		})},
		{"organization without name", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) { c.URIs = nil })},
		{"organization with the name of an extension", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) {
			c.URIs = []*url.URL{tt.URI("acme.example", "org.acme.hello")}
		})},
		{"organization with two names", trust.ChainInvalid, "organization", organizationWith(named("jmap-ext://acme.example/", "jmap-ext://evil.example/"))},
		{"organization without constraint", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) { c.PermittedURIDomains = nil })},
		{"organization whose constraint is not critical", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = false })},
		{"organization constrained to a whole domain", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) { c.PermittedURIDomains = []string{".example"} })},
		{"organization constrained to two hosts", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) {
			c.PermittedURIDomains = append(c.PermittedURIDomains, "evil.example")
		})},
		{"organization constrained in other names, too", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"acme.example"} })},
		{"organization with serial 0", trust.ChainInvalid, "organization", forgedOrganization(func(f *tt.Forged) { f.Serial = new(big.Int) })},
		{"organization with an unknown critical extension", trust.ChainInvalid, "organization", organizationWith(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: asn1.NullBytes}}
		})},

		{"leaf that is a CA", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero = true, true })},
		{"leaf without key usage", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.KeyUsage = 0 })},
		{"leaf with more key usage", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign })},
		{"leaf without extended key usage", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.ExtKeyUsage = nil })},
		{"leaf for servers", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		{"leaf for any purpose", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })},
		{"leaf that may answer OCSP, too", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) {
			c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning)
		})},
		{"leaf with an unknown purpose, too", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) {
			c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4}}
		})},
		{"leaf without name", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.URIs = nil })},
		{"leaf with two names", trust.ChainInvalid, "extension", leafWith(named("jmap-ext://acme.example/org.acme.hello", "jmap-ext://acme.example/org.acme.other"))},
		{"leaf with the name of a server, too", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) { c.DNSNames = []string{"acme.example"} })},
		{"leaf with the name of the organization", trust.ChainInvalid, "extension", leafWith(named("jmap-ext://acme.example/"))},
		{"leaf with another spelling of its name", trust.ChainInvalid, "extension", leafWith(named("jmap-ext://acme.example/org.acme%2ehello"))},
		{"leaf with an upper-case host", trust.ChainInvalid, "extension", leafWith(named("jmap-ext://ACME.example/org.acme.hello"))},
		{"leaf with a port", trust.ChainInvalid, "extension", leafWith(named("jmap-ext://acme.example:1/org.acme.hello"))},
		{"leaf of another scheme", trust.ChainInvalid, "extension", leafWith(named("https://acme.example/org.acme.hello"))},
		{"leaf of version 1", trust.ChainInvalid, "extension", forgedLeaf(func(f *tt.Forged) { f.Version, f.Extensions = 0, nil })},
		{"leaf with serial 0", trust.ChainInvalid, "extension", forgedLeaf(func(f *tt.Forged) { f.Serial = new(big.Int) })},
		{"leaf with a serial of 21 bytes", trust.ChainInvalid, "extension", forgedLeaf(func(f *tt.Forged) { f.Serial = new(big.Int).Lsh(big.NewInt(1), 160) })},
		{"leaf with an unknown critical extension", trust.ChainInvalid, "extension", leafWith(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: asn1.NullBytes}}
		})},

		{"another id", trust.IdentityMismatch, "identity", leafWith(named("jmap-ext://acme.example/org.acme.other"))},
		{"the id in other letters", trust.IdentityMismatch, "identity", leafWith(named("jmap-ext://acme.example/org.acme.Hello"))},
		{"another host", trust.IdentityMismatch, "identity", leafWith(named("jmap-ext://evil.example/org.acme.hello"))},
		{"a host below", trust.IdentityMismatch, "identity", leafWith(named("jmap-ext://sub.acme.example/org.acme.hello"))},
		{"claimed for another id", trust.IdentityMismatch, "identity", func(t *testing.T, a *tt.Authority) trust.Claim {
			return trust.Claim{ID: "org.evil", Chain: a.Chain()}
		}},

		{"leaf expired", trust.CodeExpired, "validity", func(t *testing.T, a *tt.Authority) trust.Claim {
			return leafWith(func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Second) })(t, a)
		}},
		{"leaf not yet valid", trust.CodeExpired, "validity", func(t *testing.T, a *tt.Authority) trust.Claim {
			return leafWith(func(c *x509.Certificate) { c.NotBefore = a.Now.Add(time.Second) })(t, a)
		}},
		{"organization expired", trust.CodeExpired, "validity", func(t *testing.T, a *tt.Authority) trust.Claim {
			return organizationWith(func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Second) })(t, a)
		}},
		{"organization not yet valid", trust.CodeExpired, "validity", func(t *testing.T, a *tt.Authority) trust.Claim {
			return organizationWith(func(c *x509.Certificate) { c.NotBefore = a.Now.Add(time.Second) })(t, a)
		}},

		{"leaf with RSA-1024", trust.WeakAlgorithm, "algorithms", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, tt.IssueFor(t, a.Organization, a.Template(tt.Extension), rsaKey(t, 1024)), a.Organization)
		}},
		{"leaf with P-224", trust.WeakAlgorithm, "algorithms", func(t *testing.T, a *tt.Authority) trust.Claim {
			key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return claimOf(a, tt.IssueFor(t, a.Organization, a.Template(tt.Extension), key), a.Organization)
		}},
		{"leaf with Ed25519", trust.WeakAlgorithm, "algorithms", func(t *testing.T, a *tt.Authority) trust.Claim {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return claimOf(a, tt.IssueFor(t, a.Organization, a.Template(tt.Extension), key), a.Organization)
		}},
		{"leaf signed with SHA-1", trust.WeakAlgorithm, "algorithms", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, tt.Forge(t, a.Extension, a.Organization, crypto.SHA1, nil), a.Organization)
		}},
		{"organization signed with SHA-1", trust.WeakAlgorithm, "algorithms", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, a.Extension, tt.Forge(t, a.Organization, a.Root, crypto.SHA1, nil))
		}},
		{"untrusted and weak", trust.WeakAlgorithm, "algorithms", func(t *testing.T, a *tt.Authority) trust.Claim {
			return claimOf(a, tt.IssueFor(t, nil, a.Template(tt.Extension), rsaKey(t, 1024)))
		}},
	}
}

func TestWrongChains(t *testing.T) {
	for _, row := range wrongChains() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := tt.NewAuthority(t)
			// Nobody may be asked about a chain that does not hold.
			judge := judgeBy(a, func(c *trust.Config) { c.Offline, c.Transport = false, failing{t} })
			v := judge.Judge(t.Context(), row.claim(t, a))
			checkVerdict(t, v, row.code)
			if last := v.Checks[len(v.Checks)-1]; last.Name != row.check {
				t.Errorf("the check %q failed instead of %q: %s", last.Name, row.check, last.Detail)
			}
			if v.Publisher != "" && v.State != trust.Expired {
				t.Errorf("it has a publisher, %s", v.Publisher)
			}
			if strings.HasPrefix(row.name, "reversed") && !strings.Contains(v.Message, "the order is extension, organization, root") {
				t.Error("the order is not explained")
			}
			t.Log(v.Message)
		})
	}
}

// TestWrongRoots is what is wrong with a root that is trusted all the same: Roots can be
// made without LoadRoots.
func TestWrongRoots(t *testing.T) {
	for _, row := range []struct {
		name   string
		code   trust.Code
		change func(now time.Time) func(*x509.Certificate)
	}{
		{"expired", trust.CodeExpired, func(now time.Time) func(*x509.Certificate) {
			return func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }
		}},
		{"not yet valid", trust.CodeExpired, func(now time.Time) func(*x509.Certificate) {
			return func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }
		}},
		{"path length 0", trust.ChainInvalid, func(time.Time) func(*x509.Certificate) {
			return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }
		}},
		{"no CA", trust.ChainInvalid, func(time.Time) func(*x509.Certificate) {
			return func(c *x509.Certificate) { c.IsCA, c.MaxPathLen = false, 0 }
		}},
		{"without keyCertSign", trust.ChainInvalid, func(time.Time) func(*x509.Certificate) {
			return func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := tt.NewAuthority(t)
			root := a.Issue(t, nil, a.Template(tt.Root, row.change(a.Now)))
			organization := a.Issue(t, root, a.Template(tt.Organization))
			judge := judgeBy(a, func(c *trust.Config) { c.Roots = &trust.Roots{Certificates: tt.Certs(root)} })
			v := judge.Judge(t.Context(), claimOf(a, a.Issue(t, organization, a.Template(tt.Extension)), organization))
			checkVerdict(t, v, row.code)
			if last := v.Checks[len(v.Checks)-1]; last.Name != "root" {
				t.Errorf("the check %q failed: %s", last.Name, last.Detail)
			}
		})
	}
}

// TestRootsOfOtherRules is a root whose own certificate holds it to something that only
// Go's verifier knows.
func TestRootsOfOtherRules(t *testing.T) {
	for name, change := range map[string]func(*x509.Certificate){
		"for servers only": func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
		"for other hosts": func(c *x509.Certificate) {
			c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
		},
		"not for this host": func(c *x509.Certificate) {
			c.ExcludedURIDomains, c.PermittedDNSDomainsCritical = []string{"acme.example"}, true
		},
	} {
		a := tt.NewAuthority(t)
		root := a.Issue(t, nil, a.Template(tt.Root, change))
		organization := a.Issue(t, root, a.Template(tt.Organization))
		judge := judgeBy(a, func(c *trust.Config) { c.Roots = &trust.Roots{Certificates: tt.Certs(root)} })
		v := judge.Judge(t.Context(), claimOf(a, a.Issue(t, organization, a.Template(tt.Extension)), organization))
		checkVerdict(t, v, trust.ChainInvalid)
		if last := v.Checks[len(v.Checks)-1]; last.Name != "path" {
			t.Errorf("%s: the check %q failed: %s", name, last.Name, last.Detail)
		}
	}
}

func TestUntilTheFirstEnds(t *testing.T) {
	a := tt.NewAuthority(t)
	sooner := func(c *x509.Certificate) { c.NotAfter = a.Now.Add(time.Hour) }
	for name, claim := range map[string]trust.Claim{"leaf": leafWith(sooner)(t, a), "organization": organizationWith(sooner)(t, a)} {
		v := judgeBy(a).Judge(t.Context(), claim)
		checkVerdict(t, v, trust.OK)
		if !v.Until.Equal(a.Now.Add(time.Hour)) {
			t.Errorf("the %s ends first, and the verdict %s", name, v.Until)
		}
	}
	ended := leafWith(func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Hour) })(t, a)
	if v := judgeBy(a).Judge(t.Context(), ended); v.Code != trust.CodeExpired || !v.Until.Equal(a.Now.Add(-time.Hour)) {
		t.Errorf("it has ended: %s, until %s", v.Code, v.Until)
	}
}

// TestWhatComesNext is advice that would be wrong for another chain.
func TestWhatComesNext(t *testing.T) {
	advice := map[string]string{
		"organization missing":                       "sign it again with the whole chain",
		"self-signed leaf":                           "vouches for itself only",
		"another root":                               "put its certificate into conf/trust",
		"another root of the same name":              "calls itself \"Test Root\" like a trusted one",
		"leaf not yet valid":                         "are the clocks",
		"leaf expired":                               "signed anew, or with a timestamp",
		"organization without CA":                    "docs/trust.md",
		"organization missing between leaf and root": "chain of its own key",
	}
	for _, row := range wrongChains() {
		want, ok := advice[row.name]
		if !ok {
			continue
		}
		delete(advice, row.name)
		a := tt.NewAuthority(t)
		if v := judgeBy(a).Judge(t.Context(), row.claim(t, a)); !strings.Contains(v.Message, want) {
			t.Errorf("%s: %q does not say %q", row.name, v.Message, want)
		}
	}
	if len(advice) > 0 {
		t.Errorf("no such chains: %v", advice)
	}
}

func TestRootsAreReplaced(t *testing.T) {
	a := tt.NewAuthority(t)
	judge := judgeBy(a, func(c *trust.Config) { c.Roots = nil })
	checkVerdict(t, judge.Judge(t.Context(), claimOf(a, a.Extension, a.Organization)), trust.ChainUntrusted)
	judge.SetRoots(&trust.Roots{Certificates: tt.Certs(a.TimestampRoot, a.Root)})
	checkVerdict(t, judge.Judge(t.Context(), claimOf(a, a.Extension, a.Organization)), trust.OK)
	judge.SetRoots(nil)
	checkVerdict(t, judge.Judge(t.Context(), claimOf(a, a.Extension, a.Organization)), trust.ChainUntrusted)
}

// TestZeroConfig is a host that forgot to configure anything: it trusts nobody.
func TestZeroConfig(t *testing.T) {
	a := tt.NewAuthority(t)
	v := trust.New(trust.Config{}).Judge(context.Background(), claimOf(a, a.Extension, a.Organization, a.Root))
	checkVerdict(t, v, trust.ChainUntrusted)
	if (trust.Verdict{}).State == trust.Valid {
		t.Error("the zero verdict is valid")
	}
}
