package page

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/stores"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// storesDesk makes the pages of installing from repositories.
func (p *Pages) storesDesk() *stores.Desk {
	return stores.New(stores.Config{
		Host: p.cfg.Host, Render: p.storesPage, Events: p.cfg.Events, Streams: p.cfg.Streams,
		Leave: func(w http.ResponseWriter, r *http.Request, kind, name string, args ...string) {
			leave(w, r, kind, "stores.done."+name, args...)
		},
	})
}

// storesPage shows what package stores has worked out, in the language of the reader.
func (p *Pages) storesPage(w http.ResponseWriter, r *http.Request, page stores.Page) error {
	said := p.words(r)
	v := view{
		Template: page.Name + ".html", Status: page.Status, Section: sectionAvailable, Refresh: page.Refresh,
		Scripts: []string{"install.js"}, Data: page.Data,
	}
	title := page.Name
	if progress, ok := page.Data.(stores.Progress); ok {
		title += "." + string(progress.State)
		page.Args = []any{strings.Join(progress.Names(), ", ")}
	}
	if review, ok := page.Data.(stores.Review); ok {
		page.Args = []any{strings.Join(review.Names(), ", ")}
		title += "." + review.Way()
	}
	for i, arg := range page.Args {
		if text, ok := arg.(string); ok {
			page.Args[i] = seen(text)
		}
	}
	v.Title = said.Say("stores.title."+title, page.Args...)
	if page.Updates {
		v.Section = sectionUpdates
	}
	if page.Inner {
		v.Trail = []crumb{{said.Say("stores.title.available"), stores.AvailablePath}}
		if _, ok := page.Data.(stores.Forget); ok {
			v.Trail = append(v.Trail, crumb{said.Say("stores.title.repositories"), stores.RepositoriesPath})
		}
		if page.Updates {
			v.Trail = []crumb{{said.Say("stores.title.updates"), stores.UpdatesPath}}
		}
	}
	return p.show(w, r, v)
}

// storesFunctions are what the templates of these pages call besides.
//
//	permits PERMISSION   what a permission lets an extension do
//	configlines NAME URL what configures a repository
//	explains CODE        whether it is known what a code means
//	offerpath ID         the page of what is offered under an id
//	reviewinstall, reviewupdate ID   what installing or updating it comes to
//	planpath ID          the page of a plan
//	forgetpath NAME      the page that asks before a repository is forgotten
//	planbadge, stepbadge, repositorybadge, severity   badges
func storesFunctions(w *words.Words) template.FuncMap {
	kinds := func(set string, kinds map[string]string) func(s any) template.HTML {
		return func(s any) template.HTML {
			name := fmt.Sprint(s)
			kind, ok := kinds[name]
			if !ok {
				kind = "off"
			}
			return badge(kind, word(w, set, name))
		}
	}
	return template.FuncMap{
		"permits": func(name string) template.HTML {
			t := permissionTextOf(name)
			return say(w, t.Key, t.Of)
		},
		"explains":     w.Explains,
		"configlines":  func(name, address string) string { return stores.ConfigLines(name, visible.Clip(address, 300)) },
		"offerpath":    stores.OfferPath,
		"planpath":     stores.PlanPath,
		"forgetpath":   stores.ForgetPath,
		"reviewupdate": stores.ReviewUpdate,
		"planbadge":    kinds("stores.plan.", map[string]string{"planned": "busy", "running": "busy", "succeeded": "ok", "failed": "bad"}),
		"stepbadge": kinds("stores.step.", map[string]string{
			"downloading": "busy", "verifying": "busy", "ready": "busy", "installing": "busy", "running": "ok", "failed": "bad",
		}),
		"repositorybadge": kinds("stores.repository.", map[string]string{"ok": "ok", "stale": "warn", "error": "bad"}),
		"severity":        kinds("stores.severity.", map[string]string{"low": "warn", "medium": "warn", "high": "bad", "critical": "bad"}),
	}
}
