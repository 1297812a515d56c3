package repositories

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

const (
	// maxReach is how many ids a Universe has at most.
	maxReach = 5000
	// readingTimes times Config.Patience is how long all of them may take.
	readingTimes = 4
	// parallel is how many of them are read at once.
	parallel = 8
)

// answer is what one repository says of an id.
type answer struct {
	releases []resolver.Release
	err      error
}

// expedition is the reading of a Universe.
type expedition struct {
	set     *Set
	members []*member
	missing map[string]error // of those members of which nothing is known, by name
	reach   Reach
	until   time.Time // for reading what is missing

	mu      sync.Mutex // guards what follows
	answers map[*member]map[string]answer
	left    []error
}

// Universe reads everything that is reachable from ids. Its repositories answer from
// memory, and do not change any more. The error is that ctx ended.
func (s *Set) Universe(ctx context.Context, reach Reach) (*Universe, error) {
	if err := s.freshen(ctx, s.enabled()); err != nil {
		return nil, err
	}
	_, missing := s.sources()
	members := s.asked(missing)
	e := &expedition{set: s, members: members, missing: missing, reach: reach, until: time.Now().Add(readingTimes * s.config.Patience), answers: map[*member]map[string]answer{}}
	for _, m := range members {
		e.answers[m] = map[string]answer{}
	}
	seen := map[string]bool{}
	for frontier := fresh(seen, reach.IDs); len(frontier) > 0; {
		needs, err := e.read(ctx, frontier)
		if err != nil {
			return nil, err
		}
		frontier = fresh(seen, needs)
	}
	u := &Universe{Missing: missing, Left: e.left}
	for _, m := range members {
		known := e.answers[m]
		u.Repositories = append(u.Repositories, resolver.Repository{
			Name: m.source.Name, Priority: m.source.Priority,
			Releases: func(id string) ([]resolver.Release, error) {
				a, read := known[id]
				if !read && !seen[id] {
					return nil, fmt.Errorf("%.100q is further away than the %d ids that are looked at", id, maxReach)
				}
				return a.releases, a.err
			},
		})
	}
	return u, nil
}

// asked are the repositories in the order in which they are asked for an id. One of which
// nothing is known does not say whether it has it, and so keeps it from those of a lower
// priority, who might be anybody. It comes after all others of its own: that somebody set
// one before another is an administrator's word, that its name sorts first is none.
func (s *Set) asked(missing map[string]error) []*member {
	list := s.enabled()
	unread := func(m *member) int {
		if missing[m.source.Name] != nil {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b *member) int {
		return cmp.Or(cmp.Compare(b.source.Priority, a.source.Priority), unread(a)-unread(b))
	})
	return list
}

// fresh are those ids that were not seen yet, as far as there is room.
func fresh(seen map[string]bool, ids []string) []string {
	var list []string
	for _, id := range ids {
		if !seen[id] && len(seen) < maxReach {
			seen[id] = true
			list = append(list, id)
		}
	}
	return list
}

// read reads some ids, several at a time, and returns what they need.
func (e *expedition) read(ctx context.Context, ids []string) (needs []string, err error) {
	next := make(chan string)
	var crew sync.WaitGroup
	var mu sync.Mutex
	for range min(parallel, len(ids)) {
		crew.Go(func() {
			for id := range next {
				more := e.ask(ctx, id)
				mu.Lock()
				needs = append(needs, more...)
				mu.Unlock()
			}
		})
	}
	for _, id := range ids {
		next <- id
	}
	close(next)
	crew.Wait()
	return needs, context.Cause(ctx)
}

// ask asks for an id as the resolver does: the first repository that has it, or does not
// say, is the last one.
func (e *expedition) ask(ctx context.Context, id string) (needs []string) {
	for _, m := range e.members {
		a, left := e.offers(ctx, m, id)
		e.mu.Lock()
		e.answers[m][id] = a
		e.left = append(e.left, left...)
		e.mu.Unlock()
		for _, r := range a.releases {
			for _, n := range r.Needs {
				needs = append(needs, n.ID)
			}
		}
		if len(a.releases) > 0 || a.err != nil {
			break
		}
	}
	return needs
}

// offers are what one repository has of an id. One whose index has run out has its ids
// still, and offers nothing.
func (e *expedition) offers(ctx context.Context, m *member, id string) (answer, []error) {
	ctx, cancel := context.WithDeadlineCause(ctx, e.until,
		refuse(m.source.Name, Code(store.IndexTooSlow), "what the repositories have could not be read in time; %s was asked last", m.source.Name))
	defer cancel()
	if why := e.missing[m.source.Name]; why != nil {
		return answer{err: fmt.Errorf("it was never read (%w); refresh it, or set repository.%s.enabled=false", why, m.source.Name)}, nil
	}
	l, err := m.listing(ctx, id)
	switch {
	case CodeOf(err) == Code(store.IndexUnknown):
		return answer{}, nil
	case err != nil:
		return answer{err: err}, nil
	case !m.usable(l):
		return answer{}, nil
	}
	if f := m.facts(); !f.good(e.set.config.Now()) {
		return answer{err: f.expired(m.source.Name)}, nil
	}
	releases, left := m.releases(l, e.reach.Beta[id], e.reach.Publishers[id])
	for i, err := range left {
		left[i] = fmt.Errorf("the repository %s: %w", m.source.Name, err)
	}
	if len(releases) == 0 {
		return answer{err: fmt.Errorf("none of its releases can be used here")}, left
	}
	return answer{releases: releases}, left
}
