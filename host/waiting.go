package host

import (
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// mayRun reports whether what should run of e may: whether somebody has decided about
// all that it asks for. The first version of an extension was put into the folder by
// somebody who may do that, which is the consent to what it asks. A later one waits, and
// is passed over as long as another version can run.
func (r *reconciler) mayRun(e *extension) bool {
	h := r.host
	is, _ := h.state.Extension(e.id)
	needs := needsOf(is, e.wanted.asks())
	switch {
	case len(needs) == 0:
		e.waits, e.again = nil, time.Time{}
		return true
	case h.arrives(e.wanted.Digest()), time.Now().Before(e.again):
		return false // whoever sends it is about to consent; or the disk is full
	}
	e.again = time.Time{}
	if !is.Consented {
		err := h.journal.grantFirst(e.wanted, needs)
		if err == nil {
			e.waits = nil
			return true
		}
		e.again = time.Now().Add(journalAgain)
		e.waits = lifecycle.Reasonf(lifecycle.StageManifest, lifecycle.CodeNeedsConsent,
			"what it asks for was granted with its file, and cannot be written down, which is tried again: %v", err)
		h.cfg.Log.Error("what an extension asks for is not granted yet: that cannot be written down", "ext", e.id, "error", err)
		return false
	}
	known := func(x state.Rejection) bool {
		return x.Digest == e.wanted.Digest() && x.Code == lifecycle.CodeNeedsConsent
	}
	if i := slices.IndexFunc(is.Rejected, known); i >= 0 {
		e.waits = reasonOf(is.Rejected[i])
		return false
	}
	e.waits = needsConsent(e.id, e.wanted.version(), needs)
	if err := h.journal.waits(e.wanted, e.waits); err != nil {
		e.again = time.Now().Add(journalAgain)
	}
	return false
}

// instead is what goes on in the place of a version that waits, nil for nothing.
func (e *extension) instead() *edition {
	other, ok := e.deploy.View().Version.(*edition)
	if !ok && e.fallback.done.Load() {
		other = e.fallback.edition
	}
	if other == nil || e.host.admission.Refusal(other.entry.Bundle) != nil {
		return nil
	}
	return other
}

// asks are the permissions that e asks for.
func (e *edition) asks() []string { return e.entry.Bundle.Manifest().Permissions }

// grantFirst grants what the first version of an extension asks for, as the one who put
// it into the folder.
func (j *journal) grantFirst(e *edition, needs []Need) error {
	id, now := e.entry.ID(), time.Now()
	is, _ := j.state.Extension(id)
	before := decisionsOf(is)
	grantNeeds(&is, e.asks(), actorFolder, now)
	return j.save(state.Change{
		ID: id, Edit: func(x *state.Extension) {
			if !x.Consented {
				grantNeeds(x, e.asks(), actorFolder, now)
			}
		},
		Events: []state.Event{{
			Time: now, Kind: string(VerbConsent), Version: e.version(), Digest: e.Digest(), Actor: actorFolder,
			Message: "granted " + nameNeeds(needs) + ": " + e.entry.File + " is its first version",
		}},
		Audit: []state.AuditEntry{{
			Time: now, Actor: actorFolder, Action: string(VerbConsent), Target: id, Before: before, After: decisionsOf(is),
		}},
	})
}

// waits notes that a version waits for consent.
func (j *journal) waits(e *edition, why *lifecycle.Reason) error {
	r := rejectionOf(e, why)
	err := j.save(state.Change{
		ID: e.entry.ID(), Edit: func(x *state.Extension) {
			x.Rejected = append([]state.Rejection{r}, without(x.Rejected, r.Digest)...)
		},
		Events: []state.Event{{
			Time: why.Time, Kind: why.Code, Version: e.version(), Digest: e.Digest(), Actor: actorHost, Code: why.Code, Message: why.Message,
		}},
	})
	j.log.Warn("a version waits for consent", "ext", e.entry.ID(), "version", e.version(), "reason", why.Message)
	j.changed()
	return err
}

// forget drops what was decided about permissions for which no version asks any more:
// none that is kept, none that waits, not more. A later version that asks waits again.
func (j *journal) forget(id string, asked func(permission string) bool) {
	is, _ := j.state.Extension(id)
	before := decisionsOf(is)
	gone := is.Forget(asked)
	if len(gone) == 0 {
		return
	}
	now := time.Now()
	err := j.save(state.Change{
		ID: id, Edit: func(x *state.Extension) { x.Forget(asked) },
		Events: []state.Event{{
			Time: now, Kind: eventForgotten, Version: is.Version, Digest: is.Current, Actor: actorHost,
			Message: "no kept version asks any more for " + strings.Join(gone, ", "),
		}},
		Audit: []state.AuditEntry{{
			Time: now, Actor: actorHost, Action: "forget", Target: id, Before: before, After: decisionsOf(is),
		}},
	})
	if err != nil { // the next version that becomes healthy tries it again
		j.log.Warn("permissions that no version asks for any more cannot be forgotten", "ext", id, "error", err)
	}
}

// askedFor reports of a permission whether a version of an extension asks for it that
// can run: one that is kept, or that waits, or one that asks for more.
func (h *Host) askedFor(id string, more ...[]string) func(permission string) bool {
	lists := more
	for _, v := range h.state.Versions(id) {
		lists = append(lists, v.Permissions)
	}
	is, _ := h.state.Extension(id)
	for _, r := range is.Rejected {
		lists = append(lists, r.Asks)
	}
	return func(p string) bool {
		return slices.ContainsFunc(lists, func(list []string) bool { return slices.Contains(list, p) })
	}
}

// arrive says that a bundle with a digest is about to be published by somebody who
// consents to what it asks for, until the returned function is called.
func (h *Host) arrive(digest string) (arrived func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arriving[digest]++
	return func() {
		h.mu.Lock()
		if h.arriving[digest]--; h.arriving[digest] == 0 {
			delete(h.arriving, digest)
		}
		h.mu.Unlock()
		h.reconciler.wake()
	}
}

func (h *Host) arrives(digest string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.arriving[digest] > 0
}
