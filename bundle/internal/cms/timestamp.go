package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Timestamp is what a token proves: the holder of the key of Chain[0] saw the value at
// Time. Whether it may say so is for others to judge.
type Timestamp struct {
	Time  time.Time // UTC
	Chain []*x509.Certificate
}

// VerifyTimestamp verifies that token is an RFC 3161 TimeStampToken about value.
func VerifyTimestamp(token, value []byte) (*Timestamp, error) {
	stamp, _, err := verifyToken(token, value)
	return stamp, err
}

func verifyToken(token, value []byte) (*Timestamp, *tstInfo, error) {
	m, err := parse(token)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case m.version != 3:
		return nil, nil, fmt.Errorf("the message has version %d, not 3", m.version)
	case !m.contentType.Equal(oidTSTInfo) || m.content == nil:
		return nil, nil, fmt.Errorf("the message holds content of type %v, not the statement of a timestamp", m.contentType)
	case len(m.signer.unsigned) > 0:
		return nil, nil, errors.New("the signer has unsigned attributes")
	}
	chain, err := m.verify(m.content, true)
	if err != nil {
		return nil, nil, err
	}
	if err := m.checkSigningCertificate(chain[0]); err != nil {
		return nil, nil, err
	}
	info, err := parseTSTInfo(m.content)
	if err != nil {
		return nil, nil, err
	}
	h := info.hash.New()
	h.Write(value)
	if !bytes.Equal(info.imprint, h.Sum(nil)) {
		return nil, nil, errors.New("the timestamp is about another signature")
	}
	return &Timestamp{Time: info.time, Chain: chain}, info, nil
}

// tstInfo is TSTInfo (RFC 3161, 2.4.2).
type tstInfo struct {
	hash    crypto.Hash
	imprint []byte
	time    time.Time
	nonce   *big.Int // nil without
}

func parseTSTInfo(der []byte) (*tstInfo, error) {
	in := cryptobyte.String(der)
	var body, imprint cryptobyte.String
	var version int
	var policy asn1.ObjectIdentifier
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() || !body.ReadASN1Integer(&version) || version != 1 ||
		!body.ReadASN1ObjectIdentifier(&policy) || !body.ReadASN1(&imprint, casn1.SEQUENCE) {
		return nil, malformed("the statement of the timestamp")
	}
	info := &tstInfo{}
	var err error
	if info.hash, err = readHash(&imprint); err != nil {
		return nil, err
	}
	var serial big.Int
	if !imprint.ReadASN1Bytes(&info.imprint, casn1.OCTET_STRING) || !imprint.Empty() || !body.ReadASN1Integer(&serial) {
		return nil, malformed("the statement of the timestamp")
	}
	if info.time, err = readTime(&body); err != nil {
		return nil, err
	}
	if err := info.parseOptional(body); err != nil {
		return nil, err
	}
	return info, nil
}

// parseOptional reads accuracy, ordering, nonce, tsa and extensions.
func (t *tstInfo) parseOptional(body cryptobyte.String) error {
	var ignored cryptobyte.String
	var ordering, has bool
	if !body.SkipOptionalASN1(casn1.SEQUENCE) || !readFlag(&body, &ordering) {
		return malformed("the statement of the timestamp")
	}
	if body.PeekASN1Tag(casn1.INTEGER) {
		t.nonce = new(big.Int)
		if !body.ReadASN1Integer(t.nonce) {
			return malformed("the nonce of the timestamp")
		}
	}
	if !body.SkipOptionalASN1(explicit(0)) || !body.ReadOptionalASN1(&ignored, &has, explicit(1)) || !body.Empty() {
		return malformed("the statement of the timestamp")
	}
	return checkExtensions(ignored)
}

// checkExtensions refuses critical extensions, since none is known here.
func checkExtensions(in cryptobyte.String) error {
	for !in.Empty() {
		var item, value cryptobyte.String
		var kind asn1.ObjectIdentifier
		var critical bool
		if !in.ReadASN1(&item, casn1.SEQUENCE) || !item.ReadASN1ObjectIdentifier(&kind) ||
			!readFlag(&item, &critical) || !item.ReadASN1(&value, casn1.OCTET_STRING) || !item.Empty() {
			return malformed("an extension of the timestamp")
		}
		if critical {
			return fmt.Errorf("the timestamp has a critical extension %v, which is not known here", kind)
		}
	}
	return nil
}

// readFlag reads a BOOLEAN that may be left out. (That of cryptobyte wants a tag around
// it.)
func readFlag(in *cryptobyte.String, flag *bool) bool {
	return !in.PeekASN1Tag(casn1.BOOLEAN) || in.ReadASN1Boolean(flag)
}

// readTime reads a GeneralizedTime in UTC, with or without a fraction of a second.
// (The one of cryptobyte takes no fraction.)
func readTime(in *cryptobyte.String) (time.Time, error) {
	var text cryptobyte.String
	if !in.ReadASN1(&text, casn1.GeneralizedTime) {
		return time.Time{}, malformed("the time of the timestamp")
	}
	t, err := time.Parse("20060102150405Z", string(text)) // takes a fraction, too
	if err != nil || t.Format("20060102150405.999999999Z") != string(text) {
		return time.Time{}, malformed("the time of the timestamp")
	}
	return t.UTC(), nil
}

// checkSigningCertificate holds the token to the certificate that signed it: without
// this another certificate with the same key could be put in its place (RFC 5816).
func (m *message) checkSigningCertificate(signer *x509.Certificate) error {
	der, ok := find(m.signer.signed, oidSigningCertificate2)
	if !ok {
		if _, old := find(m.signer.signed, oidSigningCertificate); old {
			return fmt.Errorf("the attribute signing-certificate names its certificate by SHA-1, which is %w; version 2 of the attribute is needed", ErrWeak)
		}
		return errors.New("the attribute signing-certificate-v2 is missing")
	}
	in := cryptobyte.String(der)
	var body, list, first cryptobyte.String
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() || !body.ReadASN1(&list, casn1.SEQUENCE) ||
		!body.SkipOptionalASN1(casn1.SEQUENCE) || !body.Empty() || !list.ReadASN1(&first, casn1.SEQUENCE) {
		return malformed("the attribute signing-certificate-v2")
	}
	hash := crypto.SHA256 // the default, which may be left out
	if first.PeekASN1Tag(casn1.SEQUENCE) {
		var err error
		if hash, err = readHash(&first); err != nil {
			return err
		}
	}
	var sum []byte
	if !first.ReadASN1Bytes(&sum, casn1.OCTET_STRING) {
		return malformed("the attribute signing-certificate-v2")
	}
	h := hash.New()
	h.Write(signer.Raw)
	if !bytes.Equal(sum, h.Sum(nil)) {
		return errors.New("the attribute signing-certificate-v2 names another certificate")
	}
	if first.Empty() {
		return nil
	}
	return checkIssuerSerial(first, signer)
}

// checkIssuerSerial reads IssuerSerial (RFC 5035): GeneralNames with one directory
// name, and the serial number.
func checkIssuerSerial(in cryptobyte.String, signer *x509.Certificate) error {
	var body, names, name cryptobyte.String
	var serial big.Int
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() || !body.ReadASN1(&names, casn1.SEQUENCE) ||
		!names.ReadASN1(&name, explicit(4)) || !names.Empty() || !body.ReadASN1Integer(&serial) || !body.Empty() {
		return malformed("the issuer in the attribute signing-certificate-v2")
	}
	if !bytes.Equal(name, signer.RawIssuer) || serial.Cmp(signer.SerialNumber) != 0 {
		return errors.New("the attribute signing-certificate-v2 names another issuer or serial number")
	}
	return nil
}
