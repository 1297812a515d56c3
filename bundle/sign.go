package bundle

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"io"
)

// SignOptions say who signs, and what goes into the bundle beside the signature.
type SignOptions struct {
	// Signer is the private key of Chain[0]: RSA of 2048 bits or more, P-256 or P-384.
	Signer crypto.Signer
	// Chain is the signer's certificate, then each one's issuer. The JDK's tools take a
	// bundle for clean only when the root stands in it, too.
	Chain []*x509.Certificate
	// Timestamp sends an RFC 3161 TimeStampReq to an authority and returns its
	// TimeStampResp, both in DER. Without it nothing proves the time of signing.
	Timestamp func(ctx context.Context, request []byte) (response []byte, err error)
	// Staples are OCSP answers in DER, for the certificates of Chain.
	Staples [][]byte
}

// Sign writes in to out with a signature; an earlier one is replaced. Entries keep
// their order and their compressed data; the manifest keeps every byte of its main
// section. The same input gives the same bytes, but for the Timestamp.
//
// It is refused what Verify would refuse of the result; what was written by then is of
// no use. Errors are *Error for what is wrong with the bundle.
func Sign(ctx context.Context, in *File, out io.Writer, options SignOptions) error {
	return errors.New("signing is not built yet")
}
