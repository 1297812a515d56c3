package responder

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/authority"
)

const (
	host = "acme.example"
	id   = "org.acme.Hello"
	day  = 24 * time.Hour
)

// quick makes authorities in milliseconds: no passphrase to derive a key from.
func quick(name string) authority.Options {
	return authority.Options{Name: name, Kind: keyfile.ECDSAP256, Unencrypted: true}
}

// newAuthority makes an authority with the organization of host.
func newAuthority(t testing.TB, url string) (a *authority.Authority, org *authority.Organization, dir string) {
	t.Helper()
	o := quick("Acme Root")
	o.URL = url
	dir = filepath.Join(t.TempDir(), "ca")
	a, err := authority.Init(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	org, err = a.AddOrganization(host, quick("Acme Inc."))
	if err != nil {
		t.Fatal(err)
	}
	return a, org, dir
}

func issue(t testing.TB, org *authority.Organization, id string) *x509.Certificate {
	t.Helper()
	issued, err := org.Issue(id, authority.IssueOptions{Kind: keyfile.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Chain[0]
}

func code(err error) authority.Code {
	var e *authority.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return authority.Code("without a code: " + err.Error())
	}
	return ""
}

// tool runs OpenSSL or the JDK's keytool and returns what it prints.
func tool(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fails runs a program that must fail.
func fails(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err == nil {
		t.Errorf("%s: it did not fail\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}

func pemFile(t testing.TB, name string, certs ...*x509.Certificate) string {
	t.Helper()
	var text []byte
	for _, c := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
