package trusttest

import (
	"bytes"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"testing"
	"time"
)

// fixed was written by `go test ./trust/trusttest -update`; its keys are lost.
//
//go:embed fixed
var fixed embed.FS

// Fixed is an authority that is the same in every process, as fuzzing needs it: whatever
// differs from it was signed by nobody. It is valid at Now.
type Fixed struct {
	ID                                  string
	Now                                 time.Time
	Root, Organization, Extension       *x509.Certificate
	Responder                           *x509.Certificate // of the organization
	Sibling                             *x509.Certificate // another extension of it
	TimestampRoot, Timestamper          *x509.Certificate
	OfOrganization                      []byte // OCSP answer about it: good
	Good, Revoked, Unknown, Direct, Old []byte // OCSP answers about the extension; Direct: by the organization
	Forged                              []byte // says good, by the sibling
	RootList, List, ListOfRevoked       []byte // CRLs; the extension is on the last one
}

// NewFixed reads it.
func NewFixed(t testing.TB) *Fixed {
	t.Helper()
	read := func(name string) []byte {
		data, err := fixed.ReadFile("fixed/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	certificate := func(name string) *x509.Certificate {
		block, _ := pem.Decode(read(name + ".pem"))
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	f := &Fixed{
		ID: "org.acme.hello", Root: certificate("root"), Organization: certificate("organization"), Extension: certificate("extension"),
		Responder: certificate("responder"), Sibling: certificate("sibling"),
		TimestampRoot: certificate("timestamp-root"), Timestamper: certificate("timestamper"),
	}
	for name, into := range f.answers() {
		*into = read(name)
	}
	f.Now = f.Extension.NotBefore.Add(time.Hour)
	return f
}

func (f *Fixed) answers() map[string]*[]byte {
	return map[string]*[]byte{
		"organization.ocsp": &f.OfOrganization, "good.ocsp": &f.Good, "revoked.ocsp": &f.Revoked, "unknown.ocsp": &f.Unknown,
		"direct.ocsp": &f.Direct, "old.ocsp": &f.Old, "forged.ocsp": &f.Forged,
		"root.crl": &f.RootList, "organization.crl": &f.List, "revoked.crl": &f.ListOfRevoked,
	}
}

// DER writes certificates one after the other.
func DER(certs ...*x509.Certificate) []byte {
	var parts [][]byte
	for _, cert := range certs {
		parts = append(parts, cert.Raw)
	}
	return bytes.Join(parts, nil)
}
