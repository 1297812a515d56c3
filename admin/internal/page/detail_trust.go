package page

import (
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/host"
)

// detailTrust shows who signed an extension, what it may do, and what keeps it from more.
func (p *Pages) detailTrust(w http.ResponseWriter, r *http.Request) error {
	d, err := p.detailOf(r, "trust")
	if err != nil {
		return err
	}
	view := struct {
		detail
		Verdict     string // the color of the signature's state
		Permissions permissions
		Undecided   []string // permissions that it asks for and nobody has decided about
		Wanted      *wantedParts
		Gaps        int
	}{detail: d, Verdict: verdictOf(d.E.Signature.State), Permissions: permissionsOf(d.E, d.Now), Wanted: wantedPartsOf(d.E.Consent)}
	for _, name := range d.E.Permissions {
		decided := func(g host.Grant) bool { return g.Permission == name }
		if !slices.ContainsFunc(d.E.Grants, decided) && !slices.ContainsFunc(d.E.Denied, decided) &&
			(view.Wanted == nil || !slices.Contains(view.Wanted.Permissions, name)) {
			view.Undecided = append(view.Undecided, name)
		}
	}
	for _, s := range d.E.Sandbox {
		if !s.Holds {
			view.Gaps++
		}
	}
	return p.render(w, http.StatusOK, "detail-trust.html", view)
}

// wantedParts is what a version waits for, permission by permission.
type wantedParts struct {
	Version, File, Digest string
	Permissions           []string
	// Publisher is who has signed it, when that is another than before; Unknown says
	// that it is nobody whom a root vouches for.
	Publisher string
	Unknown   bool
}

func wantedPartsOf(c *host.Consent) *wantedParts {
	if c == nil {
		return nil
	}
	w := &wantedParts{Version: c.Version, File: c.File, Digest: c.Digest}
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

// verdictOf is the color of a signature's state.
func verdictOf(state string) string {
	switch state {
	case "valid":
		return "ok"
	case "unsigned", "unchecked":
		return "warn"
	}
	return "bad"
}
