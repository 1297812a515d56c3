package page

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// verbs are those that a person can send from a page: the form of a verb is posted to
// /admin/extensions/{id}/{verb}.
func verbs() []host.Verb {
	return []host.Verb{
		host.VerbEnable, host.VerbDisable, host.VerbRestart, host.VerbRollback, host.VerbPin, host.VerbUnpin,
		host.VerbRetry, host.VerbRecheck, host.VerbConsent, host.VerbRevoke, host.VerbRemove, host.VerbLogLevel,
	}
}

// asked are the verbs that a page asks about first, at the same path.
func asked() []host.Verb {
	return []host.Verb{host.VerbDisable, host.VerbRestart, host.VerbRollback, host.VerbRevoke, host.VerbRemove}
}

func (p *Pages) actionRoutes() []web.Route {
	routes := []web.Route{
		{Method: "GET", Path: "/admin/extensions/{id}/icon", Right: access.See, Page: true, Serve: p.icon},
		{Method: "GET", Path: "/admin/events", Right: access.See, Page: true, Serve: p.live},
		// What was selected is checked one by one.
		{Method: "POST", Path: "/admin/bulk", Right: access.See, Page: true, OwnProof: true, Serve: p.review},
		{Method: "POST", Path: "/admin/bulk/do", Right: access.See, Page: true, OwnProof: true, Serve: p.bulk},
	}
	for _, verb := range verbs() {
		routes = append(routes, web.Route{Method: "POST", Path: "/admin/extensions/{id}/" + string(verb), Right: web.RightOf(verb), Page: true, Serve: p.act(verb)})
	}
	for _, verb := range asked() {
		routes = append(routes, web.Route{Method: "GET", Path: "/admin/extensions/{id}/" + string(verb), Right: web.RightOf(verb), Page: true, Serve: p.ask(verb)})
	}
	return routes
}

// act takes the form of a verb and leads back to where it was sent from. Its fields are
// those of a host.Action, in the spelling of the API: version, restore_data, force,
// purge, digest, level, and permission for each of them; some=true says that only those
// permissions are meant, also when there is none; revision is that of the row that was
// looked at; back is where to go.
func (p *Pages) act(verb host.Verb) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := web.Target(r)
		if err != nil {
			return err
		}
		action := actionOf(verb, id, r.PostForm)
		action.Actor = web.Actor(r)
		if action.Purge && !access.Of(r.Context()).May(access.Install, id) {
			return web.NewProblem(http.StatusForbidden, "permission_denied", "removing it with its data needs the right to install")
		}
		if verb == host.VerbConsent && action.Digest == "" { // to what was seen, and nothing else
			return web.Invalid("the form says not what is consented to")
		}
		name := p.nameOf(id)
		if _, err := p.cfg.Host.Act(r.Context(), action); err != nil {
			return err
		}
		done, back := "done."+string(verb), local(r.PostForm.Get("back"))
		if verb == host.VerbRemove {
			back = "/admin/" // its own page is gone
			if action.Purge {
				done = "done.purge"
			}
		}
		leave(w, r, "ok", done, name)
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
}

func actionOf(verb host.Verb, id string, form url.Values) host.Action {
	yes := func(name string) bool { return form.Get(name) == "true" }
	a := host.Action{
		Verb: verb, ID: id, Version: form.Get("version"), RestoreData: yes("restore_data"), Force: yes("force"), Purge: yes("purge"),
		Digest: form.Get("digest"), Permissions: form["permission"], Level: form.Get("level"), Revision: form.Get("revision"),
	}
	if yes("some") && a.Permissions == nil {
		a.Permissions = []string{} // nothing was ticked, which is not everything
	}
	return a
}

// nameOf is what an extension is called, its id if it is not there.
func (p *Pages) nameOf(id string) string {
	if e, ok := p.cfg.Host.Extension(id); ok && e.Name != "" {
		return e.Name
	}
	return id
}

// ask is the page that asks before a verb is done.
func (p *Pages) ask(verb host.Verb) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		e, ok := p.cfg.Host.Extension(r.PathValue("id"))
		if !ok {
			return web.NoExtension()
		}
		said, query := p.words(r), r.URL.Query()
		back := pathOf(e.ID)
		if from := query.Get("back"); from != "" {
			back = local(from)
		}
		name := visible.Clip(p.nameOf(e.ID), maxName)
		c := confirmation{
			Question: said.Say("ask."+string(verb), name), Back: back,
			Do: action{
				Label: said.Say("do." + string(verb)), Kind: "danger", Post: pathOf(e.ID, string(verb)),
				Fields: []field{{"proof", access.Of(r.Context()).Proof}, {"back", back}, {"revision", e.Revision()}},
			},
		}
		if v := query.Get("version"); v != "" && !slices.ContainsFunc(e.Versions, func(kept host.Version) bool { return kept.Version == v }) {
			return web.NewProblem(http.StatusNotFound, "not_found", "this version is not kept")
		}
		p.whatHappens(&c, said, verb, e, query)
		return p.show(w, r, view{
			Template: "confirm.html", Title: c.Question, Section: sectionExtensions, Narrow: true, Data: c,
			Trail: []crumb{{said.Say("overview.title"), "/admin/"}, {name, pathOf(e.ID)}},
		})
	}
}

// whatHappens fills in what a verb does to e, and who else feels it.
func (p *Pages) whatHappens(c *confirmation, said *words.Words, verb host.Verb, e host.Extension, query url.Values) {
	tell := func(key string, args ...any) { c.What = append(c.What, say(said, key, args...)) }
	switch verb {
	case host.VerbRestart:
		c.Do.Kind = "primary"
		tell("ask.restart.what")
	case host.VerbRollback:
		version := query.Get("version")
		if version == "" {
			tell("ask.rollback.previous")
		} else {
			tell("ask.rollback.what", version)
			c.Do.Fields = append(c.Do.Fields, field{"version", version})
		}
		if p.restorable(e.ID, version) {
			c.Choices = append(c.Choices, choice{Name: "restore_data", Value: "true", Label: say(said, "ask.rollback.data")})
		}
	case host.VerbRevoke:
		permission := query.Get("permission")
		tell("ask.revoke.what", permission)
		c.Do.Fields = append(c.Do.Fields, field{"some", "true"}, field{"permission", permission})
	case host.VerbDisable:
		tell("ask.disable.what")
		p.whoNeeds(c, said, e.ID)
	case host.VerbRemove:
		switch {
		case query.Get("purge") == "true":
			c.Question, c.Do.Label = said.Say("ask.purge", p.nameOf(e.ID)), said.Say("do.purge")
			c.Do.Fields = append(c.Do.Fields, field{"purge", "true"})
			tell("ask.purge.what")
		case isFile(e):
			tell("ask.remove.file", e.File)
		default:
			tell("ask.remove.what")
		}
		p.whoNeeds(c, said, e.ID)
	}
}

// restorable reports whether there is a copy of the data for a roll back to a version,
// the previous one if it is empty.
func (p *Pages) restorable(id, version string) bool {
	kept, err := p.cfg.Host.Kept(id)
	if err != nil {
		return false // and the roll back says why
	}
	for _, k := range kept {
		if !k.Current && (version == "" || k.Version.Version == version) {
			return k.Restorable
		}
	}
	return false
}

// whoNeeds names those that can not do without the extension, and has it confirmed that
// they will wait.
func (p *Pages) whoNeeds(c *confirmation, said *words.Words, id string) {
	if others := p.dependents(id); len(others) > 0 {
		c.Others = others
		c.OthersSay = say(said, "ask.others", len(others))
		c.Choices = append(c.Choices, choice{Name: "force", Value: "true", Label: template.HTML(template.HTMLEscapeString(said.Say("ask.force")))})
	}
}

// dependents are the ids of those that run now and can not without the extension.
func (p *Pages) dependents(id string) []string {
	d, err := p.cfg.Host.Dependencies(id)
	if err != nil {
		return nil // a file that is no extension
	}
	var ids []string
	for _, by := range d.NeededBy {
		if !by.Optional && by.Met {
			ids = append(ids, by.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// icon serves the picture of an extension, which the host has made anew.
func (p *Pages) icon(w http.ResponseWriter, r *http.Request) error {
	icon, err := p.cfg.Host.Icon(r.PathValue("id"))
	if err != nil {
		return err
	}
	web.WriteIcon(w, r, icon)
	return nil
}
