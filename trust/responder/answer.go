package responder

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // the hashes by which requests name an issuer; no signature uses it
	_ "crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust/authority"
)

const (
	// AnswerValidity is the usual time from an answer to its next update: how long hosts
	// may go without asking again.
	AnswerValidity = time.Hour
	// StapleValidity is that of answers that are put into a bundle.
	StapleValidity = 7 * 24 * time.Hour
	// delegateLife is that of the certificate of a delegate made with the CA's key.
	delegateLife = 24 * time.Hour
)

// Answer is an OCSP answer in DER. One with times may be kept until NextUpdate.
type Answer struct {
	DER                    []byte
	ThisUpdate, NextUpdate time.Time
}

// sign signs what the CA knows of a serial number: good, revoked, or unknown.
func sign(ca *authority.CA, by authority.Delegate, serial *big.Int, hash crypto.Hash, validity time.Duration) (Answer, error) {
	now := time.Now().UTC().Truncate(time.Second)
	// A minute back, for clocks that are behind ours.
	template := ocsp.Response{
		SerialNumber: serial, IssuerHash: hash, Certificate: by.Certificate, Status: ocsp.Unknown,
		ThisUpdate: now.Add(-time.Minute), NextUpdate: earlier(now.Add(validity), by.Certificate.NotAfter),
	}
	r, err := ca.Lookup(serial)
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
	der, err := ocsp.CreateResponse(ca.Certificate(), by.Certificate, template, by.Key)
	if err != nil {
		return Answer{}, fmt.Errorf("signing an answer of %s: %w", ca.Name(), err)
	}
	answer := Answer{DER: der}
	if template.Status != ocsp.Unknown { // what is unknown may be known in a moment
		answer.ThisUpdate, answer.NextUpdate = template.ThisUpdate, template.NextUpdate
	}
	return answer, nil
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
// CodePassphrase of either CA that has no delegate in advance.
func Staple(a *authority.Authority, org *authority.Organization, serial string, validity time.Duration) ([][]byte, error) {
	if validity == 0 {
		validity = StapleValidity
	}
	leaf, err := org.Record(serial)
	if err != nil {
		return nil, err
	}
	organization, err := a.Root().Record(authority.SerialText(org.Certificate().SerialNumber))
	if err != nil {
		return nil, err
	}
	var answers [][]byte
	for _, s := range []struct {
		ca *authority.CA
		r  authority.Record
	}{{org.CA, leaf}, {a.Root(), organization}} {
		if s.r.Revoked != nil {
			return nil, refuse(authority.CodeRevoked, "certificate %s of %s is revoked: no bundle should say so of itself", s.r.Serial(), s.r.Name())
		}
		by, err := s.ca.Delegate(validity + time.Hour)
		if err != nil {
			return nil, err
		}
		answer, err := sign(s.ca, by, s.r.Certificate.SerialNumber, crypto.SHA256, validity)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer.DER)
	}
	return answers, nil
}

// issuer reports whether a request is about certificates of ca: it holds the hashes of
// its name and of the bits of its key, RFC 6960, 4.1.1.
func issuer(ca *authority.CA, req *ocsp.Request) bool {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	cert := ca.Certificate()
	_, err := asn1.Unmarshal(cert.RawSubjectPublicKeyInfo, &info)
	return err == nil && bytes.Equal(req.IssuerNameHash, digest(req.HashAlgorithm, cert.RawSubject)) &&
		bytes.Equal(req.IssuerKeyHash, digest(req.HashAlgorithm, info.Key.RightAlign()))
}

func digest(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}

func refuse(code authority.Code, format string, args ...any) error {
	return &authority.Error{Code: code, Err: fmt.Errorf(format, args...)}
}
