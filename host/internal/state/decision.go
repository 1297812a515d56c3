package state

import (
	"cmp"
	"slices"
	"time"
)

// Decision is what somebody has decided about one permission of an extension.
type Decision struct {
	Permission string
	Granted    bool // else it is denied
	By         string
	At         time.Time
}

// Decision returns what was decided about a permission, false for nothing.
func (e Extension) Decision(permission string) (Decision, bool) {
	i, found := e.find(permission)
	if !found {
		return Decision{}, false
	}
	return e.Decisions[i], true
}

// Decide puts a decision in the place of any earlier one about the same permission.
func (e *Extension) Decide(d Decision) {
	i, found := e.find(d.Permission)
	if found {
		e.Decisions[i] = d
		return
	}
	e.Decisions = slices.Insert(e.Decisions, i, d)
}

// Forget drops what was decided about the permissions of which asked is false, and
// returns them.
func (e *Extension) Forget(asked func(permission string) bool) (forgotten []string) {
	var left []Decision
	for _, d := range e.Decisions {
		if asked(d.Permission) {
			left = append(left, d)
		} else {
			forgotten = append(forgotten, d.Permission)
		}
	}
	e.Decisions = left
	return forgotten
}

func (e Extension) find(permission string) (int, bool) {
	return slices.BinarySearchFunc(e.Decisions, permission, func(d Decision, p string) int {
		return cmp.Compare(d.Permission, p)
	})
}
