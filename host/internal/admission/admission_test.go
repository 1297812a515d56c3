package admission

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

const theID = "org.acme.hello"

// verified is a bundle of theID: unsigned without an authority, else signed by its
// extension's key, with OCSP answers stapled to it.
func verified(t *testing.T, a *trusttest.Authority, version string, staples ...[]byte) *bundle.Verified {
	t.Helper()
	jar := bundletest.Good(bundletest.With("extension_class", theID), bundletest.With("extension_version", version))
	if a != nil {
		var out bytes.Buffer
		err := bundle.Sign(context.Background(), open(t, jar), &out, bundle.SignOptions{
			Signer: a.Extension.Key, Chain: append(a.Chain(), a.Root.Cert), Staples: staples,
		})
		if err != nil {
			t.Fatal(err)
		}
		jar = out.Bytes()
	}
	v, err := bundle.Verify(context.Background(), open(t, jar))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func open(t *testing.T, jar []byte) *bundle.File {
	t.Helper()
	f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// world is a Control and what its callbacks say.
type world struct {
	*Control
	pin     string
	changes atomic.Int32
}

func start(t *testing.T, change func(*Config), trusted ...*trusttest.Authority) *world {
	t.Helper()
	w := &world{}
	var roots trust.Roots
	for _, a := range trusted {
		roots.Certificates = append(roots.Certificates, a.Root.Cert)
	}
	cfg := Config{
		Judge:  trust.New(trust.Config{Roots: &roots, Revocation: trust.Soft, Offline: true}),
		Pinned: func(string) string { return w.pin }, Changed: func() { w.changes.Add(1) },
		Log: slog.New(slog.DiscardHandler), Look: 10 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	w.Control = New(cfg)
	return w
}

func (w *world) code(b *bundle.Verified) trust.Code {
	if r := w.Refusal(b); r != nil {
		return r.Code
	}
	return trust.OK
}

func TestPolicies(t *testing.T) {
	a, stranger := trusttest.NewAuthority(t), trusttest.NewAuthority(t)
	old := trusttest.NewAuthority(t, trusttest.At(time.Now().AddDate(-2, 0, 0)))
	// The root of what has expired is good for longer.
	old.Root = old.Issue(t, nil, old.Template(trusttest.Root, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(1, 0, 0) }))
	old.Organization = old.Issue(t, old.Root, old.Template(trusttest.Organization))
	old.Extension = old.Issue(t, old.Organization, old.Template(trusttest.Extension))
	other := trusttest.NewAuthority(t)
	other.Extension = other.Issue(t, other.Organization, other.Template(trusttest.Extension, func(c *x509.Certificate) {
		c.URIs[0] = trusttest.URI("acme.example", "org.acme.other")
	}))
	lost := trusttest.NewAuthority(t) // a revocation that was seen once is known for good
	revoked := trusttest.OCSP(t, lost.Extension.Cert, lost.Organization, lost.Responder, func(o *ocsp.Response) {
		o.Status, o.RevokedAt, o.RevocationReason = ocsp.Revoked, time.Now().Add(-time.Minute), ocsp.KeyCompromise
	})
	bundles := map[string]*bundle.Verified{
		"valid": verified(t, a, "1"), "unsigned": verified(t, nil, "1"), "stranger": verified(t, stranger, "1"),
		"expired": verified(t, old, "1"), "another id": verified(t, other, "1"), "revoked": verified(t, lost, "2", revoked),
	}
	for _, c := range []struct {
		name      string
		policy    Policy
		onRevoked OnRevoked
		refused   map[string]trust.Code
	}{
		{"by default as strict as can be", "", "", map[string]trust.Code{
			"unsigned": trust.CodeUnsigned, "stranger": trust.ChainUntrusted, "expired": trust.CodeExpired, "another id": trust.IdentityMismatch, "revoked": trust.CodeRevoked,
		}},
		{"require, and mark the revoked", Require, Mark, map[string]trust.Code{
			"unsigned": trust.CodeUnsigned, "stranger": trust.ChainUntrusted, "expired": trust.CodeExpired, "another id": trust.IdentityMismatch,
		}},
		{"warn", Warn, Stop, map[string]trust.Code{"another id": trust.IdentityMismatch, "revoked": trust.CodeRevoked}},
		{"off", Off, Stop, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, func(cfg *Config) { cfg.Policy, cfg.OnRevoked = c.policy, c.onRevoked }, a, old, other, lost)
			for name, b := range bundles {
				if r := w.Refusal(b); r == nil && c.policy != Off {
					t.Errorf("%s is not refused before it was judged", name)
				}
				w.Judge(context.Background(), b)
				if code := w.code(b); code != c.refused[name] {
					t.Errorf("%s is refused with %q, want %q", name, code, c.refused[name])
				}
			}
		})
	}
}

func TestPublishers(t *testing.T) {
	a, other := trusttest.NewAuthority(t), trusttest.NewAuthority(t, trusttest.For("other.example", theID))
	w := start(t, func(cfg *Config) { cfg.Policy = Warn }, a, other)
	mine, theirs, nobodys := verified(t, a, "1"), verified(t, other, "1"), verified(t, nil, "1")
	for _, b := range []*bundle.Verified{mine, theirs, nobodys} {
		w.Judge(context.Background(), b)
	}
	v, _ := w.Verdict(mine)
	w.pin = v.Publisher
	for b, want := range map[*bundle.Verified]trust.Code{mine: trust.OK, theirs: trust.PublisherChanged, nobodys: trust.PublisherChanged} {
		if code := w.code(b); code != want {
			t.Errorf("%q, want %q", code, want)
		}
	}
	if r := w.Refusal(theirs); r.Publisher == "" || r.Publisher == w.pin {
		t.Errorf("the new publisher is %q", r.Publisher)
	}
	if r := w.Refusal(nobodys); r.Publisher != "" {
		t.Errorf("nobody is %q", r.Publisher)
	}
}

// A root that is put down counts without anybody's doing, and so does its going.
func TestRootsComeAndGo(t *testing.T) {
	a, dir := trusttest.NewAuthority(t), filepath.Join(t.TempDir(), "trust")
	w := start(t, func(cfg *Config) { cfg.Folder = dir })
	b := verified(t, a, "1")
	w.Judge(context.Background(), b)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func() []*bundle.Verified { return []*bundle.Verified{b} })
	}()
	await := func(code trust.Code) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); w.code(b) != code; <-time.After(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it is refused with %q, want %q", w.code(b), code)
			}
		}
	}
	await(trust.ChainUntrusted)
	a.WriteRoots(t, dir)
	await(trust.OK)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	await(trust.ChainUntrusted)
	if n := w.changes.Load(); n != 2 {
		t.Errorf("%d changes were told of", n)
	}
	cancel()
	<-ended
}

// What is not installed any more is forgotten; without a verdict nothing runs.
func TestForgotten(t *testing.T) {
	a := trusttest.NewAuthority(t)
	w := start(t, nil, a)
	stays, goes := verified(t, a, "1"), verified(t, a, "2")
	for _, b := range []*bundle.Verified{stays, goes} {
		w.Judge(context.Background(), b)
	}
	if err := w.pass(context.Background(), []*bundle.Verified{stays}, true); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Verdict(goes); ok || w.Refusal(goes) == nil || w.Refusal(stays) != nil {
		t.Error("what is gone is remembered, or what stays is not")
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	w.Judge(ended, goes)
	if _, ok := w.Verdict(goes); ok {
		t.Error("a question that was broken off has an answer")
	}
}
