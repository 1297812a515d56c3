package signing

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// The folder of Own: the authority, and the key of the store with its certificate.
const (
	authorityFolder = "authority"
	storeFile       = "store.pem"
)

const (
	day = 24 * time.Hour
	// A certificate is renewed about every month, so that at any time it is good for
	// longer than an export may be.
	ownValidity = 400 * day
	ownReserve  = 367 * day
)

// Own opens the authority in dir, or makes it, and certifies a store of this name, which is a
// host name in lower case. Whoever can read dir can sign as this store: it is made for its
// owner alone. The certificate, with a new key, is renewed about once a month.
func Own(dir, host string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a, err := authority.Open(filepath.Join(dir, authorityFolder), authority.Keys{})
	var e *authority.Error
	if errors.As(err, &e) && e.Code == authority.CodeNotFound {
		a, err = authority.Init(filepath.Join(dir, authorityFolder), authority.Options{
			Name: rootName(host), Kind: keyfile.ECDSAP256, Unencrypted: true,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("opening the store's own authority: %w", err)
	}
	return newKeys(&own{dir: dir, host: host, authority: a})
}

// rootName fits into a subject, whatever the host.
func rootName(host string) string {
	name := "Store " + host
	return name[:min(len(name), 64)]
}

type own struct {
	dir, host string
	authority *authority.Authority
}

func (o *own) credentials(now time.Time) (credentials, error) {
	c, err := o.read(now)
	if err == nil && c.host == o.host && c.chain[0].NotAfter.Sub(now) > ownReserve {
		return c, nil
	}
	// A file that is damaged is as good as none: what it held can be made again.
	issued, err := o.authority.IssueStore(o.host, authority.IssueOptions{Kind: keyfile.ECDSAP256, Validity: ownValidity})
	if err != nil {
		return credentials{}, fmt.Errorf("certifying the store: %w", err)
	}
	c = credentials{key: issued.Key, chain: issued.Chain}
	if err := c.check(now); err != nil {
		return credentials{}, err
	}
	return c, o.write(c)
}

// read reads store.pem: the key, and the certificates.
func (o *own) read(now time.Time) (c credentials, err error) {
	text, err := readSmall(filepath.Join(o.dir, storeFile))
	if err != nil {
		return c, err
	}
	_, rest := pem.Decode(text)
	if c.chain, err = parseChain(rest); err != nil {
		return c, err
	}
	if c.key, err = keyfile.Decode(text[:len(text)-len(rest)], nil); err != nil {
		return c, err
	}
	root := o.authority.Root().Certificate()
	if !c.chain[1].Equal(root) {
		return c, fs.ErrNotExist // of an authority that is gone
	}
	return c, c.check(now)
}

func (o *own) write(c credentials) error {
	text, err := keyfile.EncodeUnencrypted(c.key)
	if err != nil {
		return err
	}
	for _, cert := range c.chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	file := filepath.Join(o.dir, storeFile)
	if err := renameio.WriteFile(file, text, 0o600, renameio.WithTempDir(o.dir), renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("keeping the store's key: %w", err)
	}
	return nil
}
