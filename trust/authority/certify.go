package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// What makes a certificate a root, an organization's and so on is the profile of package
// trust; here it gets a subject, a key, times and addresses.

const (
	day                   = 24 * time.Hour
	rootValidity          = 20 * 365 * day
	organizationValidity  = 5 * 365 * day
	extensionValidity     = 365 * day
	storeValidity         = 365 * day
	maxValidity           = 50 * 365 * day
	minValidity           = time.Minute
	backdated             = 5 * time.Minute // for clocks that are behind ours
	maxName               = 64              // ub-common-name and ub-organization-name of RFC 5280, appendix A.1
	responderOrganization = "OCSP responder"
)

// Paths under the URL of an authority, as they stand in certificates: that of OCSP, and
// the folder of the lists, <name>.crl for each CA.
const (
	OCSPPath  = "/ocsp"
	CRLFolder = "/crl/"
)

func rootCertificate(o Options, key crypto.Signer) (*x509.Certificate, error) {
	template := trust.RootTemplate()
	subject, err := subjectOf(o.Name, o.Name)
	if err != nil {
		return nil, err
	}
	template.Subject = subject
	if err := limit(template, nil, o.Validity, rootValidity); err != nil {
		return nil, err
	}
	if template.SubjectKeyId, err = keyID(key.Public()); err != nil {
		return nil, err
	}
	return sign(template, template, key.Public(), key)
}

func (c *CA) certifyOrganization(host string, o Options, pub crypto.PublicKey, caKey crypto.Signer) (*x509.Certificate, error) {
	template, err := trust.OrganizationTemplate(host)
	if err != nil {
		return nil, refuse(CodeInvalid, "%w", err)
	}
	if template.Subject, err = subjectOf(o.Name, o.Name); err != nil {
		return nil, err
	}
	return c.certify(template, o.Validity, organizationValidity, pub, caKey)
}

func (c *CA) certifyExtension(id string, validity time.Duration, pub crypto.PublicKey, caKey crypto.Signer) (*x509.Certificate, error) {
	template, err := trust.ExtensionTemplate(c.name, id)
	if err != nil {
		return nil, refuse(CodeInvalid, "%w", err)
	}
	template.Subject = c.subjectFor(id)
	return c.certify(template, validity, extensionValidity, pub, caKey)
}

func (c *CA) certifyStore(host string, validity time.Duration, pub crypto.PublicKey, caKey crypto.Signer) (*x509.Certificate, error) {
	template, err := trust.StoreTemplate(host)
	if err != nil {
		return nil, refuse(CodeInvalid, "%w", err)
	}
	template.Subject = c.subjectFor(host)
	return c.certify(template, validity, storeValidity, pub, caKey)
}

// subjectFor returns the subject of what is identified by its URI: for people, who can bear
// an ellipsis.
func (c *CA) subjectFor(name string) pkix.Name {
	if len(name) > maxName {
		name = name[:maxName-3] + "..."
	}
	return pkix.Name{CommonName: name, Organization: c.cert.Subject.Organization}
}

// certify is what organizations, extensions and stores have in common.
func (c *CA) certify(template *x509.Certificate, validity, usual time.Duration, pub crypto.PublicKey, caKey crypto.Signer) (*x509.Certificate, error) {
	if err := algorithm.CheckKey(pub); err != nil {
		return nil, refuse(CodeWeak, "the key can not be certified: %w", err)
	}
	if err := limit(template, c.cert, validity, usual); err != nil {
		return nil, err
	}
	var err error
	if template.SubjectKeyId, err = keyID(pub); err != nil {
		return nil, err
	}
	if c.a.url != "" {
		template.OCSPServer = []string{c.a.url + OCSPPath}
		template.CRLDistributionPoints = []string{c.a.url + CRLFolder + c.name + ".crl"}
	}
	return sign(template, c.cert, pub, caKey)
}

// certifyResponder makes the certificate of an OCSP responder, and its key. It is
// recorded, too.
func (c *CA) certifyResponder(validity time.Duration) (*x509.Certificate, crypto.Signer, error) {
	caKey, err := c.signer()
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making the key of a responder: %w", err)
	}
	template := trust.ResponderTemplate()
	template.Subject = pkix.Name{CommonName: responderOrganization, Organization: c.cert.Subject.Organization}
	if err := limit(template, c.cert, validity, validity); err != nil {
		return nil, nil, err
	}
	if template.SubjectKeyId, err = keyID(key.Public()); err != nil {
		return nil, nil, err
	}
	cert, err := sign(template, c.cert, key.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	return cert, key, c.recordResponder(cert)
}

// sign makes the certificate and reads it back.
func sign(template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	template.SignatureAlgorithm = signatureFor(key.Public())
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func signatureFor(pub crypto.PublicKey) x509.SignatureAlgorithm {
	if k, ok := pub.(*ecdsa.PublicKey); ok {
		if k.Curve == elliptic.P384() {
			return x509.ECDSAWithSHA384
		}
		return x509.ECDSAWithSHA256
	}
	return x509.SHA256WithRSA
}

// limit sets the times. No certificate outlives its issuer: one that should gets the
// issuer's last moment.
func limit(template, issuer *x509.Certificate, validity, usual time.Duration) error {
	if validity == 0 {
		validity = usual
	}
	if validity < minValidity || validity > maxValidity {
		return refuse(CodeInvalid, "a certificate is valid for a minute at least and fifty years at most, not for %s", validity)
	}
	now := time.Now().UTC()
	template.NotBefore, template.NotAfter = now.Add(-backdated), now.Add(validity)
	if issuer == nil {
		return nil
	}
	if now.Before(issuer.NotBefore) || now.After(issuer.NotAfter) {
		return refuse(CodeExpired, "the certificate of %s, which should sign, is valid from %s to %s only", issuer.Subject.CommonName,
			issuer.NotBefore.Format(time.RFC3339), issuer.NotAfter.Format(time.RFC3339))
	}
	if template.NotAfter.After(issuer.NotAfter) {
		template.NotAfter = issuer.NotAfter
	}
	if template.NotBefore.Before(issuer.NotBefore) {
		template.NotBefore = issuer.NotBefore
	}
	return nil
}

// keyID is method 1 of RFC 7093, section 2: the first 160 bits of the SHA-256 of the key.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	bits, err := keyBits(spki)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(bits)
	return sum[:20], nil
}

// keyBits is the bit string of a SubjectPublicKeyInfo: what key identifiers are the hash
// of, RFC 5280, 4.1.
func keyBits(spki []byte) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(spki, &info); err != nil || len(rest) > 0 {
		return nil, errors.New("the public key can not be read")
	}
	return info.Key.RightAlign(), nil
}

func subjectOf(commonName, organization string) (pkix.Name, error) {
	switch {
	case commonName == "":
		return pkix.Name{}, refuse(CodeInvalid, "a name for people is missing, as \"Acme Inc.\"")
	case !utf8.ValidString(commonName) || utf8.RuneCountInString(commonName) > maxName || strings.TrimSpace(commonName) != commonName:
		return pkix.Name{}, refuse(CodeInvalid, "the name %q is not 1 to %d characters of UTF-8 without spaces around them", commonName, maxName)
	case strings.ContainsFunc(commonName, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return pkix.Name{}, refuse(CodeInvalid, "the name %q has characters that can not be seen", commonName)
	}
	return pkix.Name{CommonName: commonName, Organization: []string{organization}}, nil
}

func checkHost(host string) error {
	if err := (trust.Name{Host: host}).Check(); err != nil {
		return refuse(CodeInvalid, "%w", err)
	}
	if host == RootName {
		return refuse(CodeInvalid, "an organization can not have the host name %q, which stands for the root here", host)
	}
	return nil
}

func checkID(host, id string) error {
	if id == "" {
		return refuse(CodeInvalid, "the id of an extension is missing")
	}
	if err := (trust.Name{Host: host, ID: id}).Check(); err != nil {
		return refuse(CodeInvalid, "%w", err)
	}
	return nil
}
