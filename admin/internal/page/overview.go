package page

import "net/http"

func (p *Pages) overview(w http.ResponseWriter, r *http.Request) error {
	return p.show(w, r, view{Template: "overview.html", Title: p.words(r).Say("overview.title"), Section: sectionExtensions})
}
