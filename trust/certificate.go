package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// oidNoCheck is id-pkix-ocsp-nocheck, RFC 6960, 4.2.2.2.1.
func oidNoCheck() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
}

// extension returns one extension of a certificate; there are never two of a kind.
func extension(cert *x509.Certificate, oid ...int) (value []byte, critical, ok bool) {
	for _, e := range cert.Extensions {
		if e.Id.Equal(oid) {
			return e.Value, e.Critical, true
		}
	}
	return nil, false, false
}

// nameOf returns the one name of a certificate of an organization or an extension.
func nameOf(cert *x509.Certificate) (Name, error) {
	uri, err := uriOf(cert, scheme)
	if err != nil {
		return Name{}, err
	}
	return ParseName(uri)
}

// uriOf returns the one name of a certificate, which is to be a URI of scheme. Names are
// compared as they stand there, byte for byte, not as url.Parse understands them; any other
// name beside it is refused.
func uriOf(cert *x509.Certificate, scheme string) (string, error) {
	value, _, ok := extension(cert, 2, 5, 29, 17) // subjectAltName, RFC 5280, 4.2.1.6
	if !ok {
		return "", fmt.Errorf("it has no alternative name; exactly one URI %s://… is required", scheme)
	}
	input := cryptobyte.String(value)
	var names, name cryptobyte.String
	var tag der.Tag
	if !input.ReadASN1(&names, der.SEQUENCE) || !input.Empty() || !names.ReadAnyASN1(&name, &tag) {
		return "", errors.New("its alternative names cannot be read")
	}
	if tag != der.Tag(6).ContextSpecific() || !names.Empty() {
		return "", fmt.Errorf("it has other alternative names than exactly one URI %s://…", scheme)
	}
	return string(name), nil
}

// checkForm checks what all certificates have in common.
func checkForm(cert *x509.Certificate) error {
	switch {
	case cert.Version != 3:
		return fmt.Errorf("it is an X.509 certificate of version %d; 3 is required", cert.Version)
	case cert.SerialNumber.Sign() <= 0:
		return errors.New("its serial number is not positive, so that it could not be revoked")
	case len(cert.SerialNumber.Bytes()) > 20:
		return errors.New("its serial number is longer than 20 bytes")
	case len(cert.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("it has the unknown critical extension %s", cert.UnhandledCriticalExtensions[0])
	}
	return nil
}

// checkOrganization checks the certificate of an organization and returns its name.
func checkOrganization(cert *x509.Certificate) (Name, error) {
	if err := checkForm(cert); err != nil {
		return Name{}, err
	}
	const may = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	switch {
	case !cert.BasicConstraintsValid || !cert.IsCA:
		return Name{}, errors.New("it is not an authority (CA), so it may not issue certificates")
	case cert.MaxPathLen != 0:
		return Name{}, errors.New("its path length is not 0, so it could make other organizations")
	case cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return Name{}, errors.New("its key is not for signing certificates (keyCertSign)")
	case cert.KeyUsage&^may != 0:
		return Name{}, errors.New("its key is for more than signing certificates, CRLs and OCSP answers")
	case len(cert.ExtKeyUsage) > 0 || len(cert.UnknownExtKeyUsage) > 0:
		return Name{}, errors.New("it has an extended key usage; an organization has none")
	}
	name, err := nameOf(cert)
	if err != nil {
		return Name{}, err
	}
	if name.ID != "" {
		return Name{}, fmt.Errorf("its name %s is that of an extension; an organization is %s", name, Name{Host: name.Host})
	}
	return name, checkConstraints(cert, name.Host)
}

// checkConstraints checks that an organization is held to URIs of its host, and by nothing
// else, which other verifiers may understand otherwise.
func checkConstraints(cert *x509.Certificate, host string) error {
	if !slices.Equal(cert.PermittedURIDomains, []string{host}) {
		return fmt.Errorf("its name constraints permit %q instead of URIs of %s alone", cert.PermittedURIDomains, host)
	}
	if !cert.PermittedDNSDomainsCritical {
		return errors.New("its name constraints are not critical")
	}
	others := len(cert.PermittedDNSDomains) + len(cert.ExcludedDNSDomains) + len(cert.PermittedIPRanges) +
		len(cert.ExcludedIPRanges) + len(cert.PermittedEmailAddresses) + len(cert.ExcludedEmailAddresses) + len(cert.ExcludedURIDomains)
	if others > 0 {
		return errors.New("its name constraints are about more than the URIs that it may name")
	}
	return nil
}

// checkExtension checks the certificate of an extension and returns its name.
func checkExtension(cert *x509.Certificate) (Name, error) {
	if err := checkForm(cert); err != nil {
		return Name{}, err
	}
	switch {
	case cert.IsCA:
		return Name{}, errors.New("it is an authority (CA); an extension is none")
	case cert.KeyUsage != x509.KeyUsageDigitalSignature:
		return Name{}, errors.New("its key usage is not exactly digitalSignature")
	case !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}) || len(cert.UnknownExtKeyUsage) > 0:
		return Name{}, errors.New("its extended key usage is not exactly codeSigning")
	}
	name, err := nameOf(cert)
	if err == nil && name.ID == "" {
		err = fmt.Errorf("its name %s is that of an organization", name)
	}
	return name, err
}

// checkStamper checks the certificate of who signed a timestamp: RFC 3161, 2.3.
func checkStamper(cert *x509.Certificate) error {
	if err := checkForm(cert); err != nil {
		return err
	}
	_, critical, _ := extension(cert, 2, 5, 29, 37) // extKeyUsage, RFC 5280, 4.2.1.12
	switch {
	case cert.IsCA:
		return errors.New("it is an authority (CA)")
	case !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) || len(cert.UnknownExtKeyUsage) > 0:
		return errors.New("its extended key usage is not exactly timeStamping")
	case !critical:
		return errors.New("its extended key usage is not critical")
	}
	return nil
}

// issued reports whether issuer has signed cert. It says nothing of whether it may.
func issued(issuer, cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, issuer.RawSubject) &&
		issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

func selfIssued(cert *x509.Certificate) bool { return bytes.Equal(cert.RawIssuer, cert.RawSubject) }

// sameAuthority reports whether two certificates are of the same name and key: a root and
// its renewal.
func sameAuthority(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) && bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

func validAt(cert *x509.Certificate, at time.Time) bool {
	return !at.Before(cert.NotBefore) && !at.After(cert.NotAfter)
}

// display returns how a certificate calls itself.
func display(cert *x509.Certificate) string {
	if cert.Subject.CommonName != "" {
		return cert.Subject.CommonName
	}
	return cert.Subject.String()
}

// organizationOf returns how an organization calls itself.
func organizationOf(cert *x509.Certificate) string {
	if len(cert.Subject.Organization) > 0 && cert.Subject.Organization[0] != "" {
		return cert.Subject.Organization[0]
	}
	return display(cert)
}

// issuerOf returns how a certificate calls its issuer.
func issuerOf(cert *x509.Certificate) string {
	if cert.Issuer.CommonName != "" {
		return cert.Issuer.CommonName
	}
	return cert.Issuer.String()
}

// stamp writes a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
