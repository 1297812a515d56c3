package bundletest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// StampAuthority is a timestamp authority: OpenSSL's answers behind an HTTP handler.
type StampAuthority struct {
	Root, Certificate *x509.Certificate

	dir string
	mu  sync.Mutex // OpenSSL counts serial numbers in a file
}

// stampConfig is what openssl ts reads, with the folder and the digest of
// signing-certificate attributes.
const stampConfig = `[tsa]
default_tsa = authority
[authority]
serial = %[1]s/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = yes
ess_cert_id_alg = %[2]s
`

// NewStampAuthority makes an authority with its files in dir. essDigest is the digest
// by which its tokens name their certificate, sha256 for good ones.
func NewStampAuthority(dir, essDigest string) *StampAuthority {
	rootKey, key := newKey(), newKey()
	a := &StampAuthority{dir: dir}
	a.Root = issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Test Timestamp Root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, rootKey.Public(), rootKey)
	// The purpose must be critical (RFC 3161, 2.3), which crypto/x509 does not write.
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		panic(err)
	}
	a.Certificate = issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Test Timestamps"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}},
	}, a.Root, key.Public(), rootKey)
	a.write("conf", fmt.Appendf(nil, stampConfig, dir, essDigest))
	a.write("serial", []byte("1000\n"))
	a.write("certificate.pem", ChainPEM(a.Certificate))
	a.write("chain.pem", ChainPEM(a.Root))
	a.write("key.pem", KeyPEM(key))
	return a
}

func (a *StampAuthority) write(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(a.dir, name), data, 0o600); err != nil {
		panic(err)
	}
}

// Answer answers a TimeStampReq.
func (a *StampAuthority) Answer(request []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write("request", request)
	cmd := exec.Command("openssl", "ts", "-reply", "-config", "conf", "-queryfile", "request",
		"-signer", "certificate.pem", "-inkey", "key.pem", "-chain", "chain.pem", "-out", "answer")
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("openssl ts: %w: %s", err, out)
	}
	return os.ReadFile(filepath.Join(a.dir, "answer"))
}

// ServeHTTP answers requests as RFC 3161, 3.4 has them.
func (a *StampAuthority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil && r.Header.Get("Content-Type") != "application/timestamp-query" {
		err = fmt.Errorf("the content type is %q", r.Header.Get("Content-Type"))
	}
	var answer []byte
	if err == nil {
		answer, err = a.Answer(request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(answer) // a client that went away needs none
}
