package jpl

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"fmt"

	"github.com/jackfield-host/jackfield/bundle/jpl/internal/msgpack"
	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// judgeSignature holds the archive to what leaf signed.
func (v *Verified) judgeSignature(ctx context.Context, leaf *x509.Certificate) error {
	list, err := v.signedBy(leaf)
	if err != nil {
		return v.fails(checkSignature, err)
	}
	v.holds(checkSignature, "%s is signed with RSA and SHA-512 by %s", signaturesName, leaf.Subject)
	if err := v.entriesSigned(ctx, leaf, list); err != nil {
		if CodeOf(err) == "" {
			return err // of ctx
		}
		return v.fails(checkEntries, err)
	}
	v.holds(checkEntries, "all %d entries are signed, and nothing that is signed is missing", len(list))
	return nil
}

// signedBy verifies signatures.sig over signatures, and returns what stands in the latter.
func (c *contents) signedBy(leaf *x509.Certificate) ([]msgpack.Item, error) {
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, refuse(CodeSignatureInvalid, c.certificateName(), "its key is %T; Jami knows signatures of RSA alone", leaf.PublicKey)
	}
	if err := algorithm.CheckKey(key); err != nil {
		return nil, refuse(CodeWeakAlgorithm, c.certificateName(), "%v", err)
	}
	data, ok, err := c.text(CodeSignatureInvalid, signaturesName)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse(CodeSignatureInvalid, signaturesName, "there is none, though there is a certificate")
	}
	sig, ok, err := c.text(CodeSignatureInvalid, signaturesSigName)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse(CodeSignatureInvalid, signaturesSigName, "there is none, so nobody vouches for %s", signaturesName)
	}
	sum := sha512.Sum512(data)
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA512, sum[:], sig); err != nil {
		return nil, refuse(CodeSignatureInvalid, signaturesSigName, "it is not a signature of %s by the key in %s", signaturesName, c.certificateName())
	}
	list, err := msgpack.ReadMap(data)
	if err != nil {
		return nil, refuse(CodeSignatureInvalid, signaturesName, "%v", err)
	}
	return list, nil
}

// entriesSigned holds list and the archive to each other: every item names an entry and
// signs its bytes, and every entry but the signature's own has an item. Folders count.
func (c *contents) entriesSigned(ctx context.Context, leaf *x509.Certificate, list []msgpack.Item) error {
	own := map[string]bool{signaturesName: true, signaturesSigName: true, c.certificateName(): true}
	covered := make(map[string]bool, len(list))
	for _, s := range list {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("verifying signatures: %w", context.Cause(ctx))
		}
		sum, ok := c.sums[s.Key]
		switch {
		case !ok:
			return refuse(CodeEntryMissing, clip(s.Key), "it is signed and not there")
		case own[s.Key]:
			return refuse(CodeSignatureInvalid, clip(s.Key), "it is part of the signature and cannot be signed itself")
		}
		// The key was checked by signedBy.
		if err := rsa.VerifyPKCS1v15(leaf.PublicKey.(*rsa.PublicKey), crypto.SHA512, sum.sha512[:], s.Value); err != nil {
			return refuse(CodeSignatureInvalid, s.Key, "its content is not what was signed")
		}
		covered[s.Key] = true
	}
	for _, e := range c.file.Entries() {
		if !covered[e.Name] && !own[e.Name] {
			return refuse(CodeEntryUnsigned, e.Name, "it is not signed")
		}
	}
	return nil
}

// Signer verifies the signature by the key of the certificate that comes with it, and judges
// nobody: it returns what that says of itself. The error is an *Error, or that of ctx.
func (c *Claim) Signer(ctx context.Context) (*x509.Certificate, error) {
	certificates, err := c.certificates()
	if err != nil {
		return nil, err
	}
	list, err := c.signedBy(certificates[0])
	if err != nil {
		return nil, err
	}
	return certificates[0], c.entriesSigned(ctx, certificates[0], list)
}

// clip makes a name that is none of an entry fit to stand in an error.
func clip(name string) string {
	q := quoted(name)
	return q[1 : len(q)-1]
}
