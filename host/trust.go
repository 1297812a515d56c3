package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/admission"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/trust"
)

// Trust says which signatures the host asks for: the keys trust.*. The zero value is as
// strict as can be.
type Trust struct {
	// Policy is require (the default), warn or off.
	Policy string
	// Revocation is soft, hard (the default) or off.
	Revocation string
	// OnRevoked is stop (the default) or warn.
	OnRevoked string
	// Recheck is the time after which what is installed is judged again, 0 for an hour.
	Recheck time.Duration
	// PrivateResponders lets addresses in certificates lead into private networks.
	PrivateResponders bool
}

func (t Trust) check() error {
	var errs []error
	for _, c := range []struct {
		name, value string
		allowed     []string
	}{
		{"policy", t.Policy, []string{"", "require", "warn", "off"}},
		{"revocation", t.Revocation, []string{"", "soft", "hard", "off"}},
		{"what becomes of the revoked", t.OnRevoked, []string{"", "stop", "warn"}},
	} {
		known := false
		for _, a := range c.allowed {
			known = known || a == c.value
		}
		if !known {
			errs = append(errs, fmt.Errorf("trust: %s: %q is none of %q", c.name, c.value, c.allowed))
		}
	}
	return errors.Join(errs...)
}

func (h *Host) newAdmission() *admission.Control {
	t := h.cfg.Trust
	judge := trust.New(trust.Config{
		Revocation: trust.RevocationPolicy(t.Revocation), Cache: h.home.TrustCache(),
		Refresh: cmp.Or(t.Recheck, time.Hour) / 2, AllowPrivate: t.PrivateResponders, Log: h.cfg.Log,
	})
	return admission.New(admission.Config{
		Judge: judge, Policy: admission.Policy(t.Policy), OnRevoked: admission.OnRevoked(t.OnRevoked),
		Folder: h.home.Trust(), Recheck: t.Recheck, Log: h.cfg.Log,
		Pinned: func(id string) string {
			is, _ := h.state.Extension(id)
			return is.Publisher
		},
		// What the catalog decides follows from it, and so do rows of what runs.
		Changed: func() { h.catalog.Wake(); h.reconciler.wake() },
	})
}

// distrust is what the catalog asks.
func (h *Host) distrust(b *bundle.Verified) *catalog.Distrust {
	r := h.admission.Refusal(b)
	if r == nil {
		return h.planDistrust(b.Digest())
	}
	return &catalog.Distrust{Code: string(r.Code), Message: r.Message}
}

// signatureOf is what a row says of a bundle's signature.
func (h *Host) signatureOf(b *bundle.Verified) Signature {
	v, ok := h.admission.Verdict(b)
	if !ok {
		own := b.Signature()
		return Signature{State: own.State, Signer: own.Signer, Organization: own.Organization, Chain: append([]string{}, own.Chain...)}
	}
	s := Signature{
		State: string(v.State), Code: string(v.Code), Message: v.Message,
		Signer: v.Signer, Organization: v.Organization, Publisher: v.Publisher, Chain: []string{},
	}
	for _, c := range v.Chain {
		s.Chain = append(s.Chain, c.Subject.String())
	}
	if !v.SignedAt.IsZero() {
		at := v.SignedAt.UTC()
		s.SignedAt = &at
	}
	return s
}

// holdsUntil is when a certificate ends without which a bundle's signature does not hold;
// zero where none vouches for it.
func (h *Host) holdsUntil(b *bundle.Verified) time.Time {
	v, _ := h.admission.Verdict(b)
	return v.Until
}

// publisherOf is the publisher to which an extension is bound once this bundle of it was
// healthy, "" for none.
func (h *Host) publisherOf(b *bundle.Verified) string {
	if h.cfg.Trust.Policy == string(admission.Off) {
		return ""
	}
	v, _ := h.admission.Verdict(b)
	if v.State != trust.Valid {
		return ""
	}
	return v.Publisher
}

// newPublisher is the consent that a bundle waits for which another publisher has signed
// than those before it, nil for any other.
func (h *Host) newPublisher(r catalog.Row) *Consent {
	refusal := h.admission.Refusal(r.Bundle)
	if refusal == nil || refusal.Code != trust.PublisherChanged {
		return nil
	}
	return &Consent{
		Version: r.Manifest.Version.String(), Digest: r.Digest, File: r.File,
		Needs: []Need{{NeedPublisher, refusal.Publisher}},
	}
}

// named gives an extension that was installed and does not run its own row: of the files
// that claim it, what ran last, else the first. All other files keep their names. What
// waits for consent is in the row of its extension, too.
func (h *Host) named(rows []row) []row {
	owner := map[string]int{}
	for i, r := range rows {
		if r.extension != nil {
			owner[r.ID] = i
		}
	}
	for i, r := range rows {
		is, _ := h.state.Extension(r.Claims)
		if r.extension != nil || is.Current == "" || !is.Removed.IsZero() {
			continue
		}
		if j, ok := owner[r.Claims]; !ok || rows[j].extension == nil && r.Digest == is.Current {
			owner[r.Claims] = i
		}
	}
	for i, r := range rows {
		if j, ok := owner[r.Claims]; ok && r.Consent != nil && rows[j].Consent == nil {
			rows[j].Consent = rows[i].Consent
		}
	}
	for id, i := range owner {
		if rows[i].extension != nil {
			continue
		}
		is, _ := h.state.Extension(id)
		r := &rows[i].Extension
		r.ID, r.Claims = id, ""
		r.Enabled = !is.Disabled && !is.Unconfirmed
		r.Grants, r.Denied = grantsOf(is, r.Permissions)
		r.Versions = versionsOf(*r, is, h.state.Versions(id))
	}
	return rows
}

func noSignature() Signature { return Signature{Chain: []string{}} }

// recheck judges anew whether the bundles of an extension may run, at once.
func (h *Host) recheck(ctx context.Context, a Action, row Extension) (Extension, error) {
	var mine []*bundle.Verified
	for _, b := range h.catalog.Verified() {
		if b.Manifest().ID == a.ID || b.Digest() == row.Digest {
			mine = append(mine, b)
		}
	}
	if err := h.admission.Recheck(ctx, mine); err != nil {
		return row, err
	}
	h.catalog.Wake()
	err := h.state.Change(context.WithoutCancel(ctx), state.Change{ // it is done
		ID: a.ID, Audit: []state.AuditEntry{auditOf(a, nil, nil)},
	})
	if err != nil {
		h.cfg.Log.Error("writing the audit trail", "error", err)
	}
	return h.synced(ctx, row)
}
