package authority

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // the hashes by which requests name an issuer; no signature uses it
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/internal/keyfile"
)

const (
	// AnswerValidity is the usual time from an answer to its next update: how long hosts
	// may go without asking again.
	AnswerValidity = time.Hour
	// StapleValidity is that of answers that are put into a bundle.
	StapleValidity = 7 * day
	// DelegateValidity is the usual life of a responder's certificate that is made in
	// advance, for a CA whose key is away.
	DelegateValidity = 30 * day
	// responderLife is that of the certificate of a responder that has the CA's key.
	responderLife = day
)

// delegate is an OCSP responder's certificate and key.
type delegate struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Delegate makes a certificate and a key for an OCSP responder in advance, so that
// answers can be signed while the key of the CA is away. They lie in responder.pem,
// without a passphrase: for as long as the certificate lives, whoever reads the file can
// sign answers for this CA, and nothing else. 0 is DelegateValidity.
func (c *CA) Delegate(validity time.Duration) (*x509.Certificate, error) {
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
	return cert, writeFile(filepath.Join(c.dir, delegateFile), append(encodePEM(cert), text...))
}

// delegate returns a responder that lives at least as long as an answer is to be valid:
// made with the key of the CA, or else the one that was made in advance, which may live
// shorter.
func (c *CA) delegate(life time.Duration) (delegate, error) {
	cert, key, err := c.certifyResponder(life)
	if err == nil {
		return delegate{cert, key}, nil
	}
	if d, advance := c.storedDelegate(); advance == nil {
		return d, nil
	} else if !errors.Is(advance, fs.ErrNotExist) {
		return delegate{}, errors.Join(err, advance)
	}
	return delegate{}, err
}

func (c *CA) storedDelegate() (delegate, error) {
	file := filepath.Join(c.dir, delegateFile)
	text, err := readFile(file)
	if err != nil {
		return delegate{}, err
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return delegate{}, refuse(CodeDamaged, "%s does not begin with a certificate", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return delegate{}, refuse(CodeDamaged, "reading %s: %w", file, err)
	}
	key, err := keyfile.Decode(rest, nil)
	if err != nil {
		return delegate{}, refuse(CodeDamaged, "reading %s: %w", file, err)
	}
	if cert.CheckSignatureFrom(c.cert) != nil || !keyfile.SamePublic(key.Public(), cert.PublicKey) {
		return delegate{}, refuse(CodeDamaged, "%s is no responder of %s", file, c.name)
	}
	if now := time.Now(); now.After(cert.NotAfter) {
		return delegate{}, refuse(CodeExpired, "the responder in %s expired on %s", file, cert.NotAfter.Format(time.RFC3339))
	}
	return delegate{cert, key}, nil
}

// Answer is an OCSP answer in DER. One with times may be kept until NextUpdate.
type Answer struct {
	DER                    []byte
	ThisUpdate, NextUpdate time.Time
}

// answer signs what the CA knows of a serial number: good, revoked, or unknown.
func (c *CA) answer(d delegate, serial *big.Int, hash crypto.Hash, validity time.Duration) (Answer, error) {
	now := time.Now().UTC().Truncate(time.Second)
	// A minute back, for clocks that are behind ours.
	template := ocsp.Response{
		SerialNumber: serial, IssuerHash: hash, Certificate: d.cert, Status: ocsp.Unknown,
		ThisUpdate: now.Add(-time.Minute), NextUpdate: earlier(now.Add(validity), d.cert.NotAfter),
	}
	r, err := c.lookUp(serial)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case r.Certificate == nil:
	case r.Revoked != nil:
		template.Status, template.RevokedAt, template.RevocationReason = ocsp.Revoked, r.Revoked.Time, int(r.Revoked.Reason)
	default:
		template.Status = ocsp.Good
	}
	der, err := ocsp.CreateResponse(c.cert, d.cert, template, d.key)
	if err != nil {
		return Answer{}, fmt.Errorf("signing an answer of %s: %w", c.name, err)
	}
	answer := Answer{DER: der}
	if template.Status != ocsp.Unknown { // what is unknown may be known in a moment
		answer.ThisUpdate, answer.NextUpdate = template.ThisUpdate, template.NextUpdate
	}
	return answer, nil
}

// lookUp returns the record of a serial, the zero Record for one that is unknown.
func (c *CA) lookUp(serial *big.Int) (Record, error) {
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

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Staple returns the OCSP answers for a certificate of an extension, by its serial, and
// for that of the organization, in this order: what goes into a bundle beside its
// signature. 0 is StapleValidity. Codes: CodeNotFound, CodeRevoked, CodeNoKey and
// CodePassphrase of either CA that has no responder in advance.
func (o *Organization) Staple(serial string, validity time.Duration) ([][]byte, error) {
	if validity == 0 {
		validity = StapleValidity
	}
	leaf, err := o.Record(serial)
	if err != nil {
		return nil, err
	}
	organization, err := o.a.root.Record(SerialText(o.cert.SerialNumber))
	if err != nil {
		return nil, err
	}
	var answers [][]byte
	for _, s := range []struct {
		ca *CA
		r  Record
	}{{o.CA, leaf}, {o.a.root, organization}} {
		if s.r.Revoked != nil {
			return nil, refuse(CodeRevoked, "certificate %s of %s is revoked: no bundle should say so of itself", s.r.Serial(), s.r.Name())
		}
		d, err := s.ca.delegate(validity + time.Hour)
		if err != nil {
			return nil, err
		}
		a, err := s.ca.answer(d, s.r.Certificate.SerialNumber, crypto.SHA256, validity)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a.DER)
	}
	return answers, nil
}

// names reports whether a request means certificates of this CA.
func (c *CA) names(req *ocsp.Request) bool {
	bits, err := keyBits(c.cert.RawSubjectPublicKeyInfo)
	return err == nil && bytes.Equal(req.IssuerNameHash, digest(req.HashAlgorithm, c.cert.RawSubject)) &&
		bytes.Equal(req.IssuerKeyHash, digest(req.HashAlgorithm, bits))
}

func digest(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}
