package revocation

import (
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// TestRevocationsAreNotCrowdedOut asks about more certificates than are kept in memory.
func TestRevocationsAreNotCrowdedOut(t *testing.T) {
	c := newCache("", slog.New(slog.DiscardHandler))
	revoked := &evidence{kind: kindCRL, status: Revoked}
	c.keep(&question{key: "revoked"}, nil, revoked, nil)
	for i := range 2 * maxKnown {
		c.keep(&question{key: strconv.Itoa(i)}, &evidence{kind: kindOCSP, status: Good}, nil, nil)
	}
	if got := c.of(&question{key: "revoked"}); got.revoked != revoked {
		t.Error("a revocation is forgotten")
	}
	if len(c.known) > maxKnown+1 {
		t.Errorf("%d certificates are kept", len(c.known))
	}
	a := tt.NewAuthority(t)
	crl, err := ParseCRL("x", tt.CRL(t, a.Organization, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxLists {
		c.keepList(&question{cert: a.Extension.Cert, issuer: a.Organization.Cert, now: a.Now}, strconv.Itoa(i), crl)
	}
	if len(c.lists) > maxLists {
		t.Errorf("%d lists are kept", len(c.lists))
	}
}

// TestLateCheckDoesNotUndo is a check that began before another one saw a revocation, and
// ends after it.
func TestLateCheckDoesNotUndo(t *testing.T) {
	c := newCache("", slog.New(slog.DiscardHandler))
	q := &question{key: "x"}
	at := time.Now()
	before, after := &evidence{kind: kindOCSP, status: Good, thisUpdate: at}, &evidence{kind: kindOCSP, status: Revoked, thisUpdate: at.Add(time.Minute)}
	c.keep(q, after, after, nil)
	c.keep(q, before, nil, nil)
	if k := c.of(q); k.revoked != after || k.latest != after {
		t.Errorf("%+v", k)
	}
	c.keep(q, nil, &evidence{kind: kindCRL, status: Revoked, reason: CertificateHold, thisUpdate: at.Add(time.Hour)}, nil)
	c.keep(q, nil, nil, &evidence{kind: kindOCSP, status: Good, thisUpdate: at.Add(2 * time.Hour)})
	if k := c.of(q); k.revoked != after {
		t.Error("a revocation for good was taken for a hold")
	}
}

func TestGravity(t *testing.T) {
	now := time.Now()
	revoked := func(reason Reason, ago time.Duration) *evidence {
		return &evidence{kind: kindOCSP, status: Revoked, reason: reason, thisUpdate: now.Add(-ago)}
	}
	for _, row := range []struct{ graver, than *evidence }{
		{revoked(KeyCompromise, time.Hour), revoked(Superseded, 0)},
		{revoked(Unspecified, time.Hour), revoked(CertificateHold, 0)},
		{revoked(Superseded, time.Hour), revoked(CertificateHold, 0)},
		{revoked(CertificateHold, 0), revoked(CertificateHold, time.Hour)},
		{revoked(Superseded, 0), revoked(AffiliationChanged, time.Hour)},
		{revoked(CertificateHold, 0), nil},
	} {
		if !row.graver.graver(row.than) || row.than != nil && row.than.graver(row.graver) {
			t.Errorf("%s is not graver than %+v", row.graver.reason, row.than)
		}
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{
		"new.ocsp": time.Hour, "old.ocsp": keepFor + time.Hour, "old.crl": keepFor + time.Hour,
		"old.revoked.ocsp": keepFor + time.Hour, "old.revoked.crl": keepFor + time.Hour, "stranger.txt": keepFor + time.Hour,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	c := newCache(dir, slog.New(slog.DiscardHandler))
	c.keep(&question{key: "x", now: now}, &evidence{kind: kindOCSP, der: []byte("x"), asked: now}, nil, nil)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	want := []string{"new.ocsp", "old.revoked.crl", "old.revoked.ocsp", "stranger.txt", "x.ocsp"}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

// TestOldRevocationIsRead is a revocation whose responder's certificate has ended since.
func TestOldRevocationIsRead(t *testing.T) {
	dir := t.TempDir()
	a := tt.NewAuthority(t)
	crl, err := ParseCRL("x", tt.CRL(t, a.Organization, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	q := newQuestion(a.Extension.Cert, a.Organization.Cert, a.Now.AddDate(2, 0, 0))
	c := newCache(dir, slog.New(slog.DiscardHandler))
	if c.write(q.key+".revoked.crl", crl.List.Raw, a.Now); c.of(q).revoked != nil {
		t.Error("a list without the certificate revokes it")
	}
	if e := crl.about(big.NewInt(1)); e.status != Good {
		t.Errorf("%+v", e)
	}
	der := tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) {
		r.Status, r.RevokedAt, r.RevocationReason = ocsp.Revoked, a.Now, ocsp.KeyCompromise
	})
	c = newCache(dir, slog.New(slog.DiscardHandler))
	c.write(q.key+".revoked.ocsp", der, a.Now)
	if e := c.of(q).revoked; e == nil || e.reason != KeyCompromise {
		t.Errorf("%+v", e)
	}
	good := tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, nil)
	c = newCache(dir, slog.New(slog.DiscardHandler))
	c.write(q.key+".revoked.ocsp", good, a.Now)
	if e := c.of(q).revoked; e != nil {
		t.Errorf("a good answer revokes: %+v", e)
	}
}
