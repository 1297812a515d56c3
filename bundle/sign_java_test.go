package bundle_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

const storePass = "changeit"

// TestJarsignerTakesOurs signs with keys of every kind and has the JDK verify with
// -strict, which makes errors of all its warnings, against a keystore with our root.
func TestJarsignerTakesOurs(t *testing.T) {
	t.Parallel()
	jarsigner := jdk(t, "jarsigner")
	for _, c := range []struct {
		name string
		key  crypto.Signer
	}{
		{"RSA 3072", rsaKey(t, 3072)},
		{"P-256", curveKey(t, elliptic.P256())},
		{"P-384", curveKey(t, elliptic.P384())},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			signer := bundletest.NewSigner("hello.example", signerID, c.key)
			roots, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{signer.Root}, storePass)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "roots.p12"), roots)
			jar := bundletest.Good(bundletest.WithFile("data/été/日本 "+strings.Repeat("long ", 30)+"name.txt", []byte("x")), bundletest.WithFile("META-INF/services/x", []byte("y")))
			write(t, filepath.Join(dir, "ours.jar"), signer.Sign(jar))
			out := run(t, dir, jarsigner, "-verify", "-strict", "-keystore", "roots.p12", "-storepass", storePass, "ours.jar")
			if !strings.Contains(out, "jar verified.") {
				t.Errorf("jarsigner says: %s", out)
			}
		})
	}
}

// TestOursTakesJarsigners verifies what jarsigner signs: with RSA, RSASSA-PSS and EC,
// with the digests that it knows, with a timestamp.
func TestOursTakesJarsigners(t *testing.T) {
	t.Parallel()
	jarsigner, keytool := jdk(t, "jarsigner"), jdk(t, "keytool")
	dir := t.TempDir()
	keystore(t, keytool, dir)
	authority := bundletest.NewStampAuthority(t.TempDir(), "sha256")
	server := httptest.NewServer(authority)
	t.Cleanup(server.Close)
	for _, c := range []struct {
		name, alias string
		args        []string
	}{
		{"RSA", "rsa", nil},
		{"RSASSA-PSS", "rsa", []string{"-sigalg", "RSASSA-PSS"}},
		{"EC with SHA-512", "ec", []string{"-digestalg", "SHA-512"}},
		{"EC with a timestamp", "ec", []string{"-tsa", server.URL}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "theirs.jar")
			write(t, path, bundletest.Good(bundletest.WithFile("data/long"+strings.Repeat("-name", 40)+".txt", bytes.Repeat([]byte("x"), 5000))))
			args := append([]string{"-keystore", "store.p12", "-storepass", storePass}, c.args...)
			before := time.Now().Add(-2 * time.Second) // of an authority that counts in whole ones
			run(t, dir, jarsigner, append(args, path, c.alias)...)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			v := mustVerify(t, data)
			signed, ok := v.Signed()
			if !ok || len(signed.Chain) != 3 || signed.Chain[0].URIs[0].String() != "jmap-ext://hello.example/"+signerID {
				t.Fatalf("signed by %+v", signed)
			}
			if wanted := slices.Contains(c.args, "-tsa"); wanted != (signed.Timestamp != nil) {
				t.Fatalf("the timestamp is %+v", signed.Timestamp)
			}
			if s := signed.Timestamp; s != nil && (s.Time.Before(before) || s.Time.After(time.Now().Add(time.Second)) || !s.Chain[0].Equal(authority.Certificate)) {
				t.Errorf("the timestamp is %+v", s)
			}
			first, second, err := recorded(t, data, data, asIs)
			if err != nil || !second.Valid() || len(second.Signature().Chain) != 3 || first.Digest() != second.Digest() {
				t.Errorf("by its record: %v", err)
			}
		})
	}
}

// keystore makes a chain with the JDK's own tool, with an RSA and an EC leaf.
func keystore(t *testing.T, keytool, dir string) {
	t.Helper()
	make := func(alias, name string, args ...string) {
		run(t, dir, keytool, append([]string{"-genkeypair", "-alias", alias, "-dname", "CN=" + name + ", O=Keytool", "-validity", "30",
			"-keystore", "store.p12", "-storepass", storePass}, args...)...)
	}
	make("root", "Root", "-keyalg", "EC", "-groupname", "secp384r1", "-ext", "bc:critical=ca:true,pathlen:1", "-ext", "ku=keyCertSign,cRLSign")
	make("organization", "Organization", "-keyalg", "EC", "-groupname", "secp256r1", "-signer", "root", "-ext", "bc:critical=ca:true,pathlen:0", "-ext", "ku=keyCertSign,cRLSign",
		"-ext", "san=uri:jmap-ext://hello.example/")
	leaf := []string{"-signer", "organization", "-ext", "ku=digitalSignature", "-ext", "eku=codeSigning", "-ext", "san=uri:jmap-ext://hello.example/" + signerID}
	make("rsa", "Leaf", append(leaf, "-keyalg", "RSA", "-keysize", "2048")...)
	make("ec", "Leaf", append(leaf, "-keyalg", "EC", "-groupname", "secp256r1")...)
}

// TestTimestamps signs with a timestamp of OpenSSL's authority, and has OpenSSL and the
// JDK look at the result.
func TestTimestamps(t *testing.T) {
	t.Parallel()
	authority := bundletest.NewStampAuthority(t.TempDir(), "sha256")
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	jar := sign(t, bundletest.Good(), bundle.SignOptions{Signer: signer.Key, Chain: signer.Chain(),
		Timestamp: func(_ context.Context, request []byte) ([]byte, error) { return authority.Answer(request) }})
	signed, _ := mustVerify(t, jar).Signed()
	if signed.Timestamp == nil || time.Since(signed.Timestamp.Time).Abs() > time.Minute || len(signed.Timestamp.Chain) != 2 {
		t.Fatalf("the timestamp is %+v", signed.Timestamp)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ours.jar"), jar)
	out := run(t, dir, jdk(t, "jarsigner"), "-verify", "-verbose", "-certs", "ours.jar")
	if !strings.Contains(out, "jar verified") || !strings.Contains(out, "entry was signed on") {
		t.Errorf("jarsigner says: %s", out)
	}
}

// sign signs with bundle.Sign.
func sign(t *testing.T, jar []byte, options bundle.SignOptions) []byte {
	t.Helper()
	f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := bundle.Sign(t.Context(), f, &out, options); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
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

func curveKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
