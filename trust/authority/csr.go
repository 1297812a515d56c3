package authority

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// MaxRequest bounds a certificate signing request in bytes.
const MaxRequest = 64 << 10

// ParseRequest takes the public key out of a PKCS#10 signing request in PEM or DER, and
// nothing else: whatever names and extensions it asks for are not read. The request must
// be signed by the key itself. Codes: CodeInvalid, CodeWeak.
func ParseRequest(data []byte) (crypto.PublicKey, error) {
	if len(data) > MaxRequest {
		return nil, refuse(CodeInvalid, "a signing request has at most %d bytes", MaxRequest)
	}
	der := data
	if block, _ := pem.Decode(data); block != nil {
		if block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST" {
			return nil, refuse(CodeInvalid, "it holds a %q, not a signing request", block.Type)
		}
		der = block.Bytes
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, refuse(CodeInvalid, "reading the signing request: %w", err)
	}
	// Weakness first: the standard library does not verify what it finds too weak.
	if err := algorithm.CheckKey(request.PublicKey); err != nil {
		return nil, refuse(CodeWeak, "the signing request: %w", err)
	}
	if err := algorithm.CheckSignature(request.SignatureAlgorithm); err != nil {
		return nil, refuse(CodeWeak, "the signing request: %w", err)
	}
	if request.CheckSignature() != nil {
		return nil, refuse(CodeInvalid, "the signing request is not signed by its own key")
	}
	return request.PublicKey, nil
}
