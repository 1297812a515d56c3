package host

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/findings"
	"github.com/jackfield-host/jackfield/host/internal/installation"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/trust"
)

// house is the host as an installation sees it, and who looks at what has become of one.
type house struct{ *Host }

// The kinds of events, and the actions of the audit trail, of what comes with a plan.
const (
	eventInstalled = "installed"
	eventUndone    = "undone"
)

// originKey is under which it is remembered from where the version with a digest came; one
// that was put there otherwise has another digest.
func originKey(id string) string { return "origin." + id }

func (h house) origin(id, digest string) string {
	of, repository, _ := strings.Cut(h.state.Value(originKey(id)), " ")
	if of != digest {
		return ""
	}
	return repository
}

// Looked is part of installation.House.
func (h house) Looked() bool { return h.looked.Load() }

// AwaitLooked is part of findings.House.
func (h house) AwaitLooked(ctx context.Context) error { return h.awaitRows(ctx, h.Looked) }

// Origins is part of findings.House.
func (h house) Origins() []findings.Origin {
	var list []findings.Origin
	for _, x := range h.Installed() {
		list = append(list, findings.Origin{ID: x.ID, Version: x.Version, Digest: x.Digest, Repository: x.Repository})
	}
	return list
}

// Installed is part of installation.House.
func (h house) Installed() []plan.Installed {
	rows := *h.rows.Load()
	var verified map[string]*bundle.Verified
	list := []plan.Installed{}
	for _, r := range rows {
		var b *bundle.Verified
		switch {
		case r.edition != nil:
			b = r.edition.entry.Bundle
		case r.ID == r.File || r.Digest == "":
			continue // a file that is no extension
		default: // it is installed, and must not run
			if verified == nil {
				verified = map[string]*bundle.Verified{}
				for _, v := range h.catalog.Verified() {
					verified[v.Digest()] = v
				}
			}
			if b = verified[r.Digest]; b == nil {
				continue
			}
		}
		m := b.Manifest()
		is, _ := h.state.Extension(m.ID)
		list = append(list, plan.Installed{
			ID: m.ID, Version: m.Version.String(), Digest: b.Digest(), File: r.File,
			Publisher: h.publisherOf(b), Repository: h.origin(m.ID, b.Digest()), Requires: m.Requires, Pinned: is.Pinned != "",
		})
	}
	return list
}

// Publishers is part of installation.House.
func (h house) Publishers() map[string]string {
	pins := map[string]string{}
	for id, x := range h.state.Extensions() {
		if x.Publisher != "" {
			pins[id] = x.Publisher
		}
	}
	return pins
}

// Decided is part of installation.House.
func (h house) Decided(id string) []string {
	is, _ := h.state.Extension(id)
	var list []string
	for _, d := range is.Decisions {
		list = append(list, d.Permission)
	}
	return list
}

// Take is part of installation.House.
func (h house) Take(ctx context.Context, file *os.File, size int64) (installation.Bundle, error) {
	r, err := h.catalog.Receive(ctx, file, size)
	if err != nil {
		return installation.Bundle{}, asFault(err)
	}
	return h.taken(r), nil
}

// Recall is part of installation.House.
func (h house) Recall(ctx context.Context, digest string) (installation.Bundle, error) {
	r, err := h.catalog.Recall(ctx, digest)
	if err != nil {
		return installation.Bundle{}, err
	}
	return h.taken(r), nil
}

func (h house) taken(r *catalog.Received) installation.Bundle {
	m := r.Manifest
	b := installation.Bundle{
		ID: m.ID, Version: m.Version.String(), Digest: r.Digest, Size: r.Size, File: r.File, Publisher: h.publisherOf(r.Bundle),
		Permissions: m.Permissions, Requires: m.Requires, Release: r.Release,
	}
	if refusal := h.admission.Refusal(r.Bundle); refusal != nil && refusal.Code == trust.PublisherChanged {
		b.Publisher = refusal.Publisher
	}
	if f := r.Fault; f != nil {
		b.Fault = &plan.Fault{Code: f.Code, Message: fmt.Sprintf("%s %s cannot run here: %s", m.ID, m.Version, f.Message)}
	}
	return b
}

// Deposit is part of installation.House.
func (h house) Deposit(ctx context.Context, digest string) (string, error) {
	r, err := h.catalog.Recall(ctx, digest)
	if err != nil {
		return "", err
	}
	defer r.Release()
	file, err := h.catalog.Publish(ctx, r)
	if err != nil {
		return "", asFault(err)
	}
	return file, nil
}

// Retract is part of installation.House.
func (h house) Retract(ctx context.Context, file, digest string) error {
	return h.catalog.Retract(ctx, file, digest)
}

// Holds is part of installation.House.
func (h house) Holds(file string) bool { return h.catalog.Holds(file) }

// Decide is part of installation.House.
func (h house) Decide(ctx context.Context, l installation.Landing) error {
	h.acting.Lock()
	defer h.acting.Unlock()
	is, _ := h.state.Extension(l.ID)
	now := time.Now()
	t := terms{actor: Actor{Name: l.Actor, Remote: l.Remote}, grant: l.Grant, publisher: l.Publisher}
	asks := l.Grant
	edit := func(x *state.Extension) {
		t.decide(x, asks, now)
		x.Rejected = without(x.Rejected, l.Digest)
	}
	after := is
	edit(&after)
	if len(after.Rejected) != len(is.Rejected) {
		h.reconciler.order(l.ID, func(o *orders) { o.retry++ }) // it is asked for once more
	}
	h.expect(l.ID, l.Digest)
	return h.landed(ctx, l, edit, eventInstalled, "from "+l.Repository+", as "+l.File, l.Digest+" "+l.Repository)
}

// Revert is part of installation.House.
func (h house) Revert(ctx context.Context, l installation.Landing) error {
	h.acting.Lock()
	defer h.acting.Unlock()
	edit := func(x *state.Extension) {
		x.Forget(func(p string) bool {
			d, _ := x.Decision(p)
			return !d.Granted || d.By != l.Actor || !slices.Contains(l.Grant, p)
		})
		if l.Publisher != nil && x.Publisher == *l.Publisher {
			x.Publisher = l.Before.Publisher
		}
		if l.Before.Digest == "" {
			x.Consented = false // nothing of it is there: whoever puts it there consents anew
		}
	}
	origin := ""
	if l.Before.Repository != "" {
		origin = l.Before.Digest + " " + l.Before.Repository
	}
	h.expect(l.ID, "")
	return h.landed(ctx, l, edit, eventUndone, "what was there before is there again", origin)
}

// landed writes down that something of a plan has landed, or was taken back.
func (h house) landed(ctx context.Context, l installation.Landing, edit func(*state.Extension), kind, message, origin string) error {
	is, _ := h.state.Extension(l.ID)
	before, err := json.Marshal(uploadedState{Version: is.Version, Digest: is.Current, File: is.File, Decided: decisionsOf(is)})
	if err != nil {
		return err
	}
	edit(&is)
	after, err := json.Marshal(uploadedState{Version: l.Version, Digest: l.Digest, File: l.File, Decided: decisionsOf(is)})
	if err != nil {
		return err
	}
	now := time.Now()
	err = h.state.Change(ctx, state.Change{
		ID: l.ID, Edit: edit,
		Events: []state.Event{{Time: now, Kind: kind, Version: l.Version, Digest: l.Digest, Actor: l.Actor, Message: message}},
		Audit: []state.AuditEntry{{
			Time: now, Actor: l.Actor, Action: kind, Target: l.ID, Before: before, After: after, Remote: l.Remote,
		}},
	})
	if err != nil {
		return err
	}
	return h.state.SetValue(ctx, originKey(l.ID), origin)
}

// Pin is part of installation.House.
func (h house) Pin(ctx context.Context, l installation.Landing, on bool) error {
	h.acting.Lock()
	defer h.acting.Unlock()
	edit := func(x *state.Extension) {
		switch {
		case on:
			x.Pinned = l.Digest
		case x.Pinned == l.Digest:
			x.Pinned = ""
		}
	}
	if err := h.state.Change(ctx, state.Change{ID: l.ID, Edit: edit}); err != nil {
		return err
	}
	h.catalog.Wake()
	return nil
}

// Apply is part of installation.House.
func (h house) Apply(ctx context.Context) error {
	h.catalog.Wake()
	h.reconciler.wake()
	return h.sync(ctx)
}

// Condition is part of installation.House.
func (h house) Condition(id, digest string) installation.Condition {
	for _, r := range *h.rows.Load() {
		switch {
		case r.ID == id && r.extension != nil && r.Digest == digest:
			c := conditionOf(r.State, r.Reason)
			c.Healthy = r.State == lifecycle.Running || r.State == lifecycle.Stopped && !r.Enabled
			c.Settled = r.atRest && r.State.Settled() && r.State != lifecycle.Draining && r.State != lifecycle.Waiting
			return c
		case r.ID == id && r.Candidate != nil && r.Candidate.Digest == digest:
			c := conditionOf(r.Candidate.State, r.Candidate.Reason)
			c.Settled = r.Candidate.State == lifecycle.Failed
			return c
		case (r.ID == id || r.Claims == id) && r.extension == nil && r.Digest == digest:
			c := conditionOf(r.State, r.Reason)
			c.Settled = r.State != lifecycle.Pending && !h.installation.Withheld(digest)
			c.Superseded = c.Settled && c.Code == lifecycle.CodeHeld
			return c
		}
	}
	return installation.Condition{}
}

func conditionOf(s State, why *Reason) installation.Condition {
	c := installation.Condition{Seen: true, Code: string(s), Message: "it is " + string(s)}
	if why != nil {
		c.Code, c.Message = why.Code, why.Message
	}
	return c
}

// Await is part of installation.House.
func (h house) Await(ctx context.Context, ok func() bool) error { return h.awaitRows(ctx, ok) }

// Probation is part of installation.House.
func (h house) Probation(id string) time.Duration {
	s := h.cfg.Settings(id)
	return max(s.Probation, s.DrainTimeout)
}

// asFault makes an installation's error of one that speaks to administrators.
func asFault(err error) error {
	e, ok := asError(err).(*Error)
	if !ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code := e.Code
	if code == CodeTooLarge {
		code = plan.CodeTooLarge
	}
	if errIsFull(err) {
		code = plan.CodeDiskFull
	}
	return &plan.Fault{Code: code, Message: e.Message, Hint: e.Hint}
}

// refusalOf is a plan's refusal as the host says it.
func refusalOf(err error) error {
	f, ok := err.(*plan.Fault)
	if !ok {
		return asError(err)
	}
	return &Error{Code: cmp.Or(f.Code, CodeInternal), Message: f.Message, Hint: f.Hint, Others: f.Others}
}
