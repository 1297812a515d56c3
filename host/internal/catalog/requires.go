package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// namedAtMost bounds how many names of a bundle's choice one message repeats.
const namedAtMost = 20

// unmet says what c requires and does not get, nil if it gets everything. What it
// requires is tried before it. Optional requirements never stand in the way.
func (r *resolver) unmet(c *candidate) *refusal {
	var missing []string
	for _, need := range c.manifest.Requires {
		if need.Optional {
			continue
		}
		if at := slices.Index(r.path, need.ID); at >= 0 && r.taken[need.ID] == nil {
			return cycleRefusal(r.path[at:])
		}
		r.admit(need.ID)
		got := r.taken[need.ID]
		switch {
		case got == nil:
			why := r.whyNot(need.ID)
			if why != nil && slices.Contains(why.cycle, c.manifest.ID) {
				return why
			}
			missing = append(missing, fmt.Sprintf("%s (%s)", need, r.absence(need.ID, why)))
		case !need.Allows(got.manifest.Version):
			missing = append(missing, fmt.Sprintf("%s (%q holds %s)", need, got.file, got.manifest.Version))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &refusal{
		event:   lifecycle.Lack,
		code:    lifecycle.CodeDependencyMissing,
		message: "it requires " + strings.Join(atMost(namedAtMost, missing), ", ") + "; it starts when that is there",
	}
}

// whyNot returns the refusal of the best candidate of an id, nil if there is none.
func (r *resolver) whyNot(id string) *refusal {
	if list := r.byID[id]; len(list) > 0 {
		return r.why[list[0]]
	}
	return nil
}

func (r *resolver) absence(id string, why *refusal) string {
	switch {
	case r.standing[id].Disabled && len(r.byID[id]) > 0:
		return "it is disabled"
	case why == nil && len(r.byID[id]) > 0:
		return fmt.Sprintf("%q is held back: it is pinned at another version", r.byID[id][0].file)
	case why == nil:
		return "not there"
	}
	return fmt.Sprintf("%q is %s: %s", r.byID[id][0].file, why.state(), why.code)
}

// cycleRefusal names the ids that require each other, from the first in order on.
func cycleRefusal(path []string) *refusal {
	cycle := slices.Clone(path)
	first := slices.Index(cycle, slices.Min(cycle))
	cycle = slices.Concat(cycle[first:], cycle[:first])
	return &refusal{
		event: lifecycle.Lack,
		code:  lifecycle.CodeDependencyCycle,
		message: fmt.Sprintf("the extensions require each other, so none can be the first: %s",
			strings.Join(append(atMost(namedAtMost, cycle), cycle[0]), " → ")),
		cycle: cycle,
	}
}

// atMost returns the first of many names and how many more there are.
func atMost(n int, names []string) []string {
	if len(names) <= n {
		return slices.Clone(names)
	}
	return append(slices.Clone(names[:n]), fmt.Sprintf("%d more", len(names)-n))
}

// faultOf says what keeps an accepted bundle from running on this host whatever else
// is in the folder, nil if nothing does.
func (c Config) faultOf(p *parcel) *refusal {
	m := p.manifest()
	if m.MinHost != nil && !c.HostVersion.IsZero() && c.HostVersion.Compare(*m.MinHost) < 0 {
		return &refusal{
			event: lifecycle.Reject,
			code:  lifecycle.CodeHostTooOld,
			message: fmt.Sprintf("it needs host version %s or later, this is %s; upgrade the host or take an earlier version of %s",
				m.MinHost, c.HostVersion, m.ID),
		}
	}
	if _, ok := p.verified.Executable(c.GOOS, c.GOARCH); ok {
		return nil
	}
	return &refusal{
		event: lifecycle.Unsupport,
		code:  lifecycle.CodeNoExecutable,
		message: fmt.Sprintf("there is no executable %s in it: %s",
			m.ExecPath(c.GOOS, c.GOARCH), whatInstead(p.verified.Platforms(), p.classes)),
	}
}

func whatInstead(platforms []string, classes bool) string {
	switch {
	case len(platforms) > 0:
		return "it runs on " + strings.Join(atMost(namedAtMost, platforms), ", ") + " only; ask its vendor for a build for this platform"
	case classes:
		return "it holds Java classes only, as extensions of the classic JMap Server do; it has to be built for this host"
	}
	return "it holds no executable for any platform"
}

// requestTypes returns the types that a verified bundle answers.
func requestTypes(v *bundle.Verified) []string {
	types := []string{v.Manifest().Request}
	for _, t := range v.Types() {
		if t.Role == "request" && t.Name != types[0] {
			types = append(types, t.Name)
		}
	}
	return types
}
