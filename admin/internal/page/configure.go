package page

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/configure"
	"github.com/jackfield-host/jackfield/admin/internal/detail"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// configureRoutes are those of the configuration of an extension, which is a tab of its
// pages.
func (p *Pages) configureRoutes() []web.Route {
	return configure.New(configure.Config{
		Host: p.cfg.Host,
		Render: func(w http.ResponseWriter, r *http.Request, status int, v configure.View) error {
			h, err := p.desk.Header(r, "config")
			if err != nil {
				return err
			}
			if v.Root != nil && v.Root.Label == "" { // without a schema it is one control, which needs a name
				v.Root.Label = p.words(r).Say("configure.title")
			}
			return p.detailPage(w, r, status, "configure.html", h, configurePage{h, v})
		},
		Saved: func(w http.ResponseWriter, r *http.Request, id string, done host.ConfigurationResult) error {
			leave(w, r, "ok", "configure.saved."+string(done.Applied), p.nameOf(id))
			http.Redirect(w, r, pathOf(id, "config"), http.StatusSeeOther)
			return nil
		},
	}).Routes()
}

// configurePage is the tab of the configuration.
type configurePage struct {
	detail.Header
	configure.View
}

// URL is the page of the version that runs, Self the page itself: of another version it
// is the form of that one.
func (c configurePage) URL() string { return pathOf(c.View.ID, "config") }

// Self is where the forms of the page lead.
func (c configurePage) Self() string {
	if c.For == "" {
		return c.URL()
	}
	return c.ForURL()
}

// ForURL is the form of the version that waits for another configuration.
func (c configurePage) ForURL() string {
	return c.URL() + "?" + url.Values{configure.ForName: {c.Awaiting.Digest}}.Encode()
}

// maxShown bounds a value of a difference, in characters.
const maxShown = 300

// Value is a value of a difference in one line: a text as it is, anything else as JSON.
func (c configurePage) Value(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && strings.TrimSpace(text) != "" {
		return visible.Clip(text, maxShown)
	}
	return visible.Clip(string(raw), maxShown)
}
