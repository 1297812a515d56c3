package revocation

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // names issuers in answers; nothing is signed with it
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// MaxOCSP bounds an OCSP answer in bytes. Usual ones have under 3 KiB.
const MaxOCSP = 16 << 10

// The bounds of time. A clock may be behind that of the issuer by clockSkew; an answer
// that does not say until when it is good is good for noNextUpdate.
const (
	clockSkew    = 5 * time.Minute
	noNextUpdate = 24 * time.Hour
)

// errOther is the error of an answer that is about another certificate.
var errOther = errors.New("the answer is about another certificate")

// VerifyOCSP reads an OCSP answer in DER (RFC 6960) about cert and returns what it says at
// the time now, for example before it is stapled. The error says why it does not count:
// it is about another certificate, not signed by the issuer or a responder of its, or
// not fresh.
func VerifyOCSP(der []byte, cert, issuer *x509.Certificate, now time.Time) (Answer, error) {
	e, err := verifyOCSP(der, &question{cert: cert, issuer: issuer}, now)
	if err != nil {
		return Answer{}, err
	}
	if err := e.fresh(now); err != nil {
		return Answer{}, err
	}
	return e.answer(), nil
}

// verifyOCSP checks that an answer is about the certificate of q and that it is authentic,
// the responder being valid at the time at. Whether it is fresh is another question.
func verifyOCSP(der []byte, q *question, at time.Time) (*evidence, error) {
	if len(der) > MaxOCSP {
		return nil, fmt.Errorf("the answer has %d bytes; %d are accepted", len(der), MaxOCSP)
	}
	// The library looks for nothing but the serial number, and trusts any certificate of the
	// issuer to answer: it is asked to parse, and all that decides is checked below.
	answer, err := ocsp.ParseResponseForCert(der, q.cert, nil)
	if err != nil {
		var refused ocsp.ResponseError
		if errors.As(err, &refused) {
			return nil, fmt.Errorf("the responder refuses to answer: %s", refused.Status)
		}
		if err == ocsp.ParseError("no response matching the supplied certificate") {
			return nil, errOther
		}
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if err := algorithm.CheckSignature(answer.SignatureAlgorithm); err != nil {
		return nil, fmt.Errorf("the answer does not count: %w", err)
	}
	if err := checkSubject(answer.TBSResponseData, q); err != nil {
		return nil, err
	}
	if err := checkResponder(answer, q.issuer, at); err != nil {
		return nil, err
	}
	e := &evidence{
		kind: kindOCSP, der: der, producedAt: answer.ProducedAt,
		thisUpdate: answer.ThisUpdate, nextUpdate: answer.NextUpdate,
	}
	if e.nextUpdate.IsZero() {
		e.nextUpdate = e.thisUpdate.Add(noNextUpdate)
	}
	switch answer.Status {
	case ocsp.Good:
		e.status = Good
	case ocsp.Unknown:
		e.status = Disowned
	default:
		e.status, e.revokedAt, e.reason = Revoked, answer.RevokedAt, Reason(answer.RevocationReason)
	}
	return e, nil
}

// checkResponder checks who signed an answer: the issuer itself, with whatever certificate
// of its name and key, or a certificate that this very issuer made for that purpose. A signature by any other certificate of the
// issuer is worth nothing: each extension has one.
func checkResponder(answer *ocsp.Response, issuer *x509.Certificate, at time.Time) error {
	signer := answer.Certificate
	if signer == nil || bytes.Equal(signer.RawSubject, issuer.RawSubject) && bytes.Equal(signer.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) {
		if err := answer.CheckSignatureFrom(issuer); err != nil {
			return errors.New("the answer is not signed by the issuer of the certificate")
		}
		return nil
	}
	// The signature of signer on the answer was checked when the answer was parsed.
	switch {
	case signer.Version != 3 || signer.IsCA:
		return errors.New("the responder's certificate is that of an authority, or of version 1")
	case !bytes.Equal(signer.RawIssuer, issuer.RawSubject):
		return errors.New("the responder's certificate is by another issuer")
	case !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return errors.New("the responder's certificate is not for signing OCSP answers")
	case signer.KeyUsage != 0 && signer.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return errors.New("the responder's certificate is not for signatures")
	case len(signer.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("the responder's certificate has the unknown critical extension %s", signer.UnhandledCriticalExtensions[0])
	case at.Before(signer.NotBefore) || at.After(signer.NotAfter):
		return fmt.Errorf("the responder's certificate was valid from %s to %s only", stamp(signer.NotBefore), stamp(signer.NotAfter))
	}
	if err := algorithm.CheckCertificate(signer); err != nil {
		return fmt.Errorf("the responder's certificate does not count: %w", err)
	}
	if err := signer.CheckSignatureFrom(issuer); err != nil {
		return errors.New("the responder's certificate is not signed by the issuer")
	}
	return nil
}

// responseData is ResponseData of RFC 6960, 4.2.1, as far as it is needed to see about
// which certificates an answer is.
type responseData struct {
	Raw         asn1.RawContent
	Version     int `asn1:"optional,default:0,explicit,tag:0"`
	ResponderID asn1.RawValue
	ProducedAt  time.Time `asn1:"generalized"`
	Responses   []asn1.RawValue
	Extensions  []pkix.Extension `asn1:"explicit,tag:1,optional"`
}

// checkSubject checks that exactly one of the statuses in an answer is about the
// certificate of q, by serial number and by both hashes of its issuer. The library takes
// the first with the same serial number: another one beside it would make the answer
// ambiguous.
func checkSubject(tbs []byte, q *question) error {
	var data responseData
	if rest, err := asn1.Unmarshal(tbs, &data); err != nil || len(rest) > 0 {
		return errors.New("the answer cannot be read: its data are malformed")
	}
	for _, extension := range data.Extensions {
		if extension.Critical {
			return fmt.Errorf("the answer has the unknown critical extension %s", extension.Id)
		}
	}
	serial, err := asn1.Marshal(q.cert.SerialNumber)
	if err != nil {
		return fmt.Errorf("the certificate's serial number: %w", err)
	}
	found := 0
	for _, single := range data.Responses {
		var id struct { // CertID of RFC 6960, 4.1.1
			Hash              pkix.AlgorithmIdentifier
			NameHash, KeyHash []byte
			Serial            asn1.RawValue
		}
		if _, err := asn1.Unmarshal(single.Bytes, &id); err != nil {
			return errors.New("the answer cannot be read: it does not say about which certificate it is")
		}
		if !bytes.Equal(id.Serial.FullBytes, serial) {
			continue
		}
		found++
		if !namesIssuer(q.issuer, id.Hash.Algorithm, id.NameHash, id.KeyHash) {
			return errOther
		}
	}
	if found != 1 {
		return fmt.Errorf("the answer has %d statuses of the certificate instead of one", found)
	}
	return nil
}

// namesIssuer reports whether the two hashes of a CertID are those of issuer.
func namesIssuer(issuer *x509.Certificate, oid asn1.ObjectIdentifier, nameHash, keyHash []byte) bool {
	var hash crypto.Hash
	switch oid.String() {
	case "1.3.14.3.2.26":
		hash = crypto.SHA1
	case "2.16.840.1.101.3.4.2.1":
		hash = crypto.SHA256
	case "2.16.840.1.101.3.4.2.2":
		hash = crypto.SHA384
	case "2.16.840.1.101.3.4.2.3":
		hash = crypto.SHA512
	default:
		return false
	}
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &key); err != nil {
		return false
	}
	sum := func(data []byte) []byte {
		h := hash.New()
		h.Write(data)
		return h.Sum(nil)
	}
	return bytes.Equal(nameHash, sum(issuer.RawSubject)) && bytes.Equal(keyHash, sum(key.Bits.RightAlign()))
}

// thisUpdate returns the time that an answer about the certificate of q gives itself,
// whoever has signed it.
func thisUpdate(der []byte, q *question) (time.Time, error) {
	answer, err := ocsp.ParseResponseForCert(der, q.cert, nil)
	if err != nil {
		return time.Time{}, err
	}
	return answer.ThisUpdate, nil
}
