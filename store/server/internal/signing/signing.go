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
	"errors"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// Keys signs timestamps. It may be used by several goroutines.
type Keys struct{ host string }

// Own opens the authority in dir, or makes it, and certifies a store of this name. The
// certificate is renewed before it runs out.
func Own(dir, host string) (*Keys, error) { return nil, errors.New("not built yet") }

// Files reads a certificate with its chain in PEM, the store's first, and its key (PKCS#8 in
// PEM, without a passphrase, readable for nobody else). They are read again when they change.
func Files(certificate, key string) (*Keys, error) { return nil, errors.New("not built yet") }

// Store returns the name of the store: the host in its certificate.
func (k *Keys) Store() string { return k.host }

// Sign signs a timestamp: package catalogue's Signer.
func (k *Keys) Sign(t store.Timestamp) ([]byte, error) { return nil, errors.New("not built yet") }

// RootPEM returns the root that vouches for the store, in PEM; nil when only files were
// given and the root is not among them.
func (k *Keys) RootPEM() []byte { return nil }

// Fingerprint returns sha256:<hex> of the root's certificate, or "".
func (k *Keys) Fingerprint() string { return "" }

// Expires returns when the current certificate runs out.
func (k *Keys) Expires() time.Time { return time.Time{} }
