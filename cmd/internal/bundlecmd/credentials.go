package bundlecmd

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/passphrase"
	"github.com/jackfield-host/jackfield/internal/keyfile"
)

// credentials are who signs: a key, and its certificate followed by each one's issuer.
type credentials struct {
	key   crypto.Signer
	chain []*x509.Certificate
}

// credentialFlags say where they are.
type credentialFlags struct {
	key, chain, p12, passphraseFile string
}

const maxCredentials = 1 << 20 // bytes of a file

func (f *credentialFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.key, "key", "", "the private key, PEM: PKCS #8, also encrypted, PKCS #1 or SEC 1")
	cmd.Flags().StringVar(&f.chain, "chain", "", "its certificates, PEM in any order: extension, organization and, for the JDK's tools, root")
	cmd.Flags().StringVar(&f.p12, "p12", "", "key and certificates in one PKCS #12 file, instead of --key and --chain")
	cmd.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "a file whose first line is the passphrase of the key (default: ask at the terminal)")
}

func (f *credentialFlags) check() error {
	if f.p12 != "" && (f.key != "" || f.chain != "") {
		return output.Usagef("", "--p12 holds key and certificates; it does not go with --key and --chain")
	}
	if f.p12 == "" && (f.key == "" || f.chain == "") {
		return output.Usagef("'jackfield ca issue' makes a key and its chain", "say who signs: --key and --chain, or --p12")
	}
	return nil
}

// load reads what the flags name, and puts the certificates in order.
func (f *credentialFlags) load(ctx context.Context, in io.Reader, prompt io.Writer) (credentials, error) {
	ask := func(file string) ([]byte, error) {
		if f.passphraseFile != "" {
			return passphrase.FromFile(f.passphraseFile)
		}
		return passphrase.Ask(ctx, in, prompt, file, "--passphrase-file")
	}
	var c credentials
	var pool []*x509.Certificate
	var err error
	where := f.p12
	if f.p12 != "" {
		c.key, pool, err = readPKCS12(f.p12, ask)
	} else {
		where = f.chain
		if c.key, err = readKey(f.key, ask); err == nil {
			pool, err = readCertificates(f.chain)
		}
	}
	if err != nil {
		return credentials{}, err
	}
	c.chain, err = sortChain(c.key, pool)
	if err != nil {
		return credentials{}, fmt.Errorf("%s: %w", where, err)
	}
	return c, nil
}

func readKey(file string, ask func(string) ([]byte, error)) (crypto.Signer, error) {
	text, err := readSome(file, keyfile.MaxSize)
	if err != nil {
		return nil, err
	}
	key, err := keyfile.Decode(text, func() ([]byte, error) { return ask(file) })
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", file, err)
	}
	return key, nil
}

func readCertificates(file string) ([]*x509.Certificate, error) {
	text, err := readSome(file, maxCredentials)
	if err != nil {
		return nil, err
	}
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue // a key in the same file
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading certificate %d of %s: %w", len(list)+1, file, err)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, output.Errorf("it must hold -----BEGIN CERTIFICATE----- blocks", "%s holds no certificate", file)
	}
	return list, nil
}

// readPKCS12 reads a key store, whose certificates come in any order.
func readPKCS12(file string, ask func(string) ([]byte, error)) (crypto.Signer, []*x509.Certificate, error) {
	data, err := readSome(file, maxCredentials)
	if err != nil {
		return nil, nil, err
	}
	secret, err := ask(file)
	if err != nil {
		return nil, nil, err
	}
	key, first, others, err := pkcs12.DecodeChain(data, string(secret))
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, nil, output.Errorf("", "the passphrase does not open %s", file)
	}
	if err != nil {
		return nil, nil, output.Errorf("it must hold one private key with its certificates", "reading %s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%s holds a key of the kind %T, which can not sign", file, key)
	}
	return signer, append([]*x509.Certificate{first}, others...), nil
}

func readSome(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", file, limit)
	}
	return data, nil
}

// sortChain finds the certificate of the key, and then each one's issuer. What is left
// over does not belong there.
func sortChain(key crypto.Signer, pool []*x509.Certificate) ([]*x509.Certificate, error) {
	chain := []*x509.Certificate{}
	for _, c := range pool {
		if keyfile.SamePublic(c.PublicKey, key.Public()) {
			chain = append(chain, c)
		}
	}
	switch len(chain) {
	case 0:
		return nil, output.Errorf("take the key and the chain that were issued together", "none of the %d certificates belongs to the key; the first is that of %q", len(pool), pool[0].Subject)
	case 1:
	default:
		return nil, output.Errorf("leave the older one out", "two certificates belong to the key, valid until %s and until %s", chain[0].NotAfter.Format("2006-01-02"), chain[1].NotAfter.Format("2006-01-02"))
	}
	for last := chain[0]; !bytes.Equal(last.RawIssuer, last.RawSubject); last = chain[len(chain)-1] {
		next := issuerIn(pool, last)
		if next == nil || len(chain) == len(pool) {
			break
		}
		chain = append(chain, next)
	}
	if len(chain) < len(pool) {
		for _, c := range pool {
			if !contains(chain, c) {
				return nil, output.Errorf("leave it out", "the certificate of %q does not belong to the chain of %q", c.Subject, chain[0].Subject)
			}
		}
	}
	return chain, nil
}

func issuerIn(pool []*x509.Certificate, of *x509.Certificate) *x509.Certificate {
	for _, c := range pool {
		if bytes.Equal(c.RawSubject, of.RawIssuer) && c.CheckSignature(of.SignatureAlgorithm, of.RawTBSCertificate, of.Signature) == nil {
			return c
		}
	}
	return nil
}

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, other := range list {
		if other.Equal(c) {
			return true
		}
	}
	return false
}
