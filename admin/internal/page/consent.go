package page

import (
	"net/http"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// consent takes the form by which a person consents to what a version asks for.
func (p *Pages) consent(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Invalid("the form can not be read")
	}
	id, digest := r.PostForm.Get("id"), r.PostForm.Get("digest")
	if id == "" || digest == "" {
		return web.Invalid("the form says not what is consented to")
	}
	_, err := p.cfg.Host.Act(r.Context(), host.Action{Verb: host.VerbConsent, ID: id, Digest: digest, Actor: web.Actor(r)})
	if err != nil {
		return err
	}
	return toAdmin(w, r)
}

// permission is one permission as a row shows it, with who decided about it and when.
type permission struct {
	Name, By string
	At       *moment
}

// permissions are what an extension may do and may not, and what was decided for
// versions other than the current one.
type permissions struct{ May, MayNot, Unused []permission }

func permissionsOf(e host.Extension, now time.Time) permissions {
	var p permissions
	for _, list := range []struct {
		grants []host.Grant
		into   *[]permission
	}{{e.Grants, &p.May}, {e.Denied, &p.MayNot}} {
		for _, g := range list.grants {
			into := list.into
			if g.Unused {
				into = &p.Unused
			}
			*into = append(*into, permission{g.Permission, g.By, at(&g.At, now)})
		}
	}
	return p
}

// wanted is what a version waits for, as a row shows it.
type wanted struct {
	Version, File, Digest string
	Needs                 []string
}

func wantedOf(c *host.Consent) *wanted {
	if c == nil {
		return nil
	}
	w := &wanted{Version: c.Version, File: c.File, Digest: c.Digest}
	for _, n := range c.Needs {
		w.Needs = append(w.Needs, n.String())
	}
	slices.Sort(w.Needs)
	return w
}
