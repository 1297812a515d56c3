package trust_test

import (
	"crypto"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// failing is a transport over which nothing may go.
type failing struct{ t testing.TB }

func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	f.t.Errorf("%s was asked", r.URL)
	return nil, http.ErrNotSupported
}

func TestTimestamps(t *testing.T) {
	a := tt.NewAuthority(t)
	signed := a.Now.Add(-30 * 24 * time.Hour)
	// A leaf that was valid a month ago, under an organization that was then, too.
	past := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = signed.Add(-time.Hour), signed.Add(time.Hour) }
	root := a.Issue(t, nil, a.Template(tt.Root, func(c *x509.Certificate) { c.NotBefore = signed.Add(-time.Hour) }))
	organization := a.Issue(t, root, a.Template(tt.Organization, past))
	leaf := a.Issue(t, organization, a.Template(tt.Extension, past))
	stampRoot := a.Issue(t, nil, a.Template(tt.Root, func(c *x509.Certificate) { c.NotBefore = signed.Add(-time.Hour) }))
	stamper := func(change ...func(*x509.Certificate)) *tt.Holder {
		return a.Issue(t, stampRoot, a.Template(tt.Timestamper, append([]func(*x509.Certificate){past}, change...)...))
	}
	between := a.Issue(t, stampRoot, a.Template(tt.Root, past, func(c *x509.Certificate) { c.Subject.CommonName = "Stamps 2" }))
	below := func(key crypto.Signer) *tt.Holder {
		return tt.IssueFor(t, between, a.Template(tt.Timestamper, past), key)
	}
	weakBetween := tt.IssueFor(t, stampRoot, a.Template(tt.Root, past, func(c *x509.Certificate) { c.Subject.CommonName = "Stamps 2" }), rsaKey(t, 1024))
	for _, row := range []struct {
		name  string
		at    time.Time
		chain []*tt.Holder
		code  trust.Code
		says  string
	}{
		{"no timestamp", time.Time{}, nil, trust.CodeExpired, "nothing proves"},
		{"a timestamp", signed, []*tt.Holder{stamper()}, trust.OK, "proves that it was signed"},
		{"with its root", signed, []*tt.Holder{stamper(), stampRoot}, trust.OK, "proves that it was signed"},
		{"with an authority between", signed, []*tt.Holder{below(tt.NewKey(t)), between}, trust.OK, "proves that it was signed"},
		{"without the authority between", signed, []*tt.Holder{below(tt.NewKey(t))}, trust.CodeExpired, "no trusted timestamp authority"},
		{"with a weak key", signed, []*tt.Holder{below(rsaKey(t, 1024)), between}, trust.CodeExpired, "1024 bits"},
		{"with a weak key between", signed, []*tt.Holder{a.Issue(t, weakBetween, a.Template(tt.Timestamper, past)), weakBetween}, trust.CodeExpired, "1024 bits"},
		{"with too many certificates", signed, []*tt.Holder{stamper(), stampRoot, stampRoot, stampRoot, stampRoot, stampRoot}, trust.CodeExpired, "6 certificates"},
		{"a timestamp after the certificate ended", signed.Add(30 * time.Minute), []*tt.Holder{stamper()}, trust.OK, "proves"},
		{"a timestamp before the certificate began", signed.Add(-2 * time.Hour), []*tt.Holder{stamper(func(c *x509.Certificate) { c.NotBefore = signed.AddDate(-1, 0, 0) })}, trust.CodeExpired, "does not count"},
		{"without certificates", signed, nil, trust.CodeExpired, "0 certificates"},
		{"of an authority that nobody trusts", signed, []*tt.Holder{a.Timestamper, a.TimestampRoot}, trust.CodeExpired, "no trusted timestamp authority"},
		{"by the signer itself", signed, []*tt.Holder{leaf, organization}, trust.CodeExpired, "timeStamping"},
		{"for more than timestamps", signed, []*tt.Holder{stamper(func(c *x509.Certificate) {
			c.ExtraExtensions = nil
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageCodeSigning}
		})}, trust.CodeExpired, "exactly timeStamping"},
		{"purpose not critical", signed, []*tt.Holder{stamper(func(c *x509.Certificate) {
			c.ExtraExtensions[0] = tt.TimeStamping(false)
		})}, trust.CodeExpired, "not critical"},
		{"authority not valid at that time", signed, []*tt.Holder{stamper(func(c *x509.Certificate) { c.NotBefore = signed.Add(time.Minute) })}, trust.CodeExpired, "not yet valid"},
		{"from the future", a.Now.Add(time.Hour), []*tt.Holder{stamper()}, trust.CodeExpired, "future"},
		{"signer without its chain", signed, []*tt.Holder{nil}, trust.CodeExpired, "is missing"},
	} {
		t.Run(row.name, func(t *testing.T) {
			judge := judgeBy(a, func(c *trust.Config) {
				c.Roots = &trust.Roots{Certificates: tt.Certs(root), Timestamp: tt.Certs(stampRoot)}
			})
			claim := claimOf(a, leaf, organization)
			claim.SignedAt = row.at
			for _, h := range row.chain {
				if h == nil {
					claim.TimestampChain = append(claim.TimestampChain, nil)
					continue
				}
				claim.TimestampChain = append(claim.TimestampChain, h.Cert)
			}
			v := judge.Judge(t.Context(), claim)
			checkVerdict(t, v, row.code)
			said := false
			for _, check := range v.Checks {
				said = said || check.Name == "timestamp" && strings.Contains(check.Detail, row.says)
			}
			if !said {
				t.Errorf("no timestamp check says %q: %+v", row.says, v.Checks)
			}
			if row.code == trust.OK && (!v.SignedAt.Equal(row.at) || !v.Until.Equal(root.Cert.NotAfter)) {
				t.Errorf("signed %s, until %s", v.SignedAt, v.Until)
			}
		})
	}
}

// TestNoTimestampRoots is a host on which no timestamp authority is trusted.
func TestNoTimestampRoots(t *testing.T) {
	a := tt.NewAuthority(t)
	judge := judgeBy(a, func(c *trust.Config) { c.Roots = &trust.Roots{Certificates: tt.Certs(a.Root)} })
	claim := claimOf(a, a.Extension, a.Organization)
	claim.SignedAt, claim.TimestampChain = a.Now, tt.Certs(a.Timestamper)
	v := judge.Judge(t.Context(), claim)
	checkVerdict(t, v, trust.OK)
	if check := v.Checks[7]; check.Name != "timestamp" || !check.Warning || !strings.Contains(check.Detail, "conf/trust/timestamp") || !v.SignedAt.IsZero() {
		t.Errorf("%+v", check)
	}
}

func TestDescribe(t *testing.T) {
	a := tt.NewAuthority(t)
	d := trust.Describe(a.Extension.Cert)
	if d.Subject != "CN=org.acme.hello,O=Acme" || d.Issuer != "CN=Acme CA,O=Acme" || d.Name != "jmap-ext://acme.example/org.acme.hello" ||
		d.Key != "ECDSA P-256" || len(d.Fingerprint) != len("sha256:")+64 || d.Serial == "" {
		t.Errorf("%+v", d)
	}
	if d := trust.Describe(a.Root.Cert); d.Name != "" {
		t.Errorf("the root has the name %s", d.Name)
	}
	weak := tt.IssueFor(t, nil, a.Template(tt.Extension), rsaKey(t, 1024))
	if d := trust.Describe(weak.Cert); d.Key != "RSA-1024" {
		t.Errorf("%+v", d)
	}
}

func TestPublisherContinues(t *testing.T) {
	a := tt.NewAuthority(t)
	judge := judgeBy(a)
	first := judge.Judge(t.Context(), claimOf(a, a.Extension, a.Organization))
	checkVerdict(t, first.Continues(""), trust.OK)
	checkVerdict(t, first.Continues(first.Publisher), trust.OK)

	renewed := tt.IssueFor(t, a.Root, a.Template(tt.Organization), a.Organization.Key)
	again := judge.Judge(t.Context(), claimOf(a, a.Issue(t, renewed, a.Template(tt.Extension)), renewed))
	checkVerdict(t, again.Continues(first.Publisher), trust.OK)

	other := a.Issue(t, a.Root, a.Template(tt.Organization))
	changed := judge.Judge(t.Context(), claimOf(a, a.Issue(t, other, a.Template(tt.Extension)), other))
	checkVerdict(t, changed, trust.OK)
	checkVerdict(t, changed.Continues(first.Publisher), trust.PublisherChanged)
	if last := changed.Checks[len(changed.Checks)-1]; !last.OK {
		t.Error("comparing changed the verdict that was compared")
	}

	checkVerdict(t, judge.Judge(t.Context(), trust.Claim{ID: a.ID}).Continues(first.Publisher), trust.PublisherChanged)
	selfSigned := judge.Judge(t.Context(), claimOf(a, a.Issue(t, nil, a.Template(tt.Extension))))
	checkVerdict(t, selfSigned.Continues(first.Publisher), trust.PublisherChanged)
	expired := judge.Judge(t.Context(), claimOf(a, a.Issue(t, other, a.Template(tt.Extension, func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Second) })), other))
	checkVerdict(t, expired, trust.CodeExpired)
	checkVerdict(t, expired.Continues(first.Publisher), trust.PublisherChanged)
	checkVerdict(t, expired.Continues(changed.Publisher), trust.CodeExpired)
	wrong := judge.Judge(t.Context(), trust.Claim{ID: "org.evil", Chain: a.Chain()})
	checkVerdict(t, wrong.Continues(first.Publisher), trust.IdentityMismatch)
}
