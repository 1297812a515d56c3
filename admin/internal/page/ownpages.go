package page

import (
	"cmp"
	"net/http"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/ownpages"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// ownPages shows the pages that an extension brings, in a frame.
func (p *Pages) ownPages(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	e, ok := p.cfg.Host.Extension(id)
	if !ok {
		return web.NewProblem(http.StatusNotFound, host.CodeNotFound, "no extension has this id")
	}
	from := p.cfg.Host.UIOf(id)
	if from == host.UINone {
		return web.NewProblem(http.StatusNotFound, host.CodeNotFound, "this extension has no pages of its own")
	}
	who := access.Of(r.Context())
	head := w.Header()
	head.Set("Content-Security-Policy", head.Get("Content-Security-Policy")+"; "+ownpages.FrameSource)
	said := p.words(r)
	name := seen(cmp.Or(e.Name, id))
	return p.show(w, r, view{
		Template: "own-pages.html", Title: name, Section: sectionExtensions,
		Trail: []crumb{{said.Say("nav.extensions"), "/admin/"}, {name, pathOf(id)}}, Scripts: []string{"bridge.js"},
		Data: struct {
			ID, Name, Version     string
			Source                string
			ByHand                bool
			MayConfigure, MayCall bool
		}{
			ID: id, Name: e.Name, Version: e.Version, Source: p.cfg.OwnPages.Frame(id), ByHand: from == host.UIHome,
			MayConfigure: who.May(access.Configure, id), MayCall: who.May(access.Operate, id),
		},
	})
}
