package resolver

import (
	"errors"
	"maps"
	"slices"
)

// errWork ends a search that takes more than it may.
var errWork = errors.New("the search takes too long")

// maxExtensions bounds how many extensions one question may lead to: no set of them that
// people run has so many, but a repository can make up as many as it is asked for.
const maxExtensions = 20_000

// maxLearned bounds how many dead ends are remembered, and how many choices each has.
const (
	maxLearned     = 20_000
	maxLearnedSize = 12
)

// culprits are the ids whose choices make something impossible. What was asked and who is
// installed are no choices, so no culprits: with none left, there is no way at all.
type culprits map[string]bool

func (c culprits) add(more culprits) {
	for id := range more {
		c[id] = true
	}
}

func (c culprits) addBy(e *edge) {
	if e.by != nil {
		c[e.by.ID] = true
	}
}

// deadEnd is an extension that has to be there and can not, while the culprits are what
// they are.
type deadEnd struct {
	id       string
	needed   *edge // why it has to be there, nil for a root
	failures []failure
	culprits culprits
}

// failure is why one candidate will not do. One of the fields behind it is set.
type failure struct {
	candidate *candidate
	refused   *edge // a need of another one that does not allow it
	unmet     *edge // a need of its own that other, which is chosen, does not meet
	other     *candidate
	starved   *starved // a need of its own after which nothing is left
	removed   *edge    // a need of its own for what is to be removed
	because   *deadEnd // what follows from it
}

// starved is an id of which nothing is left when a need comes to those that are there.
type starved struct {
	need *edge
	with []*edge
}

// search looks for the best plan by depth-first search that jumps back to what is to blame
// and remembers what can not be.
type search struct {
	u *universe
	// lenient leaves out needs that were broken before.
	lenient bool
	// without are roots that need not be there: what is installed may stay all the same.
	without map[string]bool
	// rank, if not nil, orders decisions otherwise than by role and discovery.
	rank map[string]int

	work    int // steps that are left
	queue   []string
	queued  map[string]*edge // by whom each id got into the queue
	chosen  map[string]*candidate
	demands map[string][]*edge // on each id, by what was chosen
	learned map[*candidate][]*lesson
	lessons int
}

// lesson is a set of choices that no plan has all of.
type lesson struct {
	choices []*candidate
	end     *deadEnd
}

func newSearch(u *universe, work int) *search {
	return &search{
		u: u, work: work, queued: map[string]*edge{}, chosen: map[string]*candidate{},
		demands: map[string][]*edge{}, learned: map[*candidate][]*lesson{},
	}
}

// run finds a plan; a dead end says that there is none.
func (s *search) run() (map[string]*candidate, *deadEnd, error) {
	for _, id := range s.roots() {
		s.queue = append(s.queue, id)
		s.queued[id] = nil
		if ask := s.u.asks[id]; ask != nil && ask.Version != nil {
			s.demands[id] = append(s.demands[id], &edge{Need: Need{ID: id, Version: ask.Version}})
		}
	}
	end, err := s.place(0)
	if err != nil || end != nil {
		return nil, end, err
	}
	return s.chosen, nil, nil
}

// roots are the ids that have to be there, in the order in which they are decided.
func (s *search) roots() []string {
	all := map[string]bool{}
	for id := range s.u.asks {
		all[id] = true
	}
	for id := range s.u.installed {
		all[id] = true
	}
	var list []string
	for id := range all {
		if !s.without[id] && !s.u.remove[id] {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		if x, y := s.u.roleOf(a), s.u.roleOf(b); x != y {
			return int(x - y)
		}
		if a < b {
			return -1
		}
		return 1
	})
	return list
}

// place decides what is in the queue from one place on, and leaves nothing chosen behind a
// dead end.
func (s *search) place(at int) (*deadEnd, error) {
	id, ok := s.next(at)
	if !ok {
		return nil, nil
	}
	end := &deadEnd{id: id, needed: s.queued[id], culprits: culprits{}}
	if end.needed != nil {
		end.culprits.addBy(end.needed)
	}
	for _, c := range s.u.pool(id).candidates {
		f, blame, err := s.try(c)
		if err != nil {
			return nil, err
		}
		if f == nil {
			undo := s.choose(c)
			deeper, err := s.place(at + 1)
			if err != nil || deeper == nil {
				return nil, err
			}
			undo()
			if !deeper.culprits[id] {
				return deeper, nil // it does not matter what is chosen here
			}
			f, blame = &failure{candidate: c, because: deeper}, maps.Clone(deeper.culprits)
		}
		delete(blame, id)
		end.failures = append(end.failures, *f)
		end.culprits.add(blame)
	}
	s.learn(end)
	return end, nil
}

// next is the id to decide.
func (s *search) next(at int) (string, bool) {
	if s.rank == nil {
		if at == len(s.queue) {
			return "", false
		}
		return s.queue[at], true
	}
	best, found := "", false
	for _, id := range s.queue {
		if s.chosen[id] == nil && (!found || s.rank[id] < s.rank[best]) {
			best, found = id, true
		}
	}
	return best, found
}

// ignores reports whether a need is left out.
func (s *search) ignores(e *edge) bool {
	return s.lenient && e.broken && e.by != nil && e.by.current
}

// try says why a candidate does not fit to what is chosen, and who is to blame besides it.
func (s *search) try(c *candidate) (*failure, culprits, error) {
	for _, e := range s.demands[c.ID] {
		if s.work--; s.work < 0 {
			return nil, nil, errWork
		}
		if !e.allows(c) {
			blame := culprits{}
			blame.addBy(e)
			return &failure{candidate: c, refused: e}, blame, nil
		}
	}
	for _, e := range c.edges {
		if s.ignores(e) {
			continue
		}
		f, blame, err := s.tryNeed(c, e)
		if f != nil || err != nil {
			return f, blame, err
		}
	}
	for _, l := range s.learned[c] {
		if s.work--; s.work < 0 {
			return nil, nil, errWork
		}
		if blame := s.recall(l, c); blame != nil {
			return &failure{candidate: c, because: l.end}, blame, nil
		}
	}
	if s.work--; s.work < 0 {
		return nil, nil, errWork
	}
	return nil, nil, nil
}

// tryNeed judges one need of a candidate.
func (s *search) tryNeed(c *candidate, e *edge) (*failure, culprits, error) {
	if s.work--; s.work < 0 {
		return nil, nil, errWork
	}
	if e.ID == c.ID { // itself
		if e.allows(c) {
			return nil, nil, nil
		}
		return &failure{candidate: c, starved: &starved{need: e}}, culprits{}, nil
	}
	by, present := s.queued[e.ID]
	switch {
	case s.u.remove[e.ID] && !e.Optional:
		return &failure{candidate: c, removed: e}, culprits{}, nil
	case s.u.remove[e.ID]:
		return nil, nil, nil
	case s.chosen[e.ID] != nil:
		if e.allows(s.chosen[e.ID]) {
			return nil, nil, nil
		}
		return &failure{candidate: c, unmet: e, other: s.chosen[e.ID]}, culprits{e.ID: true}, nil
	case e.Optional && !present:
		return nil, nil, nil
	}
	if len(s.u.pools) > maxExtensions+len(s.u.installed) {
		return nil, nil, errWork
	}
	with, err := s.starves(e)
	if err != nil || with == nil {
		return nil, nil, err
	}
	blame := culprits{}
	for _, other := range with.with {
		blame.addBy(other)
	}
	if e.Optional && by != nil {
		blame.addBy(by)
	}
	return &failure{candidate: c, starved: with}, blame, nil
}

// starves finds out whether nothing is left of an id when one more need comes.
func (s *search) starves(e *edge) (*starved, error) {
	out := &starved{need: e}
	for _, c := range s.u.pool(e.ID).candidates {
		if s.work--; s.work < 0 {
			return nil, errWork
		}
		if !e.allows(c) {
			continue
		}
		refused := slices.IndexFunc(s.demands[e.ID], func(d *edge) bool { s.work--; return !d.allows(c) })
		if refused < 0 {
			return nil, nil
		}
		if d := s.demands[e.ID][refused]; !slices.Contains(out.with, d) {
			out.with = append(out.with, d)
		}
	}
	return out, nil
}

// choose takes a candidate and returns how to take it back.
func (s *search) choose(c *candidate) (undo func()) {
	s.chosen[c.ID] = c
	length := len(s.queue)
	for _, e := range c.edges {
		if s.ignores(e) || s.u.remove[e.ID] {
			continue
		}
		s.demands[e.ID] = append(s.demands[e.ID], e)
		if _, there := s.queued[e.ID]; !there && !e.Optional {
			s.queued[e.ID] = e
			s.queue = append(s.queue, e.ID)
		}
	}
	return func() {
		delete(s.chosen, c.ID)
		for _, e := range c.edges {
			if !s.ignores(e) && !s.u.remove[e.ID] {
				s.demands[e.ID] = s.demands[e.ID][:len(s.demands[e.ID])-1]
			}
		}
		for _, id := range s.queue[length:] {
			delete(s.queued, id)
		}
		s.queue = s.queue[:length]
	}
}

// learn remembers a dead end by the choices that lead to it.
func (s *search) learn(end *deadEnd) {
	if len(end.culprits) == 0 || len(end.culprits) > maxLearnedSize || s.lessons >= maxLearned {
		return
	}
	l := &lesson{end: end}
	for id := range end.culprits {
		l.choices = append(l.choices, s.chosen[id])
	}
	for _, c := range l.choices {
		s.learned[c] = append(s.learned[c], l)
	}
	s.lessons++
}

// recall returns the culprits of a lesson if all its other choices are made, else nil.
func (s *search) recall(l *lesson, with *candidate) culprits {
	blame := culprits{}
	for _, c := range l.choices {
		if c == with {
			continue
		}
		if s.chosen[c.ID] != c {
			return nil
		}
		blame[c.ID] = true
	}
	return blame
}
