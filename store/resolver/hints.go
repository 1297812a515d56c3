package resolver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// hints are changes of the request that lead to a plan. Each is tried.
func (x *explanation) hints(end *deadEnd) []string {
	var list []string
	involved := map[string]bool{}
	x.involve(end, involved, map[*deadEnd]bool{})
	ids := slices.Sorted(maps.Keys(involved))
	add := func(change func(r *Request), format string, args ...any) {
		if x.trials < maxTrials && x.solvable(change) {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	for _, id := range ids {
		ask, i, p := x.u.asks[id], x.u.installed[id], x.u.pool(id)
		if ask != nil && ask.Version != nil {
			add(func(r *Request) { r.ask(id).Version = nil }, "ask for %s without a version: there is a plan with another one", id)
		}
		if i != nil && i.Pinned {
			add(func(r *Request) { r.free(id) }, "unpin %s, which may then change", id)
		}
		if i != nil && i.Held && !i.Pinned {
			add(func(r *Request) { r.free(id) }, "release %s, which is held, or ask to update it by name", id)
		}
		if p.foreign != "" {
			add(func(r *Request) {
				r.Consent = maps.Clone(r.Consent)
				if r.Consent == nil {
					r.Consent = map[string]string{}
				}
				r.Consent[id] = p.foreign
			}, "consent to the new publisher of %s, %s, after you have made sure that it is one to trust", id, p.foreign)
		}
		if p.current == nil && ask == nil && !p.known {
			list = append(list, fmt.Sprintf("add a repository that has %s", id))
		}
	}
	for _, gone := range x.removals(ids) {
		list = append(list, fmt.Sprintf("remove %s first", strings.Join(gone, " and ")))
	}
	if len(list) == 0 && len(x.u.request.Install)+len(x.u.request.Update)+len(x.u.request.Remove) > 1 {
		list = append(list, "ask for one thing after the other, to see which of them is impossible")
	}
	return list
}

// removals are the smallest sets of what is installed without which there is a plan.
func (x *explanation) removals(ids []string) [][]string {
	var sets, found [][]string
	for _, id := range ids {
		if x.u.installed[id] == nil {
			continue
		}
		if gone := x.u.dependents(id); gone != nil {
			sets = append(sets, gone)
		}
	}
	slices.SortStableFunc(sets, func(a, b []string) int { return len(a) - len(b) })
	for _, gone := range sets {
		larger := slices.ContainsFunc(found, func(f []string) bool {
			return !slices.ContainsFunc(f, func(id string) bool { return !slices.Contains(gone, id) })
		})
		if larger || x.trials >= maxTrials || !x.solvable(func(r *Request) {
			r.Installed = slices.DeleteFunc(r.Installed, func(i Installed) bool { return slices.Contains(gone, i.ID) })
		}) {
			continue
		}
		found = append(found, gone)
	}
	return found
}

// solvable reports whether a changed request has a plan.
func (x *explanation) solvable(change func(r *Request)) bool {
	r := *x.u.request
	r.Install, r.Installed = slices.Clone(r.Install), slices.Clone(r.Installed)
	change(&r)
	u := newUniverse(&r)
	u.answers = x.u.answers
	s := newSearch(u, r.Work/8)
	s.lenient = x.lenient
	x.trials++
	_, end, err := s.run()
	return err == nil && end == nil
}

// ask returns what is asked for of an id, to be changed.
func (r *Request) ask(id string) *Ask {
	return &r.Install[slices.IndexFunc(r.Install, func(a Ask) bool { return a.ID == id })]
}

// free takes pin and hold from what is installed.
func (r *Request) free(id string) {
	i := &r.Installed[slices.IndexFunc(r.Installed, func(i Installed) bool { return i.ID == id })]
	i.Pinned, i.Held = false, false
}

// maxRemovals is how many extensions are suggested to be removed at once.
const maxRemovals = 4

// dependents are an installed id and what is installed and needs it, sorted; nil if that is
// much, or has to do with what is asked.
func (u *universe) dependents(id string) []string {
	gone := []string{id}
	for i := 0; i < len(gone); i++ {
		if u.asks[gone[i]] != nil || u.update[gone[i]] || u.remove[gone[i]] || len(gone) > maxRemovals {
			return nil
		}
		for _, other := range slices.Sorted(maps.Keys(u.installed)) {
			needs := slices.ContainsFunc(u.installed[other].Needs, func(n Need) bool { return n.ID == gone[i] && !n.Optional })
			if needs && !slices.Contains(gone, other) && !u.remove[other] {
				gone = append(gone, other)
			}
		}
	}
	slices.Sort(gone)
	return gone
}
