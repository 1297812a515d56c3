package resolver_test

import (
	"math/rand/v2"
	"testing"

	"github.com/jackfield-host/jackfield/store/resolver"
)

// checkWorld holds Resolve to every promise, by trying everything. It reports whether there
// is a plan, and one that needed leniency.
func checkWorld(t testing.TB, w *world, random *rand.Rand) (solved, lenient bool) {
	t.Helper()
	want := w.best(false)
	if want == nil && w.broken() {
		if want = w.best(true); want != nil {
			lenient = true
		}
	}
	p, err := resolver.Resolve(w.request())
	got := told(t, p, err)
	if err != nil {
		if c := conflict(t, err); c.Code == resolver.CodeInvalid || c.Code == resolver.CodeTooComplex || len(c.Reasons) == 0 {
			t.Fatalf("%s\nof\n%s", got, w)
		}
	}
	if (want == nil) != (err != nil) {
		t.Fatalf("%s\nbut there is a plan: %v, %v, of\n%s", got, want != nil, want, w)
	}
	p2, err2 := resolver.Resolve(w.shuffled(random).request())
	if again := told(t, p2, err2); again != got {
		t.Fatalf("in another order\n%s\nbefore\n%s\nof\n%s", again, got, w)
	}
	if err != nil {
		return false, false
	}
	for _, s := range p.Steps {
		o, there := want[s.ID]
		if there != (s.Action != resolver.Remove) || there && o.Version != s.Version || len(s.Why) == 0 {
			t.Fatalf("%s\nwant %s %v\nof\n%s", got, s.ID, o, w)
		}
	}
	if len(p.Steps) != len(want)+len(w.remove) {
		t.Fatalf("%s\nhas %d steps, want %d\nof\n%s", got, len(p.Steps), len(want)+len(w.remove), w)
	}
	checkOrder(t, w, p)
	if len(w.remove) == 0 { // what was removed can not be removed again
		checkAgain(t, w, want)
	}
	return true, lenient
}

// checkOrder: what is needed comes before it is needed, where that is possible at all.
func checkOrder(t testing.TB, w *world, p *resolver.Plan) {
	t.Helper()
	place, needs := map[string]int{}, map[string][]resolver.Need{}
	for i, s := range p.Steps {
		if s.Action == resolver.Install || s.Action == resolver.Upgrade || s.Action == resolver.Downgrade {
			place[s.ID] = i + 1
			for _, r := range w.releases[s.ID] {
				if r.Version == s.Version {
					needs[s.ID] = r.Needs
				}
			}
		}
	}
	reaches := func(from, to string) bool {
		seen := map[string]bool{}
		var visit func(string) bool
		visit = func(id string) bool {
			if id == to {
				return true
			}
			if seen[id] {
				return false
			}
			seen[id] = true
			for _, n := range needs[id] {
				if visit(n.ID) {
					return true
				}
			}
			return false
		}
		return visit(from)
	}
	for id, list := range needs {
		for _, n := range list {
			if place[n.ID] > place[id] && !reaches(n.ID, id) && !throughOthers(w, p) {
				t.Fatalf("%s comes before %s, which it needs: %v\nof\n%s", id, n.ID, p.Steps, w)
			}
		}
	}
}

// throughOthers reports whether what stays needs anything: then a cycle may lead through
// it, and order says less.
func throughOthers(w *world, p *resolver.Plan) bool {
	for _, s := range p.Steps {
		if s.Action == resolver.Keep && len(w.current(s.ID).Needs) > 0 {
			return true
		}
	}
	return false
}

// checkAgain: after a plan is done, the same question changes nothing.
func checkAgain(t testing.TB, w *world, done map[string]option) {
	t.Helper()
	after := *w
	after.installed, after.remove = nil, nil
	for _, id := range worldIDs {
		o, there := done[id]
		if !there {
			continue
		}
		i := resolver.Installed{Release: *o.Release}
		if before := w.current(id); before != nil {
			i.Pinned, i.Held = before.Pinned, before.Held
		}
		i.State = ""
		after.installed = append(after.installed, i)
	}
	p, err := resolver.Resolve(after.request())
	if err != nil || p.Changes() {
		t.Fatalf("asked again\n%s\nof\n%s\nafter\n%s", told(t, p, err), &after, w)
	}
}
