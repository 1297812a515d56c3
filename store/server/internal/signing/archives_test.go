package signing_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
)

// TestOwnArchives: a key is made once and stays; its certificate is made anew when it has run
// out.
func TestOwnArchives(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "keys"), time.Now() // which a store with a certificate for its index has not made
	own := func(at time.Time) *signing.Archives {
		t.Helper()
		a, err := signing.OwnArchives(dir, "store.example", at)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := own(now)
	chain, err := jameica.ParseChain(first.ChainPEM())
	if err != nil {
		t.Fatal(err)
	}
	leaf := chain.Leaf()
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() != 3072 || leaf.IsCA || leaf.Subject.CommonName != "Extensions of store.example" || len(leaf.DNSNames) != 0 || len(leaf.ExtKeyUsage) != 0 ||
		leaf.NotAfter.Before(now.AddDate(9, 0, 0)) || !first.Expires().Equal(leaf.NotAfter) {
		t.Errorf("%+v", leaf)
	}
	zip := []byte("PK")
	signature, err := first.Sign(t.Context(), bytes.NewReader(zip))
	if sum := sha1.Sum(zip); err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature) != nil {
		t.Errorf("%x %v", signature, err)
	}
	if again, err := own(now).Sign(t.Context(), bytes.NewReader(zip)); err != nil || !bytes.Equal(again, signature) || own(now).Fingerprint() != first.Fingerprint() {
		t.Errorf("opened again it is another one: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "jameica.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	late := own(now.AddDate(11, 0, 0))
	again, err := late.Sign(t.Context(), bytes.NewReader(zip))
	if err != nil || !bytes.Equal(again, signature) || late.Fingerprint() == first.Fingerprint() {
		t.Errorf("after it has run out: %v", err)
	}

	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if _, err := first.Sign(ended, bytes.NewReader(zip)); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("signing does not end with its context: %v", err)
	}
}

// TestArchivesAreNotThrownAway: what users trust is not made anew because it can not be read.
func TestArchivesAreNotThrownAway(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "jameica.pem")
	if _, err := signing.OwnArchives(dir, "store.example", time.Now()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		mode os.FileMode
		says string
	}{
		"empty":            {nil, 0o600, "jameica.pem"},
		"half":             {good[:len(good)/2], 0o600, "jameica.pem"},
		"no certificate":   {good[:bytes.Index(good, []byte("-----BEGIN CERT"))], 0o600, "jameica.pem"},
		"open for readers": {good, 0o644, "can be read by others"},
	} {
		if err := os.WriteFile(file, c.data, c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := signing.OwnArchives(dir, "store.example", time.Now()); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: %v", name, err)
		}
		if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, c.data) {
			t.Errorf("%s: the file has changed: %v", name, err)
		}
	}
}

func TestArchivesOfFiles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	made, err := signing.OwnArchives(dir, "store.example", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := signing.OwnArchives(other, "other.example", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "jameica.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(text)
	weak, err := keyfile.Generate(keyfile.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	weakKey, err := keyfile.EncodeUnencrypted(weak)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	weakCert, err := x509.CreateCertificate(rand.Reader, template, template, weak.Public(), weak)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"weak-chain.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: weakCert}),
		"key.pem":        pem.EncodeToMemory(block), "chain.pem": rest, "foreign.pem": foreign.ChainPEM(), "weak.pem": weakKey, "junk.pem": []byte("junk"),
		"longer.pem": append(bytes.Clone(rest), foreign.ChainPEM()...), "mixed.pem": text,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ certificate, key, says string }{
		{"chain.pem", "key.pem", ""}, {"longer.pem", "key.pem", ""},
		{"foreign.pem", "key.pem", "not that of its certificate"}, {"chain.pem", "weak.pem", "not that of its certificate"},
		{"chain.pem", "none.pem", "none.pem"}, {"none.pem", "key.pem", "none.pem"}, {"chain.pem", "junk.pem", "junk.pem"}, {"junk.pem", "key.pem", "junk.pem"},
		{"mixed.pem", "key.pem", "mixed.pem"}, {"weak-chain.pem", "weak.pem", "3072 bits"},
	} {
		a, err := signing.ArchivesFiles(filepath.Join(dir, c.certificate), filepath.Join(dir, c.key))
		switch {
		case c.says == "" && (err != nil || a.Fingerprint() != made.Fingerprint()):
			t.Errorf("%s and %s: %v", c.certificate, c.key, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s and %s: %v, want %q", c.certificate, c.key, err, c.says)
		}
	}
}
