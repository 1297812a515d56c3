package jpl

import (
	"crypto/x509"
	"errors"
	"maps"
	"path"
	"slices"

	"github.com/jackfield-host/jackfield/bundle/jpl/internal/chain"
)

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
	list, err := chain.Read(data)
	return list, c.ofChain(err)
}

// ofChain makes an *Error of one of package chain, whose faults are codes of ours.
func (c *contents) ofChain(err error) error {
	var e *chain.Error
	if !errors.As(err, &e) {
		return err
	}
	return refuse(Code(e.Fault), c.certificateName(), "%s", e.Message)
}

// judgeChain judges who vouches for list[0], and fills in v.chain.
func (v *Verified) judgeChain(list []*x509.Certificate, o Options) error {
	whole, err := chain.Build(list, o.Roots, o.Time)
	if err != nil {
		return v.fails(checkChain, v.ofChain(err))
	}
	root, trusted := whole[len(whole)-1], "a trusted root"
	if IsJamiRoot(root) {
		trusted = "the root of Jami"
	}
	v.chain = whole
	v.holds(checkChain, "it leads to %s, %s", trusted, root.Subject)
	if err := chain.CheckTime(whole, o.Time); err != nil {
		return v.fails(checkValidity, v.ofChain(err))
	}
	v.holds(checkValidity, "all of it is valid at %s", chain.Day(o.Time))
	known, err := chain.CheckRevocation(whole, o.CRLs)
	switch need := len(whole) - 1; {
	case err != nil:
		return v.fails(checkRevocation, v.ofChain(err))
	case known < need:
		v.holdsBut(checkRevocation, "there are lists of revoked certificates for %d of %d issuers; Jami asks for none", known, need)
	default:
		v.holds(checkRevocation, "no list of its issuers names any of it")
	}
	return nil
}

// authorOf is the common name of the issuer of cert.
func authorOf(cert *x509.Certificate) string { return cert.Issuer.CommonName }
