package bundle

import (
	"crypto/x509"
	"time"
)

// Signed is what a bundle's signature proves: the holder of the key of Chain[0] signed
// exactly these entries. Who that is, and whether they may, is for others to judge.
type Signed struct {
	// Chain is the signer's certificate, each followed by its issuer as far as the
	// signature holds them. Nothing in it was judged but the signatures between them: the
	// last one is a claim, unless it is a root that the reader knows.
	Chain []*x509.Certificate
	// Timestamp is nil when nothing proves the time of signing.
	Timestamp *Timestamp
	// Staples are OCSP answers in DER, unverified. The signature does not cover them.
	Staples [][]byte
}

// Timestamp is what an RFC 3161 token proves: the holder of the key of Chain[0] saw
// the signature at Time. The token's own signature and its imprint were verified;
// whether its chain leads to an authority that may say so was not judged.
type Timestamp struct {
	Time  time.Time // UTC
	Chain []*x509.Certificate
}

// Signed returns what the signature proves; false means that there is none.
func (v *Verified) Signed() (Signed, bool) {
	if v.signed == nil {
		return Signed{}, false
	}
	return *v.signed, true
}
