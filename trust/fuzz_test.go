package trust_test

import (
	"bytes"
	"crypto/x509"
	"net/url"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/revocation"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// FuzzJudge gives any certificates, timestamps and staples to a judge. Nobody has the keys
// of the roots any more, so that a verdict is valid only for what they signed once.
func FuzzJudge(f *testing.F) {
	fixed := tt.NewFixed(f)
	good := tt.DER(fixed.Extension, fixed.Organization)
	stamped := fixed.Now.Unix()
	for _, chain := range [][]byte{
		good, tt.DER(fixed.Extension, fixed.Organization, fixed.Root), tt.DER(fixed.Organization, fixed.Extension), tt.DER(fixed.Extension),
		tt.DER(fixed.Sibling, fixed.Organization), tt.DER(fixed.Extension, fixed.Root), tt.DER(fixed.Timestamper, fixed.TimestampRoot), nil,
	} {
		f.Add(fixed.ID, chain, int64(0), []byte(nil), fixed.Good, fixed.OfOrganization, false)
	}
	f.Add(fixed.ID, good, stamped, tt.DER(fixed.Timestamper, fixed.TimestampRoot), fixed.Direct, fixed.OfOrganization, true)
	f.Add(fixed.ID, good, stamped, tt.DER(fixed.Timestamper), fixed.Revoked, fixed.OfOrganization, true)
	f.Add(fixed.ID, good, stamped-60, tt.DER(fixed.Extension, fixed.Organization), fixed.Forged, fixed.Old, true)
	f.Add("org.acme.sibling", tt.DER(fixed.Sibling, fixed.Organization), int64(0), []byte(nil), fixed.Unknown, fixed.Good, true)
	roots := &trust.Roots{Certificates: []*x509.Certificate{fixed.Root}, Timestamp: []*x509.Certificate{fixed.TimestampRoot}}
	f.Fuzz(func(t *testing.T, id string, chain []byte, at int64, stampChain, staple, another []byte, hard bool) {
		policy := trust.Soft
		if hard {
			policy = trust.Hard
		}
		judge := trust.New(trust.Config{
			Roots: roots, Revocation: policy, Transport: failing{t}, Offline: true, Now: func() time.Time { return fixed.Now },
		})
		claim := trust.Claim{ID: id, Staples: [][]byte{staple, another}}
		claim.Chain, _ = x509.ParseCertificates(chain)
		claim.TimestampChain, _ = x509.ParseCertificates(stampChain)
		if at != 0 {
			claim.SignedAt = time.Unix(at, 0)
		}
		v := judge.Judge(t.Context(), claim)
		if v.State != v.Code.State() || len(v.Checks) == 0 || v.Checks[len(v.Checks)-1].OK != (v.State == trust.Valid) {
			t.Fatalf("state %q, code %q, checks %+v", v.State, v.Code, v.Checks)
		}
		if !v.SignedAt.IsZero() && !signedBytes(claim.TimestampChain[0], fixed.Timestamper) {
			t.Fatal("a timestamp of a stranger counts")
		}
		if v.State != trust.Valid {
			return
		}
		leaf := fixed.Extension
		if id == "org.acme.sibling" {
			leaf = fixed.Sibling
		} else if id != fixed.ID {
			t.Fatalf("valid for %q", id)
		}
		if !signedBytes(v.Chain[0], leaf) || !signedBytes(v.Chain[1], fixed.Organization) || !v.Chain[2].Equal(fixed.Root) || len(v.Chain) != 3 {
			t.Fatal("valid for a chain that nobody signed")
		}
		if hard && !saysGood(t, claim.Staples, fixed.OfOrganization) {
			t.Fatal("valid without an answer about the organization")
		}
		if hard && !saysGood(t, claim.Staples, fixed.Good) && !saysGood(t, claim.Staples, fixed.Direct) && !saysGood(t, claim.Staples, fixed.Revoked) {
			t.Fatal("valid without an answer about the extension")
		}
	})
}

// signedBytes compares what was signed: a signature on P-256 has two forms.
func signedBytes(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawTBSCertificate, b.RawTBSCertificate)
}

// saysGood reports whether what was signed of an answer is in one of the staples.
func saysGood(t *testing.T, staples [][]byte, answer []byte) bool {
	parsed, err := ocsp.ParseResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, staple := range staples {
		if bytes.Contains(staple, parsed.TBSResponseData) {
			return true
		}
	}
	return false
}

// FuzzRoots reads any file as roots. What it takes can be trusted: authorities that issued
// themselves, not expired.
func FuzzRoots(f *testing.F) {
	fixed := tt.NewFixed(f)
	f.Add(tt.PEM(fixed.Root))
	f.Add(tt.PEM(fixed.Root, fixed.TimestampRoot))
	f.Add(append([]byte("# a comment\r\n"), tt.PEM(fixed.Root, fixed.Organization)...))
	f.Add(tt.PEM(fixed.Extension))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := trust.ParseRoots(data, fixed.Now)
		if (err == nil) != (len(certs) > 0) {
			t.Fatalf("%d certificates, %v", len(certs), err)
		}
		for _, cert := range certs {
			if !cert.IsCA || cert.Version != 3 || cert.SerialNumber.Sign() <= 0 || fixed.Now.After(cert.NotAfter) {
				t.Fatalf("%s is taken", cert.Subject)
			}
			if err := cert.CheckSignatureFrom(cert); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzNames reads any text as a name. There is one spelling of each, and net/url reads it
// in the same way.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"jmap-ext://acme.example/", "jmap-ext://acme.example/org.acme.hello", "jmap-ext://a:1/x", "jmap-ext://a@b/x?y#z", "jmap-ext://a/%2e", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := trust.ParseName(text)
		if err != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || name.String() != text || u.String() != text || u.Host != name.Host || u.Path != "/"+name.ID || u.Port() != "" ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "jmap-ext" || name.Check() != nil {
			t.Fatalf("%q is %+v and %+v", text, name, u)
		}
	})
}

// TestFixedIsGood sees to it that the fuzz targets begin with something valid.
func TestFixedIsGood(t *testing.T) {
	fixed := tt.NewFixed(t)
	var lists []revocation.CRL
	for name, der := range map[string][]byte{"root.crl": fixed.RootList, "organization.crl": fixed.List} {
		crl, err := revocation.ParseCRL(name, der)
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, crl)
	}
	roots := &trust.Roots{Certificates: []*x509.Certificate{fixed.Root}, Timestamp: []*x509.Certificate{fixed.TimestampRoot}}
	for name, lists := range map[string][]revocation.CRL{"staples": nil, "lists": lists} {
		claim := trust.Claim{
			ID: fixed.ID, Chain: []*x509.Certificate{fixed.Extension, fixed.Organization}, SignedAt: fixed.Now,
			TimestampChain: []*x509.Certificate{fixed.Timestamper},
		}
		if lists == nil {
			claim.Staples = [][]byte{fixed.Good, fixed.OfOrganization}
		}
		roots.CRLs = lists
		v := trust.New(trust.Config{Roots: roots, Offline: true, Now: func() time.Time { return fixed.Now }}).Judge(t.Context(), claim)
		if v.State != trust.Valid || v.SignedAt.IsZero() {
			t.Errorf("%s: %q: %s", name, v.Code, v.Message)
		}
	}
}
