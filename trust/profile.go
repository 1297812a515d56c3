package trust

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
)

// The certificate profile: what four kinds of certificates carry; the fifth, of a store, is
// in store.go. An authority makes its certificates from the templates below; the judge
// refuses what differs.
//
//	                  root              organization             extension            responder
//	issued by         itself            the root                 the organization     the CA it answers for
//	version           3                 3                        3                    3
//	serial            128 random bits, positive (accepted: any positive one)
//	key               RSA 2048–8192, 3072 by default, P-256 or P-384; see package algorithm
//	signature         RSA or ECDSA with SHA-256, SHA-384 or SHA-512
//	basicConstraints  CA, path length 1 CA, path length 0        not a CA             not a CA
//	keyUsage          keyCertSign,      keyCertSign, cRLSign,    digitalSignature     digitalSignature
//	                  cRLSign           digitalSignature
//	extKeyUsage       –                 –                        codeSigning          OCSPSigning
//	subjectAltName    –                 URI jmap-ext://<host>/   URI jmap-ext://      –
//	                                                             <host>/<id>
//	nameConstraints   –                 critical: URIs of <host> –                    –
//	others            –                 AIA OCSP, CRL points     AIA OCSP, CRL points id-pkix-ocsp-nocheck
//
// Where the judge is more lenient than the table: of a root, which an administrator chose,
// path length and keyUsage may be absent and the path length may be longer (a chain has
// three certificates anyway); an organization may go without cRLSign, as long as nobody needs
// its CRLs, and without digitalSignature; a responder may go without nocheck, and is not
// asked about itself. Other extensions are fine as long as they are not critical.

// scheme is that of the names in certificates.
const scheme = "jmap-ext"

// Name is what a certificate is for: an extension of an organization, or, with an empty
// ID, the organization itself.
type Name struct {
	Host string // of the organization: a host name in lower case
	ID   string // of the extension; empty: the organization
}

// String returns the name as it stands in a certificate: jmap-ext://<host>/<id>.
func (n Name) String() string { return scheme + "://" + n.Host + "/" + n.ID }

// Check says what is wrong with a name: the host, or the id.
func (n Name) Check() error {
	if err := checkHost(n.Host); err != nil {
		return err
	}
	if n.ID == "" {
		return nil
	}
	return checkID(n.ID)
}

// ParseName reads jmap-ext://<host>/<id> or jmap-ext://<host>/. There is one spelling of
// each name: no port, user, query, fragment or escape, no upper case in scheme and host.
func ParseName(text string) (Name, error) {
	rest, ok := strings.CutPrefix(text, scheme+"://")
	if !ok {
		return Name{}, fmt.Errorf("%.100q does not begin with %s://", text, scheme)
	}
	host, id, ok := strings.Cut(rest, "/")
	if !ok {
		return Name{}, fmt.Errorf("%.100q has no / after the host", text)
	}
	name := Name{Host: host, ID: id}
	if err := name.Check(); err != nil {
		return Name{}, fmt.Errorf("%.100q: %w", text, err)
	}
	return name, nil
}

// checkHost takes host names by RFC 1123 in lower case, without a dot at the end. What
// ends in a number is refused: it would be read as an IPv4 address.
func checkHost(host string) error {
	if host == "" || len(host) > 253 {
		return fmt.Errorf("a host has 1 to 253 characters, this one %d", len(host))
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !only(label, lowerDigits+"-") {
			return fmt.Errorf("%.100q is no host name: its parts are 1 to 63 of a–z, 0–9 and -, not beginning or ending with -", host)
		}
	}
	if only(labels[len(labels)-1], digits) {
		return fmt.Errorf("%.100q is no host name: its last part is a number", host)
	}
	return nil
}

const (
	digits      = "0123456789"
	lower       = "abcdefghijklmnopqrstuvwxyz"
	lowerDigits = lower + digits
	upper       = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// checkID takes the ids of extensions as the bundle format defines extension_id.
func checkID(id string) error {
	switch {
	case len(id) > 190:
		return fmt.Errorf("an id has at most 190 characters, this one %d", len(id))
	case !only(id, upper+lowerDigits+"_$.-"):
		return fmt.Errorf("%.100q is no id: it consists of A–Z, a–z, 0–9, _, $, . and -", id)
	case !only(id[:1], upper+lower+"_"):
		return fmt.Errorf("%.100q is no id: it begins with a letter or _", id)
	case strings.Contains(id, "..") || strings.HasSuffix(id, "."):
		return fmt.Errorf("%.100q is no id: it has an empty part", id)
	case strings.HasSuffix(strings.ToLower(id), ".jar"):
		return fmt.Errorf("%.100q is no id: it ends in .jar", id)
	}
	return nil
}

// only reports whether text consists of characters of set alone.
func only(text, set string) bool {
	return strings.Trim(text, set) == ""
}

// Pin returns what identifies a publisher for good: the key of its organization and the
// host that it signs for, "sha256:<SHA-256 of the SubjectPublicKeyInfo, hex>@<host>". It stays
// the same when the leaf gets a new key and when the organization's certificate is renewed.
func Pin(organization *x509.Certificate) (string, error) {
	name, err := nameOf(organization)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(organization.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:]) + "@" + name.Host, nil
}

// NewSerial returns a serial number for a certificate: 128 random bits, never 0.
func NewSerial() *big.Int {
	for {
		var bits [16]byte
		rand.Read(bits[:]) // never fails: crypto/rand ends the program instead
		if serial := new(big.Int).SetBytes(bits[:]); serial.Sign() > 0 {
			return serial
		}
	}
}

// RootTemplate returns what makes a certificate a root. Like the other templates it leaves
// subject, times and addresses to the authority.
func RootTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: NewSerial(), BasicConstraintsValid: true, IsCA: true, MaxPathLen: 1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// OrganizationTemplate returns what makes a certificate that of an organization which
// signs for host.
func OrganizationTemplate(host string) (*x509.Certificate, error) {
	name := Name{Host: host}
	if err := name.Check(); err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: NewSerial(), BasicConstraintsValid: true, IsCA: true, MaxPathLen: 0, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		URIs:     []*url.URL{name.url()},
		// The name is that of the field; it makes the whole extension critical.
		PermittedDNSDomainsCritical: true, PermittedURIDomains: []string{host},
	}, nil
}

// ExtensionTemplate returns what makes a certificate that of one extension.
func ExtensionTemplate(host, id string) (*x509.Certificate, error) {
	name := Name{Host: host, ID: id}
	if err := name.Check(); err != nil {
		return nil, err
	}
	if id == "" {
		return nil, errors.New("the certificate of an extension needs its id")
	}
	return &x509.Certificate{
		SerialNumber: NewSerial(), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		URIs: []*url.URL{name.url()},
	}, nil
}

// ResponderTemplate returns what makes a certificate that of an OCSP responder, which
// answers for the CA that issues it. It cannot be revoked: let it live for days.
func ResponderTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: NewSerial(), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
		ExtraExtensions: []pkix.Extension{{Id: oidNoCheck(), Value: asn1.NullBytes}},
	}
}

func (n Name) url() *url.URL {
	return &url.URL{Scheme: scheme, Host: n.Host, Path: "/" + n.ID}
}
