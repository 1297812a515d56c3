// Package chain judges who vouches for the signer of an archive for Jami.
//
//	list, err := chain.Read(crt)
//	whole, err := chain.Build(list, roots, at)
//	err = chain.CheckTime(whole, at)
//	known, err := chain.CheckRevocation(whole, lists)
//
// What holds after all four: the first certificate is that of a signer, each was issued by
// the next one, which is an authority that may, the last one is one of the roots; all are
// valid at that time, strong, can be revoked, and are not.
package chain

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// Max bounds the certificates in one file.
const Max = 6

// Fault says which rule a chain breaks.
type Fault string

// The faults.
const (
	Invalid   Fault = "chain_invalid"
	Untrusted Fault = "chain_untrusted"
	Weak      Fault = "weak_algorithm"
	Expired   Fault = "expired" // also: not yet valid
	Revoked   Fault = "revoked"
)

// Error is what is wrong with a chain. All errors of the functions above are.
type Error struct {
	Fault   Fault
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(fault Fault, format string, args ...any) error {
	return &Error{fault, fmt.Sprintf(format, args...)}
}

// Read reads a file of certificates: the signer's, each followed by its issuer.
func Read(data []byte) ([]*x509.Certificate, error) {
	list, err := parseCertificates(data)
	if err != nil {
		return nil, refuse(Invalid, "%v", err)
	}
	for i, cert := range list {
		if err := checkForm(cert); err != nil {
			return nil, refuse(Invalid, "the certificate of %s: %v", cert.Subject, err)
		}
		if err := algorithm.CheckCertificate(cert); err != nil {
			if i == 0 && cert.PublicKeyAlgorithm != x509.RSA {
				err = fmt.Errorf("%w; and signatures of files are of RSA alone", err)
			}
			return nil, refuse(Weak, "the certificate of %s: %v", cert.Subject, err)
		}
	}
	return list, nil
}

// Build returns list with the root that it leads to at its end. at is only for what depends
// on a time within the rules of chains; CheckTime judges it.
func Build(list []*x509.Certificate, roots []*x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	if err := checkOrder(list); err != nil {
		return nil, refuse(Invalid, "%v", err)
	}
	last := list[len(list)-1]
	root := findRoot(last, roots)
	if root == nil {
		return nil, refuse(Untrusted, "%s, which vouches for it, is none of the %d trusted roots", last.Issuer, len(roots))
	}
	whole := slices.Clone(list)
	if !last.Equal(root) {
		whole = append(whole, root)
	}
	if len(whole) < 2 {
		return nil, refuse(Invalid, "the signer is a root itself")
	}
	if err := checkPath(whole, at); err != nil {
		return nil, refuse(Invalid, "%v", err)
	}
	return whole, nil
}

// CheckTime judges whether all of a chain is valid at that time.
func CheckTime(whole []*x509.Certificate, at time.Time) error {
	for _, cert := range whole {
		if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
			return refuse(Expired, "the certificate of %s is valid from %s to %s, not at %s", cert.Subject, Day(cert.NotBefore), Day(cert.NotAfter), Day(at))
		}
	}
	return nil
}

// CheckRevocation looks the certificates of a chain up in lists of what is revoked. known is for how
// many of them, the root left out, there was a list of their issuer.
func CheckRevocation(whole []*x509.Certificate, lists []*x509.RevocationList) (known int, err error) {
	for i, cert := range whole[:len(whole)-1] {
		issuer, has := whole[i+1], false
		for _, list := range lists {
			if !bytes.Equal(list.RawIssuer, cert.RawIssuer) || list.CheckSignatureFrom(issuer) != nil {
				continue
			}
			has = true
			for _, entry := range list.RevokedCertificateEntries {
				if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 && entry.ReasonCode != removeFromCRL {
					return known, refuse(Revoked, "%s revoked the certificate of %s on %s", issuer.Subject, cert.Subject, Day(entry.RevocationTime))
				}
			}
		}
		if has {
			known++
		}
	}
	return known, nil
}

// removeFromCRL is the reason by which a list takes a revocation back (RFC 5280, 5.3.1).
const removeFromCRL = 8

// Day writes a time for people.
func Day(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// checkOrder holds a file to the order that Jami's reader needs: each certificate was
// issued by the next one, and only the first one is not an authority.
func checkOrder(list []*x509.Certificate) error {
	if list[0].IsCA {
		return fmt.Errorf("the first certificate, of %s, is that of an authority, not of a signer", list[0].Subject)
	}
	for i, cert := range list[:len(list)-1] {
		if err := issued(list[i+1], cert); err != nil {
			return fmt.Errorf("certificate %d, of %s, does not follow from the next one, of %s: %v", i+1, cert.Subject, list[i+1].Subject, err)
		}
	}
	return nil
}

// issued reports whether issuer is an authority that signed cert.
func issued(issuer, cert *x509.Certificate) error {
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		return fmt.Errorf("it names %s as its issuer", cert.Issuer)
	}
	if !issuer.BasicConstraintsValid || !issuer.IsCA {
		return errors.New("that is not an authority")
	}
	return cert.CheckSignatureFrom(issuer)
}

// findRoot returns the root that last is, or that issued it.
func findRoot(last *x509.Certificate, roots []*x509.Certificate) *x509.Certificate {
	for _, root := range roots {
		if last.Equal(root) {
			return root
		}
	}
	for _, root := range roots {
		if issued(root, last) == nil {
			return root
		}
	}
	return nil
}

// checkPath holds chain to the rules of RFC 5280 for everything but its time, which is
// judged apart: lengths of paths, name constraints, critical extensions that nobody knows.
func checkPath(chain []*x509.Certificate, at time.Time) error {
	// A time at which all of it is valid, if there is one; else checkPath has nothing to
	// add to what CheckTime says.
	from, to := chain[0].NotBefore, chain[0].NotAfter
	for _, cert := range chain {
		if cert.NotBefore.After(from) {
			from = cert.NotBefore
		}
		if cert.NotAfter.Before(to) {
			to = cert.NotAfter
		}
	}
	if at.Before(from) || at.After(to) {
		at = from
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(chain[len(chain)-1])
	for _, cert := range chain[1 : len(chain)-1] {
		others.AddCert(cert)
	}
	found, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: others, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return nil
	case err != nil:
		return err
	}
	for _, path := range found {
		if slices.EqualFunc(path, chain, (*x509.Certificate).Equal) {
			return nil
		}
	}
	return errors.New("its certificates lead to the root in another order than they stand in")
}
