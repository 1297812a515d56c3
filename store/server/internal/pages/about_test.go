package pages

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
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
		if _, err := rootOf([]byte(text)); err == nil {
			t.Errorf("%s is taken for a root certificate", name)
		}
	}
}
