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
	p := &Plan{}
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
			Digest: c.Digest, Publisher: c.Publisher, Why: why(u, s, chosen, c),
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

// why is the chain of reasons for a choice, to what was asked.
func why(u *universe, s *search, chosen map[string]*candidate, c *candidate) []string {
	var chain []string
	seen := map[string]bool{}
	for c != nil && !seen[c.ID] {
		seen[c.ID] = true
		i, role := u.installed[c.ID], u.roleOf(c.ID)
		switch {
		case role == named && u.asks[c.ID] != nil:
			return append(chain, "you ask for "+askText(u.asks[c.ID]))
		case role == named:
			return append(chain, "you ask to update "+c.ID)
		case role == updated:
			return append(chain, "you ask to update everything")
		case c.current:
			return append(chain, stays(i))
		}
		e := moved(u, s, chosen, c)
		if e == nil {
			return chain
		}
		if e.by.ID == c.ID { // what the installed version needs is not there any more
			return append(chain, fmt.Sprintf("%s, so it can not stay", sentence(u, e)))
		}
		chain = append(chain, sentence(u, e))
		c = e.by
	}
	return chain
}

func stays(i *Installed) string {
	switch {
	case i.Pinned:
		return i.ID + " is installed and pinned"
	case i.Held:
		return i.ID + " is installed and held"
	}
	return i.ID + " is installed and fits"
}

// moved is the need because of which a candidate that nobody asked for is there: the one
// that brought it in, or one that what is installed does not meet.
func moved(u *universe, s *search, chosen map[string]*candidate, c *candidate) *edge {
	current := u.pool(c.ID).current
	if current == nil {
		return s.queued[c.ID]
	}
	for _, e := range s.demands[c.ID] {
		if e.by != c && !e.allows(current) {
			return e
		}
	}
	for _, e := range current.edges {
		other := chosen[e.ID]
		if e.ID == c.ID {
			other = current // it never met its own need
		}
		if other == nil && !e.Optional || other != nil && !e.allows(other) {
			return &edge{Need: e.Need, by: current}
		}
	}
	return nil
}

func askText(a *Ask) string {
	if a.Version == nil {
		return a.ID
	}
	return a.ID + " " + a.Version.String()
}

// sentence says who needs what: "org.a 2.0, installed, needs org.b >=3".
func sentence(u *universe, e *edge) string {
	if e.by == nil {
		return "you ask for " + strings.TrimSpace(e.ID+" "+constraintText(e.Version))
	}
	return fmt.Sprintf("%s needs %s", subject(u, e.by), needText(e.Need))
}

func needText(n Need) string {
	text := strings.TrimSpace(n.ID + " " + constraintText(n.Version))
	if n.Optional {
		text += " if it is there"
	}
	return text
}

// subject names a release and how it comes into it.
func subject(u *universe, c *candidate) string {
	text := c.ID + " " + c.Version
	i := u.installed[c.ID]
	switch {
	case c.current && i.Pinned:
		return text + ", installed and pinned,"
	case c.current && i.Held:
		return text + ", installed and held,"
	case c.current:
		return text + ", installed,"
	case u.asks[c.ID] != nil:
		return text + ", asked for,"
	}
	return text
}

// compareVersions orders candidates, highest first.
func compareVersions(a, b *candidate) int {
	return cmp.Or(b.order.Compare(a.order), strings.Compare(a.Version, b.Version), strings.Compare(a.Digest, b.Digest))
}
