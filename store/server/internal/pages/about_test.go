package pages

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testRoot is a root certificate in PEM.
func testRoot(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Acme Store Root"}, NotBefore: at(1), NotAfter: at(-3650), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestRoot: the fingerprint that the page shows is the one that openssl computes of what
// it offers for download.
func TestRoot(t *testing.T) {
	p := pagesOf(t, stocked(), func(c *Config) { c.Root = testRoot(t) })
	w := get(p, "/root.pem")
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, w.Body.Bytes(), 0o600); err != nil || w.Code != 200 {
		t.Fatal(err, w.Code)
	}
	out, err := exec.Command("openssl", "x509", "-in", file, "-noout", "-fingerprint", "-sha256").CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v: %s", err, out)
	}
	_, fingerprint, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
	if about := get(p, "/about").Body.String(); fingerprint == "" || !strings.Contains(about, fingerprint) || !strings.Contains(about, "CN=Acme Store Root") {
		t.Errorf("the page does not show %s", out)
	}
	for name, text := range map[string]string{"no PEM": "root", "a key": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "no certificate": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"} {
		if _, err := certificateOf([]byte(text), "it"); err == nil {
			t.Errorf("%s is taken for a root certificate", name)
		}
	}
}

// TestJameica: users of Jameica find the fingerprints that it shows, as soon as there is
// something for them.
func TestJameica(t *testing.T) {
	asked := 0
	signer := func(text []byte, err error) func(*Config) {
		return func(c *Config) {
			c.Jameica = func(context.Context) ([]byte, error) { asked++; return text, err }
		}
	}
	chain := testRoot(t)
	file := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(file, chain, 0o600); err != nil {
		t.Fatal(err)
	}
	empty := pagesOf(t, newShelf(), signer(chain, nil))
	if about := get(empty, "/about").Body.String(); asked != 0 || strings.Contains(about, "/jameica/certificate.pem") {
		t.Errorf("there is nothing for Jameica, and the key was asked for %d times", asked)
	}
	about := get(pagesOf(t, stocked(), signer(chain, nil)), "/about").Body.String()
	for _, algorithm := range []string{"-sha256", "-sha1"} {
		out, err := exec.Command("openssl", "x509", "-in", file, "-noout", "-fingerprint", algorithm).CombinedOutput()
		_, fingerprint, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
		if err != nil || fingerprint == "" || !strings.Contains(about, fingerprint) {
			t.Errorf("the page does not show %s: %v", out, err)
		}
	}
	for _, part := range []string{`href="/jameica/certificate.pem"`, "/jameica</bdi> as a repository"} {
		if !strings.Contains(about, part) {
			t.Errorf("the page does not say %s", part)
		}
	}
	w := get(pagesOf(t, stocked(), signer(nil, errors.New("another key"))), "/about")
	if w.Code != 200 || strings.Contains(w.Body.String(), "/jameica/certificate.pem") {
		t.Errorf("a key that can not be had: %d", w.Code)
	}
}
