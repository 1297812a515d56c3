package page

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// maxSelection bounds the form of the list: every row of a page, with the longest ids.
	maxSelection = 128 << 10
	// bulkTime is how long it may take to do something to all that was selected.
	bulkTime = 5 * time.Minute
)

// bulkVerbs are those that can be done to a selection.
func bulkVerbs() []host.Verb {
	return []host.Verb{host.VerbEnable, host.VerbDisable, host.VerbRestart, host.VerbRetry, host.VerbRemove}
}

// bulkFor adds to the verbs that are offered those that this person may use on id.
func bulkFor(offered []string, who access.Identity, id string) []string {
	if who.Proof == "" || len(offered) == len(bulkVerbs()) {
		return offered
	}
	var all []string
	for _, verb := range bulkVerbs() {
		if slices.Contains(offered, string(verb)) || who.May(web.RightOf(verb), id) {
			all = append(all, string(verb))
		}
	}
	return all
}

// affected is one selected extension: what will happen to it, or has happened.
type affected struct {
	Key, Path, Name, Version, State string
	// Fits says that something will be done to it.
	Fits bool
	Says string
	// Needed are those that can not do without it.
	Needed string
	// Refused and Hint are why nothing was done.
	Refused, Hint string
}

// bulkData is what the page shows that asks, and the one that tells.
type bulkData struct {
	Verb, Label, Kind, Back string
	Selected                []affected
	Fitting, Failed         int
	Force                   bool // others need some of them: the box is shown
}

// selection reads the form of the list, which is larger than others, and checks its proof.
func (p *Pages) selection(w http.ResponseWriter, r *http.Request) (host.Verb, []string, error) {
	r.Body = http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxSelection)
	if err := web.CheckProof(r); err != nil {
		return "", nil, err
	}
	verb := host.Verb(r.PostForm.Get("verb"))
	if !slices.Contains(bulkVerbs(), verb) {
		return "", nil, web.Invalid("there is no such thing to be done to a selection")
	}
	var ids []string
	for _, key := range r.PostForm["id"] {
		id, err := url.PathUnescape(key)
		if err != nil {
			return "", nil, web.Invalid("an id in the form can not be read")
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > rowsPerPage {
		return "", nil, web.Invalid("too many were selected at once")
	}
	return verb, ids, nil
}

// review is the page between the list and what is done: it says what would happen to
// each of the selected extensions, and does nothing.
func (p *Pages) review(w http.ResponseWriter, r *http.Request) error {
	verb, ids, err := p.selection(w, r)
	if err != nil {
		return err
	}
	said, who := p.words(r), access.Of(r.Context())
	d := bulkData{Verb: string(verb), Label: said.Say("do." + string(verb)), Kind: "primary", Back: local(r.PostForm.Get("back"))}
	if len(ids) == 0 {
		leave(w, r, "bad", "bulk.nothing")
		http.Redirect(w, r, d.Back, http.StatusSeeOther)
		return nil
	}
	if verb == host.VerbRemove || verb == host.VerbDisable {
		d.Kind = "danger"
	}
	for _, id := range ids {
		a := p.foresee(said, who, verb, id)
		if others := p.othersThan(id, ids); a.Fits && d.Kind == "danger" && len(others) > 0 {
			a.Needed, d.Force = said.Say("bulk.needed", said.List(others)), true
		}
		if a.Fits {
			d.Fitting++
		}
		d.Selected = append(d.Selected, a)
	}
	return p.show(w, r, view{
		Template: "bulk.html", Title: said.Say("bulk.go", len(ids), d.Label), Section: sectionExtensions,
		Trail: []crumb{{said.Say("overview.title"), d.Back}}, Data: d,
	})
}

// othersThan are those that need id and are not selected themselves.
func (p *Pages) othersThan(id string, selected []string) []string {
	return slices.DeleteFunc(p.dependents(id), func(other string) bool { return slices.Contains(selected, other) })
}

// foresee says what verb will do to an extension.
func (p *Pages) foresee(said *words.Words, who access.Identity, verb host.Verb, id string) affected {
	e, ok := p.cfg.Host.Extension(id)
	if !ok || !who.May(access.See, id) {
		return affected{Key: keyOf(id), Name: id, Says: said.Say("bulk.gone")}
	}
	a := affected{Key: keyOf(id), Path: pathOf(id), Name: titleOf(e), Version: e.Version, State: string(e.State)}
	key := "bulk." + string(verb)
	switch {
	case !who.May(web.RightOf(verb), id):
		key = "bulk.may-not"
	case isFile(e) && verb != host.VerbRemove && verb != host.VerbRetry:
		key = "bulk.file.no"
	case !fits(verb, e):
		key += ".no"
	case verb == host.VerbDisable && e.State != "running":
		key += ".idle"
		a.Fits = true
	default:
		a.Fits = true
	}
	a.Says = said.Say(key)
	return a
}

// fits reports whether there is something to be done.
func fits(verb host.Verb, e host.Extension) bool {
	switch verb {
	case host.VerbEnable:
		return !e.Enabled || e.State == "stopped"
	case host.VerbDisable:
		return e.Enabled && e.State != "stopped"
	case host.VerbRestart:
		return e.State == "running"
	case host.VerbRetry:
		return kindOf(string(e.State)) == "bad" || e.State == "backoff" || e.State == "waiting" ||
			e.Candidate != nil && kindOf(string(e.Candidate.State)) != "busy"
	}
	return e.File != ""
}

// bulk does it, one after the other, and tells what came of each.
func (p *Pages) bulk(w http.ResponseWriter, r *http.Request) error {
	verb, ids, err := p.selection(w, r)
	if err != nil {
		return err
	}
	web.Allow(http.NewResponseController(w), bulkTime)
	said, who := p.words(r), access.Of(r.Context())
	d := bulkData{Verb: string(verb), Label: said.Say("do." + string(verb)), Back: local(r.PostForm.Get("back"))}
	for _, id := range ids {
		a := p.foresee(said, who, verb, id)
		if a.Fits {
			action := host.Action{Verb: verb, ID: id, Force: r.PostForm.Get("force") == "true", Actor: web.Actor(r)}
			a.Says = said.Say("bulk.done")
			if _, err := p.cfg.Host.Act(r.Context(), action); err != nil {
				a.Says = ""
				a.Refused, a.Hint = p.refusal(said, id, err)
				d.Failed++
			} else {
				d.Fitting++
			}
		}
		d.Selected = append(d.Selected, a)
	}
	return p.show(w, r, view{
		Template: "bulk-done.html", Title: said.Say("bulk.results"), Section: sectionExtensions,
		Trail: []crumb{{said.Say("overview.title"), d.Back}}, Data: d,
	})
}

// refusal is what a person reads of an error of the host: its own words, if it has some.
func (p *Pages) refusal(said *words.Words, id string, err error) (message, hint string) {
	var refused *host.Error
	if errors.As(err, &refused) && refused.Message != "" {
		return refused.Message, refused.Hint
	}
	p.cfg.Log.Error("acting on a selection", "ext", id, "error", err)
	return said.Say("error.500"), said.Say("error.next.500")
}
