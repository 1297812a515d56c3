package page

import (
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// detailVersions lists the kept versions, and compares two of them when asked to.
func (p *Pages) detailVersions(w http.ResponseWriter, r *http.Request) error {
	d, err := p.detailOf(r, "versions")
	if err != nil {
		return err
	}
	kept, err := p.cfg.Host.Kept(d.E.ID)
	if err != nil {
		return err
	}
	view := struct {
		detail
		Kept       []keptVersion
		Pinned     bool
		Comparison *comparison
	}{detail: d}
	for _, k := range kept {
		view.Kept = append(view.Kept, keptVersion{k, detailURL(d.E.ID, "versions") + "?compare=" + k.Digest})
		view.Pinned = view.Pinned || k.Pinned
	}
	if digest := r.URL.Query().Get("compare"); digest != "" {
		if view.Comparison, err = p.compare(r, d.E, digest); err != nil {
			return err
		}
	}
	return p.render(w, http.StatusOK, "detail-versions.html", view)
}

type keptVersion struct {
	host.Kept
	Compare string // URL of the comparison with the current one
}

// comparison is what another version has otherwise than the current one. From is what
// runs, or should, To the other.
type comparison struct {
	From, To    host.Declared
	Types       diff
	Changed     []string // types whose schema or response is another
	Permissions diff
	Requires    diff
	Same        bool
}

// diff is what came and what went.
type diff struct{ Added, Removed []string }

func (d diff) any() bool { return len(d.Added)+len(d.Removed) > 0 }

func (p *Pages) compare(r *http.Request, e host.Extension, digest string) (*comparison, error) {
	if digest == e.Digest {
		return nil, web.Invalid("this is the current version; there is nothing to compare it with")
	}
	from, err := p.cfg.Host.Declared(r.Context(), e.ID, e.Digest)
	if err != nil {
		return nil, err
	}
	to, err := p.cfg.Host.Declared(r.Context(), e.ID, digest)
	if err != nil {
		return nil, err
	}
	return comparisonOf(from, to), nil
}

func comparisonOf(from, to host.Declared) *comparison {
	c := &comparison{From: from, To: to, Permissions: diffOf(from.Permissions, to.Permissions), Requires: diffOf(from.Requires, to.Requires)}
	was, is := map[string]host.DeclaredType{}, map[string]host.DeclaredType{}
	for _, t := range from.Types {
		was[t.Type] = t
	}
	for _, t := range to.Types {
		is[t.Type] = t
	}
	c.Types = diffOf(sortedKeys(was), sortedKeys(is))
	for _, name := range sortedKeys(is) {
		old, there := was[name]
		now := is[name]
		if there && (string(old.Schema) != string(now.Schema) || old.Response != now.Response || old.Role != now.Role || old.Extends != now.Extends) {
			c.Changed = append(c.Changed, name)
		}
	}
	c.Same = !c.Types.any() && len(c.Changed) == 0 && !c.Permissions.any() && !c.Requires.any() && from.Upgrade == to.Upgrade
	return c
}

func diffOf(was, is []string) diff {
	var d diff
	for _, s := range is {
		if !slices.Contains(was, s) {
			d.Added = append(d.Added, s)
		}
	}
	for _, s := range was {
		if !slices.Contains(is, s) {
			d.Removed = append(d.Removed, s)
		}
	}
	return d
}
