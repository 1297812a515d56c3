// Package signing holds the key with which a store signs its timestamps, and the
// certificate for it: from files that the administrator gives, or from a small authority
// of the store's own.
//
//	keys, err := signing.Own(dir, "store.acme.example") // or signing.Files(cert, key)
//	envelope, err := keys.Sign(timestamp)
//	keys.RootPEM()                                      // what hosts put into conf/trust
//
// Several replicas need the same certificate: signing.Files.
package signing

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
)

// Keys signs timestamps. It may be used by several goroutines.
type Keys struct {
	source source

	mu      sync.Mutex // guards what follows, and is held while the source is asked
	current credentials
}

// source is where a store's key and certificate come from.
type source interface {
	// credentials returns those to sign with, renewed or read anew where that is due.
	credentials(now time.Time) (credentials, error)
}

// credentials are a key with the certificate for it.
type credentials struct {
	key   crypto.Signer
	chain []*x509.Certificate // the store's, the root's
	host  string              // in the certificate
}

func newKeys(from source) (*Keys, error) {
	k := &Keys{source: from}
	var err error
	k.current, err = from.credentials(time.Now())
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Store returns the name of the store: the host in its certificate.
func (k *Keys) Store() string { return k.now().host }

func (k *Keys) now() credentials {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current
}

// Sign signs a timestamp. A key and a certificate that were renewed meanwhile are taken; if
// they can not be had, those from before are used for as long as they are good.
func (k *Keys) Sign(t store.Timestamp) ([]byte, error) {
	k.mu.Lock()
	renewed, problem := k.source.credentials(t.Issued)
	if problem == nil && renewed.host != k.current.host {
		problem = fmt.Errorf("the certificate is now for the store %s, it was for %s: start the store anew if that is right", renewed.host, k.current.host)
	}
	if problem == nil {
		k.current = renewed
	}
	c := k.current
	k.mu.Unlock()
	envelope, err := store.SignTimestamp(t, c.key, c.chain[:1])
	if err != nil {
		return nil, errors.Join(err, problem)
	}
	return envelope, nil
}

// Verify reads a timestamp that was signed with a certificate of the same root for the same
// store. The errors are those of store.VerifyTimestamp.
func (k *Keys) Verify(envelope []byte, now time.Time) (store.Timestamp, error) {
	c := k.now()
	return store.VerifyTimestamp(envelope, &trust.Roots{Certificates: c.chain[1:]}, now, store.Seen{Store: c.host})
}

// RootPEM returns the root that vouches for the store, in PEM.
func (k *Keys) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.now().chain[1].Raw})
}

// Fingerprint returns sha256:<hex> of the root's certificate: what people compare.
func (k *Keys) Fingerprint() string {
	sum := sha256.Sum256(k.now().chain[1].Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Expires returns when the certificate runs out: no timestamp is good for longer.
func (k *Keys) Expires() time.Time { return k.now().chain[0].NotAfter }

// Files reads a certificate with its root behind it, in PEM, and its key: PKCS#8 in PEM,
// without a passphrase, readable for nobody else. They are read again for each signature, so
// that they can be renewed while the store runs.
func Files(certificate, key string) (*Keys, error) {
	return newKeys(files{certificate: certificate, key: key})
}

type files struct{ certificate, key string }

func (f files) credentials(now time.Time) (c credentials, err error) {
	text, err := readSmall(f.certificate)
	if err != nil {
		return c, fmt.Errorf("reading the store's certificate: %w", err)
	}
	if c.chain, err = parseChain(text); err != nil {
		return c, fmt.Errorf("the store's certificate in %s: %w", f.certificate, err)
	}
	info, err := os.Stat(f.key)
	if err != nil {
		return c, fmt.Errorf("reading the store's key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf("%s holds a key and can be read by others (mode %04o): chmod 600 it if nobody has seen it, else make a new one", f.key, info.Mode().Perm())
	}
	if text, err = readSmall(f.key); err != nil {
		return c, fmt.Errorf("reading the store's key: %w", err)
	}
	if c.key, err = keyfile.Decode(text, nil); err != nil {
		return c, fmt.Errorf("reading the store's key in %s: %w", f.key, err)
	}
	return c, c.check(now)
}

// check fills in the host of credentials that fit together.
func (c *credentials) check(now time.Time) (err error) {
	if !keyfile.SamePublic(c.key.Public(), c.chain[0].PublicKey) {
		return errors.New("the store's key is not that of its certificate: name the two that were made together")
	}
	c.host, err = trust.JudgeStore(c.chain, &trust.Roots{Certificates: c.chain[1:]}, now)
	return err
}

// parseChain reads exactly two certificates: the store's, and its root.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("there is a block %.40q in it; only certificates belong here", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, cert)
	}
	if len(chain) != 2 {
		return nil, fmt.Errorf("there are %d certificates in it; the store's and its root's belong there, as jackfield ca store writes them", len(chain))
	}
	return chain, nil
}

// maxFile bounds a file with certificates or a key, in bytes.
const maxFile = 64 << 10

func readSmall(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", file, maxFile)
	}
	return bytes.TrimSpace(data), err
}
