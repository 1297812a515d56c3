package installation

import (
	"context"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/plan"
)

// land puts all of a plan into the extensions folder, and has it run. What it returns with an
// error is the step at fault, -1 for none.
//
// What runs is switched at once for all of it, not one by one: until a bundle of it is there
// and another one is not, what is installed may fit neither.
func (i *Installation) land(ctx context.Context, j *job) (at int, err error) {
	select {
	case i.landing <- struct{}{}:
		defer func() { <-i.landing }()
	case <-ctx.Done():
		return -1, ctx.Err()
	}
	if at, err := i.unchanged(j); err != nil {
		return at, err
	}
	j.change(func(r *record) {
		if err = ctx.Err(); err == nil { // Cancel, too, has the lock here
			r.Phase, r.Plan.State = landing, plan.Running
		}
	})
	if err != nil {
		return -1, err
	}
	if err := i.save(ctx, j); err != nil {
		// Whether it is written down is not known: it is taken back like what has landed.
		return -1, err
	}
	r := j.see()
	free := i.withhold(r.arriving())
	defer free()
	if at, err := i.deposit(ctx, j); err != nil {
		return at, err
	}
	timed, cancel := context.WithTimeout(ctx, i.cfg.Patience.Healthy)
	defer cancel()
	if at, err := i.awaitSeen(timed, j); err != nil {
		return at, err
	}
	free()
	for _, n := range r.changing() {
		j.step(n, func(s *plan.Step) { s.State = plan.StepInstalling })
	}
	if at, err := i.pin(timed, j); err != nil {
		return at, err
	}
	return -1, i.apply(timed)
}

// apply has what is withheld, and what is not any more, taken into account: before that
// nothing that a Condition says can be judged. It is tried until it is, or ctx ends.
func (i *Installation) apply(ctx context.Context) error {
	for {
		err := i.cfg.House.Apply(ctx)
		if err == nil || !sleep(ctx, i.cfg.Patience.Retry) {
			return err
		}
	}
}

// pin holds what is lower than what the folder holds besides.
func (i *Installation) pin(ctx context.Context, j *job) (at int, err error) {
	r := j.see()
	for _, n := range r.changing() {
		if r.Plan.Steps[n].Action != plan.Downgrade {
			continue
		}
		if err := i.cfg.House.Pin(ctx, r.landing(n), true); err != nil {
			return n, err
		}
	}
	return -1, nil
}

// unchanged says whether what is installed is what it was when the plan was made.
func (i *Installation) unchanged(j *job) (at int, err error) {
	now := map[string]plan.Installed{}
	for _, x := range i.cfg.House.Installed() {
		now[x.ID] = x
	}
	r := j.see()
	for n, s := range r.Plan.Steps {
		if x := now[s.ID]; x.Digest != r.Terms[n].Before.Digest || x.Pinned {
			is := "it is not installed any more"
			switch {
			case x.Pinned:
				is = "it is pinned at " + x.Version
			case x.ID != "":
				is = "it is " + x.Version + " now"
			}
			return n, plan.Faultf(plan.CodeChanged, "%s is not as it was when this was planned: %s; plan it again", s.ID, is)
		}
	}
	return -1, nil
}

// deposit puts the bundles into the extensions folder and writes down on which terms. It may
// be done again where it was broken off.
func (i *Installation) deposit(ctx context.Context, j *job) (at int, err error) {
	r := j.see()
	for _, n := range r.changing() {
		file, err := i.cfg.House.Deposit(ctx, r.Plan.Steps[n].Digest)
		if err != nil {
			return n, err
		}
		j.change(func(r *record) { r.Terms[n].File = file })
		if r.Terms[n].Decided {
			continue
		}
		now := j.see()
		if err := i.cfg.House.Decide(ctx, now.landing(n)); err != nil {
			return n, err
		}
		j.change(func(r *record) { r.Terms[n].Decided = true })
	}
	return -1, i.save(ctx, j)
}

// awaitSeen waits until the host knows of all that is in the folder.
func (i *Installation) awaitSeen(ctx context.Context, j *job) (at int, err error) {
	r := j.see()
	err = i.cfg.House.Await(ctx, func() bool {
		at = -1
		for _, n := range r.changing() {
			if s := r.Plan.Steps[n]; !i.cfg.House.Condition(s.ID, s.Digest).Seen {
				at = n
			}
		}
		return at < 0
	})
	if err != nil && at >= 0 && !i.cfg.House.Holds(r.Terms[at].File) {
		return at, plan.Faultf(plan.CodeSuperseded, "somebody has taken %s out of the extensions folder", r.Terms[at].File)
	}
	return at, err
}

// watch waits until all that has landed runs, and until the probation is over of what has
// taken the place of another version.
func (i *Installation) watch(ctx context.Context, j *job) (at int, err error) {
	if at, err := i.settle(ctx, j); err != nil {
		return at, err
	}
	if at, err := i.prove(ctx, j.see()); err != nil {
		return at, err
	}
	return i.settle(ctx, j) // the probation may have ended while something was on its way
}

// settle waits until all that has landed runs.
func (i *Installation) settle(ctx context.Context, j *job) (at int, err error) {
	timed, cancel := context.WithTimeout(ctx, i.cfg.Patience.Healthy)
	defer cancel()
	r := j.see()
	var v verdict
	err = i.cfg.House.Await(timed, func() bool {
		v = i.verdict(r)
		for _, n := range v.healthy {
			if j.show().Steps[n].State != plan.StepRunning {
				j.step(n, func(s *plan.Step) { s.State = plan.StepRunning })
			}
		}
		return v.why != nil || v.waits < 0
	})
	switch {
	case v.why != nil:
		return v.at, v.why
	case err != nil && ctx.Err() == nil:
		return v.waits, plan.Faultf(plan.CodeDeadline, "it does not run after %v: %s", i.cfg.Patience.Healthy, orText(v.message, "it is still being started"))
	}
	return -1, err
}

// verdict is how what has landed of a plan is doing.
type verdict struct {
	healthy []int       // steps
	waits   int         // a step of which nothing is known yet, -1 for none
	message string      // what it waits for
	at      int         // the step that has failed, and
	why     *plan.Fault // why; nil while none has
}

// verdict judges what has landed. What is missed by others is the fault of what they miss:
// it counts only when that is known of all.
func (i *Installation) verdict(r record) verdict {
	v := verdict{waits: -1}
	var missing *plan.Fault
	without := -1
	for _, n := range r.changing() {
		s := r.Plan.Steps[n]
		c := i.cfg.House.Condition(s.ID, s.Digest)
		why := i.fate(r, n, c)
		switch {
		case why != nil && why.Code == codeMissing:
			missing, without = why, n
		case why != nil:
			v.at, v.why = n, why
			return v
		case c.Healthy && c.Settled:
			v.healthy = append(v.healthy, n)
		default:
			v.waits, v.message = n, c.Message
		}
	}
	if missing != nil && v.waits < 0 {
		v.at, v.why = without, missing
	}
	return v
}

// codeMissing is that of an extension that misses another one.
const codeMissing = "dependency_missing"

func orText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// prove waits out the probation of what has taken the place of another version.
func (i *Installation) prove(ctx context.Context, r record) (at int, err error) {
	var probation time.Duration
	for _, n := range r.changing() {
		if s := r.Plan.Steps[n]; s.From != "" {
			probation = max(probation, i.cfg.House.Probation(s.ID))
		}
	}
	if probation == 0 {
		return -1, nil
	}
	timed, cancel := context.WithTimeout(ctx, probation)
	defer cancel()
	var v verdict
	err = i.cfg.House.Await(timed, func() bool {
		v = i.verdict(r)
		return v.why != nil
	})
	switch {
	case v.why != nil:
		return v.at, v.why
	case ctx.Err() != nil:
		return -1, ctx.Err()
	case timed.Err() == nil:
		return -1, err // it was not the time that ended the wait
	}
	return -1, nil
}

// fate is why a step has failed that has landed, nil while it has not.
func (i *Installation) fate(r record, n int, c Condition) *plan.Fault {
	id := r.Plan.Steps[n].ID
	switch {
	case c.Superseded, !c.Seen && !i.cfg.House.Holds(r.Terms[n].File):
		return plan.Faultf(plan.CodeSuperseded, "somebody has put another version of %s there, or removed it", id)
	case c.Settled && !c.Healthy:
		return plan.Faultf(c.Code, "%s", c.Message)
	}
	return nil
}
