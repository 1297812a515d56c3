package https_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/https"
)

// certify makes a certificate of its own with OpenSSL.
func certify(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "7",
		"-subj", "/CN="+name, "-addext", "subjectAltName=DNS:"+name, "-out", cert, "-keyout", key).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return cert, key
}

// ask makes a connection of its own with a listener, and says by which certificate it is known.
func ask(url string, config *tls.Config) (name string, err error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	resp.Body.Close()
	return resp.TLS.PeerCertificates[0].Subject.CommonName, nil
}

func serve(t *testing.T, p *https.Pair) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = p.ServerConfig("http/1.1")
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// People get the certificate that was set; programs that were left the local one get that
// one, and nobody else's.
func TestTwoCertificates(t *testing.T) {
	cert, key := certify(t, t.TempDir(), "maps.example.org")
	p, err := https.Open(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, p)
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	if name, err := ask(url, &tls.Config{RootCAs: roots, ServerName: "maps.example.org"}); err != nil || name != "maps.example.org" {
		t.Errorf("people meet %q, %v", name, err)
	}
	local, err := https.LocalConfig(p.Local())
	if err != nil {
		t.Fatal(err)
	}
	if name, err := ask(url, local); err != nil || name != "jackfield.localhost" {
		t.Errorf("programs here meet %q, %v", name, err)
	}
	other, err := https.Open(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if name, err := ask(serve(t, other), local); err == nil {
		t.Errorf("programs here take another listener for theirs: %q", name)
	}
	if in := time.Until(p.Ends()); in < 6*24*time.Hour || in > 7*24*time.Hour {
		t.Errorf("it ends in %v", in)
	}
	if _, err := https.LocalConfig("none"); err == nil {
		t.Error("what is no certificate was taken up")
	}
}

// Another certificate in the same files is served a moment later; one that is broken is not.
func TestRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert, key := certify(t, dir, "old.example.org")
		var log bytes.Buffer
		p, err := https.Open(cert, key, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		get := p.ServerConfig().GetCertificate
		served := func() string {
			c, err := get(&tls.ClientHelloInfo{ServerName: "x"})
			if err != nil {
				t.Fatal(err)
			}
			return c.Leaf.Subject.CommonName
		}
		if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		if got := served(); got != "old.example.org" || !strings.Contains(log.String(), "cannot be read again") {
			t.Errorf("with a broken file %s is served; log: %s", got, &log)
		}
		certify(t, dir, "new.example.org")
		time.Sleep(6 * time.Second)
		if got := served(); got != "new.example.org" {
			t.Errorf("after it was renewed %s is served; log: %s", got, &log)
		}
	})
}

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, "a.example.org")
	_, otherKey := certify(t, t.TempDir(), "b.example.org")
	for name, files := range map[string][2]string{
		"no certificate": {filepath.Join(dir, "none.pem"), key}, "no key": {cert, filepath.Join(dir, "none.pem")},
		"exchanged": {key, cert}, "another's key": {cert, otherKey}, "a folder": {dir, key},
	} {
		if _, err := https.Open(files[0], files[1], slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(fmt.Sprint(err), ".pem") && name != "a folder" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
