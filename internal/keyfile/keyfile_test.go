package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const passphrase = "señal & clave"

func secret() ([]byte, error) { return []byte(passphrase), nil }

// openssl runs OpenSSL and returns what it prints.
func openssl(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func publicPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// What is written here is read by OpenSSL, and by ourselves.
func TestOpenSSLReadsOurs(t *testing.T) {
	pass := "file:" + write(t, "pass", []byte(passphrase+"\n"))
	for _, kind := range []Kind{RSA2048, ECDSAP256, ECDSAP384} {
		t.Run(string(kind), func(t *testing.T) {
			key, err := Generate(kind)
			if err != nil {
				t.Fatal(err)
			}
			text, err := Encode(key, []byte(passphrase))
			if err != nil {
				t.Fatal(err)
			}
			if !Encrypted(text) {
				t.Error("it does not look encrypted")
			}
			if got := openssl(t, "pkey", "-in", write(t, "key.pem", text), "-passin", pass, "-pubout"); string(got) != publicPEM(t, key) {
				t.Errorf("openssl reads another key:\n%s", got)
			}
			back, err := Decode(text, secret)
			if err != nil || !SamePublic(back.Public(), key.Public()) {
				t.Errorf("we read another key, %v", err)
			}
			plain, err := EncodeUnencrypted(key)
			if err != nil || Encrypted(plain) {
				t.Fatalf("unencrypted: %v", err)
			}
			if got := openssl(t, "pkey", "-in", write(t, "key.pem", plain), "-pubout"); string(got) != publicPEM(t, key) {
				t.Errorf("openssl reads another unencrypted key:\n%s", got)
			}
		})
	}
}

// What OpenSSL writes is read here, in every form but the weak ones.
func TestWeReadOpenSSLs(t *testing.T) {
	pass := "file:" + write(t, "pass", []byte(passphrase+"\n"))
	plain := write(t, "plain.pem", openssl(t, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
	for _, c := range []struct {
		name string
		args []string
		want error
	}{
		{"as it comes", nil, nil},
		{"AES-128", []string{"-v2", "aes-128-cbc"}, nil},
		{"AES-192", []string{"-v2", "aes-192-cbc"}, nil},
		{"HMAC-SHA1", []string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"}, nil},
		{"HMAC-SHA384", []string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384"}, nil},
		{"HMAC-SHA512", []string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512", "-iter", "77"}, nil},
		{"3DES", []string{"-v2", "des3"}, ErrNoKey},
		{"PBES1", []string{"-v1", "PBE-SHA1-3DES"}, ErrNoKey},
		{"scrypt", []string{"-scrypt"}, ErrNoKey},
		{"too much work", []string{"-v2", "aes-256-cbc", "-iter", "10000001"}, ErrNoKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := openssl(t, append([]string{"pkcs8", "-topk8", "-in", plain, "-passout", pass}, c.args...)...)
			key, err := Decode(text, secret)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if c.want == nil && publicPEM(t, key) != string(openssl(t, "pkey", "-in", plain, "-pubout")) {
				t.Error("it is another key")
			}
		})
	}
	for name, text := range map[string][]byte{
		"PKCS#1": openssl(t, "genrsa", "-traditional", "2048"),
		"SEC 1":  openssl(t, "ecparam", "-name", "secp384r1", "-genkey"), // with EC PARAMETERS in front
	} {
		if _, err := Decode(text, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	old := openssl(t, "ec", "-in", plain, "-aes256", "-passout", pass)
	if _, err := Decode(old, secret); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "openssl pkcs8 -topk8") {
		t.Errorf("the old encryption of PEM: %v", err)
	}
}

func TestRefused(t *testing.T) {
	key, err := Generate(ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Encode(key, []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := errors.New("nobody answers")
	for _, c := range []struct {
		name       string
		text       []byte
		passphrase func() ([]byte, error)
		want       error
	}{
		{"another passphrase", text, func() ([]byte, error) { return []byte("guess"), nil }, ErrPassphrase},
		{"an empty passphrase", text, func() ([]byte, error) { return nil, nil }, ErrPassphrase},
		{"no passphrase", text, nil, ErrPassphrase},
		{"nobody to ask", text, func() ([]byte, error) { return nil, asked }, asked},
		{"nothing", nil, secret, ErrNoKey},
		{"a certificate", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), secret, ErrNoKey},
		{"nonsense inside", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), secret, ErrNoKey},
		{"nonsense encrypted", []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), secret, ErrNoKey},
		{"much too long", bytes.Repeat([]byte("x"), MaxSize+1), secret, ErrNoKey},
		{"RSA-1024", pkcs8(small), nil, ErrWeak},
		{"P-521", pkcs8(p521), nil, ErrWeak},
		{"Ed25519", pkcs8(ed), nil, ErrWeak},
	} {
		t.Run(c.name, func(t *testing.T) {
			if key, err := Decode(c.text, c.passphrase); !errors.Is(err, c.want) || key != nil {
				t.Errorf("got %v, %v, want %v", key, err, c.want)
			} else if strings.Contains(err.Error(), passphrase) {
				t.Errorf("the passphrase is in the error: %v", err)
			}
		})
	}
	if _, err := Encode(key, nil); err == nil {
		t.Error("a key was encrypted with an empty passphrase")
	}
	if _, err := Generate("rsa-1024"); err == nil {
		t.Error("a weak kind of key was made")
	}
}

// FuzzDecode: whatever a file holds, a key that comes out of it is one that can be
// written and read again; encrypted ones are opened only if that is little work.
func FuzzDecode(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	plain, err := EncodeUnencrypted(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Fuzz(func(t *testing.T, text []byte) {
		if block := find(text); block != nil && block.Type == blockEncrypted {
			if s, err := parseSealed(block.Bytes); err == nil && s.iterations <= 100 {
				_, _ = s.open([]byte("fuzz"))
			}
		}
		key, err := Decode(text, nil)
		if err != nil {
			return
		}
		again, err := EncodeUnencrypted(key)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again, nil); err != nil || !SamePublic(back.Public(), key.Public()) {
			t.Fatalf("it came back as another key: %v", err)
		}
	})
}
