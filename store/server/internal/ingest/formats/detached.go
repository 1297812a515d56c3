package formats

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// detached verifies the signature that came with a file, and returns the chain of who made
// it, which nobody has judged yet.
func detached(file ingest.File) ([]*x509.Certificate, *store.Problem) {
	refuse := func(code, format string, args ...any) ([]*x509.Certificate, *store.Problem) {
		return nil, &store.Problem{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	d := file.Detached
	if n := len(d.Certificates); n == 0 || n > store.MaxCertificates || len(d.Signature) > store.MaxSignature {
		return refuse(string(trust.ChainInvalid), "beside the file came %d certificates and a signature of %d bytes; 1 to %d and at most %d are read", n, len(d.Signature), store.MaxCertificates, store.MaxSignature)
	}
	var chain []*x509.Certificate
	for i, der := range d.Certificates {
		cert, err := x509.ParseCertificate(der)
		if len(der) > store.MaxCertificate || err != nil {
			return refuse(string(trust.ChainInvalid), "certificate %d beside the file is none, or has more than %d bytes", i+1, store.MaxCertificate)
		}
		chain = append(chain, cert)
	}
	if err := algorithm.CheckKey(chain[0].PublicKey); err != nil {
		return refuse(string(trust.WeakAlgorithm), "the certificate beside the file: %v", err)
	}
	sum, ok := store.ParseDigest(file.Digest)
	if !ok || !verifies(chain[0].PublicKey, sum[:], d.Signature) {
		return refuse(string(bundle.CodeSignatureInvalid), "the signature beside the file is not one of this file by %s: sign the file as it is (openssl dgst -sha256 -sign)", line(chain[0].Subject.CommonName, maxName))
	}
	return chain, nil
}

// verifies checks a signature over a SHA-256: PKCS #1 v1.5 with RSA, DER with ECDSA.
func verifies(key crypto.PublicKey, sum, signature []byte) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum, signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum, signature)
	}
	return false
}
