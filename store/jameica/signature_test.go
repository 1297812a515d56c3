package jameica_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/jameica"
)

// authority is what OpenSSL made: a root, an intermediate below it for servers, and an RSA
// leaf without any extension, as the real ones are.
type authority struct{ dir string }

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{t.TempDir()}
	writeFiles(t, a.dir, map[string]string{
		"ca.ext":   "basicConstraints=critical,CA:true\nextendedKeyUsage=serverAuth\n",
		"none.ext": "",
	})
	openssl := func(args string) { run(t, a.dir, "openssl", strings.Fields(args)...) }
	openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 3650 -subj /CN=Root")
	openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout update.key -out update.csr -subj /CN=Update")
	openssl("x509 -req -in update.csr -CA root.pem -CAkey root.key -set_serial 2 -days 3000 -extfile ca.ext -out update.pem")
	openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=Publisher")
	openssl("x509 -req -in leaf.csr -CA update.pem -CAkey update.key -set_serial 3 -days 2000 -extfile none.ext -out leaf.pem")
	openssl("x509 -in leaf.pem -outform DER -out leaf.der")
	writeFiles(t, a.dir, map[string]string{"chain.pem": a.read(t, "leaf.pem") + a.read(t, "update.pem")})
	return a
}

func (a authority) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (a authority) chain(t *testing.T, name string) jameica.Chain {
	t.Helper()
	chain, err := jameica.ParseChain([]byte(a.read(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func (a authority) roots(t *testing.T) *x509.CertPool {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(a.read(t, "root.pem"))) {
		t.Fatal("no root")
	}
	return pool
}

// sign makes the .sha1 of data with OpenSSL.
func (a authority) sign(t *testing.T, data []byte) []byte {
	t.Helper()
	writeFiles(t, a.dir, map[string]string{"x.zip": string(data)})
	run(t, a.dir, "openssl", "dgst", "-sha1", "-sign", "leaf.key", "-out", "x.zip.sha1", "x.zip")
	return []byte(a.read(t, "x.zip.sha1"))
}

// What OpenSSL signs we verify, and what we sign OpenSSL verifies.
func TestSignaturesWithOpenSSL(t *testing.T) {
	a := newAuthority(t)
	data := zipOf(t, file{"demo.notes/plugin.xml", notesManifest})
	leaf := a.chain(t, "leaf.pem").Leaf()
	theirs := a.sign(t, data)
	if err := jameica.VerifySignature(bytes.NewReader(data), theirs, leaf); err != nil {
		t.Errorf("OpenSSL's signature: %v", err)
	}
	block, _ := pem.Decode([]byte(a.read(t, "leaf.key")))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := jameica.Sign(bytes.NewReader(data), key.(*rsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, a.dir, map[string]string{"ours.sha1": string(ours)})
	run(t, a.dir, "openssl", "x509", "-in", "leaf.pem", "-pubkey", "-noout", "-out", "leaf.pub")
	run(t, a.dir, "openssl", "dgst", "-sha1", "-verify", "leaf.pub", "-signature", "ours.sha1", "x.zip")
	for name, c := range map[string]struct{ data, signature []byte }{
		"other bytes":     {append([]byte("x"), data...), theirs},
		"a cut signature": {data, theirs[:255]},
		"no signature":    {data, nil},
		"a text checksum": {data, []byte("da39a3ee5e6b4b0d3255bfef95601890afd80709")},
		"a longer one":    {data, append(theirs[:256:256], 0)},
	} {
		if err := jameica.VerifySignature(bytes.NewReader(c.data), c.signature, leaf); jameica.CodeOf(err) != jameica.CodeSignatureInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, err := os.ReadFile("testdata/leaf.pem")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := jameica.ParseChain(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := jameica.VerifySignature(bytes.NewReader(data), theirs, stranger.Leaf()); jameica.CodeOf(err) != jameica.CodeSignatureInvalid {
		t.Errorf("somebody else's key: %v", err)
	}
}

func TestChains(t *testing.T) {
	a := newAuthority(t)
	now := time.Now()
	for _, c := range []struct {
		name, file string
		roots      func() *x509.CertPool
		at         time.Time
		want       jameica.Code
	}{
		{"leaf and intermediate in PEM", "chain.pem", func() *x509.CertPool { return a.roots(t) }, now, ""},
		{"the intermediate as a root, the leaf in DER", "leaf.der", func() *x509.CertPool { return pool(a.chain(t, "update.pem")) }, now, ""},
		{"the leaf itself as a root", "leaf.pem", func() *x509.CertPool { return pool(a.chain(t, "leaf.pem")) }, now, ""},
		{"no intermediate", "leaf.pem", func() *x509.CertPool { return a.roots(t) }, now, jameica.CodeUntrusted},
		{"no roots at all", "chain.pem", func() *x509.CertPool { return nil }, now, jameica.CodeUntrusted},
		{"an empty pool of roots", "chain.pem", x509.NewCertPool, now, jameica.CodeUntrusted},
		{"expired", "chain.pem", func() *x509.CertPool { return a.roots(t) }, now.AddDate(9, 0, 0), jameica.CodeUntrusted},
		{"not yet valid", "chain.pem", func() *x509.CertPool { return a.roots(t) }, now.AddDate(-1, 0, 0), jameica.CodeUntrusted},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := a.chain(t, c.file).Judge(c.roots(), c.at); jameica.CodeOf(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("both in DER", func(t *testing.T) {
		block, _ := pem.Decode([]byte(a.read(t, "update.pem")))
		chain, err := jameica.ParseChain([]byte(a.read(t, "leaf.der") + string(block.Bytes)))
		if err != nil || len(chain) != 2 || chain.Judge(a.roots(t), now) != nil {
			t.Errorf("%d certificates, %v", len(chain), err)
		}
	})
	if jameica.Pin(a.chain(t, "leaf.der").Leaf()) != jameica.Pin(a.chain(t, "chain.pem").Leaf()) {
		t.Error("the same certificate has two pins")
	}
	for name, data := range map[string]string{
		"nothing":           "",
		"a web page":        "<html></html>",
		"broken PEM":        "-----BEGIN CERTIFICATE-----\nMIIB\n",
		"a key with it":     a.read(t, "leaf.pem") + a.read(t, "leaf.key"),
		"a request":         a.read(t, "leaf.csr"),
		"too many":          strings.Repeat(a.read(t, "leaf.pem"), 9),
		"rest behind a DER": a.read(t, "leaf.der") + "x",
	} {
		if chain, err := jameica.ParseChain([]byte(data)); jameica.CodeOf(err) != jameica.CodeCertificateInvalid {
			t.Errorf("%s is read as %d certificates, %v", name, len(chain), err)
		}
	}
}

func pool(chain jameica.Chain) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range chain {
		p.AddCert(c)
	}
	return p
}

// Keys that the client would take, and we do not.
func TestWeakKeys(t *testing.T) {
	data := []byte("zip")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jameica.Sign(bytes.NewReader(data), short); jameica.CodeOf(err) != jameica.CodeWeakAlgorithm {
		t.Errorf("signing with 1024 bits: %v", err)
	}
	if _, err := jameica.Sign(bytes.NewReader(data), curve); jameica.CodeOf(err) != jameica.CodeWeakAlgorithm {
		t.Errorf("signing with an elliptic curve: %v", err)
	}
	for _, key := range []any{&short.PublicKey, &curve.PublicKey} {
		leaf := &x509.Certificate{PublicKey: key}
		if err := jameica.VerifySignature(bytes.NewReader(data), make([]byte, 128), leaf); jameica.CodeOf(err) != jameica.CodeWeakAlgorithm {
			t.Errorf("verifying with %T: %v", key, err)
		}
		if err := (jameica.Chain{leaf}).Judge(x509.NewCertPool(), time.Now()); jameica.CodeOf(err) != jameica.CodeWeakAlgorithm {
			t.Errorf("judging %T: %v", key, err)
		}
	}
}

func FuzzChain(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"))
	f.Add([]byte{0x30, 0x82, 1, 0})
	if seed, err := os.ReadFile("testdata/leaf.pem"); err == nil {
		f.Add(seed)
	} else {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := jameica.ParseChain(data)
		if err != nil {
			mustBeOurs(t, err)
			return
		}
		if len(chain) == 0 || len(chain) > 8 {
			t.Fatalf("a chain of %d certificates", len(chain))
		}
		if err := chain.Judge(x509.NewCertPool(), time.Unix(1800000000, 0)); err == nil {
			t.Fatal("trusted without a root")
		}
	})
}
