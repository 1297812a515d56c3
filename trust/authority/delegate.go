package authority

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"path/filepath"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
)

// DelegateValidity is the usual life of a responder's certificate that is made in
// advance, for a CA whose key is away.
const DelegateValidity = 30 * day

// Delegate is the certificate and the key of an OCSP responder, which signs answers for
// the CA that has issued it.
type Delegate struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// StoreDelegate makes a certificate and a key for an OCSP responder in advance, so that
// answers can be signed while the key of the CA is away. They lie in responder.pem,
// without a passphrase: for as long as the certificate lives, whoever reads the file can
// sign answers for this CA, and nothing else. 0 is DelegateValidity.
func (c *CA) StoreDelegate(validity time.Duration) (*x509.Certificate, error) {
	if validity == 0 {
		validity = DelegateValidity
	}
	cert, key, err := c.certifyResponder(validity)
	if err != nil {
		return nil, err
	}
	text, err := keyfile.EncodeUnencrypted(key)
	if err != nil {
		return nil, err
	}
	unlock, err := c.a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return cert, c.a.writeFile(filepath.Join(c.dir, delegateFile), append(encodePEM(cert), text...))
}

// Delegate returns a new responder that lives for life, made with the key of the CA, or
// else the one that was made in advance, which may live shorter. Codes: CodeNoKey,
// CodePassphrase, CodeExpired.
func (c *CA) Delegate(life time.Duration) (Delegate, error) {
	cert, key, err := c.certifyResponder(life)
	if err == nil {
		return Delegate{cert, key}, nil
	}
	if d, advance := c.storedDelegate(); advance == nil {
		return d, nil
	} else if !errors.Is(advance, fs.ErrNotExist) {
		return Delegate{}, errors.Join(err, advance)
	}
	return Delegate{}, err
}

func (c *CA) storedDelegate() (Delegate, error) {
	file := filepath.Join(c.dir, delegateFile)
	text, err := readFile(file)
	if err != nil {
		return Delegate{}, err
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return Delegate{}, refuse(CodeDamaged, "%s does not begin with a certificate", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Delegate{}, refuse(CodeDamaged, "reading %s: %w", file, err)
	}
	key, err := keyfile.Decode(rest, nil)
	if err != nil {
		return Delegate{}, refuse(CodeDamaged, "reading %s: %w", file, err)
	}
	if cert.CheckSignatureFrom(c.cert) != nil || !keyfile.SamePublic(key.Public(), cert.PublicKey) {
		return Delegate{}, refuse(CodeDamaged, "%s is no responder of %s", file, c.name)
	}
	if now := time.Now(); now.After(cert.NotAfter) {
		return Delegate{}, refuse(CodeExpired, "the responder in %s expired on %s", file, cert.NotAfter.Format(time.RFC3339))
	}
	return Delegate{cert, key}, nil
}

// Lookup returns the record of a serial number, one of a responder included: the zero
// Record for one that is unknown.
func (c *CA) Lookup(serial *big.Int) (Record, error) {
	text := SerialText(serial)
	if serial.Sign() <= 0 || len(text) > 32 {
		return Record{}, nil
	}
	var e *Error
	for _, folder := range []string{certificatesDir, respondersDir} {
		r, err := c.recordIn(folder, text)
		if err == nil || !errors.As(err, &e) || e.Code != CodeNotFound {
			return r, err
		}
	}
	return Record{}, nil
}
