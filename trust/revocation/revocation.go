// Package revocation finds out whether the issuer of a certificate has taken it back:
// from OCSP answers that came with a signature, from CRLs that an administrator put
// down, from what is known already, and over the network. Call New once and
// Checker.Check for each certificate.
//
// What is promised: an answer counts only with the signature of the issuer of that very
// certificate, or of a responder that this issuer appointed; nothing else can say Good
// or Revoked. A revocation that was seen once stays known. The caller must have verified
// that the certificate leads to a trusted root: only then may its addresses be asked.
package revocation

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"time"
)

// Status is what is known of a certificate.
type Status int

// The statuses. Unknown is the zero value: nobody who counts has answered.
const (
	Unknown Status = iota
	Good
	Revoked
)

// Answer is what was found out about one certificate.
type Answer struct {
	Status     Status
	Source     string    // who says so, for people: "OCSP answer of http://…", "CRL in issuer.crl"
	ThisUpdate time.Time // when that was so
	NextUpdate time.Time // until when it may be believed
	RevokedAt  time.Time // only of Revoked
	Reason     Reason    // only of Revoked
	Problems   []string  // what did not count, or did not answer, and why
}

// Config is all that a Checker depends on; package trust says what the fields mean.
type Config struct {
	Dir          string
	Refresh      time.Duration
	Offline      bool
	AllowPrivate bool
	Transport    http.RoundTripper
	Timeout      time.Duration
	Now          func() time.Time
	Log          *slog.Logger
}

// Checker answers for certificates. It is safe for concurrent use.
type Checker struct {
	config Config
}

// New makes a Checker.
func New(config Config) *Checker { return &Checker{config: config} }

// Check says what is known of cert, which issuer has signed. Staples are OCSP answers in
// DER, crls are lists by whatever issuers; both are verified here.
func (c *Checker) Check(ctx context.Context, cert, issuer *x509.Certificate, staples [][]byte, crls []CRL) Answer {
	return Answer{}
}

// Forget makes every answer one to ask for again, and forgets who did not answer.
func (c *Checker) Forget() {}
