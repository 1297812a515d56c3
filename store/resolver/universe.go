package resolver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

// role is why an extension is in a plan, in the order in which they are decided.
type role int

const (
	named   role = iota // asked for by name
	updated             // to be brought up to date
	kept                // installed
	needed              // by another one
)

// candidate is a release that may be in the plan.
type candidate struct {
	*Release
	order      bundle.Version
	repository string
	current    bool // it is what is installed
	edges      []*edge
}

// edge is a need of a candidate, with what is known of whom it allows.
type edge struct {
	Need
	by *candidate // nil for what was asked
	// broken says that it is between what is installed and does not hold now.
	broken bool
	known  map[*candidate]bool
}

// allows asks the constraint once for each candidate.
func (e *edge) allows(c *candidate) bool {
	if e.Version == nil {
		return true
	}
	ok, known := e.known[c]
	if !known {
		ok = e.Version.Allows(c.Version)
		if e.known == nil {
			e.known = map[*candidate]bool{}
		}
		e.known[c] = ok
	}
	return ok
}

func newCandidate(r *Release, repository string) (*candidate, error) {
	c := &candidate{Release: r, order: r.Order, repository: repository}
	if c.order.IsZero() {
		var err error
		if c.order, err = bundle.ParseVersion(r.Version); err != nil {
			return nil, err
		}
	}
	needs := slices.Clone(r.Needs)
	slices.SortFunc(needs, compareNeeds)
	for _, n := range needs {
		c.edges = append(c.edges, &edge{Need: n, by: c})
	}
	return c, nil
}

func compareNeeds(a, b Need) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(constraintText(a.Version), constraintText(b.Version)),
		cmp.Compare(fmt.Sprint(a.Optional), fmt.Sprint(b.Optional)))
}

func constraintText(c Constraint) string {
	if c == nil {
		return ""
	}
	return c.String()
}

// pool is what there is of one id.
type pool struct {
	id         string
	role       role
	candidates []*candidate // best first
	current    *candidate   // nil if it is not installed
	state      State        // what has become of current, as its repository says
	// excluded says of releases why they are none of the candidates, best first.
	excluded []exclusion
	// foreign is the publisher of the best release that only its publisher excludes.
	foreign string
	source  string // the repository that it comes from
	known   bool   // some repository has it, or it is installed
}

// exclusion is why a release will not do.
type exclusion struct {
	release *candidate // nil where it is not about one that can be read
	text    string     // a sentence
}

// order is 0 where there is no release.
func (e exclusion) order() bundle.Version {
	if e.release == nil {
		return bundle.Version{}
	}
	return e.release.order
}

// universe finds the pools of ids as they are asked for.
type universe struct {
	request      *Request
	repositories []Repository
	installed    map[string]*Installed
	asks         map[string]*Ask
	update       map[string]bool
	remove       map[string]bool
	pools        map[string]*pool
	answers      map[string]answer
}

// answer is what the repositories have of an id. Each is asked once, however many searches
// a question takes.
type answer struct {
	releases []Release
	source   string
	err      error
}

func newUniverse(r *Request) *universe {
	u := &universe{
		request: r, repositories: slices.Clone(r.Repositories), installed: map[string]*Installed{},
		asks: map[string]*Ask{}, update: map[string]bool{}, remove: map[string]bool{}, pools: map[string]*pool{}, answers: map[string]answer{},
	}
	slices.SortStableFunc(u.repositories, func(a, b Repository) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), strings.Compare(a.Name, b.Name))
	})
	for i := range r.Installed {
		u.installed[r.Installed[i].ID] = &r.Installed[i]
	}
	for i := range r.Install {
		u.asks[r.Install[i].ID] = &r.Install[i]
	}
	for _, id := range r.Update {
		u.update[id] = true
	}
	for _, id := range r.Remove {
		u.remove[id] = true
	}
	return u
}

func (u *universe) roleOf(id string) role {
	i := u.installed[id]
	switch {
	case u.asks[id] != nil, u.update[id]:
		return named
	case i == nil:
		return needed
	case u.request.UpdateAll && !i.Pinned && !i.Held:
		return updated
	}
	return kept
}

// pool returns what there is of an id.
func (u *universe) pool(id string) *pool {
	p, ok := u.pools[id]
	if !ok {
		p = &pool{id: id, role: u.roleOf(id)}
		u.pools[id] = p
		u.fill(p)
	}
	return p
}

func (u *universe) fill(p *pool) {
	if i := u.installed[p.id]; i != nil {
		// Resolve has judged its version before.
		p.current, _ = newCandidate(&i.Release, "")
		p.current.current = true
		p.known = true
		u.markBroken(p.current)
	}
	a := u.ask(p.id)
	p.source, p.known = a.source, p.known || a.source != ""
	if a.err != nil {
		p.excluded = append(p.excluded, exclusion{text: a.err.Error()})
	}
	for i := range a.releases {
		u.consider(p, &a.releases[i])
	}
	if p.current != nil {
		p.candidates = append(p.candidates, p.current)
	}
	slices.SortStableFunc(p.candidates, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(p.rank(a), p.rank(b)), b.order.Compare(a.order),
			strings.Compare(a.Version, b.Version), strings.Compare(a.Digest, b.Digest))
	})
	slices.SortStableFunc(p.excluded, func(a, b exclusion) int {
		return cmp.Or(b.order().Compare(a.order()), strings.Compare(a.text, b.text))
	})
}

// rank puts what stays before what changes, where it is to stay, and what is deprecated
// last. Within a rank the higher version goes first.
func (p *pool) rank(c *candidate) int {
	switch {
	case c.current && p.role == kept:
		return 0
	case c.State == Deprecated && !c.current:
		return 2
	}
	return 1
}

// ask finds the one repository that counts for an id.
func (u *universe) ask(id string) answer {
	a, known := u.answers[id]
	if known {
		return a
	}
	for _, r := range u.repositories {
		releases, err := r.Releases(id)
		if err != nil {
			err = fmt.Errorf("the repository %s does not say what it has of %s: %w", r.Name, id, err)
		}
		if err != nil || len(releases) > 0 {
			a = answer{releases, r.Name, err}
			break
		}
	}
	u.answers[id] = a
	return a
}

// consider makes a release a candidate, or says why not.
func (u *universe) consider(p *pool, r *Release) {
	c, err := newCandidate(r, p.source)
	if err != nil {
		p.excluded = append(p.excluded, exclusion{text: fmt.Sprintf("%s %s is left out: %v", p.id, r.Version, err)})
		return
	}
	if p.isCurrent(c) {
		p.state = c.State
		return
	}
	fault := u.unfit(p, c)
	if fault == "" {
		fault = u.unmoved(p, c)
	}
	if fault == "" && u.isForeign(p, r) {
		if p.foreign == "" || u.better(p, c) {
			p.foreign = r.Publisher
		}
		fault = "is by another publisher than the one that it is pinned to"
		if r.Publisher == "" {
			fault = "is by nobody that is known, and is pinned to a publisher"
		}
	}
	if fault != "" {
		p.excluded = append(p.excluded, exclusion{c, fmt.Sprintf("%s %s %s", p.id, r.Version, fault)})
		return
	}
	p.candidates = append(p.candidates, c)
}

// better reports whether c is higher than all that was excluded before.
func (u *universe) better(p *pool, c *candidate) bool {
	return !slices.ContainsFunc(p.excluded, func(e exclusion) bool { return e.order().Compare(c.order) >= 0 })
}

// unfit says why a release can be in no plan.
func (u *universe) unfit(p *pool, c *candidate) string {
	switch {
	case c.ID != p.id:
		return fmt.Sprintf("is listed as %s", c.ID)
	case c.State == Withdrawn, c.State == Revoked:
		return "is " + string(c.State)
	case c.State == Deprecated && p.role != named:
		return "is deprecated, and taken only where it is asked for by name"
	case c.State != Deprecated && c.State != Offered:
		return fmt.Sprintf("is in the unknown state %s", c.State)
	case len(c.Platforms) > 0 && !slices.Contains(c.Platforms, u.request.Platform):
		return fmt.Sprintf("is for %s, and this is %s", strings.Join(c.Platforms, ", "), u.request.Platform)
	case c.Host != nil && !c.Host.Allows(u.request.HostVersion):
		return fmt.Sprintf("needs a host %s, and this is %s", c.Host, u.request.HostVersion)
	}
	return ""
}

// isCurrent reports whether a release is what is installed, as far as anybody knows.
func (p *pool) isCurrent(c *candidate) bool {
	return p.current != nil && c.ID == p.id && c.order.Compare(p.current.order) == 0 &&
		(c.Digest == p.current.Digest || c.Digest == "" || p.current.Digest == "")
}

// unmoved says why a release does not take the place of the one that is installed.
func (u *universe) unmoved(p *pool, c *candidate) string {
	if p.current == nil {
		return ""
	}
	i, order := u.installed[p.id], c.order.Compare(p.current.order)
	ask := u.asks[p.id]
	switch {
	case i.Pinned:
		return fmt.Sprintf("would replace %s, which is pinned", i.Version)
	case i.Held && p.role != named:
		return fmt.Sprintf("would replace %s, which is held", i.Version)
	case order == 0:
		return "has other bytes than what is installed in the same version"
	case order < 0 && (ask == nil || ask.Version == nil):
		return fmt.Sprintf("is lower than %s, which is installed", i.Version)
	}
	return ""
}

// isForeign reports whether a release is by another publisher than it may be.
func (u *universe) isForeign(p *pool, r *Release) bool {
	pin := u.request.Publishers[p.id]
	if p.current != nil && p.current.Publisher != "" {
		pin = p.current.Publisher
	}
	consent, given := u.request.Consent[p.id]
	return pin != "" && r.Publisher != pin && !(given && r.Publisher == consent)
}

// markBroken marks the needs of what is installed that do not hold now.
func (u *universe) markBroken(c *candidate) {
	for _, e := range c.edges {
		other := u.installed[e.ID]
		switch {
		case other == nil:
			e.broken = !e.Optional
		case e.Version != nil:
			e.broken = !e.Version.Allows(other.Version)
		}
	}
}
