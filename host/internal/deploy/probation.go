package deploy

import (
	"context"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// probation is the time in which a new version must live.
type probation struct {
	until time.Time
	warm  *run    // the version before, still there (overlap)
	old   Version // the version before
}

// watch looks after a version in its probation: it reports whether it had to act.
func (d *Deployment) watch() bool {
	if d.trial == nil {
		return false
	}
	if !d.serving.running() {
		d.revert()
		return true
	}
	if !d.cfg.Now().Before(d.trial.until) {
		d.cfg.Journal.Note(NoteConfirmed, d.serving.version, "")
		d.endProbation()
		return true
	}
	d.wakeAt(d.trial.until)
	return false
}

// endProbation lets the version before go.
func (d *Deployment) endProbation() {
	if d.trial != nil {
		d.drop(d.trial.warm)
		d.trial = nil
	}
}

// revert replaces a version that died in its probation by the one before.
func (d *Deployment) revert() {
	trial, dead := d.trial, d.serving
	d.trial = nil
	why := dead.Status().Reason
	if why == nil {
		why = lifecycle.Reasonf(lifecycle.StageRuntime, lifecycle.CodeCrashed, "it died within its probation")
	}
	if trial.warm != nil {
		d.serving = trial.warm
		d.reject(dead, why)
		d.cfg.Journal.Healthy(trial.old)
		d.cfg.Journal.Note(NoteReverted, trial.old, why.Message)
		return
	}
	d.hold()
	d.back, d.failed = trial.old, dead
	d.restoreFirst, d.restoreLate = false, d.snapshot
	d.reject(dead, why)
	d.phase = clearing
}

// cleared goes on when the version that failed has gone, and whoever else may write the
// data that the version before must not share.
func (d *Deployment) cleared() bool {
	if !d.failed.gone.Load() || d.crowded() && d.back.Exclusive() {
		return false
	}
	if d.restoreFirst {
		d.restore()
		return true
	}
	d.comeBack()
	return true
}

func (d *Deployment) restore() {
	d.restoreFirst, d.restoreLate = false, false
	from := d.back.Digest()
	d.begin(func(ctx context.Context) error { return d.cfg.Data.Restore(ctx, from) })
	d.phase = restoring
}

// restored launches the version before, whose data are there again.
func (d *Deployment) restored() bool {
	done, err := d.finished()
	if !done {
		return false
	}
	if err != nil {
		d.cfg.Log.Error("putting the data folder back", "error", err)
		d.cfg.Journal.Note(NoteDataRestored, d.back, "failed: "+err.Error())
	} else {
		d.cfg.Journal.Note(NoteDataRestored, d.back, "")
	}
	d.comeBack()
	return true
}

func (d *Deployment) comeBack() {
	restart := d.serving.restart
	d.failed = nil
	d.serving = d.launch(d.back, false, 0, restart)
	d.phase = returning
}

// returned lets the held requests go on when the version before serves again, or when
// it is clear that it does not.
func (d *Deployment) returned() bool {
	switch d.serving.Status().State {
	case lifecycle.Running:
		d.serving.healthy = true
		d.cfg.Journal.Healthy(d.back)
		d.cfg.Journal.Note(NoteReverted, d.back, "")
	case lifecycle.Starting:
		return false
	default:
		if d.restoreLate {
			d.failed = d.serving
			d.stop(d.failed)
			d.restoreFirst, d.restoreLate = true, false
			d.phase = clearing
			return true
		}
		d.serving.healthy = true // it was, once: it is not given up for the next one
	}
	if err := d.cfg.Data.Done(); err != nil {
		d.cfg.Log.Warn("noting the end of a hand-over", "error", err)
	}
	d.back, d.release = nil, true
	d.phase = idle
	return true
}
