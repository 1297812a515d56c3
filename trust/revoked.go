package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/trust/revocation"
)

// asker finds out about revocation: *revocation.Checker.
type asker interface {
	Check(ctx context.Context, cert, issuer *x509.Certificate, staples [][]byte, crls []revocation.CRL) revocation.Answer
}

// revoked asks about the organization and the leaf, at the same time, and judges the
// answers one after the other. It is called only for a chain that has led to a root.
func (t *trial) revoked(ctx context.Context) bool {
	if t.policy == Off {
		return t.warn(checkRevokedOrg, "whether it is revoked was not asked (trust.revocation=off)") &&
			t.warn(checkRevokedLeaf, "whether it is revoked was not asked (trust.revocation=off)")
	}
	var organization, leaf revocation.Answer
	var asked sync.WaitGroup
	asked.Go(func() {
		organization = t.revocation.Check(ctx, t.org(), t.top(), t.claim.Staples, t.roots.CRLs)
	})
	leaf = t.revocation.Check(ctx, t.leaf(), t.org(), t.claim.Staples, t.roots.CRLs)
	asked.Wait()
	return t.weigh(checkRevokedOrg, t.org(), organization) && t.weigh(checkRevokedLeaf, t.leaf(), leaf)
}

// weigh judges what was said of one certificate.
func (t *trial) weigh(check string, cert *x509.Certificate, answer revocation.Answer) bool {
	switch answer.Status {
	case revocation.Good:
		return t.pass(check, "%q is not revoked as of %s (%s)%s", display(cert), stamp(answer.ThisUpdate), answer.Source, problems(answer))
	case revocation.Revoked:
		return t.weighRevoked(check, cert, answer)
	case revocation.Disowned:
		return t.fail(check, RevocationUnknown, "the responder of its issuer does not know the certificate %q, so it may be forged (%s): ask the publisher", display(cert), answer.Source)
	}
	why := "nobody says whether the certificate " + fmt.Sprintf("%q", display(cert)) + " is revoked" + problems(answer)
	if len(answer.Problems) == 0 {
		why += ": it names no responder and no list, and none was stapled"
	}
	if t.policy == Soft {
		return t.warn(check, "%s; accepted, since trust.revocation=soft", why)
	}
	return t.fail(check, RevocationUnknown, "%s: try again later, put a CRL of its issuer into conf/trust (*.crl), or accept it with trust.revocation=soft", why)
}

// weighRevoked judges a revocation. One for a reason that has nothing to do with who held
// the key leaves those signatures alone that are proven to be older.
func (t *trial) weighRevoked(check string, cert *x509.Certificate, answer revocation.Answer) bool {
	what := fmt.Sprintf("the certificate %q was revoked by %q on %s: %s", display(cert), issuerOf(cert), stamp(answer.RevokedAt), answer.Reason)
	signed := t.verdict.SignedAt
	switch {
	case !answer.Reason.SparesEarlier():
		return t.fail(check, CodeRevoked, "%s (%s): get a newer version from the publisher", what, answer.Source)
	case signed.IsZero():
		return t.fail(check, CodeRevoked, "%s (%s), and no timestamp proves that it was signed before: get a newer version from the publisher", what, answer.Source)
	case !signed.Before(answer.RevokedAt):
		return t.fail(check, CodeRevoked, "%s (%s), before it was signed, on %s: get a newer version from the publisher", what, answer.Source, stamp(signed))
	}
	return t.warn(check, "%s, which leaves what was signed before as it is; this was, on %s (%s)", what, stamp(signed), answer.Source)
}

func problems(answer revocation.Answer) string {
	if len(answer.Problems) == 0 {
		return ""
	}
	return " [" + strings.Join(answer.Problems, "; ") + "]"
}
