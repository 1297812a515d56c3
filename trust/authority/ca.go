package authority

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
)

// CA is one that signs: the root, or an organization.
type CA struct {
	a    *Authority
	name string // RootName or the host
	dir  string
	cert *x509.Certificate

	mu  sync.Mutex
	key crypto.Signer // guarded by mu; nil until it is needed
}

// Organization is a CA that certifies extensions.
type Organization struct{ *CA }

// IssueOptions describe the certificate of an extension or a store.
type IssueOptions struct {
	// Public is the key to certify, from a signing request for one. When it is nil, a
	// key of Kind is made.
	Public   crypto.PublicKey
	Kind     keyfile.Kind
	Validity time.Duration // 0: one year
}

// Issued is a new certificate.
type Issued struct {
	Key   crypto.Signer       // nil when the key is elsewhere
	Chain []*x509.Certificate // the extension's, the organization's, the root's; of a store, its own and the root's
}

// Name is RootName, or the organization's host.
func (c *CA) Name() string { return c.name }

// Certificate is the CA's own.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// Chain is the CA's certificate and, for an organization, the root's behind it.
func (c *CA) Chain() []*x509.Certificate {
	if c.name == RootName {
		return []*x509.Certificate{c.cert}
	}
	return []*x509.Certificate{c.cert, c.a.root.cert}
}

// Issue certifies an extension. The identity is the id and the organization's host,
// never something that a signing request says of itself. The certificate is recorded
// before it is returned. Codes: CodeInvalid, CodeWeak, CodeExpired, CodeRevoked for an
// organization that is revoked and for a key that was revoked as compromised, CodeNoKey,
// CodePassphrase.
func (o *Organization) Issue(id string, opt IssueOptions) (Issued, error) {
	if err := checkID(o.name, id); err != nil {
		return Issued{}, err
	}
	return o.issue(opt, func(pub crypto.PublicKey, caKey crypto.Signer) (*x509.Certificate, error) {
		if r, err := o.a.root.Record(SerialText(o.cert.SerialNumber)); err != nil {
			return nil, err
		} else if r.Revoked != nil {
			return nil, refuse(CodeRevoked, "the organization %s is revoked: nobody would accept what it certifies", o.name)
		}
		return o.certifyExtension(id, opt.Validity, pub, caKey)
	})
}

// IssueStore certifies the key of a store, for which the root signs. What Issue says of
// identity, records and codes is so here, too. A store is certified anew in the same way: 0
// is a validity of one year.
func (a *Authority) IssueStore(host string, opt IssueOptions) (Issued, error) {
	return a.root.issue(opt, func(pub crypto.PublicKey, caKey crypto.Signer) (*x509.Certificate, error) {
		return a.root.certifyStore(host, opt.Validity, pub, caKey)
	})
}

// issue makes a key unless there is one, has it certified under the lock, and records the
// certificate.
func (c *CA) issue(opt IssueOptions, certify func(pub crypto.PublicKey, caKey crypto.Signer) (*x509.Certificate, error)) (Issued, error) {
	var key crypto.Signer
	pub := opt.Public
	if pub == nil {
		var err error
		if key, err = keyfile.Generate(opt.Kind); err != nil {
			return Issued{}, refuse(CodeInvalid, "making a key: %w", err)
		}
		pub = key.Public()
	}
	caKey, err := c.signer()
	if err != nil {
		return Issued{}, err
	}
	unlock, err := c.a.lock()
	if err != nil {
		return Issued{}, err
	}
	defer unlock()
	if err := c.compromised(c, pub); err != nil {
		return Issued{}, err
	}
	cert, err := certify(pub, caKey)
	if err != nil {
		return Issued{}, err
	}
	if err := c.record(certificatesDir, cert); err != nil {
		return Issued{}, err
	}
	return Issued{Key: key, Chain: append([]*x509.Certificate{cert}, c.Chain()...)}, nil
}

// Renew certifies an extension again that has a certificate which is not revoked,
// expired or not: for the same key, or for another one if newKey is set or opt.Public
// says which. The old certificate stays valid until it expires. CodeNotFound when there
// is none.
func (o *Organization) Renew(id string, newKey bool, opt IssueOptions) (Issued, error) {
	last, err := o.Newest(id)
	if err != nil {
		return Issued{}, err
	}
	if opt.Public == nil && !newKey {
		opt.Public = last.Certificate.PublicKey
	}
	return o.Issue(id, opt)
}

// Newest returns the last certificate of an extension that is not revoked, or
// CodeNotFound. It may have expired.
func (o *Organization) Newest(id string) (Record, error) {
	if err := checkID(o.name, id); err != nil {
		return Record{}, err
	}
	all, err := o.Records()
	if err != nil {
		return Record{}, err
	}
	var newest Record
	for _, r := range all {
		if r.ID == id && r.Revoked == nil && (newest.Certificate == nil || r.Certificate.NotAfter.After(newest.Certificate.NotAfter)) {
			newest = r
		}
	}
	if newest.Certificate == nil {
		return Record{}, refuse(CodeNotFound, "%s has no certificate for %s that is not revoked", o.name, id)
	}
	return newest, nil
}

// compromised refuses a key that by issued it is known to others: one that was revoked
// as such, and the keys of the authority itself.
func (c *CA) compromised(by *CA, pub crypto.PublicKey) error {
	if c == by && keyfile.SamePublic(pub, c.cert.PublicKey) || keyfile.SamePublic(pub, c.a.root.cert.PublicKey) {
		return refuse(CodeInvalid, "the key of the authority itself can not be certified for something else")
	}
	all, err := by.Records()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Revoked != nil && compromise(r.Revoked.Reason) && keyfile.SamePublic(pub, r.Certificate.PublicKey) {
			return refuse(CodeRevoked, "the key is that of certificate %s, which is revoked: %s", r.Serial(), r.Revoked.Reason)
		}
	}
	return nil
}

// signer returns the CA's private key. This is the only place that knows where it
// comes from.
func (c *CA) signer() (crypto.Signer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key != nil {
		return c.key, nil
	}
	key, err := c.findKey()
	if err != nil {
		return nil, err
	}
	if !keyfile.SamePublic(key.Public(), c.cert.PublicKey) {
		return nil, refuse(CodeNoKey, "the key given for %s is another one than that of its certificate", c.name)
	}
	c.key = key
	return key, nil
}

// KeepKey takes over the key of the same CA with an earlier certificate, so that nobody
// is asked for a passphrase again.
func (c *CA) KeepKey(earlier *CA) {
	earlier.mu.Lock()
	key := earlier.key
	earlier.mu.Unlock()
	if key != nil && keyfile.SamePublic(key.Public(), c.cert.PublicKey) {
		c.mu.Lock()
		c.key = key
		c.mu.Unlock()
	}
}

func (c *CA) findKey() (crypto.Signer, error) {
	if c.a.keys.Signer != nil {
		if key, err := c.a.keys.Signer(c.name); err != nil || key != nil {
			return key, err
		}
	}
	file := filepath.Join(c.dir, keyFile)
	if c.name == RootName && c.a.keys.RootFile != "" {
		file = c.a.keys.RootFile
	}
	text, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(CodeNoKey, "the key of %s is not in %s", c.name, file)
	} else if err != nil {
		return nil, err
	}
	if !keyfile.Encrypted(text) {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
			return nil, refuse(CodeExposed, "%s has no passphrase and can be read by others (mode %04o)", file, info.Mode().Perm())
		}
	}
	key, err := keyfile.Decode(text, func() ([]byte, error) {
		if c.a.keys.Passphrase == nil {
			return nil, refuse(CodePassphrase, "the key of %s is encrypted, and no passphrase was given", c.name)
		}
		return c.a.keys.Passphrase(c.name)
	})
	if errors.Is(err, keyfile.ErrPassphrase) {
		return nil, refuse(CodePassphrase, "reading the key of %s: %w", c.name, err)
	} else if err != nil {
		return nil, fmt.Errorf("reading the key of %s: %w", c.name, err)
	}
	return key, nil
}
