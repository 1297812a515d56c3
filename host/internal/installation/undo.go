package installation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/plan"
)

// undoFor takes back what has landed of a plan, which then ends as e says.
func (i *Installation) undoFor(ctx context.Context, j *job, e *end) {
	j.change(func(r *record) { r.Phase, r.Plan.State, r.End = undoing, plan.Running, e })
	// If this is not written down, and the host is killed, it finds what has landed, tries
	// that once more, and comes here again.
	i.keepSaving(ctx, j)
	i.undo(ctx, j)
}

// undo takes back what has landed of a plan whose row says so, and waits until what was
// there before runs again. If the host stops meanwhile it is done once more at its next start.
func (i *Installation) undo(ctx context.Context, j *job) {
	e := *j.see().End
	if err := i.takeBack(ctx, j); err != nil && ctx.Err() == nil {
		i.cfg.Log.Error("what has landed of a plan cannot be taken back", "plan", j.id(), "error", err)
		e.Message += fmt.Sprintf("; and it cannot be taken back: %v; remove its files from the extensions folder", err)
	}
	timed, cancel := context.WithTimeout(ctx, i.cfg.Patience.Return)
	defer cancel()
	e.Message += i.returned(timed, j)
	if ctx.Err() == nil {
		i.close(ctx, j, e.State, &e)
	}
}

// takeBack has what was there before run again, for all of a plan at once, and then removes
// its files.
func (i *Installation) takeBack(ctx context.Context, j *job) error {
	select {
	case i.landing <- struct{}{}:
		defer func() { <-i.landing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r := j.see()
	for _, n := range r.changing() { // what is pinned runs, or nothing does
		if r.Plan.Steps[n].Action == plan.Downgrade && r.Terms[n].Decided {
			if err := i.cfg.House.Pin(ctx, r.landing(n), false); err != nil {
				return err
			}
		}
	}
	free := i.withhold(r.arriving())
	defer free()
	timed, cancel := context.WithTimeout(ctx, i.cfg.Patience.Return)
	defer cancel()
	if err := i.apply(timed); err != nil {
		return err
	}
	if err := i.retract(ctx, j); err != nil {
		return err
	}
	free()
	return i.apply(timed)
}

// retract takes the files of a plan out of the extensions folder, what needs others before
// them, and puts what was there before back if the plan has taken its place. It may be done
// again where it was broken off, and before the folder is looked at.
func (i *Installation) retract(ctx context.Context, j *job) error {
	r := j.see()
	for _, n := range slices.Backward(r.changing()) {
		l := r.landing(n)
		if l.File == "" {
			continue
		}
		mine := i.cfg.House.Holds(l.File)
		if displaced := l.Before.File == l.File || !i.cfg.House.Holds(l.Before.File); l.Before.Digest != "" && displaced && mine {
			if _, err := i.cfg.House.Deposit(ctx, l.Before.Digest); err != nil {
				return fmt.Errorf("putting the version of %s from before back: %w", l.ID, err)
			}
		}
		if err := i.cfg.House.Retract(ctx, l.File, l.Digest); err != nil {
			return err
		}
		if !r.Terms[n].Decided {
			continue
		}
		if err := i.cfg.House.Revert(ctx, l); err != nil {
			return err
		}
		j.change(func(r *record) { r.Terms[n].Decided = false })
	}
	return nil
}

// returned waits until what was there before runs again, and says what does not.
func (i *Installation) returned(ctx context.Context, j *job) (but string) {
	r := j.see()
	var late []string
	err := i.cfg.House.Await(ctx, func() bool {
		late = nil
		for _, n := range r.changing() {
			before := r.Terms[n].Before.Digest
			if before == "" {
				continue
			}
			c := i.cfg.House.Condition(r.Plan.Steps[n].ID, before)
			gone := !c.Seen && !i.cfg.House.Holds(r.Terms[n].Before.File) // somebody has removed it
			if !c.Superseded && !c.Settled && !gone {
				late = append(late, r.Plan.Steps[n].ID)
			}
		}
		return len(late) == 0
	})
	if err == nil || len(late) == 0 {
		return ""
	}
	return "; what was there before does not run again yet: " + strings.Join(late, ", ")
}

// Undo takes back what a plan has done that has succeeded, and returns when that is written
// down. The error is a *Fault: CodeNotFound, CodeConflict, CodeUnavailable.
func (i *Installation) Undo(ctx context.Context, id, actor, remote string) (plan.Plan, error) {
	j := i.find(id)
	if j == nil {
		return plan.Plan{}, noPlan(id)
	}
	r := j.see()
	if r.Plan.State == plan.Succeeded {
		if err := i.undoable(ctx, &r); err != nil {
			return r.Plan, err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	r = j.see()
	switch {
	case i.ctx == nil || i.ctx.Err() != nil:
		return r.Plan, plan.Faultf(plan.CodeUnavailable, "the host has just started, or stops; do it again in a moment")
	case r.Plan.State != plan.Succeeded:
		return r.Plan, plan.Faultf(plan.CodeConflict, "only a plan that has succeeded can be undone, and this one is %s", r.Plan.State)
	}
	if err := i.inTheWay(j); err != nil {
		return r.Plan, err
	}
	j.change(func(r *record) {
		r.Phase, r.Plan.State = undoing, plan.Running
		r.End = &end{State: plan.Undone, Message: orText(actor, "somebody") + " has undone it"}
	})
	if err := i.save(ctx, j, Decision{ActUndo, actor, remote}); err != nil {
		j.change(func(r *record) { r.Phase, r.Plan.State, r.End = over, plan.Succeeded, nil })
		return j.show(), plan.FaultOf(ctx, err)
	}
	i.begin(j)
	return j.show(), nil
}

// undoable says what stands in the way of taking a plan back that has succeeded.
func (i *Installation) undoable(ctx context.Context, r *record) error {
	now := map[string]plan.Installed{}
	for _, x := range i.cfg.House.Installed() {
		now[x.ID] = x
	}
	mine := map[string]string{} // what there will be: version by id, "" for nothing
	for _, n := range r.changing() {
		s := r.Plan.Steps[n]
		x := now[s.ID]
		switch {
		case x.Digest != s.Digest:
			return &plan.Fault{Code: plan.CodeConflict, Message: s.ID + " is not what the plan has made of it any more", Others: []string{s.ID},
				Hint: "roll it back by itself"}
		case x.Pinned && s.Action != plan.Downgrade:
			return &plan.Fault{Code: plan.CodeConflict, Message: s.ID + " is pinned", Others: []string{s.ID}, Hint: "unpin it first"}
		}
		if before := r.Terms[n].Before.Digest; before != "" {
			b, err := i.cfg.House.Recall(ctx, before)
			if err != nil {
				return plan.Faultf(plan.CodeConflict, "version %s of %s is not kept any more", s.From, s.ID)
			}
			b.Release()
		}
		mine[s.ID] = s.From
	}
	for _, x := range now {
		if _, changes := mine[x.ID]; changes {
			continue
		}
		for _, need := range x.Requires {
			version, changes := mine[need.ID]
			v, err := bundle.ParseVersion(version)
			if !changes || version == "" && need.Optional || err == nil && need.Allows(v) {
				continue
			}
			return &plan.Fault{Code: plan.CodeConflict, Message: x.ID + " requires " + need.String() + ", which would not be there then", Others: []string{x.ID},
				Hint: "remove it first, or disable it"}
		}
	}
	return nil
}
