package installation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackfield-host/jackfield/host/internal/plan"
)

// lead leads a plan from where it is to its end, or as far as ctx allows.
func (i *Installation) lead(ctx context.Context, j *job) {
	switch j.see().Phase {
	case fetching:
		release, at, err := i.fetch(ctx, j)
		defer release()
		if err == nil {
			at, err = i.land(ctx, j)
		}
		if err != nil {
			i.stopped(ctx, j, at, err)
			return
		}
		fallthrough
	case landing:
		if at, why := i.watch(ctx, j); why != nil {
			i.stopped(ctx, j, at, why)
			return
		}
		i.close(ctx, j, plan.Succeeded, nil)
	case undoing:
		i.undo(ctx, j)
	}
}

// stopped is where a plan goes no further: at the step at, -1 for none, for err. What has
// landed is taken back.
func (i *Installation) stopped(ctx context.Context, j *job, at int, err error) {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), plan.ErrCanceled) {
		return // the host stops, and goes on when it starts again
	}
	why := plan.FaultOf(ctx, err)
	r := j.see()
	e := &end{State: plan.Failed, Code: why.Code, Message: why.Message}
	if at >= 0 {
		e.Step = r.Plan.Steps[at].ID
	}
	i.cfg.Log.Warn("a plan of installation fails", "plan", r.Plan.ID, "ext", e.Step, "code", e.Code, "reason", e.Message)
	ctx = i.running() // whoever has canceled it wants it taken back
	if r.Phase == fetching {
		i.close(ctx, j, plan.Failed, e)
		return
	}
	i.undoFor(ctx, j, e)
}

// close ends a plan; e is nil for one that has succeeded. It is tried until it is written
// down, or the host stops: then it ends the same way after the next start.
func (i *Installation) close(ctx context.Context, j *job, state plan.State, e *end) {
	j.change(func(r *record) {
		r.Phase, r.Plan.State, r.End = over, state, e
		for n := range r.Plan.Steps {
			s := &r.Plan.Steps[n]
			switch {
			case s.Action == plan.Keep:
			case e == nil:
				s.State = plan.StepRunning
			case s.ID == e.Step:
				s.State, s.Code, s.Message = plan.StepFailed, e.Code, e.Message
			default:
				s.State, s.Code, s.Message = plan.StepUndone, "", ""
				if e.State == plan.Failed {
					s.Code, s.Message = plan.CodeAnother, "it is as it was before: "+e.Message
				}
			}
		}
		if e != nil {
			r.Plan.Code, r.Plan.Message = e.Code, e.Message
		}
		i.tally.ended(r.Plan) // before anybody sees it, and may undo it
	})
	i.keepSaving(ctx, j)
	r := j.see()
	i.cfg.Log.Info("a plan of installation has ended", "plan", r.Plan.ID, "state", r.Plan.State, "code", r.Plan.Code)
	i.forgetOld()
	i.Update()
}

// keepSaving saves a plan, again and again while that fails and ctx goes on.
func (i *Installation) keepSaving(ctx context.Context, j *job) {
	for told := false; ; told = true {
		once, cancel := context.WithTimeout(context.WithoutCancel(ctx), savePatience)
		err := i.save(once, j)
		cancel()
		if err == nil {
			return
		}
		if !told {
			i.cfg.Log.Error("how a plan of installation stands cannot be written down, trying again", "plan", j.id(), "error", err)
		}
		if i.running() == nil || !sleep(ctx, i.cfg.Patience.Retry) {
			return
		}
	}
}

// running is the context of Run, nil before that.
func (i *Installation) running() context.Context {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ctx
}

// forgetOld forgets plans that have ended long ago, as the rows do.
func (i *Installation) forgetOld() {
	i.mu.Lock()
	defer i.mu.Unlock()
	surplus := -keepPlans
	for _, j := range i.jobs {
		if j.over() {
			surplus++
		}
	}
	i.jobs = slices.DeleteFunc(i.jobs, func(j *job) bool {
		if surplus <= 0 || !j.over() {
			return false
		}
		surplus--
		i.cfg.Forgotten(j.id())
		return true
	})
}

// Propose says what a request comes to: a plan without an id. Nothing changes.
func (i *Installation) Propose(ctx context.Context, r plan.Request) (plan.Plan, error) {
	p, _, err := i.planner.Propose(ctx, r, nil)
	return p, err
}

// Start does what a request comes to, and returns when that is written down: from then on it
// ends. The error is a *Fault: CodeNoPlan, CodeNeedsConsent, CodeConflict, CodeUnavailable,
// CodeInvalid.
func (i *Installation) Start(ctx context.Context, r plan.Request) (plan.Plan, error) {
	return i.start(ctx, r, nil)
}

func (i *Installation) start(ctx context.Context, r plan.Request, keep plan.Filter) (plan.Plan, error) {
	p, terms, err := i.planner.Propose(ctx, r, keep)
	if err != nil {
		return plan.Plan{}, err
	}
	if len(p.Steps) == 0 && len(p.Problems) > 0 {
		return p, &plan.Fault{Code: plan.CodeNoPlan, Message: p.Problems[0].Message, Hint: first(p.Problems[0].Hints)}
	}
	if len(p.Needs) > 0 {
		n := p.Needs[0]
		return p, &plan.Fault{
			Code: plan.CodeNeedsConsent, Message: fmt.Sprintf("nobody has consented to what it needs: %s, the %s %s; %d needs in all", n.ID, n.Kind, n.What, len(p.Needs)),
			Hint: "look at the plan, and consent to what it needs",
		}
	}
	j := i.newJob(p, terms, r.Remote)
	if err := i.enter(ctx, j); err != nil {
		return plan.Plan{}, err
	}
	return j.show(), nil
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// enter takes a plan up, if no other one is in its way.
func (i *Installation) enter(ctx context.Context, j *job) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ctx == nil || i.ctx.Err() != nil {
		return plan.Faultf(plan.CodeUnavailable, "the host has just started, or stops; do it again in a moment")
	}
	if err := i.inTheWay(j); err != nil {
		return err
	}
	r := j.see()
	if len(r.changing()) == 0 { // there is nothing to do, which is done
		j.record.Phase, j.record.Plan.State = over, plan.Succeeded
	}
	if err := i.save(ctx, j, Decision{ActStart, r.Plan.Actor, r.Remote}); err != nil {
		return plan.FaultOf(ctx, err)
	}
	i.jobs = append(i.jobs, j)
	if !j.over() {
		i.begin(j)
	} else {
		i.tally.ended(j.show())
	}
	i.cfg.Told(j.show())
	return nil
}

// inTheWay says which plan that is under way is about an extension of j. The caller has i.mu.
func (i *Installation) inTheWay(j *job) error {
	mine := j.see()
	active := 0
	for _, other := range i.jobs {
		if other == j || other.over() {
			continue
		}
		active++
		theirs := other.see()
		for _, s := range theirs.Plan.Steps {
			for _, m := range mine.Plan.Steps {
				if s.ID == m.ID && (s.Action != plan.Keep || m.Action != plan.Keep) {
					return &plan.Fault{
						Code: plan.CodeConflict, Message: "the plan " + theirs.Plan.ID + " is about " + s.ID + ", too, and is under way",
						Hint: "wait for it, or cancel it", Others: []string{s.ID},
					}
				}
			}
		}
	}
	if active >= mostActive {
		return plan.Faultf(plan.CodeUnavailable, "%d plans are under way already; wait for one of them", active)
	}
	return nil
}

// Cancel has a plan end that has not landed. It returns when that is written down, and does
// not wait for the end. The error is a *Fault: CodeNotFound, CodeConflict, or what kept it from
// being written down: then it ends unless the host is killed before.
func (i *Installation) Cancel(ctx context.Context, id, actor, remote string) (plan.Plan, error) {
	j := i.find(id)
	if j == nil {
		return plan.Plan{}, noPlan(id)
	}
	j.mu.Lock()
	at, cancel := j.record.Phase, j.cancel
	if at == fetching && cancel != nil {
		j.record.End = &end{State: plan.Failed, Step: j.record.waiting(), Code: plan.CodeCanceled, Message: plan.ErrCanceled.Error()}
		cancel(plan.ErrCanceled)
	}
	j.mu.Unlock()
	switch {
	case at == over:
		return j.show(), plan.Faultf(plan.CodeConflict, "the plan has ended already: it is %s", j.show().State)
	case at != fetching || cancel == nil:
		return j.show(), &plan.Fault{Code: plan.CodeConflict, Message: "the plan lands already, or is taken back", Hint: "wait for its end, and undo it then"}
	}
	ctx, stop := context.WithTimeout(ctx, savePatience)
	defer stop()
	if err := i.save(ctx, j, Decision{ActCancel, actor, remote}); err != nil {
		return j.show(), plan.FaultOf(ctx, err)
	}
	return j.show(), nil
}

func noPlan(id string) *plan.Fault {
	return &plan.Fault{Code: plan.CodeNotFound, Message: "there is no plan " + id, Hint: "the list of plans has the ids; only the last ones are kept"}
}
