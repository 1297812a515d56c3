package trust_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/revocation"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// escaped is how an OCSP request stands in an address.
func escaped(request []byte) string {
	return url.QueryEscape(base64.StdEncoding.EncodeToString(request))
}

// desk is a folder in which openssl works.
type desk struct {
	t   *testing.T
	dir string
}

func (d desk) write(name string, data []byte) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), data, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d desk) read(name string) []byte {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}

// try runs openssl and returns what it said, and whether that was success.
func (d desk) try(args ...string) (string, bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Dir = d.dir
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		d.t.Fatal(err) // no openssl, for one
	}
	return string(out), err == nil
}

func (d desk) run(args ...string) string {
	d.t.Helper()
	out, ok := d.try(args...)
	if !ok {
		d.t.Fatalf("openssl %s: %s", strings.Join(args, " "), out)
	}
	return out
}

func (d desk) holder(name string, h *tt.Holder) {
	d.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(h.Key)
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(name+".pem", tt.PEM(h.Cert))
	d.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
}

func (d desk) certificate(name string) *x509.Certificate {
	d.t.Helper()
	block, _ := pem.Decode(d.read(name))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		d.t.Fatal(err)
	}
	return cert
}

// TestOpenSSLAgrees shows the good chain, and some that are not, to openssl.
func TestOpenSSLAgrees(t *testing.T) {
	a := tt.NewAuthority(t)
	d := desk{t, t.TempDir()}
	d.holder("root", a.Root)
	verify := func(name string, claim trust.Claim) bool {
		d.write(name+"-leaf.pem", tt.PEM(claim.Chain[0]))
		args := []string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", "root.pem"}
		if len(claim.Chain) > 1 {
			d.write(name+"-rest.pem", tt.PEM(claim.Chain[1:]...))
			args = append(args, "-untrusted", name+"-rest.pem")
		}
		out, ok := d.try(append(args, name+"-leaf.pem")...)
		t.Logf("%s: %s", name, strings.TrimSpace(out))
		return ok
	}
	if good := claimOf(a, a.Extension, a.Organization); !verify("good", good) {
		t.Error("openssl refuses what we accept")
	}
	for _, row := range wrongChains() {
		switch row.name {
		case "leaf expired", "organization without CA", "organization without keyCertSign", "another root of the same name", "self-signed leaf",
			"leaf signed by a leaf", "another host", "a host below", "organization missing":
			if verify(strings.ReplaceAll(row.name, " ", "-"), row.claim(t, a)) {
				t.Errorf("openssl accepts: %s", row.name)
			}
		}
	}
}

// TestOpenSSLAnswers has openssl make answers of every kind for our certificates, and a
// running responder of its.
func TestOpenSSLAnswers(t *testing.T) {
	a := tt.NewAuthority(t)
	d := desk{t, t.TempDir()}
	for name, h := range map[string]*tt.Holder{
		"root": a.Root, "organization": a.Organization, "leaf": a.Extension, "responder": a.Responder, "root-responder": a.RootResponder,
	} {
		d.holder(name, h)
	}
	line := func(cert *x509.Certificate, status, revoked string) string {
		serial := strings.ToUpper(fmt.Sprintf("%x", cert.SerialNumber))
		if len(serial)%2 == 1 {
			serial = "0" + serial
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\tunknown\t/CN=x\n", status, cert.NotAfter.UTC().Format("060102150405Z"), revoked, serial)
	}
	d.write("good.txt", []byte(line(a.Extension.Cert, "V", "")))
	d.write("revoked.txt", []byte(line(a.Extension.Cert, "R", a.Now.UTC().Format("060102150405Z")+",keyCompromise")))
	d.write("root.txt", []byte(line(a.Organization.Cert, "V", "")))
	d.write("nothing.txt", nil)
	answer := func(index, issuer, cert string, signer ...string) []byte {
		d.run(append([]string{"ocsp", "-index", index, "-CA", issuer, "-issuer", issuer, "-cert", cert, "-respout", "answer.der",
			"-nmin", "60", "-noverify"}, signer...)...)
		return d.read("answer.der")
	}
	byResponder := []string{"-rsigner", "responder.pem", "-rkey", "responder.key"}
	ofRoot := answer("root.txt", "root.pem", "organization.pem", "-rsigner", "root-responder.pem", "-rkey", "root-responder.key")
	judge := func(answers ...[]byte) trust.Verdict {
		claim := claimOf(a, a.Extension, a.Organization)
		claim.Staples = answers
		return judgeBy(a, func(c *trust.Config) { c.Revocation, c.Now = trust.Hard, time.Now }).Judge(t.Context(), claim)
	}
	for _, row := range []struct {
		name, index string
		signer      []string
		code        trust.Code
	}{
		{"good", "good.txt", byResponder, trust.OK},
		{"good, responder named by its key", "good.txt", append(byResponder, "-resp_key_id"), trust.OK},
		{"good, by the organization, which is in it", "good.txt", []string{"-rsigner", "organization.pem", "-rkey", "organization.key"}, trust.OK},
		{"good, by the organization", "good.txt", []string{"-rsigner", "organization.pem", "-rkey", "organization.key", "-resp_no_certs"}, trust.OK},
		{"revoked", "revoked.txt", byResponder, trust.CodeRevoked},
		{"unknown", "nothing.txt", byResponder, trust.RevocationUnknown},
		{"good, by a sibling", "good.txt", []string{"-rsigner", "leaf.pem", "-rkey", "leaf.key"}, trust.RevocationUnknown},
		{"good, with SHA-1", "good.txt", append(byResponder, "-rmd", "sha1"), trust.RevocationUnknown},
	} {
		v := judge(ofRoot, answer(row.index, "organization.pem", "leaf.pem", row.signer...))
		if v.Code != row.code {
			t.Errorf("%s: %q: %s", row.name, v.Code, v.Message)
		}
	}

	// What we make, openssl reads and verifies.
	d.write("ours.der", tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, nil))
	d.write("chain.pem", tt.PEM(a.Organization.Cert, a.Root.Cert))
	out := d.run("ocsp", "-respin", "ours.der", "-issuer", "organization.pem", "-cert", "leaf.pem", "-CAfile", "chain.pem", "-no_nonce")
	if !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "leaf.pem: good") {
		t.Error(out)
	}
	out, _ = d.try("ocsp", "-respin", "ours.der", "-issuer", "organization.pem", "-cert", "leaf.pem", "-CAfile", "root.pem")
	t.Log(out)
}

// TestOpenSSLResponder asks a responder that openssl runs.
func TestOpenSSLResponder(t *testing.T) {
	port := freePort(t)
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	a := tt.NewAuthority(t, tt.Reachable(address, ""))
	d := desk{t, t.TempDir()}
	d.holder("organization", a.Organization)
	d.holder("responder", a.Responder)
	serial := strings.ToUpper(fmt.Sprintf("%x", a.Extension.Cert.SerialNumber))
	if len(serial)%2 == 1 {
		serial = "0" + serial
	}
	d.write("index.txt", fmt.Appendf(nil, "R\t%s\t%s,superseded\t%s\tunknown\t/CN=x\n", a.Extension.Cert.NotAfter.UTC().Format("060102150405Z"),
		a.Now.UTC().Format("060102150405Z"), serial))
	cmd := exec.Command("openssl", "ocsp", "-index", "index.txt", "-CA", "organization.pem", "-rsigner", "responder.pem", "-rkey", "responder.key",
		"-port", fmt.Sprint(port), "-nmin", "5", "-ignore_err")
	cmd.Dir = d.dir
	var said bytes.Buffer
	cmd.Stderr, cmd.Stdout = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	checker := revocation.New(revocation.Config{AllowPrivate: true})
	deadline := time.Now().Add(20 * time.Second)
	for {
		answer := checker.Check(t.Context(), a.Extension.Cert, a.Organization.Cert, nil, nil)
		if answer.Status == revocation.Revoked && answer.Reason == revocation.Superseded {
			return
		}
		if answer.Status != revocation.Unknown || time.Now().After(deadline) {
			t.Fatalf("%+v\n%s", answer, said.String())
		}
		checker.Forget() // it may not listen yet
		time.Sleep(10 * time.Millisecond)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// TestOpenSSLAuthority is a company that issues by our profile with openssl alone, lists
// included.
func TestOpenSSLAuthority(t *testing.T) {
	d := desk{t, t.TempDir()}
	d.write("openssl.cnf", []byte(`
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical, CA:TRUE, pathlen:1
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[organization]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectAltName = URI:jmap-ext://acme.example/
nameConstraints = critical, permitted;URI:acme.example
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[extension]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = codeSigning
subjectAltName = URI:jmap-ext://acme.example/org.acme.hello
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = lists
[lists]
database = index.txt
default_md = sha256
default_crl_days = 1
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
`))
	d.write("index.txt", nil)
	key := []string{"-newkey", "rsa:2048", "-nodes", "-config", "openssl.cnf"}
	d.run(append([]string{"req", "-x509", "-days", "30", "-sha256", "-subj", "/CN=Company Root", "-extensions", "root", "-keyout", "root.key", "-out", "root.pem"}, key...)...)
	issue := func(name, subject, issuer string) {
		d.run(append([]string{"req", "-subj", subject, "-keyout", name + ".key", "-out", name + ".csr"}, key...)...)
		d.run("x509", "-req", "-in", name+".csr", "-CA", issuer+".pem", "-CAkey", issuer+".key", "-days", "20", "-sha384",
			"-extfile", "openssl.cnf", "-extensions", name, "-out", name+".pem")
	}
	issue("organization", "/O=Acme/CN=Acme CA", "root")
	issue("extension", "/CN=hello", "organization")
	for _, issuer := range []string{"root", "organization"} {
		d.run("ca", "-config", "openssl.cnf", "-gencrl", "-cert", issuer+".pem", "-keyfile", issuer+".key", "-out", issuer+".crl")
	}
	claim := trust.Claim{ID: "org.acme.hello", Chain: []*x509.Certificate{d.certificate("extension.pem"), d.certificate("organization.pem")}}
	for _, name := range []string{"organization.pem", "extension.pem"} {
		if err := os.Rename(filepath.Join(d.dir, name), filepath.Join(d.dir, name+".kept")); err != nil {
			t.Fatal(err)
		}
	}
	roots, problems := trust.LoadRoots(d.dir)
	if len(problems) > 0 || len(roots.Certificates) != 1 || len(roots.CRLs) != 2 {
		t.Fatalf("%d roots, %d lists: %v", len(roots.Certificates), len(roots.CRLs), problems)
	}
	v := trust.New(trust.Config{Roots: roots, Offline: true}).Judge(t.Context(), claim)
	checkVerdict(t, v, trust.OK)

	d.run("ca", "-config", "openssl.cnf", "-revoke", "extension.pem.kept", "-crl_reason", "keyCompromise", "-cert", "organization.pem.kept", "-keyfile", "organization.key")
	d.run("ca", "-config", "openssl.cnf", "-gencrl", "-cert", "organization.pem.kept", "-keyfile", "organization.key", "-out", "organization.crl")
	roots, _ = trust.LoadRoots(d.dir)
	v = trust.New(trust.Config{Roots: roots, Offline: true}).Judge(t.Context(), claim)
	checkVerdict(t, v, trust.CodeRevoked)
}
