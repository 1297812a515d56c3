package page

import (
	"net/http"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/detail"
	"github.com/jackfield-host/jackfield/admin/internal/ownpages"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// ownPages shows the pages that an extension brings, in a frame.
func (p *Pages) ownPages(w http.ResponseWriter, r *http.Request) error {
	h, err := p.desk.Header(r, "ui")
	if err != nil {
		return err
	}
	e, id := h.E, h.E.ID
	from := p.cfg.Host.UIOf(id)
	if from == host.UINone {
		return web.NewProblem(http.StatusNotFound, host.CodeNotFound, "this extension has no pages of its own")
	}
	who, said := access.Of(r.Context()), p.words(r)
	head := w.Header()
	head.Set("Content-Security-Policy", head.Get("Content-Security-Policy")+"; "+ownpages.FrameSource)
	return p.show(w, r, view{
		Template: "own-pages.html", Title: said.Say("own-pages.title"), Section: sectionExtensions,
		Trail: []crumb{{said.Say("nav.extensions"), "/admin/"}, {e.Name, pathOf(id)}}, Scripts: []string{"bridge.js"},
		Data: struct {
			Header                        detail.Header
			ID, Name, Version, Source     string
			ByHand, MayConfigure, MayCall bool
		}{
			h, id, e.Name, e.Version, p.cfg.OwnPages.Frame(id), from == host.UIHome,
			who.May(access.Configure, id), who.May(access.Operate, id),
		},
	})
}
