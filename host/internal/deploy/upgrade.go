package deploy

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// phase is how far an upgrade is.
type phase int

const (
	idle phase = iota
	// The candidate comes up beside what serves.
	preparing
	// overlap: the candidate is activated beside what serves.
	activating
	// exclusive: the data are copied once while what serves still serves.
	copying
	// From here on requests are held: what served finishes its own, …
	draining
	// … the copy is completed, …
	taking
	// … the candidate is activated.
	takingOver
	// The candidate, or a version within its probation, failed: it goes, …
	clearing
	// … the data are put back if need be, …
	restoring
	// … and the version before comes up again.
	returning
)

// advance does one thing and reports whether there may be more to do at once.
func (d *Deployment) advance(want Want) bool {
	switch d.phase {
	case idle:
		return d.rest(want)
	case preparing:
		return d.prepare(want)
	case activating:
		return d.overlap()
	case copying:
		return d.copied(want)
	case draining:
		return d.drained(want)
	case taking:
		return d.taken()
	case takingOver:
		return d.exclusive()
	case clearing:
		return d.cleared()
	case restoring:
		return d.restored()
	case returning:
		return d.returned()
	}
	return false
}

// rest is where nothing is under way.
func (d *Deployment) rest(want Want) bool {
	if want.Version == nil {
		d.endProbation()
		d.again = nil
		d.stop(d.serving)
		return false
	}
	if d.serving == nil {
		return d.startFirst(want)
	}
	if d.serving.stopping {
		return false // it starts again when it has gone
	}
	d.noteHealth()
	if d.watch() {
		return true
	}
	same := d.serving.version.Digest() == want.Version.Digest()
	state := d.serving.Status().State
	if d.serving.renew != want.Renew {
		return d.renewal(want)
	}
	switch {
	case same && d.serving.restart == want.Restart:
		return false
	case !same && d.rejected[want.Version.Digest()]:
		return false
	case state == lifecycle.Starting && !d.serving.healthy:
		return false // let it come up, or fail, first
	case same && state != lifecycle.Running:
		d.serving.restart = want.Restart
		d.serving.Retry()
		return false
	case !same && !d.serving.healthy && state != lifecycle.Running:
		d.stop(d.serving) // it never served: there is nothing to keep
		return false
	}
	d.next = d.launch(want.Version, true, candidateTries, want.Restart)
	d.phase = preparing
	return true
}

// renewal replaces a process that may do what it must not do any more.
func (d *Deployment) renewal(want Want) bool {
	if d.trial != nil {
		d.drop(d.trial.warm) // it may do so, too; the way back is a launch
		d.trial.warm = nil
	}
	if !d.serving.running() {
		d.replace() // nobody is served by it
		return false
	}
	d.next = d.launch(d.serving.version, true, candidateTries, want.Restart)
	d.phase = preparing
	return true
}

// replace ends the process that serves; its version is launched anew when it has gone.
func (d *Deployment) replace() {
	d.endProbation() // what it cannot do without was taken from it: that is no fault of the version
	d.again = d.serving
	d.stop(d.serving)
}

// startFirst launches an extension of which nothing runs.
func (d *Deployment) startFirst(want Want) bool {
	if want.Blocked || len(d.leaving) > 0 {
		return false
	}
	v := want.Version
	if want.Fallback != nil && !d.fellBack {
		v = want.Fallback
	}
	d.fellBack = true
	again := d.again
	d.again = nil
	if again != nil && again.healthy {
		v = again.version
	}
	d.serving = d.launch(v, false, 0, want.Restart)
	d.serving.healthy = again != nil && again.healthy // it was, once: it is not given up for the next one
	return true
}

// noteHealth tells the journal of a version that serves for the first time.
func (d *Deployment) noteHealth() {
	if !d.serving.healthy && d.serving.running() {
		d.serving.healthy = true
		d.cfg.Journal.Healthy(d.serving.version)
		d.cfg.Journal.Note(NoteStarted, d.serving.version, "")
	}
}

// prepare waits for the candidate to be ready for its activation.
func (d *Deployment) prepare(want Want) bool {
	if d.changed(want) {
		d.drop(d.next)
		d.next = nil
		d.phase = idle
		return true
	}
	d.noteHealth()
	if d.trial != nil && !d.serving.running() {
		d.drop(d.next) // what serves dies in its probation: first things first
		d.next = nil
		d.phase = idle
		return d.watch()
	}
	status := d.next.Status()
	switch {
	case status.State == lifecycle.Failed:
		d.reject(d.next, status.Reason)
		d.phase = idle
		return true
	case !status.Prepared:
		return false
	}
	if d.next.version.Digest() != d.serving.version.Digest() {
		d.endProbation() // a still newer version ends it
	}
	if want.RestoreData || d.next.version.Exclusive() || d.serving.version.Exclusive() {
		if d.crowded() {
			return false // an overlapped version finishes its requests first; nobody waits for that
		}
		from := d.serving.version.Digest()
		d.begin(func(ctx context.Context) error { return d.cfg.Data.Prepare(ctx, from) })
		d.phase = copying
		return true
	}
	d.activate()
	d.phase = activating
	return true
}

// overlap waits for the candidate to serve, and switches.
func (d *Deployment) overlap() bool {
	status := d.next.Status()
	switch status.State {
	case lifecycle.Running:
		old := d.serving
		d.takeOver()
		if old.version.Digest() == d.serving.version.Digest() {
			d.drop(old)
		} else {
			d.trial = &probation{
				until: d.cfg.Now().Add(max(d.settings.Probation, d.settings.Drain)), warm: old, old: old.version,
			}
		}
	case lifecycle.Failed:
		d.reject(d.next, status.Reason)
	default:
		return false
	}
	d.phase = idle
	return true
}

// takeOver makes the candidate what serves.
func (d *Deployment) takeOver() {
	old := d.serving.version
	d.serving, d.next = d.next, nil
	d.serving.healthy = true
	d.cfg.Journal.Healthy(d.serving.version)
	if old.Digest() == d.serving.version.Digest() {
		d.cfg.Journal.Note(NoteRestarted, d.serving.version, "")
	} else {
		d.cfg.Journal.Note(NoteUpgraded, d.serving.version, "")
	}
}

// copied begins the hand-over when the first copy of the data is there.
func (d *Deployment) copied(want Want) bool {
	done, err := d.finished()
	if !done {
		return false
	}
	var tooBig *TooBigError
	if err != nil && !errors.As(err, &tooBig) {
		// Before anything was touched: what serves does not notice.
		d.reject(d.next, lifecycle.Reasonf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed,
			"the data folder cannot be copied, and without a copy there is no way back: %v", err))
		d.phase = idle
		return true
	}
	if !d.next.Status().Prepared || d.changed(want) {
		d.phase = preparing
		return true
	}
	d.hold()
	d.stop(d.serving)
	d.phase = draining
	return true
}

// changed reports whether the candidate is not what is wanted any more.
func (d *Deployment) changed(want Want) bool {
	if want.Version == nil || want.Restart != d.next.restart || want.Renew != d.next.renew {
		return true
	}
	target := want.Version
	if d.serving.renew != want.Renew {
		target = d.serving.version // which is being renewed
	}
	return target.Digest() != d.next.version.Digest()
}

func (d *Deployment) hold() {
	d.held, d.release = true, false
	d.cfg.Gate.Hold(d.settings.HoldQueue)
}

// drained completes the copy when the old version has gone.
func (d *Deployment) drained(want Want) bool {
	if !d.serving.gone.Load() {
		return false
	}
	from, to := d.serving.version.Digest(), d.next.version.Digest()
	restore := want.RestoreData && want.Version != nil && want.Version.Digest() == to
	d.snapshot = false
	d.begin(func(ctx context.Context) error {
		err := d.cfg.Data.Take(ctx, from)
		var tooBig *TooBigError
		if err != nil && !errors.As(err, &tooBig) {
			return err
		}
		d.snapshot = err == nil
		if restore {
			if err := d.cfg.Data.Restore(ctx, to); err != nil {
				return err
			}
		}
		return err
	})
	d.restoring = restore
	d.phase = taking
	return true
}

// taken activates the candidate when the copy is there. Data that are too big for one
// are known to be so by whoever set the limit.
func (d *Deployment) taken() bool {
	done, err := d.finished()
	if !done {
		return false
	}
	var tooBig *TooBigError
	status := d.next.Status()
	switch {
	case errors.As(err, &tooBig):
		d.cfg.Log.Warn("an upgrade goes on without a copy of the data folder", "error", err)
		d.cfg.Journal.Note(NoteNoSnapshot, d.next.version, err.Error())
	case err != nil:
		d.fallBack(lifecycle.Reasonf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "copying the data folder: %v", err))
		return true
	}
	if d.restoring {
		d.cfg.Journal.Note(NoteDataRestored, d.next.version, "")
	}
	if !status.Prepared {
		why := status.Reason
		if why == nil {
			why = lifecycle.Reasonf(lifecycle.StageCheck, lifecycle.CodeCheckFailed, "it failed while the version before it finished its requests")
		}
		d.fallBack(why)
		return true
	}
	d.activate()
	d.phase = takingOver
	return true
}

// exclusive waits for the candidate to serve, and lets the held requests go on.
func (d *Deployment) exclusive() bool {
	status := d.next.Status()
	switch status.State {
	case lifecycle.Running:
		old := d.serving.version
		d.takeOver()
		if err := d.cfg.Data.Done(); err != nil {
			d.cfg.Log.Warn("noting the end of a hand-over", "error", err)
		}
		if old.Digest() != d.serving.version.Digest() {
			d.trial = &probation{until: d.cfg.Now().Add(d.settings.Probation), old: old}
		}
		d.release = true
		d.phase = idle
		return true
	case lifecycle.Failed:
		d.fallBack(status.Reason)
		return true
	}
	return false
}

// fallBack gets rid of the candidate, for whom the old version has ended already.
func (d *Deployment) fallBack(why *lifecycle.Reason) {
	d.back = d.serving.version
	d.failed = d.next
	d.restoreFirst, d.restoreLate = d.snapshot, false
	d.reject(d.next, why)
	d.phase = clearing
}

// reject stops a candidate and tells why it did not take over.
func (d *Deployment) reject(r *run, why *lifecycle.Reason) {
	d.stop(r)
	if r != d.failed {
		d.leaving = append(d.leaving, r)
	}
	if r == d.next {
		d.next = nil
	}
	message := fmt.Sprintf("%s: %s", why.Code, why.Message)
	if r != d.serving && d.serving.version.Digest() == r.version.Digest() {
		d.serving.restart = r.restart // once is enough
		d.cfg.Journal.NotRenewed(r.version, why)
		if d.serving.renew != r.renew {
			d.serving.renew = r.renew
			d.replace() // and is launched again like one that crashed
			d.cfg.Journal.Note(NoteEnded, d.serving.version, "the new process failed: "+message)
			return
		}
		d.cfg.Journal.Note(NoteKept, d.serving.version, "the new process failed: "+message)
		return
	}
	d.rejected[r.version.Digest()] = true
	d.cfg.Journal.Rejected(r.version, why)
}
