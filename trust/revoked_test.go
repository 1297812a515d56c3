package trust_test

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/revocation"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// staples answers for both certificates of a chain, each of which may be changed.
func staples(t *testing.T, a *tt.Authority, organization, leaf func(*ocsp.Response)) [][]byte {
	t.Helper()
	return [][]byte{
		tt.OCSP(t, a.Organization.Cert, a.Root, a.RootResponder, organization),
		tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, leaf),
	}
}

func revokedAt(reason revocation.Reason, at time.Time) func(*ocsp.Response) {
	return func(r *ocsp.Response) { r.Status, r.RevocationReason, r.RevokedAt = ocsp.Revoked, int(reason), at }
}

func unknown(r *ocsp.Response) { r.Status = ocsp.Unknown }

func TestRevocation(t *testing.T) {
	a := tt.NewAuthority(t)
	crl := func(issuer *tt.Holder, entries ...x509.RevocationListEntry) revocation.CRL {
		crl, err := revocation.ParseCRL("issuer.crl", tt.CRL(t, issuer, 1, nil, entries...))
		if err != nil {
			t.Fatal(err)
		}
		return crl
	}
	listed := func(cert *x509.Certificate) x509.RevocationListEntry {
		return x509.RevocationListEntry{SerialNumber: cert.SerialNumber, RevocationTime: a.Now, ReasonCode: int(revocation.KeyCompromise)}
	}
	for _, row := range []struct {
		name    string
		policy  trust.RevocationPolicy
		staples [][]byte
		crls    []revocation.CRL
		code    trust.Code
		warns   int
		says    string
	}{
		{"nobody says, hard", trust.Hard, nil, nil, trust.RevocationUnknown, 0, "names no responder"},
		{"nobody says, no policy", "", nil, nil, trust.RevocationUnknown, 0, "names no responder"},
		{"nobody says, soft", trust.Soft, nil, nil, trust.OK, 2, ""},
		{"nobody says, off", trust.Off, nil, nil, trust.OK, 2, ""},
		{"both stapled", trust.Hard, staples(t, a, nil, nil), nil, trust.OK, 0, ""},
		{"leaf stapled alone, hard", trust.Hard, staples(t, a, nil, nil)[1:], nil, trust.RevocationUnknown, 0, `"Acme CA"`},
		{"leaf stapled alone, soft", trust.Soft, staples(t, a, nil, nil)[1:], nil, trust.OK, 1, ""},
		{"organization stapled alone, hard", trust.Hard, staples(t, a, nil, nil)[:1], nil, trust.RevocationUnknown, 0, `"org.acme.hello"`},
		{"lists put down", trust.Hard, nil, []revocation.CRL{crl(a.Root), crl(a.Organization)}, trust.OK, 0, ""},
		{"organization on the list", trust.Soft, staples(t, a, nil, nil), []revocation.CRL{crl(a.Root, listed(a.Organization.Cert))}, trust.CodeRevoked, 0, "keyCompromise"},
		{"leaf on the list", trust.Soft, staples(t, a, nil, nil), []revocation.CRL{crl(a.Organization, listed(a.Extension.Cert))}, trust.CodeRevoked, 0, "issuer.crl"},
		{"leaf revoked, stapled", trust.Soft, staples(t, a, nil, revokedAt(0, a.Now)), nil, trust.CodeRevoked, 0, "newer version"},
		{"organization revoked, stapled", trust.Soft, staples(t, a, revokedAt(revocation.CertificateHold, a.Now), nil), nil, trust.CodeRevoked, 0, "certificateHold"},
		{"revoked, off", trust.Off, staples(t, a, nil, revokedAt(0, a.Now)), nil, trust.OK, 2, ""},
		{"superseded without a timestamp", trust.Soft, staples(t, a, nil, revokedAt(revocation.Superseded, a.Now)), nil, trust.CodeRevoked, 0, "no timestamp"},
		{"the responder does not know the leaf", trust.Soft, staples(t, a, nil, unknown), nil, trust.RevocationUnknown, 0, "forged"},
		{"the responder does not know the organization", trust.Soft, staples(t, a, unknown, nil), nil, trust.RevocationUnknown, 0, "forged"},
		{"stapled for other certificates, hard", trust.Hard, staples(t, tt.NewAuthority(t), nil, nil), nil, trust.RevocationUnknown, 0, "names no responder"},
		{"stapled garbage, soft", trust.Soft, [][]byte{[]byte("hello"), nil}, nil, trust.OK, 2, ""},
		{"good by a sibling after revoked by a list", trust.Soft, [][]byte{tt.OCSP(t, a.Extension.Cert, a.Organization, a.Extension, nil)},
			[]revocation.CRL{crl(a.Organization, listed(a.Extension.Cert))}, trust.CodeRevoked, 0, "keyCompromise"},
		{"good by a sibling, hard", trust.Hard, append(staples(t, a, nil, nil)[:1], tt.OCSP(t, a.Extension.Cert, a.Organization, a.Extension, nil)), nil,
			trust.RevocationUnknown, 0, "not for signing OCSP answers"},
	} {
		t.Run(row.name, func(t *testing.T) {
			judge := judgeBy(a, func(c *trust.Config) {
				c.Revocation = row.policy
				c.Roots = &trust.Roots{Certificates: tt.Certs(a.Root), CRLs: row.crls}
			})
			claim := claimOf(a, a.Extension, a.Organization)
			claim.Staples = row.staples
			v := judge.Judge(t.Context(), claim)
			checkVerdict(t, v, row.code)
			if warns := warnings(v); warns != row.warns && row.code == trust.OK {
				t.Errorf("%d warnings, want %d: %+v", warns, row.warns, v.Checks)
			}
			if !strings.Contains(v.Message, row.says) {
				t.Errorf("%q does not say %q", v.Message, row.says)
			}
		})
	}
}

func warnings(v trust.Verdict) int {
	n := 0
	for _, check := range v.Checks {
		if check.Warning {
			n++
		}
	}
	return n
}

// TestRevokedAfterSigning is a revocation later than the time that a timestamp proves.
func TestRevokedAfterSigning(t *testing.T) {
	a := tt.NewAuthority(t)
	signed := a.Now.Add(-30 * time.Minute)
	for reason := range revocation.Reason(11) {
		for _, before := range []bool{false, true} {
			at := signed.Add(time.Minute)
			if before {
				at = signed.Add(-time.Minute)
			}
			code := trust.CodeRevoked
			if !before && reason.SparesEarlier() {
				code = trust.OK
			}
			for name, answers := range map[string][][]byte{
				"leaf":         staples(t, a, nil, revokedAt(reason, at)),
				"organization": staples(t, a, revokedAt(reason, at), nil),
			} {
				claim := claimOf(a, a.Extension, a.Organization)
				claim.SignedAt, claim.TimestampChain, claim.Staples = signed, tt.Certs(a.Timestamper), answers
				v := judgeBy(a, func(c *trust.Config) { c.Revocation = trust.Hard }).Judge(t.Context(), claim)
				if v.Code != code || code == trust.OK && warnings(v) != 1 {
					t.Errorf("%s, %s, before signing %v: %q: %s", name, reason, before, v.Code, v.Message)
				}
			}
		}
	}
}

// TestRecheck is a host that judges what is installed again and again.
func TestRecheck(t *testing.T) {
	var handle http.HandlerFunc
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r) }))
	defer server.Close()
	a := tt.NewAuthority(t, tt.Reachable(server.URL, ""))
	answers := staples(t, a, nil, nil)
	var requests atomic.Int32
	serve := func(which [][]byte) {
		handle = func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			for i, cert := range []*x509.Certificate{a.Organization.Cert, a.Extension.Cert} {
				request, err := ocsp.CreateRequest(cert, []*x509.Certificate{a.Root.Cert, a.Organization.Cert}[i], nil)
				if err == nil && strings.HasSuffix(r.RequestURI, escaped(request)) {
					w.Write(which[i])
					return
				}
			}
			http.NotFound(w, r)
		}
	}
	serve(answers)
	now := a.Now
	judge := judgeBy(a, func(c *trust.Config) {
		c.Revocation, c.Offline, c.AllowPrivate, c.Refresh = trust.Hard, false, true, 10*time.Minute
		c.Now = func() time.Time { return now }
		c.Cache = t.TempDir()
	})
	claim := claimOf(a, a.Extension, a.Organization)
	checkVerdict(t, judge.Judge(t.Context(), claim), trust.OK)
	checkVerdict(t, judge.Judge(t.Context(), claim), trust.OK)
	if got := requests.Load(); got != 2 {
		t.Errorf("%d requests for two certificates", got)
	}
	serve(staples(t, a, nil, revokedAt(revocation.PrivilegeWithdrawn, a.Now)))
	checkVerdict(t, judge.Judge(t.Context(), claim), trust.OK)
	judge.Forget()
	now = now.Add(time.Second)
	v := judge.Judge(t.Context(), claim)
	checkVerdict(t, v, trust.CodeRevoked)
	if v.Publisher == "" || len(v.Chain) != 3 {
		t.Error("the verdict does not say whose it was")
	}
	serve(answers)
	now = now.Add(30 * time.Minute)
	checkVerdict(t, judge.Judge(t.Context(), claim), trust.CodeRevoked)
}

// TestNobodyWaitsForever is a caller that gives up.
func TestNobodyWaitsForever(t *testing.T) {
	a := tt.NewAuthority(t, tt.Reachable("http://acme.example/ocsp", ""))
	ctx, cancel := context.WithCancel(t.Context())
	judge := judgeBy(a, func(c *trust.Config) {
		c.Offline, c.Revocation = false, trust.Hard
		c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			cancel()
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
	})
	checkVerdict(t, judge.Judge(ctx, claimOf(a, a.Extension, a.Organization)), trust.RevocationUnknown)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNamesOfChecks(t *testing.T) {
	a := tt.NewAuthority(t)
	var names []string
	for _, check := range judgeBy(a).Judge(t.Context(), claimOf(a, a.Extension, a.Organization)).Checks {
		names = append(names, check.Name)
	}
	want := []string{"signature", "algorithms", "order", "root", "organization", "extension", "identity", "timestamp", "validity", "path",
		"revocation organization", "revocation extension"}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}
