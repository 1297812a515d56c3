package host_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

// signed is a jar signed by the extension's key of an authority.
func signed(t *testing.T, jar []byte, a *trusttest.Authority) []byte {
	t.Helper()
	f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = bundle.Sign(context.Background(), f, &out, bundle.SignOptions{
		Signer: a.Extension.Key, Chain: append(a.Chain(), a.Root.Cert),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// acme is an authority for the extension of the stories.
func acme(t *testing.T, options ...trusttest.Option) *trusttest.Authority {
	t.Helper()
	return trusttest.NewAuthority(t, append([]trusttest.Option{trusttest.For("acme.example", theID)}, options...)...)
}

// startStrict starts a host that asks for signatures. It trusts these authorities.
func startStrict(t *testing.T, home string, change func(*host.Trust), trusted ...*trusttest.Authority) *world {
	t.Helper()
	for _, a := range trusted {
		trusts(t, home, a)
	}
	return startQuick(t, home, func(cfg *host.Config) {
		cfg.Trust = host.Trust{Policy: "require", Revocation: "soft"}
		if change != nil {
			change(&cfg.Trust)
		}
	})
}

func trusts(t *testing.T, home string, a *trusttest.Authority) {
	t.Helper()
	dir := host.Home(home).Trust()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	name := a.Root.Cert.SerialNumber.Text(16) + ".pem"
	if err := os.WriteFile(filepath.Join(dir, name), trusttest.PEM(a.Root.Cert), 0o600); err != nil {
		t.Fatal(err)
	}
}

// awaitRefused waits until the row with an id is refused with a code.
func (w *world) awaitRefused(id, code string) host.Extension {
	w.t.Helper()
	return w.await(id, "refused: "+code, func(e host.Extension, found bool) bool {
		return found && e.State == "refused" && e.Reason != nil && e.Reason.Code == code
	})
}

func TestUnsignedBundleIsRefusedAndSaysWhatToDo(t *testing.T) {
	w := startStrict(t, t.TempDir(), nil)
	w.put("moody.jar", moody{version: "1"}.jar(t))
	e := w.awaitRefused("moody.jar", "unsigned")
	if e.Claims != theID || e.Signature.State != "unsigned" {
		t.Errorf("the row claims %q with signature %+v", e.Claims, e.Signature)
	}
	for _, way := range []string{"sign it", "conf/trust", "trust.policy=warn"} {
		if !strings.Contains(e.Reason.Message, way) {
			t.Errorf("%q does not name the way %q", e.Reason.Message, way)
		}
	}
}

func TestUnsignedBundleRunsMarkedUnderWarn(t *testing.T) {
	w := startStrict(t, t.TempDir(), func(tr *host.Trust) { tr.Policy = "warn" })
	w.put("moody.jar", moody{version: "1"}.jar(t))
	if e := w.awaitRunning(theID, "1"); e.Signature.State != "unsigned" || e.Signature.Code != "unsigned" {
		t.Errorf("it is marked as %+v", e.Signature)
	}
	if got := w.gauge("jackfield_extension_signature_expiry_timestamp_seconds"); got != 0 {
		t.Errorf("nobody signed it, until %v", got)
	}
}

func TestSignedBundleRunsWithItsChain(t *testing.T) {
	a := acme(t)
	w := startStrict(t, t.TempDir(), nil, a)
	w.put("moody.jar", signed(t, moody{version: "1"}.jar(t), a))
	e := w.awaitRunning(theID, "1")
	if got, want := w.gauge("jackfield_extension_signature_expiry_timestamp_seconds"), float64(a.Extension.Cert.NotAfter.Unix()); got != want {
		t.Errorf("its signature ends %v, the certificate %v", got, want)
	}
	if e.Signature.State != "valid" || len(e.Signature.Chain) != 3 || e.Signature.Publisher == "" {
		t.Errorf("its signature is %+v", e.Signature)
	}
}

func TestTrustingARootLetsWaitingBundleIn(t *testing.T) {
	a, home := acme(t), t.TempDir()
	w := startStrict(t, home, nil)
	w.put("moody.jar", signed(t, moody{version: "1"}.jar(t), a))
	w.awaitRefused("moody.jar", "chain_untrusted")
	trusts(t, home, a)
	w.awaitRunning(theID, "1")
}

// tampered is a jar in which one entry has other bytes.
func tampered(t *testing.T, jar []byte, name string, content []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for _, f := range in.File {
		e, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(e)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == name {
			data = content
		}
		entries = append(entries, entry{f.Name, data})
	}
	return storedJAR(t, entries...)
}

func TestWrongSignatureNeverRuns(t *testing.T) {
	a := acme(t)
	jar := tampered(t, signed(t, moody{version: "1", note: "as signed"}.jar(t), a), "note", []byte("as forged"))
	for _, policy := range []string{"require", "warn", "off"} {
		t.Run(policy, func(t *testing.T) {
			w := startStrict(t, t.TempDir(), func(tr *host.Trust) { tr.Policy = policy }, a)
			w.put("moody.jar", jar)
			w.awaitRefused("moody.jar", "signature_invalid")
		})
	}
}

func TestUnsignedSuccessorDoesNotTakeTheSignedOnesPlace(t *testing.T) {
	a := acme(t)
	// Consent would not help where unsigned bundles do not run at all.
	for policy, code := range map[string]string{"require": "unsigned", "warn": "publisher_changed"} {
		t.Run(policy, func(t *testing.T) {
			w := startStrict(t, t.TempDir(), func(tr *host.Trust) { tr.Policy = policy }, a)
			w.put("moody.jar", signed(t, moody{version: "1"}.jar(t), a))
			w.awaitRunning(theID, "1")
			w.put("moody-2.jar", moody{version: "2"}.jar(t))
			e := w.awaitRefused("moody-2.jar", code)
			if waits := e.Consent != nil; waits != (policy == "warn") || waits != strings.Contains(e.Reason.Message, "ext consent "+theID) {
				t.Errorf("it waits for %+v, and says %q", e.Consent, e.Reason.Message)
			}
			w.awaitRunning(theID, "1")
		})
	}
}

func TestAnotherPublisherNeedsConsent(t *testing.T) {
	a, other := acme(t), trusttest.NewAuthority(t, trusttest.For("other.example", theID))
	w := startStrict(t, t.TempDir(), nil, a, other)
	w.put("moody.jar", signed(t, moody{version: "1"}.jar(t), a))
	w.awaitRunning(theID, "1")
	w.put("moody-2.jar", signed(t, moody{version: "2"}.jar(t), other))
	w.awaitRefused("moody-2.jar", "publisher_changed")
	e := w.await(theID, "waiting for consent", func(e host.Extension, found bool) bool { return found && e.Consent != nil })
	if len(e.Consent.Needs) != 1 || e.Consent.Needs[0].Kind != host.NeedPublisher || !strings.HasSuffix(e.Consent.Needs[0].What, "@other.example") {
		t.Fatalf("it waits for %+v", e.Consent)
	}
	if _, err := w.act(host.Action{Verb: host.VerbConsent, ID: theID, Digest: e.Consent.Digest}); err != nil {
		t.Fatal(err)
	}
	w.awaitRunning(theID, "2")
	// Now it is the first one that is a stranger.
	w.put("moody-3.jar", signed(t, moody{version: "3"}.jar(t), a))
	w.awaitRefused("moody-3.jar", "publisher_changed")
}

// responder answers all questions about an authority's extension with a status.
type responder struct {
	status atomic.Int32
	asked  atomic.Int32
	server *httptest.Server
}

func startResponder(t *testing.T) *responder {
	r := &responder{}
	r.server = httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(r.server.Close)
	return r
}

func (r *responder) answerFor(t *testing.T, a *trusttest.Authority) {
	r.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.asked.Add(1)
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(trusttest.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(o *ocsp.Response) {
			o.Status = int(r.status.Load())
			if o.Status == ocsp.Revoked {
				o.RevokedAt, o.RevocationReason = time.Now().Add(-time.Minute), ocsp.KeyCompromise
			}
		}))
	})
}

func TestRevokedExtensionStopsAtOnceOnRecheck(t *testing.T) {
	r := startResponder(t)
	a := acme(t)
	// Only the leaf says where to ask.
	a.Extension = a.Issue(t, a.Organization, a.Template(trusttest.Extension, func(c *x509.Certificate) { c.OCSPServer = []string{r.server.URL} }))
	r.answerFor(t, a)
	home := t.TempDir()
	w := startStrict(t, home, func(tr *host.Trust) { tr.PrivateResponders = true }, a)
	w.put("moody.jar", signed(t, moody{version: "1"}.jar(t), a))
	w.awaitRunning(theID, "1")

	r.status.Store(int32(ocsp.Revoked))
	e, err := w.act(host.Action{Verb: host.VerbRecheck, ID: theID})
	if err != nil {
		t.Fatal(err)
	}
	if e.Signature.State != "revoked" {
		t.Errorf("after the recheck its signature is %+v", e.Signature)
	}
	e = w.awaitRefused(theID, "revoked")
	if e.PID != 0 || e.Signature.State != "revoked" {
		t.Errorf("it has pid %d, signature %+v", e.PID, e.Signature)
	}
	status, _ := w.post(theType, `"version"`)
	if status != http.StatusServiceUnavailable && status != http.StatusNotFound {
		t.Errorf("a request to it is answered with %d", status)
	}
	w.stop()
	// It stays so after a restart, also when nobody answers any more.
	r.server.Close()
	w = startStrict(t, home, func(tr *host.Trust) { tr.PrivateResponders = true })
	w.awaitRefused(theID, "revoked")
}

func TestRevokedExtensionStopsWithinOneInterval(t *testing.T) {
	r := startResponder(t)
	a := acme(t)
	a.Extension = a.Issue(t, a.Organization, a.Template(trusttest.Extension, func(c *x509.Certificate) { c.OCSPServer = []string{r.server.URL} }))
	r.answerFor(t, a)
	for _, c := range []struct{ onRevoked, state string }{{"stop", "refused"}, {"warn", "running"}} {
		t.Run(c.onRevoked, func(t *testing.T) {
			r.status.Store(int32(ocsp.Good))
			w := startStrict(t, t.TempDir(), func(tr *host.Trust) {
				tr.PrivateResponders, tr.OnRevoked, tr.Recheck = true, c.onRevoked, 300*time.Millisecond
			}, a)
			w.put("moody.jar", signed(t, moody{version: "1"}.jar(t), a))
			w.awaitRunning(theID, "1")
			r.status.Store(int32(ocsp.Revoked))
			w.await(theID, c.state+" and revoked", func(e host.Extension, found bool) bool {
				return found && string(e.State) == c.state && e.Signature.State == "revoked"
			})
		})
	}
}
