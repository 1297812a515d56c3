package host

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/host/internal/deploy"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// trial is a configuration that a new process has to prove before it counts: it is saved
// when that process takes over, in the same step. If it does not, or the host dies before,
// all is as it was.
type trial struct {
	edition   *edition // which is launched with it
	effective json.RawMessage
	revision  int64
	change    state.Change
	release   func() // ends the turn
	// seen says that its edition was what should run: then it has ended when it is not
	// that any more, and does not run.
	seen atomic.Bool

	once sync.Once
	done chan struct{} // closed when it is over
	err  error         // set before done
}

// trialTries is how often a process is started with a configuration that is tried: what
// was right a moment ago fails for what has changed.
const trialTries = 1

// applyByRestart has a new process take over with the configuration. release is called
// when that has come to its end, for which nobody may be waiting any more.
func (h *Host) applyByRestart(ctx context.Context, p *reconfiguration, release func()) error {
	edition := *p.edition
	t := &trial{
		edition: &edition, effective: p.effective, revision: p.saved.Configuration.Revision, change: p.saved,
		release: release, done: make(chan struct{}),
	}
	edition.trial = t
	if p.brings {
		h.reconciler.order(p.change.ID, func(o *orders) { o.trial = t; o.retry++ })
		if err := h.bring(t, p.change.ID); err != nil {
			t.end(err)
		}
	} else {
		t.seen.Store(true)
		h.reconciler.order(p.change.ID, func(o *orders) { o.trial = t; o.restart++ })
	}

	settings := h.cfg.Settings(p.change.ID)
	ctx, cancel := context.WithTimeout(ctx, 2*settings.StartTimeout+settings.DrainTimeout+settlePatience)
	defer cancel()
	select {
	case <-t.done:
	case <-ctx.Done():
		if !t.seen.Load() {
			t.end(&Error{Code: CodeConflict, Message: "the version that the configuration is for is not what should run now", Hint: "look at the extension, and do it again"})
			h.reconciler.forget(p.change.ID, t)
			return t.err
		}
		return &Error{
			Code: CodeUnavailable, Message: "the extension is still being started with the new configuration",
			Hint: "its configuration shows whether it was taken",
		}
	}
	var failed *lifecycle.Reason
	if asReason(t.err, &failed) {
		return p.refused(failed.Code+": "+failed.Message, nil)
	}
	return t.err
}

func asReason(err error, into **lifecycle.Reason) bool {
	reason, ok := err.(*lifecycle.Reason)
	*into = reason
	return ok
}

// over reports whether it is known how the trial ended.
func (t *trial) over() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// end says how the trial ended; only the first call counts.
func (t *trial) end(err error) {
	t.once.Do(func() {
		t.err = err
		close(t.done)
		t.release()
	})
}

// keep saves the configuration of a process that has taken over. If that cannot be done
// the process is replaced again: see reconfigure.
func (j *extensionJournal) keep(t *trial) {
	if !t.over() {
		t.end(j.save(t.change))
	}
	j.host.reconciler.forget(j.id, t)
}

// NotRenewed is part of deploy.Journal.
func (j *extensionJournal) NotRenewed(v deploy.Version, why *lifecycle.Reason) { j.failedTrial(v, why) }

// failedTrial ends the trial of a process that did not take over.
func (j *extensionJournal) failedTrial(v deploy.Version, why *lifecycle.Reason) {
	if t := v.(*edition).trial; t != nil {
		t.end(why)
		j.host.reconciler.forget(j.id, t)
	}
}

// forget drops the order of a trial.
func (r *reconciler) forget(id string, t *trial) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.orders[id]; o.trial == t {
		o.trial = nil
		r.orders[id] = o
	}
}

// tried is what should run of e instead of its wanted version: the same one with a
// configuration that is on trial, nil for none.
func (e *extension) tried() *edition {
	t := e.orders.trial
	if t == nil || t.over() || e.wanted == nil || t.edition.Digest() != e.wanted.Digest() {
		return nil
	}
	t.seen.Store(true)
	return t.edition
}

// abandon ends a trial that cannot go on: its version is not wanted any more, or what
// served before has ended.
func (r *reconciler) abandon(e *extension) {
	t := e.orders.trial
	if t == nil || !t.seen.Load() {
		return
	}
	view := e.deploy.View()
	if !view.AtRest || view.Version == t.edition || view.Candidate == t.edition {
		return
	}
	t.end(&Error{Code: CodeConflict, Message: e.id + " was stopped, replaced or has failed meanwhile; its configuration is as it was", Hint: "do it again when it has settled"})
	r.forget(e.id, t)
}

// endTrials ends every trial, because the host stops.
func (r *reconciler) endTrials() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.orders {
		if o.trial != nil {
			o.trial.end(&Error{Code: CodeUnavailable, Message: "the host stops; the configuration is as it was"})
		}
	}
}

// reconfigure has a process replaced that runs with another configuration than the one
// that is stored: it was launched while that was changed, or it could not be saved.
func (r *reconciler) reconfigure(e *extension) {
	if r.host.turns.now(e.id) {
		return // whoever changes it sees to that
	}
	view, stored := e.deploy.View(), r.host.state.Revision(e.id)
	for _, of := range []deploy.Instance{view.Instance, view.Trial} {
		process, ok := of.(instance)
		if !ok || process == e.outdated || process.Configured() < 0 || process.Configured() == stored {
			continue
		}
		if of == view.Instance && process.Status().State != lifecycle.Running {
			continue // its next process gets it
		}
		e.outdated = process // once: if the new one fails, the old one goes on
		r.order(e.id, func(o *orders) { o.restart++ })
		r.host.cfg.Log.Info("an extension is started again: its configuration has changed", "ext", e.id)
	}
}
