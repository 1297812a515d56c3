package catalog

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// candidate is an accepted bundle that may become desired.
type candidate struct {
	file     string
	digest   string
	manifest *bundle.Manifest
	name     string   // the extension's name, folded
	requests []string // the request types it answers, the base type among them
	modTime  time.Time
	// earlier marks bytes that no file holds any more: what ran from the file before
	// they changed, or what private storage still has.
	earlier bool
	// placed says that its file is still there, with bytes that cannot run, or are not
	// known yet.
	placed bool
	// fault says why it cannot or may not run on this host whatever else is there, nil
	// if it can.
	fault *refusal
}

// refusal is why a candidate is not desired.
type refusal struct {
	event   lifecycle.Event
	code    string
	message string
	cycle   []string // for dependency_cycle: the ids in it
}

// state is where a refusal leads a file that is new.
func (why *refusal) state() lifecycle.State {
	state, _ := lifecycle.Pending.On(why.event)
	return state
}

// settleRounds bounds how often resolve looks at its own outcome.
const settleRounds = 8

// resolution is what resolve came to. Every candidate but an earlier one is in one of
// the two, or was passed over for a choice.
type resolution struct {
	desired  []choice // sorted by id
	refusals map[*candidate]*refusal
}

// choice is a desired candidate. A disabled one is chosen, and does not run.
type choice struct {
	*candidate
	warnings []string
	disabled bool
	passed   []*candidate // sorted by file
}

// resolve says which candidates should run, given what is remembered of their ids and
// what runs (id → digest). It is a pure function, and with its own outcome as what runs
// it comes to that again.
//
// Of the candidates of an id the first in order of preference is taken that can run:
// the highest version, of equal versions the newest file; after all of them what ran
// before its file was overwritten; and last what was rejected. A candidate can run if
// nothing is wrong with it alone, everything it requires is taken, and its id, name and
// request types are not taken by another extension. Of a pinned id only the pin can run.
// What runs goes first; then the order is that of files. A disabled id has a choice
// too, but nothing is taken by it, and nothing is given to those who require it.
func resolve(candidates []*candidate, standing map[string]Standing, running map[string]string) resolution {
	var out resolution
	for range settleRounds {
		out = resolveOnce(candidates, standing, running)
		now := out.running()
		if maps.Equal(now, running) {
			break
		}
		running = now
	}
	return out
}

// running is what runs when a resolution has come true: id → digest.
func (out resolution) running() map[string]string {
	running := make(map[string]string, len(out.desired))
	for _, d := range out.desired {
		if !d.disabled {
			running[d.manifest.ID] = d.digest
		}
	}
	return running
}

func resolveOnce(candidates []*candidate, standing map[string]Standing, running map[string]string) resolution {
	r := newResolver(candidates, standing, running)
	r.rounds()
	r.reserved = newClaims() // what runs and was not taken by now will not be
	r.rounds()
	out := resolution{refusals: map[*candidate]*refusal{}}
	for id, list := range r.byID {
		winner := r.taken[id]
		if r.standing[id].Disabled {
			winner = r.firstFit(id)
		}
		var passed []*candidate
		for _, c := range list {
			switch {
			case c == winner || c.earlier:
			case winner != nil && r.rejected(c) && !r.rejected(winner):
				passed = append(passed, c)
			default:
				out.refusals[c] = r.explain(c, winner)
			}
		}
		if winner != nil {
			slices.SortFunc(passed, func(a, b *candidate) int { return cmp.Compare(a.file, b.file) })
			out.desired = append(out.desired, choice{winner, r.equalWarnings(winner), r.standing[id].Disabled, passed})
		}
	}
	slices.SortFunc(out.desired, func(a, b choice) int { return cmp.Compare(a.manifest.ID, b.manifest.ID) })
	return out
}

// rounds tries all ids until no more are taken: an extension may be refused because of
// another that is not decided yet, in a cycle that an older version does not have.
func (r *resolver) rounds() {
	for taken := -1; taken < len(r.taken); {
		taken = len(r.taken)
		clear(r.tried)
		for _, id := range r.order {
			r.admit(id)
		}
	}
}

// resolver is the state of one resolve.
type resolver struct {
	standing map[string]Standing

	byID  map[string][]*candidate // in order of preference
	order []string                // ids in the order in which they are tried
	taken map[string]*candidate   // id → the one that will run
	why   map[*candidate]*refusal
	tried map[string]bool // in this round
	path  []string        // ids that are being tried, each for the one before it

	claimed  claims // by what is taken
	reserved claims // by what runs
	runs     map[*candidate]bool
}

func newResolver(candidates []*candidate, standing map[string]Standing, running map[string]string) *resolver {
	r := &resolver{
		standing: standing,
		byID:     map[string][]*candidate{},
		taken:    map[string]*candidate{}, why: map[*candidate]*refusal{}, tried: map[string]bool{},
		claimed: newClaims(), reserved: newClaims(), runs: map[*candidate]bool{},
	}
	for _, c := range candidates {
		r.byID[c.manifest.ID] = append(r.byID[c.manifest.ID], c)
	}
	for id, list := range r.byID {
		r.byPreference(list, running[id])
		r.order = append(r.order, id)
		if standing[id].Disabled {
			continue // it gives up what it has
		}
		for _, c := range list {
			if c.digest == running[id] {
				r.runs[c] = true
				r.reserved.add(c)
				break
			}
		}
	}
	slices.SortFunc(r.order, func(a, b string) int {
		return cmp.Or(
			boolOrder(running[a] != "", running[b] != ""),
			cmp.Compare(r.byID[a][0].file, r.byID[b][0].file),
			cmp.Compare(a, b),
		)
	})
	return r
}

// admit takes the best candidate of an id that can run, and reports whether there is
// one.
func (r *resolver) admit(id string) bool {
	if r.taken[id] != nil {
		return true
	}
	if r.tried[id] || r.standing[id].Disabled {
		return false
	}
	r.tried[id] = true
	r.path = append(r.path, id)
	defer func() { r.path = r.path[:len(r.path)-1] }()
	for _, c := range r.byID[id] {
		if r.unpinned(c) {
			continue
		}
		why := r.refuse(c)
		if why == nil {
			r.taken[id] = c
			r.claimed.add(c)
			return true
		}
		r.why[c] = why
	}
	return false
}

func (r *resolver) refuse(c *candidate) *refusal {
	if c.fault != nil {
		return c.fault
	}
	if why := r.unmet(c); why != nil {
		return why
	}
	return r.conflict(c)
}
