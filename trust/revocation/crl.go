package revocation

import "crypto/x509"

// CRL is a certificate revocation list with the name of where it came from.
type CRL struct {
	Name string
	List *x509.RevocationList
}
