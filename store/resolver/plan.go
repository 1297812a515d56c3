package resolver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// newPlan writes down what a search has chosen.
func newPlan(u *universe, s *search, chosen map[string]*candidate) *Plan {
	p, w := &Plan{}, &reasons{u: u, s: s, chosen: chosen, links: map[string]*link{}}
	for _, id := range u.removals() {
		i := u.installed[id]
		p.Steps = append(p.Steps, Step{
			Action: Remove, ID: id, Version: i.Version, Digest: i.Digest, Publisher: i.Publisher,
			Why: []string{"you ask to remove " + id},
		})
	}
	var stay []Step
	for _, c := range inOrder(chosen) {
		step := Step{
			Action: action(u, c), ID: c.ID, Repository: c.repository, Version: c.Version,
			Digest: c.Digest, Publisher: c.Publisher, Why: w.why(c), State: c.State,
		}
		if c.current {
			step.State = u.pool(c.ID).state
		}
		if i := u.installed[c.ID]; i != nil && !c.current {
			step.From = i.Version
		}
		if c.current {
			stay = append(stay, step)
			continue
		}
		p.Steps = append(p.Steps, step)
	}
	slices.SortFunc(stay, func(a, b Step) int { return strings.Compare(a.ID, b.ID) })
	p.Steps = append(p.Steps, stay...)
	for _, id := range slices.Sorted(maps.Keys(chosen)) {
		if c := chosen[id]; c.current {
			p.Unmet = append(p.Unmet, unmet(u, chosen, c)...)
		}
	}
	return p
}

// removals are the ids to be removed, those that need others before them.
func (u *universe) removals() []string {
	gone := map[string]*candidate{}
	for id := range u.remove {
		gone[id] = u.pool(id).current
	}
	var list []string
	for _, c := range inOrder(gone) {
		list = append(list, c.ID)
	}
	slices.Reverse(list)
	return list
}

func action(u *universe, c *candidate) Action {
	i := u.pool(c.ID).current
	switch {
	case c.current:
		return Keep
	case i == nil:
		return Install
	case c.order.Compare(i.order) < 0:
		return Downgrade
	}
	return Upgrade
}

// unmet are the needs of what stays that do not hold.
func unmet(u *universe, chosen map[string]*candidate, c *candidate) []string {
	var list []string
	for _, e := range c.edges {
		other := chosen[e.ID]
		switch {
		case !e.broken:
		case other == nil && !e.Optional:
			list = append(list, sentence(u, e)+", which is not installed")
		case other != nil && !e.allows(other):
			list = append(list, fmt.Sprintf("%s, and it is %s", sentence(u, e), other.Version))
		}
	}
	return list
}

// inOrder lists candidates so that what others need goes before them. Cycles are broken
// at the lowest id.
func inOrder(all map[string]*candidate) []*candidate {
	var list []*candidate
	seen := map[string]bool{}
	var visit func(c *candidate)
	visit = func(c *candidate) {
		if c == nil || seen[c.ID] {
			return
		}
		seen[c.ID] = true
		for _, e := range c.edges {
			visit(all[e.ID])
		}
		list = append(list, c)
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		visit(all[id])
	}
	return list
}

// compareVersions orders candidates, highest first.
func compareVersions(a, b *candidate) int {
	return cmp.Or(b.order.Compare(a.order), strings.Compare(a.Version, b.Version), strings.Compare(a.Digest, b.Digest))
}
