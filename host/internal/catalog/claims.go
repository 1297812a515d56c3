package catalog

import (
	"fmt"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// claims are what no two extensions may have in common, and who has it.
type claims struct {
	ids, names, types map[string]*candidate
}

func newClaims() claims {
	return claims{ids: map[string]*candidate{}, names: map[string]*candidate{}, types: map[string]*candidate{}}
}

func (cl claims) add(c *candidate) {
	cl.ids[foldID(c.manifest.ID)] = c
	cl.names[c.name] = c
	for _, t := range c.requests {
		cl.types[t] = c
	}
}

// clash is one thing that a candidate wants and another extension has.
type clash struct {
	owner *candidate
	code  string
	what  string
}

// clashes lists what c wants and others have, the most telling first.
func (cl claims) clashes(c *candidate) []clash {
	var found []clash
	note := func(owner *candidate, code, what string) {
		if owner != nil && owner.manifest.ID != c.manifest.ID {
			found = append(found, clash{owner, code, what})
		}
	}
	if owner := cl.ids[foldID(c.manifest.ID)]; owner != nil {
		note(owner, lifecycle.CodeIDTaken, fmt.Sprintf("the id %s, which is the same but for letter case", owner.manifest.ID))
	}
	if owner := cl.names[c.name]; owner != nil {
		note(owner, lifecycle.CodeNameTaken, fmt.Sprintf("the name %q", owner.manifest.Name))
	}
	for _, t := range c.requests {
		note(cl.types[t], lifecycle.CodeTypeTaken, "the request type "+t)
	}
	return found
}

// conflict says what of c's is taken, nil if nothing is. What runs is asked first
// whether it goes on; as long as that is open, nothing is taken from it.
func (r *resolver) conflict(c *candidate) *refusal {
	if !r.runs[c] {
		for _, found := range r.reserved.clashes(c) {
			id := found.owner.manifest.ID
			r.admit(id)
			if now := r.taken[id]; now == nil || now == found.owner {
				return conflictRefusal(c, found)
			}
		}
	}
	if found := r.claimed.clashes(c); len(found) > 0 {
		return conflictRefusal(c, found[0])
	}
	return nil
}

func conflictRefusal(c *candidate, found clash) *refusal {
	return &refusal{
		event: lifecycle.Clash,
		code:  found.code,
		message: fmt.Sprintf("%q (%s) has %s, so %q (%s) cannot run beside it; remove one of the two",
			found.owner.file, found.owner.manifest.ID, found.what, c.file, c.manifest.ID),
	}
}
