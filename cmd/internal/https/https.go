// Package https encrypts what listeners and commands say to each other. Open reads the
// certificate that an administrator has set, ServerConfig serves it, and reads it again when
// its files change.
//
// Programs on this machine reach a listener by its address, for which that certificate is
// not made out, and it may be from an authority that they do not know. For them a Pair has
// one of its own, which lives as long as it does: Local is what whoever runs the listener
// leaves in a file that only they can read, and LocalConfig takes it up.
package https

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"sync"
	"time"
)

const (
	// localName is what programs on this machine ask for. Nobody can be certified for it.
	localName = "jackfield.localhost"
	// lookEvery is how often the files are looked at, at most.
	lookEvery = 5 * time.Second
	// maxFile bounds both files.
	maxFile = 1 << 20
)

// Pair is a certificate and its key. It may be used by several goroutines.
type Pair struct {
	cert, key string
	log       *slog.Logger
	local     *tls.Certificate
	localPEM  string

	mu      sync.Mutex // guards all below
	looked  time.Time
	changed [2]time.Time
	current *tls.Certificate
}

// Open reads a certificate, with those that lead to its root behind it, and its key, both in
// PEM. log is told when they cannot be read again.
func Open(cert, key string, log *slog.Logger) (*Pair, error) {
	p := &Pair{cert: cert, key: key, log: log}
	var err error
	if p.local, p.localPEM, err = makeLocal(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, p.read()
}

// ServerConfig is for listeners that serve these protocols, by their names in ALPN.
func (p *Pair) ServerConfig(protocols ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.get, NextProtos: protocols}
}

// Local is a certificate in PEM by which programs on this machine know the listener.
func (p *Pair) Local() string { return p.localPEM }

// Ends says when the certificate that is served ends.
func (p *Pair) Ends() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refresh()
	return p.current.Leaf.NotAfter
}

func (p *Pair) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == localName {
		return p.local, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refresh()
	return p.current, nil
}

// refresh reads the files again if it is time. The caller holds mu.
func (p *Pair) refresh() {
	if time.Since(p.looked) < lookEvery {
		return
	}
	if err := p.read(); err != nil {
		p.log.Error("the certificate for https cannot be read again; the one before is served on", "error", err)
	}
}

// read reads the files if they have changed. The caller holds mu.
func (p *Pair) read() error {
	p.looked = time.Now()
	var changed [2]time.Time
	for i, name := range []string{p.cert, p.key} {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Size() > maxFile {
			return fmt.Errorf("%s is no file of at most %d bytes", name, maxFile)
		}
		changed[i] = info.ModTime()
	}
	if changed == p.changed && p.current != nil {
		return nil
	}
	cert, err := Load(p.cert, p.key)
	if err != nil {
		return err
	}
	if p.current != nil {
		p.log.Info("the certificate for https is read again", "subject", cert.Leaf.Subject.String(), "ends", cert.Leaf.NotAfter)
	}
	p.current, p.changed = cert, changed
	return nil
}

// Load reads the files of a Pair once. Errors name the file.
func Load(cert, key string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", cert, key, err)
	}
	return &pair, nil
}

// makeLocal makes the certificate for programs on this machine.
func makeLocal() (*tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: localName}, DNSNames: []string{localName},
		// It ends with the process; clocks may be set back meanwhile.
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(text), nil
}

// LocalConfig is for a program on this machine that was left what Local gives.
func LocalConfig(local string) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(local)) {
		return nil, errors.New("it is no certificate in PEM")
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: localName, RootCAs: roots}, nil
}
