package jpl

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// maxChain bounds the certificates in one file.
const maxChain = 6

// certificateName is the entry with the certificates.
func (c *contents) certificateName() string { return c.manifest.id + ".crt" }

// certificates reads <id>.crt: the signer's certificate, each followed by its issuer.
func (c *contents) certificates() ([]*x509.Certificate, error) {
	name := c.certificateName()
	data, ok, err := c.text(CodeChainInvalid, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		for _, other := range slices.Sorted(maps.Keys(c.held)) {
			if path.Ext(other) == ".crt" {
				return nil, refuse(CodeIdentityMismatch, other, "the certificate of %s has to be in %s", c.manifest.id, name)
			}
		}
		if _, ok := c.sums[signaturesName]; ok {
			return nil, refuse(CodeIdentityMismatch, name, "there is none, though there are signatures")
		}
		return nil, refuse(CodeUnsigned, "", "nobody signed it: there is no %s", name)
	}
	list, err := parseCertificates(data)
	if err != nil {
		return nil, refuse(CodeChainInvalid, name, "%v", err)
	}
	for _, cert := range list {
		if err := checkForm(cert); err != nil {
			return nil, refuse(CodeChainInvalid, name, "the certificate of %s: %v", cert.Subject, err)
		}
		if err := algorithm.CheckCertificate(cert); err != nil {
			if cert == list[0] && cert.PublicKeyAlgorithm != x509.RSA {
				err = fmt.Errorf("%w; and signatures of files are of RSA alone", err)
			}
			return nil, refuse(CodeWeakAlgorithm, name, "the certificate of %s: %v", cert.Subject, err)
		}
	}
	return list, nil
}

// parseCertificates reads PEM, or else one certificate in DER. Text between the blocks is
// let be, as openssl writes it; a block that not every reader would take for the same
// certificate, or would leave out, is not.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	const begin = "-----BEGIN "
	blocks := bytes.Count(data, []byte(begin))
	if blocks == 0 {
		cert, err := x509.ParseCertificate(data)
		if err != nil {
			return nil, errors.New("it is neither certificates in PEM nor one in DER")
		}
		return []*x509.Certificate{cert}, nil
	}
	var list []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, fmt.Errorf("it holds %s, not only certificates", quoted(block.Type))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %v", len(list)+1, err)
		}
		list = append(list, cert)
	}
	switch {
	case len(list) != blocks:
		return nil, fmt.Errorf("%d of its %d blocks can be read", len(list), blocks)
	case len(list) > maxChain:
		return nil, fmt.Errorf("it holds %d certificates, more than the %d allowed", len(list), maxChain)
	}
	return list, nil
}

// checkForm refuses certificates that no list of revoked ones could name: those of X.509
// v1, which have no extensions either, and serial 0.
func checkForm(cert *x509.Certificate) error {
	if cert.Version != 3 {
		return fmt.Errorf("it is of X.509 version %d; version 3 is needed", cert.Version)
	}
	if cert.SerialNumber.Sign() <= 0 {
		return errors.New("its serial number is not above 0, so that nobody could revoke it")
	}
	return nil
}

// judgeChain judges who vouches for list[0], and fills in v.chain.
func (v *Verified) judgeChain(list []*x509.Certificate, o Options) error {
	name := v.certificateName()
	if err := checkOrder(list); err != nil {
		return v.fails(checkChain, refuse(CodeChainInvalid, name, "%v", err))
	}
	root := findRoot(list[len(list)-1], o.Roots)
	if root == nil {
		return v.fails(checkChain, refuse(CodeChainUntrusted, name, "%s, which vouches for it, is none of the %d trusted roots", list[len(list)-1].Issuer, len(o.Roots)))
	}
	chain := slices.Clone(list)
	if last := chain[len(chain)-1]; !last.Equal(root) {
		chain = append(chain, root)
	}
	if len(chain) < 2 {
		return v.fails(checkChain, refuse(CodeChainInvalid, name, "the signer is a root"))
	}
	if err := checkPath(chain, o.Time); err != nil {
		return v.fails(checkChain, refuse(CodeChainInvalid, name, "%v", err))
	}
	trusted := "a trusted root"
	if IsJamiRoot(root) {
		trusted = "the root of Jami"
	}
	v.chain = chain
	v.holds(checkChain, "it leads to %s, %s", trusted, root.Subject)
	for _, cert := range chain {
		if o.Time.Before(cert.NotBefore) || o.Time.After(cert.NotAfter) {
			return v.fails(checkValidity, refuse(CodeExpired, name, "the certificate of %s is valid from %s to %s, not at %s",
				cert.Subject, day(cert.NotBefore), day(cert.NotAfter), day(o.Time)))
		}
	}
	v.holds(checkValidity, "all of it is valid at %s", day(o.Time))
	return v.judgeRevocation(o.CRLs)
}

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }

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
	// add to what judgeChain says of the time.
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

// judgeRevocation looks the certificates up in the lists that there are.
func (v *Verified) judgeRevocation(crls []*x509.RevocationList) error {
	asked := 0
	for i, cert := range v.chain[:len(v.chain)-1] {
		issuer, known := v.chain[i+1], false
		for _, crl := range crls {
			if !bytes.Equal(crl.RawIssuer, cert.RawIssuer) || crl.CheckSignatureFrom(issuer) != nil {
				continue
			}
			known = true
			for _, entry := range crl.RevokedCertificateEntries {
				if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 && entry.ReasonCode != removeFromCRL {
					return v.fails(checkRevocation, refuse(CodeRevoked, v.certificateName(), "%s revoked the certificate of %s on %s", issuer.Subject, cert.Subject, day(entry.RevocationTime)))
				}
			}
		}
		if known {
			asked++
		}
	}
	if need := len(v.chain) - 1; asked < need {
		v.holdsBut(checkRevocation, "there are lists of revoked certificates for %d of %d issuers; Jami asks for none", asked, need)
	} else {
		v.holds(checkRevocation, "no list of its issuers names any of it")
	}
	return nil
}

// removeFromCRL is the reason by which a list takes a revocation back (RFC 5280, 5.3.1).
const removeFromCRL = 8

// authorOf is the common name of the issuer of cert.
func authorOf(cert *x509.Certificate) string { return cert.Issuer.CommonName }
