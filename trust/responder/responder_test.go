package responder

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/authority"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// serving is an authority whose answers are served.
type serving struct {
	a          *authority.Authority
	org        *authority.Organization
	responder  *Responder
	url        string
	root, both string // PEM files: the root, and the organization with the root
}

func serve(t *testing.T) serving {
	t.Helper()
	a, org, _ := newAuthority(t, "")
	r, err := New(a, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return serving{a, org, r, server.URL,
		pemFile(t, "root.pem", a.Root().Certificate()), pemFile(t, "both.pem", org.Certificate(), a.Root().Certificate())}
}

// OpenSSL asks by POST, and believes the answers.
func TestOpenSSLAsks(t *testing.T) {
	s := serve(t)
	good, revoked := issue(t, s.org, id), issue(t, s.org, "org.acme.Lost")
	if _, err := s.org.Revoke(authority.SerialText(revoked.SerialNumber), revocation.KeyCompromise); err != nil {
		t.Fatal(err)
	}
	issuer := pemFile(t, "issuer.pem", s.org.Certificate())
	for _, hash := range []string{"-sha1", "-sha256"} {
		ask := func(issuer string, what ...string) string {
			return tool(t, append([]string{"openssl", "ocsp", "-url", s.url + "/ocsp", "-issuer", issuer, "-CAfile", s.both, hash}, what...)...)
		}
		if out := ask(issuer, "-cert", pemFile(t, "good.pem", good)); !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "good.pem: good") {
			t.Errorf("good: %s", out)
		}
		if out := ask(issuer, "-cert", pemFile(t, "lost.pem", revoked)); !strings.Contains(out, "Response verify OK") ||
			!strings.Contains(out, "lost.pem: revoked") || !strings.Contains(out, "Reason: keyCompromise") {
			t.Errorf("revoked: %s", out)
		}
		if out := ask(issuer, "-serial", "0x1234"); !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "0x1234: unknown") {
			t.Errorf("unknown: %s", out)
		}
		if out := ask(s.root, "-cert", issuer, "-no_nonce"); !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "issuer.pem: good") {
			t.Errorf("the organization: %s", out)
		}
		// A certificate of this organization, asked for as if the root had issued it.
		if out := ask(s.root, "-serial", "0x"+authority.SerialText(good.SerialNumber)); !strings.Contains(out, ": unknown") {
			t.Errorf("the wrong issuer: %s", out)
		}
	}
	other, _, _ := newAuthority(t, "")
	out := fails(t, "openssl", "ocsp", "-url", s.url+"/ocsp", "-issuer", pemFile(t, "other.pem", other.Root().Certificate()), "-serial", "1", "-CAfile", s.both)
	if !strings.Contains(out, "unauthorized (6)") {
		t.Errorf("a stranger: %s", out)
	}
}

func do(t *testing.T, method, url string, body io.Reader, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, data
}

// A request that OpenSSL made goes by GET, and OpenSSL believes the answer.
func TestGet(t *testing.T) {
	s := serve(t)
	leaf := pemFile(t, "leaf.pem", issue(t, s.org, id))
	issuer := pemFile(t, "issuer.pem", s.org.Certificate())
	file := filepath.Join(t.TempDir(), "request.der")
	tool(t, "openssl", "ocsp", "-issuer", issuer, "-cert", leaf, "-no_nonce", "-reqout", file)
	request, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	url := s.url + "/ocsp/" + base64.StdEncoding.EncodeToString(request)
	resp, answer := do(t, http.MethodGet, url, nil)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/ocsp-response" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	if err := os.WriteFile(file, answer, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := tool(t, "openssl", "ocsp", "-respin", file, "-issuer", issuer, "-cert", leaf, "-CAfile", s.both); !strings.Contains(out, "leaf.pem: good") {
		t.Errorf("openssl says %s", out)
	}

	// Headers of RFC 5019, 6.2, and what caches do with them.
	parsed, err := ocsp.ParseResponse(answer, s.org.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Last-Modified": parsed.ThisUpdate.Format(http.TimeFormat), "Expires": parsed.NextUpdate.Format(http.TimeFormat),
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if c := resp.Header.Get("Cache-Control"); !strings.HasPrefix(c, "max-age=3") || !strings.HasSuffix(c, ", public, no-transform, must-revalidate") {
		t.Errorf("Cache-Control: %s", c)
	}
	again, _ := do(t, http.MethodGet, url, nil, "If-None-Match", resp.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %s", again.Status)
	}
	if head, body := do(t, http.MethodHead, url, nil); head.StatusCode != 200 || len(body) != 0 || head.Header.Get("ETag") != resp.Header.Get("ETag") {
		t.Errorf("HEAD: %s %v", head.Status, head.Header)
	}
	// By POST it is the same entity.
	posted, body := do(t, http.MethodPost, s.url+"/ocsp", bytes.NewReader(request), "Content-Type", "application/ocsp-request")
	if posted.StatusCode != 200 || !bytes.Equal(body, answer) || posted.Header.Get("ETag") != resp.Header.Get("ETag") {
		t.Errorf("POST: %s %v", posted.Status, posted.Header)
	}
}

// Base64 has slashes, also two in a row; clients write them as they are, or escaped.
func TestGetWithSlashes(t *testing.T) {
	s := serve(t)
	var text string
	for i := int64(1); !strings.Contains(text, "//") || !strings.Contains(text, "+"); i++ {
		request, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: new(big.Int).Lsh(big.NewInt(0xfffffe0+i), 70)}, s.org.Certificate(), nil)
		if err != nil {
			t.Fatal(err)
		}
		text = base64.StdEncoding.EncodeToString(append(request[:len(request):len(request)], 0xff, 0xff, 0xff, 0xfb, 0xef))
		text = strings.TrimRight(text, "=")
		text += strings.Repeat("=", (4-len(text)%4)%4)
		if i > 1000 {
			t.Fatal("no request with slashes found")
		}
	}
	for _, path := range []string{text, strings.NewReplacer("/", "%2F", "+", "%2B", "=", "%3D").Replace(text)} {
		resp, answer := do(t, http.MethodGet, s.url+"/ocsp/"+path, nil)
		// Bytes behind the request: malformed, but read as base64 and not redirected.
		if resp.StatusCode != 200 || !bytes.Equal(answer, ocsp.MalformedRequestErrorResponse) || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %v %x", path, resp.Status, resp.Header, answer)
		}
	}
}

func TestHTTPRefuses(t *testing.T) {
	s := serve(t)
	const kind = "application/ocsp-request"
	for _, c := range []struct {
		name, method, path, kind, body string
		status                         int
	}{
		{"nothing here", "GET", "/", "", "", 404},
		{"another method", "PUT", "/ocsp", kind, "", 405},
		{"GET without a request", "GET", "/ocsp", "", "", 405},
		{"POST with a request in the path", "POST", "/ocsp/MAA=", kind, "", 405},
		{"a form", "POST", "/ocsp", "application/x-www-form-urlencoded", "x=y", 415},
		{"too long", "POST", "/ocsp", kind, strings.Repeat("x", maxOCSPRequest+1), 413},
		{"too long a path", "GET", "/ocsp/" + strings.Repeat("A", 6000), "", "", 400},
		{"no base64", "GET", "/ocsp/!", "", "", 400},
		{"nonsense", "POST", "/ocsp", kind, "nonsense", 200}, // malformedRequest says it
		{"a list of nobody", "GET", "/crl/other.example.crl", "", "", 404},
		{"a list by a path", "GET", "/crl/..%2Froot.crl", "", "", 404},
		{"a list by POST", "POST", "/crl/root.crl", "", "", 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			if resp, body := do(t, c.method, s.url+c.path, strings.NewReader(c.body), "Content-Type", c.kind); resp.StatusCode != c.status {
				t.Errorf("%s, want %d: %s", resp.Status, c.status, body)
			}
		})
	}
}

// The lists, as OpenSSL and the JDK read them.
func TestCRL(t *testing.T) {
	s := serve(t)
	lost := issue(t, s.org, id)
	kept := issue(t, s.org, "org.acme.Kept")
	before, err := s.org.CRL()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.org.Revoke(authority.SerialText(lost.SerialNumber), revocation.CessationOfOperation); err != nil {
		t.Fatal(err)
	}
	if err := s.responder.Refresh(); err != nil {
		t.Fatal(err)
	}
	resp, der := do(t, http.MethodGet, s.url+"/crl/"+host+".crl", nil)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/pkix-crl" || !strings.HasPrefix(resp.Header.Get("Cache-Control"), "max-age=") {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil || list.Number.Cmp(before.Number) <= 0 {
		t.Fatalf("number %v after %v, %v", list.Number, before.Number, err)
	}
	file := filepath.Join(t.TempDir(), "list.crl")
	if err := os.WriteFile(file, der, 0o600); err != nil {
		t.Fatal(err)
	}
	text := tool(t, "openssl", "crl", "-in", file, "-inform", "DER", "-verify", "-CAfile", pemFile(t, "org.pem", s.org.Certificate()), "-noout", "-text")
	for _, part := range []string{"verify OK", "X509v3 CRL Number", "Authority Key Identifier", "Cessation Of Operation", strings.ToUpper(authority.SerialText(lost.SerialNumber))[:16]} {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %q\n%s", part, text)
		}
	}
	if out := tool(t, "keytool", "-printcrl", "-file", file); !strings.Contains(out, "Reason: CESSATION_OF_OPERATION") && !strings.Contains(out, "Cessation") && !strings.Contains(out, "CESSATION") {
		t.Errorf("keytool says %s", out)
	}
	// With both lists OpenSSL judges whole chains.
	_, rootDER := do(t, http.MethodGet, s.url+"/crl/root.crl", nil)
	rootFile := filepath.Join(t.TempDir(), "root.crl")
	if err := os.WriteFile(rootFile, rootDER, 0o600); err != nil {
		t.Fatal(err)
	}
	lists := filepath.Join(t.TempDir(), "lists.pem")
	both := tool(t, "openssl", "crl", "-inform", "DER", "-in", file) + tool(t, "openssl", "crl", "-inform", "DER", "-in", rootFile)
	if err := os.WriteFile(lists, []byte(both), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := []string{"openssl", "verify", "-crl_check_all", "-CRLfile", lists, "-CAfile", s.root, "-untrusted", s.both}
	tool(t, append(verify, pemFile(t, "kept.pem", kept))...)
	if out := fails(t, append(verify, pemFile(t, "lost.pem", lost))...); !strings.Contains(out, "certificate revoked") {
		t.Errorf("openssl says %s", out)
	}
}

// status asks the responder about a certificate and checks its answer as hosts do.
func status(t *testing.T, r *Responder, cert, issuer *x509.Certificate, hash crypto.Hash) *ocsp.Response {
	t.Helper()
	request, err := ocsp.CreateRequest(cert, issuer, &ocsp.RequestOptions{Hash: hash})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := ocsp.ParseResponseForCert(r.Answer(request).DER, cert, issuer)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if d := resp.Certificate; d == nil || now.Before(d.NotBefore) || now.After(d.NotAfter) || len(d.ExtKeyUsage) != 1 || d.ExtKeyUsage[0] != x509.ExtKeyUsageOCSPSigning ||
		resp.NextUpdate.After(d.NotAfter) {
		t.Fatalf("signed by %+v", resp.Certificate)
	}
	if now.Before(resp.ThisUpdate) || now.After(resp.NextUpdate) {
		t.Fatalf("at %v an answer for %v to %v", now, resp.ThisUpdate, resp.NextUpdate)
	}
	return resp
}

// A responder works for weeks by itself: its certificate is renewed, lists are signed
// when they are due, organizations appear, and what is revoked is so at once.
func TestResponderRenewsItself(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, err := authority.Init(dir, quick("Acme Root"))
		if err != nil {
			t.Fatal(err)
		}
		org, err := a.AddOrganization(host, quick("Acme Inc."))
		if err != nil {
			t.Fatal(err)
		}
		leaf := issue(t, org, id)
		r, err := New(a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Refresh(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.Run(ctx) }()
		first := status(t, r, leaf, org.Certificate(), crypto.SHA256)
		for range 14 { // the responder's certificate lives a day, and is made anew after half of that
			time.Sleep(time.Hour)
			if s := status(t, r, leaf, org.Certificate(), crypto.SHA1); s.Status != ocsp.Good {
				t.Fatalf("at %v the status is %d", time.Now(), s.Status)
			}
		}
		if last := status(t, r, leaf, org.Certificate(), crypto.SHA256); last.Certificate.Equal(first.Certificate) {
			t.Error("the responder's certificate is the same after 14 hours")
		}
		other, err := a.AddOrganization("other.example", quick("Other"))
		if err != nil {
			t.Fatal(err)
		}
		theirs := issue(t, other, id)
		time.Sleep(time.Minute + time.Second)
		if s := status(t, r, theirs, other.Certificate(), crypto.SHA256); s.Status != ocsp.Good {
			t.Errorf("of a new organization: %d", s.Status)
		}
		if _, err := org.Revoke(authority.SerialText(leaf.SerialNumber), revocation.Superseded); err != nil {
			t.Fatal(err)
		}
		if s := status(t, r, leaf, org.Certificate(), crypto.SHA256); s.Status != ocsp.Revoked || s.RevocationReason != ocsp.Superseded || time.Since(s.RevokedAt) > time.Second {
			t.Errorf("revoked: %+v", s)
		}
		cancel()
		<-ended

		// The list lives seven days, and is made anew after half of that; responders that
		// have expired are forgotten.
		if err := r.Refresh(); err != nil {
			t.Fatal(err)
		}
		list, err := org.CRL()
		if err != nil || len(list.RevokedCertificateEntries) != 1 {
			t.Fatal(list, err)
		}
		for _, days := range []time.Duration{3, 1} {
			time.Sleep(days * day)
			if err := r.Refresh(); err != nil {
				t.Fatal(err)
			}
			if next, err := org.CRL(); err != nil || (next.Number.Cmp(list.Number) > 0) != (days == 1) {
				t.Errorf("at %v the list is of %v, %v", time.Now(), next.ThisUpdate, err)
			}
		}
		if entries, err := os.ReadDir(filepath.Join(dir, "organizations", host, "responders")); err != nil || len(entries) != 2 {
			t.Errorf("%d responders are remembered, %v", len(entries), err)
		}
	})
}

// An organization is renewed while answers are given: nobody is asked for its passphrase
// again, and what it has issued is answered as before.
func TestResponderKeepsKeys(t *testing.T) {
	secret, dir := []byte("a passphrase"), t.TempDir()
	o := authority.Options{Name: "Acme", Kind: keyfile.ECDSAP256, Passphrase: secret}
	a, err := authority.Init(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Name = "Acme Inc."
	org, err := a.AddOrganization(host, o)
	if err != nil {
		t.Fatal(err)
	}
	leaf := issue(t, org, id)
	asked := 0
	served, err := authority.Open(dir, authority.Keys{Passphrase: func(string) ([]byte, error) { asked++; return secret, nil }})
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(served, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(); err != nil {
		t.Fatal(err)
	}
	renewed, err := a.RenewOrganization(host, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(); err != nil {
		t.Fatal(err)
	}
	if s := status(t, r, leaf, renewed.Certificate(), crypto.SHA256); s.Status != ocsp.Good || asked != 2 { // each CA once
		t.Errorf("status %d, asked %d times", s.Status, asked)
	}
}

// The root's key is on a stick: what was made in advance answers, until it ends.
func TestDelegate(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, err := authority.Init(dir, quick("Acme Root"))
		if err != nil {
			t.Fatal(err)
		}
		org, err := a.AddOrganization(host, quick("Acme Inc."))
		if err != nil {
			t.Fatal(err)
		}
		leaf := issue(t, org, id)
		if _, err := a.Root().UpdateCRL(365 * day); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, authority.RootName, "key.pem")); err != nil {
			t.Fatal(err)
		}
		withKey := a
		if a, err = authority.Open(dir, authority.Keys{}); err != nil {
			t.Fatal(err)
		}
		r, err := New(a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Refresh(); code(err) != authority.CodeNoKey {
			t.Errorf("nothing in advance: %v", err)
		}
		if s := status(t, r, leaf, org.Certificate(), crypto.SHA256); s.Status != ocsp.Good {
			t.Errorf("the organization's: %+v", s)
		}
		if request, err := ocsp.CreateRequest(org.Certificate(), a.Root().Certificate(), nil); err != nil || !bytes.Equal(r.Answer(request).DER, ocsp.UnauthorizedErrorResponse) {
			t.Errorf("the root is not served, and says otherwise: %v", err)
		}
		found, err := a.Organization(host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Staple(a, found, authority.SerialText(leaf.SerialNumber), 0); code(err) != authority.CodeNoKey {
			t.Errorf("stapled: %v", err)
		}

		// The stick is there for a moment: who made the root has its key still.
		if _, err := withKey.Root().StoreDelegate(0); err != nil {
			t.Fatal(err)
		}
		if staple, err := Staple(a, found, authority.SerialText(leaf.SerialNumber), 0); err != nil || len(staple) != 2 {
			t.Errorf("stapled with what was made in advance: %v", err)
		}
		if err := r.Refresh(); err != nil {
			t.Error(err)
		}
		if s := status(t, r, org.Certificate(), a.Root().Certificate(), crypto.SHA256); s.Status != ocsp.Good {
			t.Errorf("the root's: %+v", s)
		}
		time.Sleep(29*day + 23*time.Hour + 30*time.Minute)
		if err := r.Refresh(); err != nil {
			t.Error(err)
		}
		status(t, r, org.Certificate(), a.Root().Certificate(), crypto.SHA256) // ends with the responder's certificate
		time.Sleep(time.Hour)
		if err := r.Refresh(); code(err) != authority.CodeNoKey || !strings.Contains(err.Error(), "expired on") {
			t.Errorf("the responder has ended: %v", err)
		}
	})
}

func TestStaple(t *testing.T) {
	a, org, _ := newAuthority(t, "")
	leaf := issue(t, org, id)
	staple, err := Staple(a, org, authority.SerialText(leaf.SerialNumber), 3*day)
	if err != nil || len(staple) != 2 {
		t.Fatalf("%d answers, %v", len(staple), err)
	}
	for i, pair := range [][2]*x509.Certificate{{leaf, org.Certificate()}, {org.Certificate(), a.Root().Certificate()}} {
		resp, err := ocsp.ParseResponseForCert(staple[i], pair[0], pair[1])
		if err != nil || resp.Status != ocsp.Good || time.Until(resp.NextUpdate) < 2*day || resp.NextUpdate.After(resp.Certificate.NotAfter) {
			t.Errorf("answer %d: %+v, %v", i, resp, err)
		}
		file, issuer := filepath.Join(t.TempDir(), "staple.der"), pemFile(t, "issuer.pem", pair[1])
		if err := os.WriteFile(file, staple[i], 0o600); err != nil {
			t.Fatal(err)
		}
		out := tool(t, "openssl", "ocsp", "-respin", file, "-issuer", issuer, "-sha256", "-cert", pemFile(t, "cert.pem", pair[0]),
			"-CAfile", pemFile(t, "both.pem", org.Certificate(), a.Root().Certificate()))
		if !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "cert.pem: good") {
			t.Errorf("answer %d: openssl says %s", i, out)
		}
	}
	if _, err := org.Revoke(authority.SerialText(leaf.SerialNumber), revocation.Superseded); err != nil {
		t.Fatal(err)
	}
	if _, err := Staple(a, org, authority.SerialText(leaf.SerialNumber), 0); code(err) != authority.CodeRevoked {
		t.Errorf("stapled although revoked: %v", err)
	}
}

// FuzzAnswer: whatever is asked, the answer is one, and nothing is good but the one
// certificate that was issued, asked for by its issuer.
func FuzzAnswer(f *testing.F) {
	a, org, _ := newAuthority(f, "")
	leaf := issue(f, org, id)
	r, err := New(a, Options{})
	if err != nil {
		f.Fatal(err)
	}
	if err := r.Refresh(); err != nil {
		f.Fatal(err)
	}
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA512} {
		request, err := ocsp.CreateRequest(leaf, org.Certificate(), &ocsp.RequestOptions{Hash: hash})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(request)
	}
	issuers := map[bool]*x509.Certificate{true: a.Root().Certificate(), false: org.Certificate()}
	f.Fuzz(func(t *testing.T, request []byte) {
		answer := r.Answer(request)
		if len(answer.DER) == 5 { // one of those that say why there is none
			if _, err := ocsp.ParseResponse(answer.DER, nil); err == nil {
				t.Errorf("%x is no refusal", answer.DER)
			}
			return
		}
		resp, err := ocsp.ParseResponse(answer.DER, nil)
		if err != nil {
			t.Fatal(err)
		}
		byRoot := resp.CheckSignatureFrom(resp.Certificate) == nil && resp.Certificate.CheckSignatureFrom(issuers[true]) == nil
		if !byRoot && resp.Certificate.CheckSignatureFrom(issuers[false]) != nil {
			t.Error("signed by nobody's responder")
		}
		if resp.Status == ocsp.Good && !byRoot && resp.SerialNumber.Cmp(leaf.SerialNumber) != 0 {
			// The organization's other certificates are its responders.
			if r, err := org.Lookup(resp.SerialNumber); err != nil || r.Certificate == nil {
				t.Errorf("%x is good", resp.SerialNumber)
			}
		}
	})
}
