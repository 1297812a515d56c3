package detail

import (
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/host"
)

// Trust is the tab about who signed an extension, what it may do, and what keeps it from
// more.
type Trust struct {
	Header
	May, MayNot []host.Grant
	// Unused are decisions that the current version does not need, granted and denied.
	UnusedMay, UnusedMayNot []host.Grant
	// Undecided are permissions that it asks for and nobody has decided about.
	Undecided []string
	Wanted    *Wanted // nil when nothing waits
	Gaps      int     // protections that do not hold
}

// Wanted is what a version waits for, permission by permission.
type Wanted struct {
	Version, File, Digest string
	Permissions           []string
	// Publisher is who has signed it, when that is another than before; Unknown says
	// that it is nobody whom a root vouches for.
	Publisher string
	Unknown   bool
}

func (d *Desk) trust(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "trust")
	if err != nil {
		return err
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-trust.html", h, trustOf(h))
}

func trustOf(h Header) Trust {
	view := Trust{Header: h, Wanted: wantedOf(h.E.Consent), Gaps: gaps(h.E.Sandbox)}
	view.May, view.UnusedMay = used(h.E.Grants)
	view.MayNot, view.UnusedMayNot = used(h.E.Denied)
	for _, name := range h.E.Permissions {
		decided := func(g host.Grant) bool { return g.Permission == name }
		if !slices.ContainsFunc(h.E.Grants, decided) && !slices.ContainsFunc(h.E.Denied, decided) &&
			(view.Wanted == nil || !slices.Contains(view.Wanted.Permissions, name)) {
			view.Undecided = append(view.Undecided, name)
		}
	}
	return view
}

// used parts decisions into those that the current version needs and the others.
func used(grants []host.Grant) (used, unused []host.Grant) {
	for _, g := range grants {
		if g.Unused {
			unused = append(unused, g)
			continue
		}
		used = append(used, g)
	}
	return used, unused
}

func wantedOf(c *host.Consent) *Wanted {
	if c == nil {
		return nil
	}
	w := &Wanted{Version: c.Version, File: c.File, Digest: c.Digest}
	for _, n := range c.Needs {
		if n.Kind == host.NeedPublisher {
			w.Publisher, w.Unknown = n.What, n.What == ""
			continue
		}
		w.Permissions = append(w.Permissions, n.What)
	}
	slices.Sort(w.Permissions)
	return w
}

// gaps counts the protections that do not hold.
func gaps(sandbox []host.Protection) int {
	n := 0
	for _, p := range sandbox {
		if !p.Holds {
			n++
		}
	}
	return n
}
