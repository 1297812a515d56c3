package installation

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/host/internal/updatepolicy"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// actorHost is who installs updates that nobody has asked for.
const actorHost = "host"

// Update has the updates sought that the policy wants, if the window for them is open: what
// is installed, or what is known of repositories, may be otherwise than before. It never
// blocks.
func (i *Installation) Update() {
	select {
	case i.due <- struct{}{}:
	default:
	}
}

// keepUpdated installs updates whenever Update says so, and when the window for them opens,
// until ctx ends.
func (i *Installation) keepUpdated(ctx context.Context) {
	if !i.cfg.Policy.Automatic() || i.cfg.House.Await(ctx, i.cfg.House.Looked) != nil {
		return
	}
	for {
		now := i.cfg.Now()
		timer := time.NewTimer(i.cfg.Policy.Window.Opens(now).Sub(now))
		opens := timer.C
		if i.cfg.Policy.Window.Open(now) {
			opens = nil // Update says when there is something to do
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-i.due:
		case <-opens:
		}
		timer.Stop()
		i.updateAll(ctx)
	}
}

// Outdated returns the installed extensions for which there is a higher version that can be
// installed, by id. The error is a *Fault.
func (i *Installation) Outdated(ctx context.Context) ([]plan.Outdated, error) {
	list := []plan.Outdated{}
	p, _, err := i.planner.Propose(ctx, plan.Request{UpdateAll: true}, nil)
	if err != nil {
		return nil, err
	}
	for _, s := range p.Steps {
		if s.Action != plan.Upgrade {
			continue
		}
		o := plan.Outdated{ID: s.ID, Version: s.From, Latest: s.To, Repository: s.Repository, Needs: []plan.Need{}}
		for _, n := range p.Needs {
			if n.ID == s.ID {
				o.Needs = append(o.Needs, n)
			}
		}
		o.Automatic, o.Why = i.cfg.Policy.Judge(s.From, s.To, len(o.Needs))
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b plan.Outdated) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// updateAll starts what the policy wants to be updated: a plan for each extension, so that
// one that fails keeps no other one back. Each version is tried once.
func (i *Installation) updateAll(ctx context.Context) {
	installed := map[string]plan.Installed{}
	for _, x := range i.cfg.House.Installed() {
		installed[x.ID] = x
	}
	keep := func(r resolver.Release) bool {
		x, there := installed[r.ID]
		if !there {
			return i.cfg.Policy.Auto == updatepolicy.AutoAll
		}
		ok, _ := i.cfg.Policy.Judge(x.Version, r.Version, 0)
		return r.Version == x.Version || ok && !i.tried(r.ID, r.Version)
	}
	beta := i.cfg.Policy.Auto == updatepolicy.AutoAll
	for _, id := range slices.Sorted(maps.Keys(installed)) {
		if ctx.Err() != nil || !i.cfg.Policy.Window.Open(i.cfg.Now()) {
			return
		}
		if installed[id].Pinned {
			continue
		}
		r := plan.Request{Update: []string{id}, Beta: beta, Actor: actorHost}
		p, _, err := i.planner.Propose(ctx, r, keep)
		if err != nil || !p.Changes() {
			continue
		}
		if len(p.Needs) > 0 {
			i.cfg.Log.Info("an update waits for consent", "ext", id)
			continue
		}
		if p, err := i.start(ctx, r, keep); err != nil {
			i.cfg.Log.Warn("an update is not installed", "ext", id, "error", err)
		} else {
			i.cfg.Log.Info("an update is being installed", "ext", id, "plan", p.ID)
			i.await(ctx, p.ID)
		}
	}
}

// await waits for the end of a plan.
func (i *Installation) await(ctx context.Context, id string) {
	for ctx.Err() == nil {
		if p, ok := i.Plan(id); !ok || p.State.Over() {
			return
		}
		sleep(ctx, i.cfg.Patience.Retry)
	}
}

// tried reports whether a plan that nobody has asked for has failed to install a version, or
// somebody has undone one.
func (i *Installation) tried(id, version string) bool {
	for _, p := range i.Plans() {
		if p.State != plan.Undone && (p.State != plan.Failed || p.Actor != actorHost) {
			continue
		}
		for _, s := range p.Steps {
			if s.ID == id && s.Action != plan.Keep && sameVersion(s.To, version) {
				return true
			}
		}
	}
	return false
}
