package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// The names of checks, in the order in which they are made.
const (
	checkSignature    = "signature"               // there is one
	checkAlgorithms   = "algorithms"              // keys and signatures of all certificates
	checkOrder        = "order"                   // each certificate is signed by the next one
	checkTrustedRoot  = "root"                    // the chain leads to a trusted root, and has three certificates
	checkOfOrg        = "organization"            // is as the profile wants it
	checkOfExtension  = "extension"               // the leaf is as the profile wants it
	checkIdentity     = "identity"                // the leaf names the claimed id, and the organization's host
	checkTimestamp    = "timestamp"               // what proves when it was signed
	checkValidity     = "validity"                // all was valid when it was signed
	checkPath         = "path"                    // Go's verifier of certificates agrees
	checkRevokedOrg   = "revocation organization" // the root has not taken the organization back
	checkRevokedLeaf  = "revocation extension"    // nor the organization the leaf
	checkSame         = "publisher"               // is the one that was pinned
	mostInChain       = 3
	mostInTimestamp   = 5
	futureOfTimestamp = time.Minute
)

// byProfile is what comes next for whoever signs with a certificate that does not fit.
const byProfile = "its issuer has to issue it anew as docs/trust.md says (jackfield ca does)"

// Judge judges one claim. Where answers about revocation are at hand it asks nobody; else
// it waits for the network no longer than ctx and Config.Timeout allow. Call it again for
// what is installed: time passes, and certificates are revoked.
func (j *Judge) Judge(ctx context.Context, claim Claim) Verdict {
	t := &trial{
		claim: claim, roots: j.roots.Load(), policy: j.config.Revocation, revocation: j.revocation,
		now: j.config.Now(), verdict: Verdict{Chain: slices.Clone(claim.Chain)},
	}
	for _, check := range []func() bool{
		t.signature, t.algorithms, t.order, t.root, t.organization, t.extension, t.identity,
		t.timestamp, t.validity, t.path,
	} {
		if !check() {
			return t.verdict
		}
	}
	if t.revoked(ctx) {
		t.verdict.State, t.verdict.Code = Valid, OK
	}
	return t.verdict
}

// trial is one claim under judgement. Each of its methods makes one check and reports
// whether the next one is to be made.
type trial struct {
	claim      Claim
	roots      *Roots
	policy     RevocationPolicy
	revocation asker
	now        time.Time
	name       Name // of the organization
	verdict    Verdict
}

func (t *trial) pass(check, format string, args ...any) bool {
	t.verdict.Checks = append(t.verdict.Checks, Check{Name: check, OK: true, Detail: fmt.Sprintf(format, args...)})
	return true
}

func (t *trial) warn(check, format string, args ...any) bool {
	t.verdict.Checks = append(t.verdict.Checks, Check{Name: check, OK: true, Warning: true, Detail: fmt.Sprintf(format, args...)})
	return true
}

func (t *trial) fail(check string, code Code, format string, args ...any) bool {
	t.verdict = t.verdict.fail(check, code, fmt.Sprintf(format, args...))
	return false
}

// The certificates of a chain that has led to a root.
func (t *trial) leaf() *x509.Certificate { return t.verdict.Chain[0] }
func (t *trial) org() *x509.Certificate  { return t.verdict.Chain[1] }
func (t *trial) top() *x509.Certificate  { return t.verdict.Chain[2] }

func (t *trial) signature() bool {
	chain := t.claim.Chain
	switch {
	case len(chain) == 0:
		return t.fail(checkSignature, CodeUnsigned, "it is not signed: get it signed from its publisher, sign it yourself"+
			" (jackfield bundle sign) with a certificate that a root in conf/trust vouches for, or let unsigned bundles run with trust.policy=warn")
	case slices.Contains(chain, nil):
		return t.fail(checkSignature, ChainInvalid, "a certificate of its chain is missing")
	}
	t.verdict.Signer, t.verdict.Organization = display(chain[0]), issuerOf(chain[0])
	if len(chain) > 1 {
		t.verdict.Organization = organizationOf(chain[1])
	}
	if len(chain) > mostInChain {
		return t.fail(checkSignature, ChainInvalid, "its chain has %d certificates; exactly root > organization > extension is accepted", len(chain))
	}
	return t.pass(checkSignature, "signed by %q with %d certificates", display(chain[0]), len(chain))
}

func (t *trial) algorithms() bool {
	for _, cert := range t.claim.Chain {
		if err := algorithm.CheckCertificate(cert); err != nil {
			return t.fail(checkAlgorithms, WeakAlgorithm, "the certificate %q does not count: %v; %s", display(cert), err, byProfile)
		}
	}
	return t.pass(checkAlgorithms, "all keys and signatures are strong enough")
}

func (t *trial) order() bool {
	chain := t.claim.Chain
	for i, cert := range chain[:len(chain)-1] {
		if issued(chain[i+1], cert) {
			continue
		}
		if issued(cert, chain[i+1]) {
			return t.fail(checkOrder, ChainInvalid, "%q stands before what it issued, %q: the order is extension, organization, root", display(cert), display(chain[i+1]))
		}
		return t.fail(checkOrder, ChainInvalid, "the certificate %q is not signed by the next one, %q: sign it again with the chain of its own key", display(cert), display(chain[i+1]))
	}
	return t.pass(checkOrder, "each certificate is signed by the next one")
}

// root completes the chain with the trusted root that it leads to. The root that the
// signature brought along only has to be of the same name and key: it may be an earlier
// edition of the one that is trusted.
func (t *trial) root() bool {
	chain := slices.Clone(t.claim.Chain)
	last := chain[len(chain)-1]
	if own := chain[:len(chain)-1]; selfIssued(last) && issued(last, last) && t.find(func(root *x509.Certificate) bool { return sameAuthority(root, last) }) != nil {
		chain, last = own, nil
		if len(own) > 0 {
			last = own[len(own)-1]
		}
	}
	if last == nil {
		return t.fail(checkTrustedRoot, ChainInvalid, "it is signed with a root itself, which signs organizations only")
	}
	root := t.find(func(root *x509.Certificate) bool { return issued(root, last) })
	if root == nil {
		return t.untrusted(last)
	}
	t.verdict.Chain = append(chain, root)
	switch len(chain) {
	case 1:
		return t.fail(checkTrustedRoot, ChainInvalid, "%q was issued by the root itself, without an organization between them", display(chain[0]))
	case 2:
	default:
		return t.fail(checkTrustedRoot, ChainInvalid, "its chain has %d certificates with the root; exactly root > organization > extension is accepted", len(chain)+1)
	}
	if err := checkRoot(root); err != nil {
		return t.fail(checkTrustedRoot, ChainInvalid, "the root %q is none: %v", display(root), err)
	}
	if !validAt(root, t.now) {
		return t.fail(checkTrustedRoot, CodeExpired, "the root %q is valid from %s to %s only: put the new one into conf/trust", display(root), stamp(root.NotBefore), stamp(root.NotAfter))
	}
	return t.pass(checkTrustedRoot, "it leads to the trusted root %q", display(root))
}

// find returns the root for which is holds; one that is valid now, if there is a choice.
func (t *trial) find(is func(*x509.Certificate) bool) (found *x509.Certificate) {
	for _, root := range t.roots.Certificates {
		if is(root) && (found == nil || !validAt(found, t.now)) {
			found = root
		}
	}
	return found
}

func (t *trial) untrusted(last *x509.Certificate) bool {
	name := issuerOf(last)
	switch alone := len(t.claim.Chain) == 1; {
	case alone && selfIssued(last):
		return t.fail(checkTrustedRoot, ChainUntrusted, "%q vouches for itself only: sign it with a certificate of an authority that is trusted here (jackfield ca makes one)", name)
	case alone:
		return t.fail(checkTrustedRoot, ChainUntrusted, "it was issued by %q, whose certificate is not in the bundle: sign it again with the whole chain, extension and organization", name)
	}
	for _, root := range t.roots.Certificates {
		if string(root.RawSubject) == string(last.RawIssuer) {
			return t.fail(checkTrustedRoot, ChainUntrusted, "it leads to a root that calls itself %q like a trusted one, but is another: ask the publisher which is meant", name)
		}
	}
	return t.fail(checkTrustedRoot, ChainUntrusted, "it leads to %q, which is no trusted root here: if you trust it, put its certificate into conf/trust (*.pem)", name)
}

func (t *trial) organization() bool {
	name, err := checkOrganization(t.org())
	if err != nil {
		return t.fail(checkOfOrg, ChainInvalid, "the certificate of the organization %q does not fit: %v; %s", organizationOf(t.org()), err, byProfile)
	}
	t.name = name
	return t.pass(checkOfOrg, "%q signs for %s", organizationOf(t.org()), name.Host)
}

func (t *trial) extension() bool {
	name, err := checkExtension(t.leaf())
	if err != nil {
		return t.fail(checkOfExtension, ChainInvalid, "the certificate of the extension %q does not fit: %v; %s", display(t.leaf()), err, byProfile)
	}
	return t.pass(checkOfExtension, "%q may sign %s", display(t.leaf()), name.ID)
}

func (t *trial) identity() bool {
	name, err := nameOf(t.leaf())
	switch {
	case err != nil:
		return t.fail(checkIdentity, ChainInvalid, "the certificate of the extension: %v", err)
	case name.Host != t.name.Host:
		return t.fail(checkIdentity, IdentityMismatch, "it is signed for the host %s by an organization that signs for %s alone", name.Host, t.name.Host)
	case name.ID != t.claim.ID:
		return t.fail(checkIdentity, IdentityMismatch, "it is signed as %q, but it is %q: it needs a certificate for its own id", name.ID, t.claim.ID)
	}
	pin, err := Pin(t.org())
	if err != nil {
		return t.fail(checkIdentity, ChainInvalid, "the certificate of the organization: %v", err)
	}
	t.verdict.Publisher = pin
	return t.pass(checkIdentity, "the certificate is for %s", name)
}

// at is when the certificates have to have been valid.
func (t *trial) at() time.Time {
	if !t.verdict.SignedAt.IsZero() {
		return t.verdict.SignedAt
	}
	return t.now
}

func (t *trial) validity() bool {
	when := "now"
	if at := t.verdict.SignedAt; !at.IsZero() {
		when = "when it was signed, on " + stamp(at)
	}
	t.verdict.Until = t.top().NotAfter
	if t.verdict.SignedAt.IsZero() {
		for _, cert := range t.verdict.Chain {
			if cert.NotAfter.Before(t.verdict.Until) {
				t.verdict.Until = cert.NotAfter
			}
		}
	}
	for _, cert := range t.verdict.Chain {
		if validAt(cert, t.at()) {
			continue
		}
		next := "get a bundle that is signed anew, or with a timestamp"
		if t.at().Before(cert.NotBefore) {
			next = "are the clocks of this machine and of its issuer right?"
		}
		return t.fail(checkValidity, CodeExpired, "the certificate %q is valid from %s to %s, not %s: %s",
			display(cert), stamp(cert.NotBefore), stamp(cert.NotAfter), when, next)
	}
	return t.pass(checkValidity, "all certificates were valid %s; the signature holds until %s", when, stamp(t.verdict.Until))
}

// path asks Go's verifier, which knows rules that the profile does not spell out: it can
// only refuse.
func (t *trial) path() bool {
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: t.at(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	options.Roots.AddCert(t.top())
	options.Intermediates.AddCert(t.org())
	if _, err := t.leaf().Verify(options); err != nil {
		return t.fail(checkPath, ChainInvalid, "its chain does not hold: %v", err)
	}
	return t.pass(checkPath, "the chain holds")
}
