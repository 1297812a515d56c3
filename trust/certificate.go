package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// oidNoCheck is id-pkix-ocsp-nocheck, RFC 6960, 4.2.2.2.1.
func oidNoCheck() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
}

// nameOf returns the one name of a certificate. Names are compared as they stand there, byte
// for byte, not as url.Parse understands them; any other name beside it is refused.
func nameOf(cert *x509.Certificate) (Name, error) {
	oid := asn1.ObjectIdentifier{2, 5, 29, 17} // subjectAltName, RFC 5280, 4.2.1.6
	for _, extension := range cert.Extensions {
		if !extension.Id.Equal(oid) {
			continue
		}
		der := cryptobyte.String(extension.Value)
		var names, value cryptobyte.String
		var tag cbasn1.Tag
		if !der.ReadASN1(&names, cbasn1.SEQUENCE) || !der.Empty() || !names.ReadAnyASN1(&value, &tag) {
			return Name{}, errors.New("its alternative names cannot be read")
		}
		if tag != cbasn1.Tag(6).ContextSpecific() || !names.Empty() {
			return Name{}, fmt.Errorf("it has other alternative names than exactly one URI %s://…", scheme)
		}
		return ParseName(string(value))
	}
	return Name{}, fmt.Errorf("it has no alternative name; exactly one URI %s://… is required", scheme)
}
