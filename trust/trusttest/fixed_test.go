package trusttest

import (
	"crypto/x509"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

var update = flag.Bool("update", false, "write fixed/ anew")

// TestFixed reads what is committed, and writes it anew with -update.
func TestFixed(t *testing.T) {
	if *update {
		writeFixed(t)
		return // the embedded files are still the old ones
	}
	f := NewFixed(t)
	if f.Now.Before(f.Extension.NotBefore) || f.Now.After(f.Extension.NotAfter) {
		t.Error("the fixed authority is not valid at its own time")
	}
	for name, answer := range f.answers() {
		if len(*answer) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

func writeFixed(t *testing.T) {
	a := NewAuthority(t)
	sibling := a.Issue(t, a.Organization, a.Template(Extension, func(c *x509.Certificate) {
		c.Subject.CommonName = "org.acme.sibling"
		c.URIs[0] = URI(a.Host, "org.acme.sibling")
	}))
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join("fixed", name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, h := range map[string]*Holder{
		"root": a.Root, "organization": a.Organization, "extension": a.Extension, "responder": a.Responder, "sibling": sibling,
		"timestamp-root": a.TimestampRoot, "timestamper": a.Timestamper,
	} {
		write(name+".pem", PEM(h.Cert))
	}
	revoked := func(r *ocsp.Response) {
		r.Status, r.RevokedAt, r.RevocationReason = ocsp.Revoked, a.Now, ocsp.Superseded
	}
	answer := func(by *Holder, change func(*ocsp.Response)) []byte {
		return OCSP(t, a.Extension.Cert, a.Organization, by, change)
	}
	for name, data := range map[string][]byte{
		"organization.ocsp": OCSP(t, a.Organization.Cert, a.Root, a.RootResponder, nil),
		"good.ocsp":         answer(a.Responder, nil),
		"revoked.ocsp":      answer(a.Responder, revoked),
		"unknown.ocsp":      answer(a.Responder, func(r *ocsp.Response) { r.Status = ocsp.Unknown }),
		"direct.ocsp":       answer(a.Organization, nil),
		"old.ocsp":          answer(a.Responder, func(r *ocsp.Response) { r.NextUpdate = a.Now.Add(-time.Second) }),
		"forged.ocsp":       answer(sibling, nil),
		"root.crl":          CRL(t, a.Root, 1, nil),
		"organization.crl":  CRL(t, a.Organization, 1, nil),
		"revoked.crl":       CRL(t, a.Organization, 2, nil, x509.RevocationListEntry{SerialNumber: a.Extension.Cert.SerialNumber, RevocationTime: a.Now, ReasonCode: 1}),
	} {
		write(name, data)
	}
}
