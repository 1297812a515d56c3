package host

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// errNoSpace is what writing to a full disk comes to.
const errNoSpace = syscall.ENOSPC

// Upload takes a bundle in: it is verified and, unless it is a dry run, durably in the
// extensions folder before Upload returns. The error is an *Error with the bundle's
// code when the bundle is at fault.
func (h *Host) Upload(ctx context.Context, u Upload) (Uploaded, error) {
	if u.DryRun {
		received, up, err := h.receive(ctx, u)
		if err == nil {
			received.Release()
		}
		return up, err
	}
	j := h.jobs.begin(u)
	body := &arriving{Reader: u.Body, job: j}
	u.Body = body
	up, err := h.upload(ctx, u, j)
	switch {
	case err != nil:
		j.refused(ctx, body, err)
	case up.Job != j.now.Name:
		j.finish(JobDone, "", "this upload was answered before, as "+up.Job)
	default:
		h.settle(j)
	}
	return up, err
}

// receive takes a bundle into private storage, where it stays until it is released, and
// says what would come of it.
func (h *Host) receive(ctx context.Context, u Upload) (*catalog.Received, Uploaded, error) {
	received, err := h.catalog.Receive(ctx, u.Body, u.Size)
	if err != nil {
		return nil, Uploaded{}, asError(err)
	}
	return received, h.uploaded(received, h.catalog.Plan(received)), nil
}

// uploaded says what a bundle is and what a plan for it comes to.
func (h *Host) uploaded(received *catalog.Received, plan catalog.Planned) Uploaded {
	m := received.Manifest
	is, _ := h.state.Extension(m.ID)
	return Uploaded{
		ID: m.ID, Version: m.Version.String(), Digest: received.Digest, Action: string(plan.Action),
		State: plan.State, Reason: plan.Reason, From: plan.From, Warnings: append([]string{}, received.Warnings...),
		Permissions: append([]string{}, m.Permissions...), Needs: needsOf(is, m.Permissions),
	}
}

// upload does the upload whose job is j.
func (h *Host) upload(ctx context.Context, u Upload, j *job) (Uploaded, error) {
	received, up, err := h.receive(ctx, u)
	if err != nil {
		return Uploaded{}, err
	}
	defer received.Release()
	j.now.ID, j.now.Version, j.now.Digest = up.ID, up.Version, up.Digest
	h.acting.Lock()
	defer h.acting.Unlock()
	if before, err := h.sameUpload(ctx, u, up.Digest); err != nil || before != nil {
		return answerOf(before, err)
	}
	return h.install(ctx, received, up, terms{actor: u.Actor, key: u.Key}, j)
}

// terms are on which somebody installs a bundle.
type terms struct {
	actor Actor
	key   string // of the upload, empty for none
	// grant are the permissions that are consented to, nil for all that nobody has decided
	// about. Of those the others are denied.
	grant []string
	// publisher, if it is not nil, is accepted in the place of the one before.
	publisher *string
}

// decide writes the terms into the row of an extension whose new version asks for asks.
func (t terms) decide(x *state.Extension, asks []string, at time.Time) {
	for _, p := range asks {
		was, decided := x.Decision(p)
		named := slices.Contains(t.grant, p)
		if !decided && t.grant != nil || named && !was.Granted {
			x.Decide(state.Decision{Permission: p, Granted: named, By: t.actor.Name, At: at})
		}
	}
	if t.publisher != nil {
		x.Publisher = *t.publisher
	}
	grantNeeds(x, asks, t.actor.Name, at)
}

// install puts a bundle into the extensions folder and writes down who has done so on
// which terms, as the job j. up says what it comes to. The caller has h.acting.
func (h *Host) install(ctx context.Context, received *catalog.Received, up Uploaded, t terms, j *job) (Uploaded, error) {
	up.Job = j.now.Name
	arrived := sync.OnceFunc(h.arrive(received.Digest))
	defer arrived()
	file, err := h.catalog.Publish(ctx, received)
	if err != nil {
		return Uploaded{}, asError(err)
	}
	j.to(JobStarting)
	h.expect(up.ID, received.Digest)
	if err := h.consentToUpload(ctx, t, received.Manifest, &up, file); err != nil { // the bundle is there: that is what was asked for
		h.cfg.Log.Error("writing down an upload and the consent to what it asks for", "ext", up.ID, "error", err)
		return up, nil
	}
	h.remember(ctx, t, up)
	arrived()
	if len(up.Needs) > 0 || t.publisher != nil { // what waited for that does so no more
		h.catalog.Wake()
		err = h.sync(ctx)
	}
	if err != nil {
		h.cfg.Log.Debug("waiting for what an upload has changed", "ext", up.ID, "error", err)
	}
	return up, nil
}

// remember writes down how an upload with a key was answered. Without that the same
// bytes are taken a second time, which changes nothing.
func (h *Host) remember(ctx context.Context, t terms, up Uploaded) {
	if t.key == "" {
		return
	}
	answer, err := json.Marshal(up)
	if err == nil {
		err = h.state.SaveReply(ctx, state.Reply{Actor: t.actor.Name, Key: t.key, Digest: up.Digest, Answer: answer})
	}
	if err != nil {
		h.cfg.Log.Warn("the answer to an upload cannot be written down under its Idempotency-Key", "ext", up.ID, "error", err)
	}
}

// answerOf is an answer as it was given before.
func answerOf(reply *state.Reply, err error) (Uploaded, error) {
	if err != nil {
		return Uploaded{}, asError(err)
	}
	var up Uploaded
	if err := json.Unmarshal(reply.Answer, &up); err != nil {
		return Uploaded{}, fmt.Errorf("the answer that was written down for an Idempotency-Key: %w", err)
	}
	return up, nil
}

// uploadedState is what an upload changes, as the audit trail keeps it.
type uploadedState struct {
	Version string          `json:"version"`
	Digest  string          `json:"digest"`
	File    string          `json:"file"`
	Decided json.RawMessage `json:"decided"`
}

// consentToUpload writes down that somebody has published a bundle and consented to what
// it asks for, as far as the terms say.
func (h *Host) consentToUpload(ctx context.Context, t terms, m *bundle.Manifest, up *Uploaded, file string) error {
	now := time.Now()
	is, _ := h.state.Extension(m.ID) // as it is now that nobody else changes it
	up.Needs = needsOf(is, m.Permissions)
	before, err := json.Marshal(uploadedState{Version: is.Version, Digest: is.Current, File: is.File, Decided: decisionsOf(is)})
	if err != nil {
		return err
	}
	var consent func(*state.Extension)
	if len(m.Permissions) > 0 || t.publisher != nil {
		consent = func(x *state.Extension) { t.decide(x, m.Permissions, now) }
		consent(&is)
	}
	after, err := json.Marshal(uploadedState{Version: up.Version, Digest: up.Digest, File: file, Decided: decisionsOf(is)})
	if err != nil {
		return err
	}
	h.journal.flush(ctx)
	return h.state.Change(ctx, state.Change{
		ID: m.ID, Edit: consent,
		Events: []state.Event{{
			Time: now, Kind: "uploaded", Version: up.Version, Digest: up.Digest, Actor: t.actor.Name,
			Message: "as " + file + ", from " + t.actor.Remote,
		}},
		Audit: []state.AuditEntry{{
			Time: now, Actor: t.actor.Name, Action: "upload", Target: m.ID, Before: before, After: after, Remote: t.actor.Remote,
		}},
	})
}

// expect notes that a bundle is on its way, for Settle; "" that none is.
func (h *Host) expect(id, digest string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expected[id] = digest
}

// Settle waits until the extension has settled after what was last done to it: it runs,
// or it is clear why it does not. For a file that has become an extension, it returns
// the extension's row.
func (h *Host) Settle(ctx context.Context, id string) (Extension, error) {
	var result Extension
	err := h.awaitRows(ctx, func() bool {
		var ok bool
		result, ok = h.settledRow(id)
		return ok
	})
	if err != nil {
		return Extension{}, asError(err)
	}
	if result.ID == "" {
		return Extension{}, &Error{Code: CodeNotFound, Message: "there is no extension " + id + " any more"}
	}
	return result, nil
}

// settledRow returns the row to answer with, an empty one for none, and whether it has
// settled.
func (h *Host) settledRow(id string) (Extension, bool) {
	h.mu.Lock()
	expected := h.expected[id]
	h.mu.Unlock()
	rows := *h.rows.Load()
	var mine, file *row
	is, _ := h.state.Extension(id)
	seen := expected == "" || slices.ContainsFunc(is.Rejected, func(r state.Rejection) bool { return r.Digest == expected })
	for i, r := range rows {
		switch {
		case r.ID == id:
			mine = &rows[i]
		case r.File == id, r.Claims == id && r.Digest == expected && expected != "":
			file = &rows[i]
		}
		seen = seen || r.Digest == expected || r.Candidate != nil && r.Candidate.Digest == expected
	}
	switch {
	case !seen:
		return Extension{}, false
	case mine != nil && mine.ID == mine.File && mine.extension == nil:
		return mine.now(), mine.State != lifecycle.Pending
	case mine != nil:
		return mine.now(), mine.atRest && mine.State.Settled() && mine.State != lifecycle.Draining
	case file != nil:
		return file.now(), file.State != lifecycle.Pending
	}
	return Extension{}, true
}

// History returns what happened to an extension, newest first.
func (h *Host) History(ctx context.Context, id, cursor string, limit int) (HistoryPage, error) {
	_, known := h.state.Extension(id)
	if _, there := h.Extension(id); !there && !known {
		return HistoryPage{}, &Error{Code: CodeNotFound, Message: "there is no extension " + id, Hint: "the list of extensions has the ids"}
	}
	events, next, err := h.state.History(ctx, id, cursor, limit)
	if err != nil {
		return HistoryPage{}, asError(err)
	}
	page := HistoryPage{Events: make([]Event, len(events)), Next: next}
	for i, e := range events {
		page.Events[i] = Event{
			Time: e.Time, Kind: e.Kind, Version: e.Version, Digest: e.Digest, Actor: e.Actor,
			Code: e.Code, Message: e.Message, Evidence: e.Evidence,
		}
	}
	return page, nil
}

// standing is what the catalog must know of the desired state.
func (h *Host) standing() map[string]catalog.Standing {
	all := h.state.Extensions()
	standing := make(map[string]catalog.Standing, len(all))
	for id, x := range all {
		s := catalog.Standing{Disabled: x.Disabled || x.Unconfirmed, Pinned: x.Pinned, Current: x.Current, File: x.File}
		if !x.Removed.IsZero() {
			s.Current, s.File = "", "" // when it comes back it begins anew
		}
		switch {
		case x.Unconfirmed:
			s.Note = "the host's database was lost, and with it whether this extension is to run: enable it to confirm that it is"
		case x.Disabled:
			s.Note = "an administrator has disabled it"
		}
		for _, r := range x.Rejected {
			s.Rejected = append(s.Rejected, r.Digest)
			if r.Code == lifecycle.CodeNeedsConsent {
				s.Waiting = append(s.Waiting, r.Digest)
			}
		}
		standing[id] = s
	}
	return standing
}
