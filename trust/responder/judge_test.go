package responder

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/authority"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// judged is an authority whose certificates say where a real server answers, and what a
// host that trusts its root makes of them.
type judged struct {
	a     *authority.Authority
	org   *authority.Organization
	r     *Responder
	dir   string
	roots *trust.Roots
	asked atomic.Int64
}

func newJudged(t *testing.T) *judged {
	t.Helper()
	j := &judged{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		j.asked.Add(1)
		j.r.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	j.a, j.org, j.dir = newAuthority(t, server.URL)
	var err error
	if j.r, err = New(j.a, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := j.r.Refresh(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "acme.pem"), j.a.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	roots, problems := trust.LoadRoots(folder)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	j.roots = roots
	return j
}

func (j *judged) judge(offline bool) *trust.Judge {
	return trust.New(trust.Config{Roots: j.roots, Revocation: trust.Hard, AllowPrivate: true, Offline: offline})
}

func expect(t *testing.T, v trust.Verdict, state trust.State, code trust.Code) {
	t.Helper()
	if v.State != state || v.Code != code {
		t.Errorf("judged %s %q: %s\n%+v", v.State, v.Code, v.Message, v.Checks)
	}
}

// A host that is as strict as can be accepts what is issued here, sees each revocation
// when it looks again, and refuses the rest.
func TestHostsAccept(t *testing.T) {
	j := newJudged(t)
	leaf := issue(t, j.org, id)
	claim := trust.Claim{ID: id, Chain: []*x509.Certificate{leaf, j.org.Certificate(), j.a.Root().Certificate()}}
	judge := j.judge(false)
	v := judge.Judge(t.Context(), claim)
	expect(t, v, trust.Valid, trust.OK)
	if v.Organization != "Acme Inc." || v.Signer != id || j.asked.Load() != 2 {
		t.Errorf("signed by %q of %q, %d questions", v.Signer, v.Organization, j.asked.Load())
	}
	other := claim
	other.ID = "org.acme.Other"
	expect(t, judge.Judge(t.Context(), other), trust.Invalid, trust.IdentityMismatch)

	// Renewed, the organization is the same publisher, and the old leaf is still good.
	renewed, err := j.a.RenewOrganization(host, 0)
	if err != nil {
		t.Fatal(err)
	}
	claim.Chain[1] = renewed.Certificate()
	again := judge.Judge(t.Context(), claim)
	expect(t, again, trust.Valid, trust.OK)
	if again.Publisher != v.Publisher || again.Publisher == "" {
		t.Errorf("the publisher was %q and is %q", v.Publisher, again.Publisher)
	}

	if _, err := j.org.Revoke(authority.SerialText(leaf.SerialNumber), revocation.KeyCompromise); err != nil {
		t.Fatal(err)
	}
	judge.Forget()
	expect(t, judge.Judge(t.Context(), claim), trust.Revoked, trust.CodeRevoked)
}

// Offline, a host believes the staple; without one it refuses.
func TestHostsBelieveStaples(t *testing.T) {
	j := newJudged(t)
	leaf := issue(t, j.org, id)
	claim := trust.Claim{ID: id, Chain: []*x509.Certificate{leaf, j.org.Certificate()}}
	expect(t, j.judge(true).Judge(t.Context(), claim), trust.Untrusted, trust.RevocationUnknown)
	var err error
	if claim.Staples, err = Staple(j.a, j.org, authority.SerialText(leaf.SerialNumber), 0); err != nil {
		t.Fatal(err)
	}
	expect(t, j.judge(true).Judge(t.Context(), claim), trust.Valid, trust.OK)
	if n := j.asked.Load(); n != 0 {
		t.Errorf("%d questions were asked", n)
	}
}

// The root's key is away and has sent nobody ahead: its list says enough.
func TestHostsReadLists(t *testing.T) {
	j := newJudged(t)
	leaf := issue(t, j.org, id)
	if err := os.Remove(filepath.Join(j.dir, authority.RootName, "key.pem")); err != nil {
		t.Fatal(err)
	}
	a, err := authority.Open(j.dir, authority.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	if j.r, err = New(a, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := j.r.Refresh(); code(err) != authority.CodeNoKey {
		t.Fatal(err)
	}
	claim := trust.Claim{ID: id, Chain: []*x509.Certificate{leaf, j.org.Certificate()}}
	expect(t, j.judge(false).Judge(t.Context(), claim), trust.Valid, trust.OK)
	if _, err := a.Root().Revoke(authority.SerialText(j.org.Certificate().SerialNumber), revocation.CACompromise); err != nil {
		t.Fatal(err)
	}
	if _, err := j.a.Root().UpdateCRL(0); err != nil { // its key is still in memory there
		t.Fatal(err)
	}
	expect(t, j.judge(false).Judge(t.Context(), claim), trust.Revoked, trust.CodeRevoked)
}
