package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/trust"
)

// archivesFile is the file of OwnArchives: the key, and the certificate.
const archivesFile = "jameica.pem"

const (
	// Users of Jameica confirm the certificate by hand, so it is to last.
	archivesValidity = 10 * 365 * day
	// minArchivesBits is the least size of the key. SHA-1 is all that the client knows; the
	// key need not be weak, too.
	minArchivesBits = 3072
)

// Archives signs ZIPs as Jameica checks them. It may be used by several goroutines.
type Archives struct {
	key   crypto.Signer
	chain jameica.Chain
}

// OwnArchives opens the key in dir, or makes it with a certificate of its own: RSA of 3072
// bits, for the store of this name, good for ten years. A certificate that has run out is
// made anew for the same key; users have to confirm the new one. dir is that of Own; if it is
// not there, it is made for its owner alone.
func OwnArchives(dir, host string, now time.Time) (*Archives, error) {
	file := filepath.Join(dir, archivesFile)
	a, err := readArchives(file, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		key, err := keyfile.Generate(keyfile.RSA3072)
		if err != nil {
			return nil, err
		}
		a = &Archives{key: key}
	case err != nil:
		return nil, err // a key that users trust is not thrown away for being unreadable
	case now.Before(a.Expires()):
		return a, nil
	}
	if err := a.certify(host, now); err != nil {
		return nil, err
	}
	return a, a.write(file)
}

// ArchivesFiles reads the chain of a certificate, in PEM, the signer's first, and its key:
// PKCS#8 in PEM, without a passphrase, readable for nobody else, RSA of 3072 bits at least.
// A chain that Jameica trusts by itself is had from its author.
func ArchivesFiles(certificate, key string) (*Archives, error) {
	return readArchives(certificate, key)
}

// Sign returns the .sha1 of a ZIP: raw RSASSA-PKCS1-v1_5 over SHA-1. The same ZIP has the
// same signature. It ends with ctx.
func (a *Archives) Sign(ctx context.Context, zip io.Reader) ([]byte, error) {
	return jameica.Sign(contextReader{ctx, zip}, a.key)
}

// ChainPEM returns the certificate that users confirm, in PEM, and what is behind it.
func (a *Archives) ChainPEM() []byte {
	var text []byte
	for _, c := range a.chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

// Pin returns that of the key, which stays when its certificate is made anew.
func (a *Archives) Pin() string { return jameica.Pin(a.chain.Leaf()) }

// Fingerprint returns sha256:<hex> of the certificate: what people compare.
func (a *Archives) Fingerprint() string {
	sum := sha256.Sum256(a.chain.Leaf().Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Expires returns when the certificate runs out: from then on Jameica asks its user.
func (a *Archives) Expires() time.Time { return a.chain.Leaf().NotAfter }

// certify makes a certificate of the key's own. It has neither names of hosts nor uses: what
// a user imports vouches for these signatures, and for no server.
func (a *Archives) certify(host string, now time.Time) error {
	template := &x509.Certificate{
		SerialNumber: trust.NewSerial(),
		Subject:      pkix.Name{CommonName: archivesName(host)},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(archivesValidity),
		BasicConstraintsValid: true, // it is not an authority
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("certifying the key for Jameica: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	a.chain = jameica.Chain{cert}
	return err
}

// archivesName fits into a subject, whatever the host.
func archivesName(host string) string {
	name := "Extensions of " + host
	return name[:min(len(name), 64)]
}

func (a *Archives) write(file string) error {
	text, err := keyfile.EncodeUnencrypted(a.key)
	if err != nil {
		return err
	}
	text = append(text, a.ChainPEM()...)
	if err := renameio.WriteFile(file, text, 0o600, renameio.WithTempDir(filepath.Dir(file)), renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("keeping the key for Jameica: %w", err)
	}
	return nil
}

// readArchives reads a key and a chain, which may be in one file with the key in front.
func readArchives(certificate, key string) (*Archives, error) {
	info, err := os.Stat(key)
	if err != nil {
		return nil, fmt.Errorf("reading the key for Jameica: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s holds a key and can be read by others (mode %04o): chmod 600 it if nobody has seen it, else make a new one", key, info.Mode().Perm())
	}
	text, err := readSmall(key)
	if err != nil {
		return nil, fmt.Errorf("reading the key for Jameica: %w", err)
	}
	a := &Archives{}
	chain := text
	if certificate == key {
		_, chain = pem.Decode(text)
		text = bytes.TrimSuffix(text, chain)
	} else if chain, err = readSmall(certificate); err != nil {
		return nil, fmt.Errorf("reading the certificate for Jameica: %w", err)
	}
	if a.key, err = keyfile.Decode(text, nil); err != nil {
		return nil, fmt.Errorf("reading the key for Jameica in %s: %w", key, err)
	}
	if a.chain, err = jameica.ParseChain(chain); err != nil {
		return nil, fmt.Errorf("reading the certificate for Jameica in %s: %w", certificate, err)
	}
	return a, a.check(certificate)
}

func (a *Archives) check(certificate string) error {
	public, ok := a.chain.Leaf().PublicKey.(*rsa.PublicKey)
	switch {
	case !ok || public.N.BitLen() < minArchivesBits:
		return fmt.Errorf("the certificate for Jameica in %s needs an RSA key of %d bits or more", certificate, minArchivesBits)
	case !keyfile.SamePublic(a.key.Public(), a.chain.Leaf().PublicKey):
		return errors.New("the key for Jameica is not that of its certificate: name the two that were made together")
	}
	return nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.Reader.Read(p)
}
