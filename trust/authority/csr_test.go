package authority

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// request makes a signing request with OpenSSL.
func request(t testing.TB, algorithm string, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	key, out := filepath.Join(dir, "key.pem"), filepath.Join(dir, "request.pem")
	tool(t, append([]string{"openssl", "genpkey", "-out", key, "-algorithm"}, strings.Fields(algorithm)...)...)
	tool(t, append([]string{"openssl", "req", "-new", "-key", key, "-out", out}, args...)...)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const p256 = "EC -pkeyopt ec_paramgen_curve:P-256"

func TestSigningRequests(t *testing.T) {
	good := request(t, p256, "-subj", "/CN=x")
	file := filepath.Join(t.TempDir(), "request.pem")
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	der := []byte(tool(t, "openssl", "req", "-in", file, "-outform", "DER"))
	forged := bytes.Clone(der)
	forged[bytes.Index(forged, []byte("x0Y"))] = 'y' // the name, just before the key
	for _, c := range []struct {
		name string
		data []byte
		want Code
	}{
		{"P-256", good, ""},
		{"DER", der, ""},
		{"P-384", request(t, "EC -pkeyopt ec_paramgen_curve:P-384", "-subj", "/CN=x", "-sha384"), ""},
		{"RSA-2048", request(t, "RSA -pkeyopt rsa_keygen_bits:2048", "-subj", "/CN=x"), ""},
		{"RSA-1024", request(t, "RSA -pkeyopt rsa_keygen_bits:1024", "-subj", "/CN=x"), CodeWeak},
		{"P-521", request(t, "EC -pkeyopt ec_paramgen_curve:P-521", "-subj", "/CN=x"), CodeWeak},
		{"Ed25519", request(t, "ED25519", "-subj", "/CN=x"), CodeWeak},
		{"SHA-1", request(t, p256, "-subj", "/CN=x", "-sha1"), CodeWeak},
		{"a bad self-signature", forged, CodeInvalid},
		{"cut off", der[:len(der)-4], CodeInvalid},
		{"nothing", nil, CodeInvalid},
		{"something else in PEM", bytes.ReplaceAll(good, []byte("CERTIFICATE REQUEST"), []byte("CERTIFICATE")), CodeInvalid},
		{"much too long", append(bytes.Clone(good), make([]byte, MaxRequest)...), CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if pub, err := ParseRequest(c.data); code(err) != c.want || (pub == nil) == (err == nil) {
				t.Errorf("got %v, %v, want %s", pub, err, c.want)
			}
		})
	}
}

// The identity is what the authority was told. What a request says of itself, and the
// extensions that it would like, are nobody's.
func TestRequestsNameNothing(t *testing.T) {
	_, org := newAuthority(t, "")
	pub, err := ParseRequest(request(t, p256, "-subj", "/O=Evil/CN=org.acme.Other", "-addext", "subjectAltName=URI:jmap-ext://evil.example/x,DNS:evil.example",
		"-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign", "-addext", "extendedKeyUsage=OCSPSigning"))
	if err != nil {
		t.Fatal(err)
	}
	issued, err := org.Issue(id, IssueOptions{Public: pub})
	if err != nil || issued.Key != nil {
		t.Fatal(err)
	}
	text := tool(t, "openssl", "x509", "-in", pemFile(t, "c.pem", issued.Chain[0]), "-noout", "-text")
	for _, part := range []string{"Evil", "evil.example", "Other", "CA:TRUE", "Certificate Sign", "OCSP Signing", "DNS:"} {
		if strings.Contains(text, part) {
			t.Errorf("it has %q\n%s", part, text)
		}
	}
	if !strings.Contains(text, "URI:jmap-ext://acme.example/org.acme.Hello\n") || !strings.Contains(text, "Subject: O = Acme Inc., CN = org.acme.Hello") {
		t.Error(text)
	}
}

// FuzzParseRequest: what comes out of a signing request is a key that may be certified.
func FuzzParseRequest(f *testing.F) {
	f.Add(request(f, p256, "-subj", "/CN=x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pub, err := ParseRequest(data)
		if (pub == nil) == (err == nil) {
			t.Fatalf("%v, %v", pub, err)
		}
		if err == nil && algorithm.CheckKey(pub) != nil {
			t.Error("a weak key came through")
		}
	})
}
