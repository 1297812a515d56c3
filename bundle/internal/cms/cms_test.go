package cms_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/internal/cms"
)

const signed = "Signature-Version: 1.0\r\n\r\n"

func newSigner(key crypto.Signer) *bundletest.Signer {
	return bundletest.NewSigner("hello.example", "org.example.Hello", key)
}

func TestOthersVerifyWhatIsSigned(t *testing.T) {
	for _, c := range []struct {
		name string
		key  func() (crypto.Signer, error)
	}{
		{"RSA 2048", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }},
		{"RSA 4096", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 4096) }},
		{"P-256", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
		{"P-384", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			key, err := c.key()
			if err != nil {
				t.Fatal(err)
			}
			s := newSigner(key)
			block, err := cms.Sign([]byte(signed), key, s.Chain(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := cms.Sign([]byte(signed), key, s.Chain(), nil); err != nil || !bytes.Equal(block, again) {
				t.Errorf("signed again it differs (%v)", err)
			}
			got, err := cms.Verify(block, []byte(signed))
			if err != nil || len(got.Chain) != 3 || !got.Chain[0].Equal(s.Leaf) {
				t.Fatalf("%v: %+v", err, got)
			}
			p, err := pkcs7.Parse(block)
			if err != nil {
				t.Fatal(err)
			}
			p.Content = []byte(signed)
			if err := p.Verify(); err != nil || !p.GetOnlySigner().Equal(s.Leaf) {
				t.Errorf("another library: %v", err)
			}
			openSSLVerifies(t, block, s)
		})
	}
}

// openSSLVerifies has OpenSSL verify a block, with its chain up to the root.
func openSSLVerifies(t *testing.T, block []byte, s *bundletest.Signer) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{"block": block, "content": []byte(signed), "root.pem": bundletest.ChainPEM(s.Root)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "block", "-content", "content", "-CAfile", "root.pem", "-purpose", "any", "-out", "out")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("OpenSSL: %v: %s", err, out)
	}
}

// opensslSigned has OpenSSL sign, with its own choice of attributes.
func opensslSigned(t *testing.T, s *bundletest.Signer, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{"content": []byte(signed), "key.pem": bundletest.KeyPEM(s.Key),
		"leaf.pem": bundletest.ChainPEM(s.Leaf), "others.pem": bundletest.ChainPEM(s.Organization, s.Root)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", append([]string{"cms", "-sign", "-binary", "-in", "content", "-signer", "leaf.pem", "-inkey", "key.pem", "-certfile", "others.pem", "-outform", "DER", "-out", "block"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("OpenSSL: %v: %s", err, out)
	}
	block, err := os.ReadFile(filepath.Join(dir, "block"))
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// TestWhatOpenSSLSigns is what OpenSSL can make, good and bad.
func TestWhatOpenSSLSigns(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaSigner, ecSigner := newSigner(key), newSigner(nil)
	for _, c := range []struct {
		name   string
		signer *bundletest.Signer
		args   []string
		want   string // "" is good
	}{
		{"RSA", rsaSigner, []string{"-md", "sha256"}, ""},
		{"RSA with SHA-512", rsaSigner, []string{"-md", "sha512"}, ""},
		{"RSA without attributes", rsaSigner, []string{"-md", "sha256", "-noattr"}, ""},
		{"RSASSA-PSS", rsaSigner, []string{"-md", "sha384", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest"}, ""},
		{"RSASSA-PSS with a short salt", rsaSigner, []string{"-md", "sha256", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:20"}, "RSASSA-PSS"},
		{"RSASSA-PSS with another mask", rsaSigner, []string{"-md", "sha256", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest", "-keyopt", "rsa_mgf1_md:sha512"}, "RSASSA-PSS"},
		{"ECDSA", ecSigner, []string{"-md", "sha256"}, ""},
		{"ECDSA with SHA-1", ecSigner, []string{"-md", "sha1"}, "too weak"},
		{"RSA with MD5", rsaSigner, []string{"-md", "md5"}, "too weak"},
		{"without certificates", ecSigner, []string{"-md", "sha256", "-nocerts"}, "is not in the message"},
		{"with the content", ecSigner, []string{"-md", "sha256", "-nodetach"}, "must be detached"},
		{"streamed", ecSigner, []string{"-md", "sha256", "-nodetach", "-stream"}, "not DER"},
		{"content of another type", ecSigner, []string{"-md", "sha256", "-econtent_type", "1.2.3.4"}, "not 1"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			_, err := cms.Verify(opensslSigned(t, c.signer, c.args...), []byte(signed))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if weak := c.want == "too weak"; weak != errors.Is(err, cms.ErrWeak) {
				t.Errorf("weak: %v", err)
			}
		})
	}
}

// TestAttributesInPlaceOfContent: without its attributes a signature is one over their
// encoding, as RFC 5652 has it. That such content is no signature file is found by who
// reads it: bundletest.Forged has the case.
func TestAttributesInPlaceOfContent(t *testing.T) {
	attributes, block := newSigner(nil).AttributesBlock([]byte(signed))
	if _, err := cms.Verify(block, attributes); err != nil {
		t.Errorf("over the attributes: %v", err)
	}
	if _, err := cms.Verify(block, []byte(signed)); err == nil {
		t.Error("it passes for a signature over the content")
	}
}

func TestTimestampTokens(t *testing.T) {
	value := []byte("a signature's value")
	ask := func(t *testing.T, essDigest string) (*bundletest.StampAuthority, *cms.StampRequest, []byte) {
		t.Helper()
		authority := bundletest.NewStampAuthority(t.TempDir(), essDigest)
		request, err := cms.NewStampRequest(value)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := authority.Answer(request.DER)
		if err != nil {
			t.Fatal(err)
		}
		return authority, request, answer
	}
	t.Run("good", func(t *testing.T) {
		authority, request, answer := ask(t, "sha512")
		token, err := request.Token(answer)
		if err != nil {
			t.Fatal(err)
		}
		stamp, err := cms.VerifyTimestamp(token, value)
		if err != nil || time.Since(stamp.Time).Abs() > time.Minute || stamp.Time.Location() != time.UTC || len(stamp.Chain) != 2 || !stamp.Chain[0].Equal(authority.Certificate) {
			t.Fatalf("%v: %+v", err, stamp)
		}
		if _, err := cms.VerifyTimestamp(token, []byte("another value")); err == nil || !strings.Contains(err.Error(), "another signature") {
			t.Errorf("about another value: %v", err)
		}
		if _, err := cms.VerifyTimestamp(append(token, 0), value); err == nil {
			t.Error("a byte behind the token")
		}
		if _, err := cms.Verify(token, value); err == nil {
			t.Error("a token passes for a signature")
		}
		again, err := cms.NewStampRequest(value)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Token(answer); err == nil || !strings.Contains(err.Error(), "nonce") {
			t.Errorf("an answer to an earlier request: %v", err)
		}
	})
	t.Run("named by SHA-1", func(t *testing.T) {
		_, request, answer := ask(t, "sha1")
		if _, err := request.Token(answer); !errors.Is(err, cms.ErrWeak) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		authority, request, _ := ask(t, "sha256")
		// A digest that the authority does not take.
		sum := sha256.Sum256(value)
		odd := bytes.Replace(request.DER, []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}, []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x06}, 1)
		if bytes.Equal(odd, request.DER) || !bytes.Contains(odd, sum[:]) {
			t.Fatal("the request is not as expected")
		}
		answer, err := authority.Answer(odd)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := request.Token(answer); err == nil || !strings.Contains(err.Error(), "refuses: status 2") {
			t.Errorf("got %v", err)
		}
	})
	for name, answer := range map[string][]byte{"empty": nil, "nonsense": []byte("nonsense"), "granted without a token": {0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00}} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			request, err := cms.NewStampRequest(value)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := request.Token(answer); err == nil {
				t.Error("taken")
			}
		})
	}
}
