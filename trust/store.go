package trust

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/trust/algorithm"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// The profile of a store's certificate, with whose key it signs what it lists. It shares
// form, keys and signatures with the others (profile.go) and is told from them by usage and
// name, so that none passes for another:
//
//	issued by         the root itself
//	basicConstraints  not a CA
//	keyUsage          digitalSignature
//	extKeyUsage       documentSigning (RFC 9336), and no other
//	subjectAltName    URI jmap-store://<host>, and no other
//	others            AIA OCSP, CRL points
//
// It is judged as of now: nothing that a store signs is meant to last.

const storeScheme = "jmap-store"

// oidDocumentSigning is id-kp-documentSigning, RFC 9336, 3.1, which crypto/x509 has no name for.
func oidDocumentSigning() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
}

// StoreName returns the name in the certificate of a store: jmap-store://<host>.
func StoreName(host string) string { return storeScheme + "://" + host }

// ParseStoreName reads jmap-store://<host> and returns the host. There is one spelling of each
// name, as with ParseName.
func ParseStoreName(text string) (host string, err error) {
	host, ok := strings.CutPrefix(text, storeScheme+"://")
	if !ok {
		return "", fmt.Errorf("%.100q does not begin with %s://", text, storeScheme)
	}
	if err := checkHost(host); err != nil {
		return "", fmt.Errorf("%.100q: %w", text, err)
	}
	return host, nil
}

// StoreTemplate returns what makes a certificate that of a store. Like the other templates
// it leaves subject, times and addresses to the authority.
func StoreTemplate(host string) (*x509.Certificate, error) {
	if err := checkHost(host); err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: NewSerial(), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidDocumentSigning()},
		URIs: []*url.URL{{Scheme: storeScheme, Host: host}},
	}, nil
}

// StoreError says why a certificate is not that of a store, or not of one that is trusted.
type StoreError struct {
	Code Code // ChainUntrusted, ChainInvalid, CodeExpired, CodeRevoked or WeakAlgorithm
	Err  error
}

func (e *StoreError) Error() string { return e.Err.Error() }
func (e *StoreError) Unwrap() error { return e.Err }

func noStore(code Code, format string, args ...any) error {
	return &StoreError{Code: code, Err: fmt.Errorf(format, args...)}
}

// JudgeStore judges the certificate of a store, chain[0], which one of the roots itself must
// have issued; the root may follow it. It returns the host of the store's name. Only the
// lists in roots are looked at for revocation: nobody is asked. The error is a *StoreError.
func JudgeStore(chain []*x509.Certificate, roots *Roots, now time.Time) (host string, err error) {
	switch {
	case len(chain) == 0 || slices.Contains(chain, nil):
		return "", noStore(ChainInvalid, "the certificate of the store is missing")
	case len(chain) > 2:
		return "", noStore(ChainInvalid, "its chain has %d certificates; exactly root > store is accepted", len(chain))
	}
	leaf := chain[0]
	for _, cert := range chain {
		if err := algorithm.CheckCertificate(cert); err != nil {
			return "", noStore(WeakAlgorithm, "the certificate %q does not count: %w; %s", display(cert), err, byProfile)
		}
	}
	root, err := rootOfStore(chain, roots, now)
	if err != nil {
		return "", err
	}
	if host, err = checkStore(leaf); err != nil {
		return "", noStore(ChainInvalid, "the certificate of the store %q does not fit: %w; %s", display(leaf), err, byProfile)
	}
	for _, cert := range []*x509.Certificate{leaf, root} {
		if !validAt(cert, now) {
			return "", noStore(CodeExpired, "the certificate %q is valid from %s to %s only: it is for the store to renew it, unless a clock is wrong",
				display(cert), stamp(cert.NotBefore), stamp(cert.NotAfter))
		}
	}
	// Go's verifier knows rules that the profile does not spell out: it can only refuse.
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	options.Roots.AddCert(root)
	if _, err := leaf.Verify(options); err != nil {
		return "", noStore(ChainInvalid, "its chain does not hold: %w", err)
	}
	if err := unrevoked(leaf, root, roots, now); err != nil {
		return "", err
	}
	return host, nil
}

// rootOfStore returns the trusted root that has issued chain[0]. The root that may follow in
// the chain only has to be of the same name and key.
func rootOfStore(chain []*x509.Certificate, roots *Roots, now time.Time) (root *x509.Certificate, err error) {
	leaf := chain[0]
	if roots == nil {
		roots = &Roots{}
	}
	for _, candidate := range roots.Certificates {
		if issued(candidate, leaf) && (root == nil || !validAt(root, now)) {
			root = candidate
		}
	}
	switch {
	case len(chain) == 2 && !issued(chain[1], leaf):
		return nil, noStore(ChainInvalid, "the certificate %q is not signed by the next one, %q", display(leaf), display(chain[1]))
	case root == nil:
		return nil, noStore(ChainUntrusted, "the store's certificate was issued by %q, which is no trusted root here: if you trust it, name its certificate as the root of this store", issuerOf(leaf))
	case root.Equal(leaf):
		return nil, noStore(ChainInvalid, "it is signed with a root itself, which signs certificates only")
	case len(chain) == 2 && !sameAuthority(root, chain[1]):
		return nil, noStore(ChainInvalid, "the root in its chain, %q, is another than the one that is trusted", display(chain[1]))
	}
	if err := checkAnchor(root); err != nil {
		return nil, noStore(ChainInvalid, "the root %q is none: %w", display(root), err)
	}
	return root, nil
}

// checkStore checks the certificate of a store and returns its host.
func checkStore(cert *x509.Certificate) (host string, err error) {
	if err := checkForm(cert); err != nil {
		return "", err
	}
	switch {
	case cert.IsCA:
		return "", errors.New("it is an authority (CA); a store is none")
	case cert.KeyUsage != x509.KeyUsageDigitalSignature:
		return "", errors.New("its key usage is not exactly digitalSignature")
	case len(cert.ExtKeyUsage) > 0 || len(cert.UnknownExtKeyUsage) != 1 || !cert.UnknownExtKeyUsage[0].Equal(oidDocumentSigning()):
		return "", errors.New("its extended key usage is not exactly documentSigning")
	}
	uri, err := uriOf(cert, storeScheme)
	if err != nil {
		return "", err
	}
	return ParseStoreName(uri)
}

// unrevoked refuses a store that a list which was put down by hand says is revoked.
func unrevoked(leaf, root *x509.Certificate, roots *Roots, now time.Time) error {
	if len(roots.CRLs) == 0 {
		return nil
	}
	checker := revocation.New(revocation.Config{Offline: true, Now: func() time.Time { return now }})
	answer := checker.Check(context.Background(), leaf, root, nil, roots.CRLs) // offline: nothing to wait for
	if answer.Status == revocation.Revoked {
		return noStore(CodeRevoked, "the certificate %q was revoked by %q on %s: %s (%s)", display(leaf), issuerOf(leaf), stamp(answer.RevokedAt), answer.Reason, answer.Source)
	}
	return nil
}
