package publishing

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// The headers in which a signature comes beside its file.
const (
	signatureHeader    = "Detached-Signature"
	certificatesHeader = "Detached-Certificates"
)

func detachedParameters() []openapi.Parameter {
	return []openapi.Parameter{
		{Name: signatureHeader, In: "header", Summary: "For formats that have no place for a signature: it is over the SHA-256 of the file, RSASSA-PKCS1-v1_5 or ECDSA, in Base64"},
		{Name: certificatesHeader, In: "header", Summary: "The certificates for it, DER in Base64 with commas between them: the signer's first, each followed by its issuer"},
	}
}

// detachedOf is the signature that comes beside the file of r, nil where none does.
func detachedOf(r *http.Request) (*store.Detached, error) {
	signature, certificates := r.Header[signatureHeader], r.Header[certificatesHeader]
	if len(signature) == 0 && len(certificates) == 0 {
		return nil, nil
	}
	if len(signature) != 1 || len(certificates) != 1 {
		return nil, web.Invalid("%s and %s come together, once each", signatureHeader, certificatesHeader)
	}
	var d store.Detached
	var err error
	if d.Signature, err = base64.StdEncoding.DecodeString(signature[0]); err != nil || len(d.Signature) == 0 || len(d.Signature) > store.MaxSignature {
		return nil, web.Invalid("%s must be 1 to %d bytes in Base64", signatureHeader, store.MaxSignature)
	}
	for text := range strings.SplitSeq(certificates[0], ",") {
		der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(der) == 0 || len(der) > store.MaxCertificate || len(d.Certificates) == store.MaxCertificates {
			return nil, web.Invalid("%s must be 1 to %d certificates of at most %d bytes, in Base64 with commas between them", certificatesHeader, store.MaxCertificates, store.MaxCertificate)
		}
		d.Certificates = append(d.Certificates, der)
	}
	return &d, nil
}
