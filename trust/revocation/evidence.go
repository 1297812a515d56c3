package revocation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"
)

// question is about one certificate.
type question struct {
	cert, issuer *x509.Certificate
	key          string // what the answers are kept under
	now          time.Time
}

func newQuestion(cert, issuer *x509.Certificate, now time.Time) *question {
	return &question{cert: cert, issuer: issuer, now: now, key: keyOf(issuer, cert.SerialNumber.Bytes())}
}

// keyOf names something of an issuer: its key and its name, then what.
func keyOf(issuer *x509.Certificate, what []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{issuer.RawSubjectPublicKeyInfo, issuer.RawSubject, what} {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

type kind string

const (
	kindOCSP kind = "ocsp"
	kindCRL  kind = "crl"
)

// evidence is one authentic statement about one certificate.
type evidence struct {
	kind       kind
	status     Status
	reason     Reason
	source     string
	der        []byte // of the OCSP answer, or of the whole list
	producedAt time.Time
	thisUpdate time.Time
	nextUpdate time.Time
	revokedAt  time.Time
	asked      time.Time // when it was fetched; of what came otherwise: thisUpdate
}

// fresh checks that a statement may be believed at the time now. One that says Revoked
// stays true after that.
func (e *evidence) fresh(now time.Time) error {
	switch {
	case e.thisUpdate.After(now.Add(clockSkew)) || e.producedAt.After(now.Add(clockSkew)):
		return fmt.Errorf("it is from the future: %s; is the clock right?", stamp(e.thisUpdate))
	case e.nextUpdate.Before(e.thisUpdate):
		return fmt.Errorf("it ends (%s) before it begins", stamp(e.nextUpdate))
	case now.After(e.nextUpdate):
		return fmt.Errorf("it is stale: it was good until %s", stamp(e.nextUpdate))
	}
	return nil
}

// settled reports whether nothing that may still be said changes anything: the
// certificate is revoked, and not on hold, and for a reason that spares nothing.
func (e *evidence) settled() bool {
	return e != nil && e.status == Revoked && e.reason != CertificateHold && !e.reason.SparesEarlier()
}

// graver reports whether the revocation e goes before the revocation other: reasons that
// spare nothing first, then those that cannot be lifted, then the newer one.
func (e *evidence) graver(other *evidence) bool {
	if other == nil {
		return true
	}
	if a, b := e.gravity(), other.gravity(); a != b {
		return a > b
	}
	return e.thisUpdate.After(other.thisUpdate)
}

func (e *evidence) gravity() int {
	switch {
	case e.settled():
		return 2
	case e.reason == CertificateHold:
		return 0
	}
	return 1
}

func (e *evidence) answer() Answer {
	return Answer{
		Status: e.status, Source: e.source, ThisUpdate: e.thisUpdate, NextUpdate: e.nextUpdate,
		RevokedAt: e.revokedAt, Reason: e.reason,
	}
}

// findings collects what was said of one certificate.
type findings struct {
	now      time.Time
	revoked  *evidence // the gravest
	said     *evidence // the newest fresh OCSP answer that does not say Revoked
	unlisted *evidence // the newest fresh CRL without the certificate
	asked    time.Time // when one of them was asked for last
	problems []string
}

// take weighs an authentic statement. A revocation counts at any age, but not from the
// future; anything else must be fresh.
func (f *findings) take(e *evidence) {
	if err := e.fresh(f.now); err != nil && (e.status != Revoked || e.thisUpdate.After(f.now.Add(clockSkew))) {
		f.problem(e.source, err)
		return
	}
	if e.asked.After(f.asked) {
		f.asked = e.asked
	}
	switch {
	case e.status == Revoked:
		if e.graver(f.revoked) {
			f.revoked = e
		}
	case e.kind == kindOCSP:
		f.said = newest(f.said, e)
	default:
		f.unlisted = newest(f.unlisted, e)
	}
}

func newest(a, b *evidence) *evidence {
	if a == nil || b.thisUpdate.After(a.thisUpdate) || b.thisUpdate.Equal(a.thisUpdate) && b.asked.After(a.asked) {
		return b
	}
	return a
}

func (f *findings) problem(source string, err error) {
	f.problems = append(f.problems, source+": "+err.Error())
}

// lifted reports whether a hold was lifted: the issuer says so later.
func (f *findings) lifted() bool {
	if f.revoked == nil || f.revoked.reason != CertificateHold {
		return false
	}
	good := f.notRevoked()
	return good != nil && good.status == Good && good.thisUpdate.After(f.revoked.thisUpdate)
}

// notRevoked is the statement that counts where nothing says Revoked. A responder that
// does not know the certificate goes before a list that does not hold it: lists do not
// say what was issued.
func (f *findings) notRevoked() *evidence {
	if f.said != nil {
		return f.said
	}
	return f.unlisted
}

// answer weighs all that was found.
func (f *findings) answer() Answer {
	var answer Answer
	if f.revoked != nil && !f.lifted() {
		answer = f.revoked.answer()
	} else if e := f.notRevoked(); e != nil {
		answer = e.answer()
	}
	answer.Problems = f.problems
	return answer
}

// stamp writes a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
