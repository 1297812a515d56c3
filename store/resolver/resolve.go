package resolver

import (
	"fmt"

	"github.com/jackfield-host/jackfield/bundle"
)

// defaultWork is far more than any real set of extensions takes, and bounds what a hostile
// repository can make of one question to seconds.
const defaultWork = 2_000_000

// Resolve finds the plan for a request. Its error is a *Conflict.
func Resolve(r Request) (*Plan, error) {
	if err := check(&r); err != nil {
		return nil, err
	}
	if r.Work <= 0 {
		r.Work = defaultWork
	}
	u := newUniverse(&r)
	s := newSearch(u, r.Work)
	chosen, end, err := s.run()
	if err == nil && end != nil && u.anyBroken() {
		// Something between what is installed does not hold already. If it can not be mended
		// on the way, it must not keep everything else from being installed.
		s = newSearch(u, r.Work)
		s.lenient = true
		chosen, end, err = s.run()
	}
	switch {
	case err != nil:
		return nil, tooComplex(r.Work)
	case end != nil:
		return nil, explain(u, end, s.lenient)
	}
	return newPlan(u, s, chosen), nil
}

// check refuses what contradicts itself.
func check(r *Request) error {
	installed, asked := map[string]bool{}, map[string]string{}
	for _, i := range r.Installed {
		if installed[i.ID] {
			return invalid("%s is installed twice", i.ID)
		}
		installed[i.ID] = true
		if i.Order.IsZero() {
			if _, err := bundle.ParseVersion(i.Version); err != nil {
				return invalid("%s, which is installed: %v", i.ID, err)
			}
		}
	}
	ask := func(id, what string) error {
		if before, twice := asked[id]; twice {
			return invalid("%s is asked to be %s and to be %s; ask for one", id, before, what)
		}
		asked[id] = what
		return nil
	}
	for _, a := range r.Install {
		if err := ask(a.ID, "installed"); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		ids  []string
		what string
	}{{r.Update, "updated"}, {r.Remove, "removed"}} {
		for _, id := range list.ids {
			if err := ask(id, list.what); err != nil {
				return err
			}
			if !installed[id] {
				return invalid("%s is not installed, so it can not be %s", id, list.what)
			}
		}
	}
	return nil
}

func invalid(format string, args ...any) *Conflict {
	return &Conflict{Code: CodeInvalid, Reasons: []string{fmt.Sprintf(format, args...)}}
}

func tooComplex(work int) *Conflict {
	return &Conflict{
		Code:    CodeTooComplex,
		Reasons: []string{fmt.Sprintf("no plan was found in %d steps, and none was ruled out", work)},
		Hints:   []string{"ask for less at once, or name the versions that are wanted"},
	}
}

// anyBroken reports whether a need between what is installed does not hold now.
func (u *universe) anyBroken() bool {
	for id := range u.installed {
		for _, e := range u.pool(id).current.edges {
			if e.broken {
				return true
			}
		}
	}
	return false
}
