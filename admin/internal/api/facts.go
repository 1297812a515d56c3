package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Facts are what the host tells of extensions and of itself, besides their rows.
type Facts interface {
	Types(id string) ([]host.DeclaredType, error)
	Dependencies(id string) (host.Dependencies, error)
	Icon(id string) (host.Icon, error)
	About(ctx context.Context) host.About
	Settings() []host.Setting
}

// TypeList is the answer of GET /api/v1/extensions/{id}/types.
type TypeList struct {
	Types []host.DeclaredType `json:"types"`
}

// SettingList is the answer of GET /api/v1/settings.
type SettingList struct {
	Settings []host.Setting `json:"settings"`
}

func (a *API) factRoutes() []web.Route {
	const one = "/api/v1/extensions/{id}"
	return []web.Route{
		{Method: "GET", Path: one + "/types", Right: access.See, Serve: a.types, Doc: &web.Doc{
			ID: "listTypes", Summary: "The types that an extension declares, with their schemas",
			Answers: web.OK("Requests first, each by name", TypeList{}), Codes: []string{host.CodeNotFound},
		}},
		{Method: "GET", Path: one + "/dependencies", Right: access.See, Serve: a.dependencies, Doc: &web.Doc{
			ID: "getDependencies", Summary: "What an extension needs, and what needs it",
			Answers: web.OK("Both directions, each with what meets it", host.Dependencies{}), Codes: []string{host.CodeNotFound},
		}},
		{Method: "GET", Path: one + "/icon", Right: access.See, Serve: a.icon, Doc: &web.Doc{
			ID: "getIcon", Summary: "The picture of an extension",
			Description: "Drawn anew by the host from META-INF/extension/icon.png, at most 128 × 128 pixels. An SVG is never passed on.",
			Answers:     []web.Answer{{Status: http.StatusOK, Summary: "A PNG", Content: []web.Content{{Media: "image/png"}}}},
			Codes:       []string{host.CodeNotFound},
		}},
		{Method: "GET", Path: "/api/v1/about", Right: access.See, Serve: a.about, Doc: &web.Doc{
			ID: "getAbout", Summary: "The host itself: versions, limits that hold, trust, database, disk",
			Answers: web.OK("As things stand", host.About{}),
		}},
		{Method: "GET", Path: "/api/v1/settings", Right: access.Administer, Serve: a.settings, Doc: &web.Doc{
			ID: "listSettings", Summary: "The keys of the configuration as they hold, and where they were set",
			Description: "No key is a secret. A key that was set for one extension has its id in extension.",
			Answers:     web.OK("In the order of jackfield serve --help", SettingList{}),
		}},
	}
}

func (a *API) types(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	list, err := a.cfg.Host.Types(r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, TypeList{list})
}

func (a *API) dependencies(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	d, err := a.cfg.Host.Dependencies(r.PathValue("id"))
	if err != nil {
		return err
	}
	who := access.Of(r.Context())
	d.Needs, d.NeededBy = seenBy(who, d.Needs), seenBy(who, d.NeededBy)
	return web.WriteJSON(w, http.StatusOK, d)
}

// seenBy returns dependencies in which an extension that who may not look at is an id, and
// whether it will do.
func seenBy(who access.Identity, list []host.Dependency) []host.Dependency {
	list = slices.Clone(list)
	for i, d := range list {
		if !who.Sees(d.ID) {
			list[i].Name, list[i].Version, list[i].State = "", "", ""
		}
	}
	return list
}

func (a *API) icon(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	icon, err := a.cfg.Host.Icon(r.PathValue("id"))
	if err != nil {
		return err
	}
	web.WriteIcon(w, r, icon)
	return nil
}

func (a *API) about(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	about := a.cfg.Host.About(r.Context())
	about.Addresses = a.cfg.Addresses
	return web.WriteJSON(w, http.StatusOK, about)
}

func (a *API) settings(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	list := a.cfg.Host.Settings()
	if list == nil {
		list = []host.Setting{}
	}
	return web.WriteJSON(w, http.StatusOK, SettingList{list})
}
