package authority

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

const (
	host = "acme.example"
	id   = "org.acme.Hello"
)

// quick makes authorities in milliseconds: no passphrase to derive a key from.
func quick(name string) Options {
	return Options{Name: name, Kind: keyfile.ECDSAP256, Unencrypted: true}
}

// newAuthority makes an authority with the organization of host.
func newAuthority(t testing.TB, url string) (*Authority, *Organization) {
	t.Helper()
	o := quick("Acme Root")
	o.URL = url
	a, err := Init(filepath.Join(t.TempDir(), "ca"), o)
	if err != nil {
		t.Fatal(err)
	}
	org, err := a.AddOrganization(host, quick("Acme Inc."))
	if err != nil {
		t.Fatal(err)
	}
	return a, org
}

func issue(t testing.TB, org *Organization, id string) *x509.Certificate {
	t.Helper()
	issued, err := org.Issue(id, IssueOptions{Kind: keyfile.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Chain[0]
}

func code(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return Code("without a code: " + err.Error())
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
		text = append(text, encodePEM(c)...)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The profile, as OpenSSL shows it, for both kinds of keys.
func TestProfile(t *testing.T) {
	o := Options{Name: "Acme Root", Unencrypted: true, Kind: keyfile.RSA2048, URL: "http://ca.acme.example/pki/"}
	a, err := Init(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	org, err := a.AddOrganization(host, quick("Acme Inc."))
	if err != nil {
		t.Fatal(err)
	}
	issued, err := org.Issue(id, IssueOptions{Kind: keyfile.ECDSAP384})
	if err != nil {
		t.Fatal(err)
	}
	responder, _, err := org.certifyResponder(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	const usage = "X509v3 Key Usage: critical\n                "
	for _, c := range []struct {
		name        string
		cert        *x509.Certificate
		has, hasNot []string
	}{
		{"root", a.Root().Certificate(), []string{
			"Version: 3", "sha256WithRSAEncryption", "Issuer: O = Acme Root, CN = Acme Root", "Subject: O = Acme Root, CN = Acme Root",
			"X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:1\n", usage + "Certificate Sign, CRL Sign\n",
		}, []string{"Alternative Name", "Name Constraints", "Extended Key Usage", "OCSP", "crl"}},
		{"organization", org.Certificate(), []string{
			"sha256WithRSAEncryption", "Subject: O = Acme Inc., CN = Acme Inc.",
			"X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0\n", usage + "Digital Signature, Certificate Sign, CRL Sign\n",
			"X509v3 Subject Alternative Name: \n                URI:jmap-ext://acme.example/\n",
			"X509v3 Name Constraints: critical\n                Permitted:\n                  URI:acme.example\n",
			"OCSP - URI:http://ca.acme.example/pki/ocsp\n", "URI:http://ca.acme.example/pki/crl/root.crl\n",
		}, []string{"Extended Key Usage"}},
		{"extension", issued.Chain[0], []string{
			"ecdsa-with-SHA256", "Subject: O = Acme Inc., CN = org.acme.Hello", "secp384r1",
			"X509v3 Basic Constraints: critical\n                CA:FALSE\n", usage + "Digital Signature\n",
			"X509v3 Extended Key Usage: \n                Code Signing\n",
			"X509v3 Subject Alternative Name: \n                URI:jmap-ext://acme.example/org.acme.Hello\n",
			"OCSP - URI:http://ca.acme.example/pki/ocsp\n", "URI:http://ca.acme.example/pki/crl/acme.example.crl\n",
		}, []string{"Name Constraints"}},
		{"responder", responder, []string{
			"X509v3 Basic Constraints: critical\n                CA:FALSE\n", usage + "Digital Signature\n",
			"X509v3 Extended Key Usage: \n                OCSP Signing\n", "OCSP No Check",
		}, []string{"Alternative Name", "http://"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := tool(t, "openssl", "x509", "-in", pemFile(t, "c.pem", c.cert), "-noout", "-text")
			for _, part := range c.has {
				if !strings.Contains(text, part) {
					t.Errorf("it lacks %q\n%s", part, text)
				}
			}
			for _, part := range c.hasNot {
				if strings.Contains(text, part) {
					t.Errorf("it has %q\n%s", part, text)
				}
			}
			if n := c.cert.SerialNumber; n.Sign() <= 0 || n.BitLen() > 128 || n.BitLen() < 64 {
				t.Errorf("serial %x", n)
			}
			if !strings.Contains(tool(t, "keytool", "-printcert", "-file", pemFile(t, "c.pem", c.cert)), "Serial number") {
				t.Error("keytool does not show it")
			}
		})
	}
}

// Others build the same chain, and refuse the same.
func TestChainHoldsForOthers(t *testing.T) {
	a, org := newAuthority(t, "")
	leaf := issue(t, org, id)
	root, middle, end := pemFile(t, "root.pem", a.Root().Certificate()), pemFile(t, "org.pem", org.Certificate()), pemFile(t, "leaf.pem", leaf)
	tool(t, "openssl", "verify", "-x509_strict", "-CAfile", root, "-untrusted", middle, end)
	tool(t, "openssl", "verify", "-x509_strict", "-CAfile", root, middle)
	fails(t, "openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", root, "-untrusted", middle, end)
	fails(t, "openssl", "verify", "-CAfile", root, end)

	// Somebody with the organization's key certifies for another host.
	key, err := org.signer()
	if err != nil {
		t.Fatal(err)
	}
	forger := &CA{a: a, name: "evil.example", dir: org.dir, cert: org.cert, key: key}
	forged, err := forger.certifyExtension(id, 0, leaf.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if out := fails(t, "openssl", "verify", "-CAfile", root, "-untrusted", middle, pemFile(t, "forged.pem", forged)); !strings.Contains(out, "permitted subtree violation") {
		t.Errorf("openssl says %s", out)
	}
	pools := func(cert *x509.Certificate) error {
		roots, middles := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(a.Root().Certificate())
		middles.AddCert(org.Certificate())
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middles, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
		return err
	}
	if err := pools(leaf); err != nil {
		t.Error(err)
	}
	if err := pools(forged); err == nil {
		t.Error("Go accepts the forged certificate")
	}
}

// A life of an authority: made, found again, renewed, revoked, made anew.
func TestLife(t *testing.T) {
	a, org := newAuthority(t, "http://ca.example")
	leaf := issue(t, org, id)
	a, err := Open(a.dir, Keys{})
	if err != nil {
		t.Fatal(err)
	}
	if hosts, err := a.Organizations(); err != nil || len(hosts) != 1 || hosts[0] != host {
		t.Fatalf("organizations %q, %v", hosts, err)
	}
	if org, err = a.Organization(host); err != nil {
		t.Fatal(err)
	}
	same, err := org.Renew(id, false, IssueOptions{})
	if err != nil || same.Key != nil || !keyfile.SamePublic(same.Chain[0].PublicKey, leaf.PublicKey) || len(same.Chain) != 3 {
		t.Errorf("renewed with the same key: %+v, %v", same, err)
	}
	fresh, err := org.Renew(id, true, IssueOptions{Kind: keyfile.ECDSAP256})
	if err != nil || fresh.Key == nil || keyfile.SamePublic(fresh.Chain[0].PublicKey, leaf.PublicKey) {
		t.Errorf("renewed with a new key: %+v, %v", fresh, err)
	}
	renewed, err := a.RenewOrganization(host, 0)
	if err != nil || !bytes.Equal(renewed.Certificate().RawSubject, org.Certificate().RawSubject) || !keyfile.SamePublic(renewed.cert.PublicKey, org.cert.PublicKey) ||
		renewed.cert.SerialNumber.Cmp(org.cert.SerialNumber) == 0 {
		t.Fatalf("the renewed organization is another one, %v", err)
	}
	// What was signed before the renewal holds with the new certificate.
	tool(t, "openssl", "verify", "-x509_strict", "-CAfile", pemFile(t, "root.pem", a.Root().Certificate()), "-untrusted", pemFile(t, "org.pem", renewed.Certificate()), pemFile(t, "leaf.pem", leaf))

	if _, err := a.AddOrganization(host, quick("Acme Inc.")); code(err) != CodeExists {
		t.Errorf("a second organization of the host: %v", err)
	}
	serial := SerialText(renewed.cert.SerialNumber)
	if r, err := a.Root().Revoke(serial, revocation.KeyCompromise); err != nil || r.Status(time.Now()) != StatusRevoked || r.Name() != host {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := a.Root().Revoke(serial, revocation.Superseded); code(err) != CodeRevoked {
		t.Errorf("revoked again: %v", err)
	}
	if _, err := renewed.Issue(id, IssueOptions{Kind: keyfile.ECDSAP256}); code(err) != CodeRevoked {
		t.Errorf("issued although revoked: %v", err)
	}
	if _, err := a.RenewOrganization(host, 0); code(err) != CodeRevoked {
		t.Errorf("renewed although revoked: %v", err)
	}
	next, err := a.AddOrganization(host, quick("Acme Inc."))
	if err != nil || keyfile.SamePublic(next.cert.PublicKey, org.cert.PublicKey) {
		t.Fatalf("made anew: %v", err)
	}
	if records, err := next.Records(); err != nil || len(records) != 0 {
		t.Errorf("the new organization has issued %v, %v", records, err)
	}
	if kept, err := os.ReadFile(a.path("retired", host+"-"+serial, certificatesDir, SerialText(leaf.SerialNumber)+".pem")); err != nil || !bytes.Equal(kept, encodePEM(leaf)) {
		t.Errorf("what the old one issued is lost: %v", err)
	}
}

func TestRefused(t *testing.T) {
	a, org := newAuthority(t, "")
	leaf := issue(t, org, id)
	lost := issue(t, org, "org.acme.Lost")
	if _, err := org.Revoke(SerialText(lost.SerialNumber), revocation.KeyCompromise); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, c := range []struct {
		name string
		do   func() error
		want Code
	}{
		{"an authority over another", func() error { _, err := Init(a.dir, quick("X")); return err }, CodeExists},
		{"no passphrase", func() error { _, err := Init(empty, Options{Name: "X", Kind: keyfile.ECDSAP256}); return err }, CodePassphrase},
		{"no name", func() error { _, err := Init(empty, quick("")); return err }, CodeInvalid},
		{"a name that can not be seen", func() error { _, err := Init(empty, quick("a\u202eb")); return err }, CodeInvalid},
		{"a name that is too long", func() error { _, err := Init(empty, quick(strings.Repeat("x", 65))); return err }, CodeInvalid},
		{"a weak kind of key", func() error {
			_, err := Init(empty, Options{Name: "X", Kind: "rsa-512", Unencrypted: true})
			return err
		}, CodeInvalid},
		{"no URL", func() error { o := quick("X"); o.URL = "ca.example"; _, err := Init(empty, o); return err }, CodeInvalid},
		{"a validity of centuries", func() error { o := quick("X"); o.Validity = 100 * 365 * day; _, err := Init(empty, o); return err }, CodeInvalid},
		{"nothing to open", func() error { _, err := Open(empty, Keys{}); return err }, CodeNotFound},
		{"the root's name", func() error { _, err := a.AddOrganization("other.example", quick("Acme Root")); return err }, CodeInvalid},
		{"no host", func() error { _, err := a.AddOrganization("", quick("X")); return err }, CodeInvalid},
		{"a host in capitals", func() error { _, err := a.AddOrganization("Acme.example", quick("X")); return err }, CodeInvalid},
		{"a host that leaves the folder", func() error { _, err := a.AddOrganization("../x", quick("X")); return err }, CodeInvalid},
		{"a host named root", func() error { _, err := a.AddOrganization("root", quick("X")); return err }, CodeInvalid},
		{"an organization that is not there", func() error { _, err := a.Organization("other.example"); return err }, CodeNotFound},
		{"an id that is none", func() error { _, err := org.Issue("a/b", IssueOptions{}); return err }, CodeInvalid},
		{"no id", func() error { _, err := org.Issue("", IssueOptions{}); return err }, CodeInvalid},
		{"the organization's own key", func() error { _, err := org.Issue(id, IssueOptions{Public: org.cert.PublicKey}); return err }, CodeInvalid},
		{"the root's key", func() error { _, err := org.Issue(id, IssueOptions{Public: a.root.cert.PublicKey}); return err }, CodeInvalid},
		{"a compromised key", func() error { _, err := org.Issue(id, IssueOptions{Public: lost.PublicKey}); return err }, CodeRevoked},
		{"renewing what was revoked", func() error { _, err := org.Renew("org.acme.Lost", true, IssueOptions{}); return err }, CodeNotFound},
		{"renewing what never was", func() error { _, err := org.Renew("org.acme.No", true, IssueOptions{}); return err }, CodeNotFound},
		{"revoking what never was", func() error { _, err := org.Revoke(strings.Repeat("0", 31)+"1", revocation.Superseded); return err }, CodeNotFound},
		{"revoking by a path", func() error { _, err := org.Revoke("../../root/certificate", revocation.Superseded); return err }, CodeInvalid},
		{"putting on hold", func() error {
			_, err := org.Revoke(SerialText(leaf.SerialNumber), revocation.CertificateHold)
			return err
		}, CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.do(); code(err) != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("what was refused left %v, %v", left, err)
	}
}

// Keys: encrypted at rest, kept elsewhere, in a token, exposed, or another one.
func TestKeys(t *testing.T) {
	secret, dir := []byte("a passphrase"), filepath.Join(t.TempDir(), "ca")
	a, err := Init(dir, Options{Name: "Acme Root", Kind: keyfile.ECDSAP256, Passphrase: secret})
	if err != nil {
		t.Fatal(err)
	}
	token, err := keyfile.Generate(keyfile.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddOrganization(host, Options{Name: "Acme Inc.", Signer: token}); err != nil {
		t.Fatal(err)
	}
	stick := filepath.Join(t.TempDir(), "key.pem")
	if err := os.Rename(filepath.Join(dir, RootName, keyFile), stick); err != nil {
		t.Fatal(err)
	}
	asked := ""
	right := func(name string) ([]byte, error) { asked += name + " "; return secret, nil }
	crl := func(k Keys) error {
		a, err := Open(dir, k)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Root().UpdateCRL(0)
		if err == nil {
			_, err = a.Root().UpdateCRL(0) // the key is asked for once
		}
		return err
	}
	if err := crl(Keys{Passphrase: right}); code(err) != CodeNoKey || asked != "" {
		t.Errorf("the key is on the stick: %v, asked %q", err, asked)
	}
	if err := crl(Keys{RootFile: stick, Passphrase: right}); err != nil || asked != "root " {
		t.Errorf("with the stick: %v, asked %q", err, asked)
	}
	if err := crl(Keys{RootFile: stick}); code(err) != CodePassphrase {
		t.Errorf("without a passphrase: %v", err)
	}
	if err := crl(Keys{RootFile: stick, Passphrase: func(string) ([]byte, error) { return []byte("guess"), nil }}); code(err) != CodePassphrase || strings.Contains(err.Error(), "guess") {
		t.Errorf("with a wrong passphrase: %v", err)
	}
	plain, err := keyfile.EncodeUnencrypted(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(stick, plain, 0o600), os.Chmod(stick, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := crl(Keys{RootFile: stick}); code(err) != CodeExposed {
		t.Errorf("a key for all to read: %v", err)
	}
	if err := os.Chmod(stick, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := crl(Keys{RootFile: stick}); code(err) != CodeNoKey || !strings.Contains(err.Error(), "another one") {
		t.Errorf("another key: %v", err)
	}

	withToken, err := Open(dir, Keys{Signer: tokenOf(host, token)})
	if err != nil {
		t.Fatal(err)
	}
	org, err := withToken.Organization(host)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, org, id)
	if _, err := os.Stat(filepath.Join(org.dir, keyFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the token's key is in a file: %v", err)
	}
	private(t, dir)
}

// tokenOf plays a token that holds one key.
func tokenOf(name string, key crypto.Signer) func(string) (crypto.Signer, error) {
	return func(asked string) (crypto.Signer, error) {
		if asked == name {
			return key, nil
		}
		return nil, nil
	}
}

// private: nothing in the folder is anybody else's to read, whatever the umask.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Many at once, each with the folder opened for itself as a process of its own would.
func TestManyAtOnce(t *testing.T) {
	a, org := newAuthority(t, "")
	var wg sync.WaitGroup
	const each = 5
	start := time.Now().Unix()
	for i := range 8 {
		wg.Go(func() {
			mine, err := Open(a.dir, Keys{})
			if err != nil {
				t.Error(err)
				return
			}
			org, err := mine.Organization(host)
			if err != nil {
				t.Error(err)
				return
			}
			for range each {
				issued, err := org.Issue(fmt.Sprintf("org.acme.N%d", i), IssueOptions{Kind: keyfile.ECDSAP256})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := org.Revoke(SerialText(issued.Chain[0].SerialNumber), revocation.Superseded); err != nil {
					t.Error(err)
				}
				if _, err := org.UpdateCRL(0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := org.CRL()
	if err != nil || len(list.RevokedCertificateEntries) != 8*each {
		t.Errorf("the list has %d of %d, %v", len(list.RevokedCertificateEntries), 8*each, err)
	}
	// As many lists were signed, each with a number of its own.
	if n := list.Number.Int64(); n < start+8*each-1 {
		t.Errorf("the number is %d, %d after the first", n, n-start)
	}
}

// Another process that never ends is not waited for for ever.
func TestBusy(t *testing.T) {
	a, org := newAuthority(t, "")
	unlock, err := a.lock()
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	synctest.Test(t, func(t *testing.T) {
		if _, err := org.UpdateCRL(0); code(err) != CodeBusy {
			t.Errorf("got %v", err)
		}
	})
}

// A root that is about to end shortens what it certifies, and one that has ended
// certifies nothing.
func TestIssuersEnd(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := quick("Acme Root")
		o.Validity = 30 * day
		a, err := Init(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		org, err := a.AddOrganization(host, quick("Acme Inc."))
		if err != nil {
			t.Fatal(err)
		}
		leaf := issue(t, org, id)
		if !leaf.NotAfter.Equal(a.Root().Certificate().NotAfter) || !leaf.NotBefore.Equal(a.Root().Certificate().NotBefore) {
			t.Errorf("valid from %v to %v", leaf.NotBefore, leaf.NotAfter)
		}
		time.Sleep(31 * day)
		if _, err := org.Issue(id, IssueOptions{Kind: keyfile.ECDSAP256}); code(err) != CodeExpired {
			t.Errorf("got %v", err)
		}
		if r, err := org.Newest(id); err != nil || r.Status(time.Now()) != StatusExpired {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
