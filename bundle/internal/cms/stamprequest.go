package cms

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// StampRequest is a question to a timestamp authority.
type StampRequest struct {
	// DER is the TimeStampReq (RFC 3161, 2.4.1), which asks for the authority's
	// certificates, too.
	DER   []byte
	value []byte
	nonce *big.Int
}

// NewStampRequest asks for a timestamp of value, with a nonce so that no older answer
// fits.
func NewStampRequest(value []byte) (*StampRequest, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	r := &StampRequest{value: bytes.Clone(value), nonce: new(big.Int).SetBytes(random[:])}
	sum := sha256.Sum256(value)
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			hashAlgorithm(crypto.SHA256).write(b)
			b.AddASN1OctetString(sum[:])
		})
		b.AddASN1BigInt(r.nonce)
		b.AddASN1Boolean(true)
	})
	var err error
	r.DER, err = b.Bytes()
	return r, err
}

// Token takes the token out of a TimeStampResp (RFC 3161, 2.4.2) and verifies that it
// answers this request.
func (r *StampRequest) Token(response []byte) ([]byte, error) {
	in := cryptobyte.String(response)
	var body, status, token cryptobyte.String
	var code int
	if len(response) > maxMessage || !in.ReadASN1(&body, casn1.SEQUENCE) || !in.Empty() ||
		!body.ReadASN1(&status, casn1.SEQUENCE) || !status.ReadASN1Integer(&code) {
		return nil, malformed("the answer of the timestamp authority")
	}
	if code != 0 && code != 1 { // granted, granted with changes
		return nil, fmt.Errorf("the timestamp authority refuses: status %d%s", code, statusText(status))
	}
	if !body.ReadASN1Element(&token, casn1.SEQUENCE) || !body.Empty() {
		return nil, malformed("the answer of the timestamp authority")
	}
	_, info, err := verifyToken(token, r.value)
	if err != nil {
		return nil, fmt.Errorf("the token of the timestamp authority: %w", err)
	}
	if info.nonce == nil || info.nonce.Cmp(r.nonce) != 0 {
		return nil, fmt.Errorf("the token of the timestamp authority answers another request: its nonce differs")
	}
	return token, nil
}

// statusText is what PKIStatusInfo says in words.
func statusText(status cryptobyte.String) string {
	var list, text cryptobyte.String
	if !status.ReadASN1(&list, casn1.SEQUENCE) || !list.ReadASN1(&text, casn1.UTF8String) {
		return ""
	}
	return fmt.Sprintf(", %q", text[:min(len(text), 200)])
}
