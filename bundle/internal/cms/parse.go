package cms

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func malformed(what string) error { return fmt.Errorf("%s is malformed, or not DER", what) }

// explicit returns the context-specific constructed tag of that number.
func explicit(n uint8) casn1.Tag { return casn1.Tag(n).Constructed().ContextSpecific() }

// parse reads a ContentInfo with a SignedData (RFC 5652, 3 and 5.1). Elements that it
// does not know, and bytes behind the last one, are errors.
func parse(der []byte) (*message, error) {
	if len(der) > maxMessage {
		return nil, fmt.Errorf("the message has %d bytes, more than the %d allowed", len(der), maxMessage)
	}
	var info, wrapped, data cryptobyte.String
	var kind asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if !in.ReadASN1(&info, casn1.SEQUENCE) || !in.Empty() || !info.ReadASN1ObjectIdentifier(&kind) ||
		!info.ReadASN1(&wrapped, explicit(0)) || !info.Empty() ||
		!wrapped.ReadASN1(&data, casn1.SEQUENCE) || !wrapped.Empty() {
		return nil, malformed("the message")
	}
	if !kind.Equal(oidSignedData) {
		return nil, fmt.Errorf("the message is of type %v, not signed data", kind)
	}
	return parseSignedData(data)
}

func parseSignedData(data cryptobyte.String) (*message, error) {
	m := &message{}
	var digests, content, signers, signer cryptobyte.String
	if !data.ReadASN1Integer(&m.version) || !data.ReadASN1(&digests, casn1.SET) || !data.ReadASN1(&content, casn1.SEQUENCE) {
		return nil, malformed("the message")
	}
	if err := m.parseContent(content); err != nil {
		return nil, err
	}
	var certificates cryptobyte.String
	var has bool
	if !data.ReadOptionalASN1(&certificates, &has, explicit(0)) {
		return nil, malformed("the message")
	}
	if err := m.parseCertificates(certificates); err != nil {
		return nil, err
	}
	if data.PeekASN1Tag(explicit(1)) {
		return nil, errors.New("the message holds revocation lists; they belong into the answers that are stapled")
	}
	if !data.ReadASN1(&signers, casn1.SET) || !data.Empty() {
		return nil, malformed("the message")
	}
	if !signers.ReadASN1(&signer, casn1.SEQUENCE) || !signers.Empty() {
		return nil, errors.New("the message does not have exactly one signer")
	}
	if err := m.signer.parse(signer); err != nil {
		return nil, err
	}
	digest, err := readHash(&digests)
	if err != nil {
		return nil, err
	}
	if !digests.Empty() || digest != m.signer.digest {
		return nil, errors.New("the message names other digests than its signer")
	}
	return m, nil
}

// parseContent reads EncapsulatedContentInfo.
func (m *message) parseContent(in cryptobyte.String) error {
	var wrapped cryptobyte.String
	var has bool
	if !in.ReadASN1ObjectIdentifier(&m.contentType) || !in.ReadOptionalASN1(&wrapped, &has, explicit(0)) || !in.Empty() {
		return malformed("the content")
	}
	if has && (!wrapped.ReadASN1Bytes(&m.content, casn1.OCTET_STRING) || !wrapped.Empty()) {
		return malformed("the content")
	}
	return nil
}

// parseCertificates reads CertificateSet, plain certificates only.
func (m *message) parseCertificates(in cryptobyte.String) error {
	for !in.Empty() {
		var der cryptobyte.String
		if !in.ReadASN1Element(&der, casn1.SEQUENCE) {
			return malformed("the list of certificates")
		}
		if len(m.certificates) == maxCertificates || len(der) > maxCertificate {
			return fmt.Errorf("there are more than %d certificates, or one has more than %d bytes", maxCertificates, maxCertificate)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("reading a certificate: %w", err)
		}
		if err := checkSize(c); err != nil {
			return err
		}
		for _, other := range m.certificates {
			if bytes.Equal(other.Raw, c.Raw) {
				return fmt.Errorf("the certificate of %q stands there twice", c.Subject)
			}
		}
		m.certificates = append(m.certificates, c)
	}
	return nil
}

// parse reads SignerInfo (RFC 5652, 5.3), version 1: the signer by issuer and serial
// number.
func (s *signerInfo) parse(in cryptobyte.String) error {
	var version int
	var sid, issuer cryptobyte.String
	if !in.ReadASN1Integer(&version) {
		return malformed("the signer")
	}
	s.serial = new(big.Int)
	if version != 1 || !in.ReadASN1(&sid, casn1.SEQUENCE) {
		return fmt.Errorf("the signer has version %d, or is not named by issuer and serial number", version)
	}
	if !sid.ReadASN1Element(&issuer, casn1.SEQUENCE) || !sid.ReadASN1Integer(s.serial) || !sid.Empty() {
		return malformed("the name of the signer")
	}
	s.issuer = issuer
	var err error
	if s.digest, err = readHash(&in); err != nil {
		return err
	}
	if in.PeekASN1Tag(explicit(0)) {
		var raw, set cryptobyte.String
		if !in.ReadASN1Element(&raw, explicit(0)) {
			return malformed("the list of attributes")
		}
		// What is signed is the encoding as a SET (RFC 5652, 5.4).
		s.signedRaw = bytes.Clone(raw)
		s.signedRaw[0] = byte(casn1.SET)
		whole := cryptobyte.String(s.signedRaw)
		if !whole.ReadASN1(&set, casn1.SET) {
			return malformed("the list of attributes")
		}
		if s.signed, err = parseAttributes(set); err != nil {
			return err
		}
	}
	if s.algorithm, err = readSignatureAlgorithm(&in, s.digest); err != nil {
		return err
	}
	var unsigned cryptobyte.String
	var has bool
	if !in.ReadASN1Bytes(&s.signature, casn1.OCTET_STRING) || !in.ReadOptionalASN1(&unsigned, &has, explicit(1)) || !in.Empty() {
		return malformed("the signer")
	}
	if has {
		s.unsigned, err = parseAttributes(unsigned)
	}
	return err
}

// parseAttributes reads one or more attributes, each of a type of its own and with one
// value.
func parseAttributes(in cryptobyte.String) ([]attr, error) {
	var list []attr
	for more := true; more; more = !in.Empty() {
		var item, values, value cryptobyte.String
		var a attr
		var tag casn1.Tag
		if len(list) == maxAttributes {
			return nil, fmt.Errorf("there are more than %d attributes", maxAttributes)
		}
		if !in.ReadASN1(&item, casn1.SEQUENCE) || !item.ReadASN1ObjectIdentifier(&a.kind) || !item.ReadASN1(&values, casn1.SET) || !item.Empty() ||
			!values.ReadAnyASN1Element(&value, &tag) || !values.Empty() {
			return nil, malformed("an attribute")
		}
		if _, twice := find(list, a.kind); twice {
			return nil, fmt.Errorf("the attribute %v stands there twice", a.kind)
		}
		a.value = value
		list = append(list, a)
	}
	return list, nil
}
