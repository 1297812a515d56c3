package installation

import (
	"context"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/plan"
)

// recoverPatience bounds what one plan may take before the host starts.
const recoverPatience = 2 * time.Minute

// Recover ends what a host before has left in the middle, before the extensions folder is
// first looked at: what had begun to land is completed from private storage, or taken back;
// Run then waits for what comes of it. restored says that the database is a backup, and may
// know less than had happened: then everything is taken back.
func (i *Installation) Recover(ctx context.Context, restored bool) {
	for _, j := range i.jobs { // nobody else is there yet
		if j.over() {
			continue
		}
		timed, cancel := context.WithTimeout(ctx, recoverPatience)
		i.recover(timed, j, restored)
		cancel()
	}
}

func (i *Installation) recover(ctx context.Context, j *job, restored bool) {
	r := j.see()
	old := &end{State: plan.Failed, Code: plan.CodeInterrupted, Message: "the host's database is a backup: what it says of this plan may be old"}
	switch r.Phase {
	case fetching:
		switch {
		case r.End != nil: // somebody has canceled it
			i.close(ctx, j, r.End.State, r.End)
			return
		case !restored:
			return
		}
	case landing:
		if restored {
			break
		}
		if i.complete(ctx, j) {
			return
		}
		old = j.see().End
	}
	if r.Phase != undoing {
		j.change(func(r *record) {
			r.Phase, r.End = undoing, old
			// More may have landed than is written down: what has not is not there to be
			// taken back.
			for n := range r.Terms {
				r.Terms[n].Decided = r.Terms[n].File != ""
			}
		})
		i.keepSaving(ctx, j)
		r = j.see()
	}
	for _, n := range r.changing() {
		if r.Plan.Steps[n].Action == plan.Downgrade && r.Terms[n].Decided {
			if err := i.cfg.House.Pin(ctx, r.landing(n), false); err != nil {
				i.cfg.Log.Error("a version cannot be unpinned yet", "plan", r.Plan.ID, "error", err)
			}
		}
	}
	if err := i.retract(ctx, j); err != nil {
		i.cfg.Log.Error("what has landed of a plan cannot be taken back yet", "plan", r.Plan.ID, "error", err)
	}
}

// complete lands what is missing of a plan, and reports whether all of it is there; if it is
// not, the record's End says why.
func (i *Installation) complete(ctx context.Context, j *job) bool {
	r := j.see()
	var err error
	at := -1
	for _, n := range r.changing() {
		var b Bundle
		if b, err = i.cfg.House.Recall(ctx, r.Plan.Steps[n].Digest); err != nil {
			at = n
			break
		}
		defer b.Release()
	}
	if err == nil {
		at, err = i.deposit(ctx, j)
	}
	if err == nil {
		at, err = i.pin(ctx, j)
	}
	if err == nil {
		i.cfg.Log.Info("a plan that was landing when the host ended is completed", "plan", r.Plan.ID)
		return true
	}
	why := plan.FaultOf(ctx, err)
	j.change(func(now *record) {
		now.End = &end{State: plan.Failed, Code: why.Code, Message: why.Message}
		if at >= 0 {
			now.End.Step = r.Plan.Steps[at].ID
		}
	})
	return false
}
