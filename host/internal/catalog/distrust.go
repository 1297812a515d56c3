package catalog

import (
	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// Distrust is why a bundle may not run: whoever signed it, if anybody did, is not
// trusted to.
type Distrust struct {
	Code    string // of bundle.md, or of host.md
	Message string // what, and what next, for people
	// Waits says that it may run later: nobody refuses it.
	Waits bool
}

func (c Config) distrust(a *accepted) *refusal {
	if c.Distrust == nil {
		return nil
	}
	d := c.Distrust(a.verified)
	if d == nil {
		return nil
	}
	event := lifecycle.Refuse
	if d.Waits {
		event = lifecycle.Lack
	}
	return &refusal{event: event, code: d.Code, message: d.Message}
}

// Verified returns the bundles that the folder holds, that what is remembered refers to,
// and that run: all of which it matters whether they may. It may be called from anywhere.
func (c *Catalog) Verified() []*bundle.Verified {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[string]bool{}
	var list []*bundle.Verified
	add := func(a *accepted) {
		if a != nil && !seen[a.digest] {
			seen[a.digest] = true
			list = append(list, a.verified)
		}
	}
	for _, f := range c.input.files {
		add(f.accepted)
		add(f.earlier)
	}
	for _, a := range c.input.known {
		add(a)
	}
	return list
}
