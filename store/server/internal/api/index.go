package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// snapshot answers GET snapshot with the document that the timestamp names.
func (a *API) snapshot(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	fresh(w)
	return writeObject(w, r, a.cfg.Catalogue.Current().Index())
}

// timestamp answers GET snapshot/timestamp: the one signed document.
func (a *API) timestamp(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	envelope, etag := a.cfg.Catalogue.Current().Timestamp()
	if envelope == nil {
		return web.NewProblem(web.Unavailable, "the catalogue is not signed yet")
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Etag", etag)
	return negotiate.WriteEncoded(w, envelope)
}

// object answers GET snapshot/objects/{digest}, which never changes.
func (a *API) object(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	o, ok := a.cfg.Catalogue.Object(r.Context(), web.Var(r, "digest"))
	if !ok {
		p := web.NewProblem(web.NotFound, "the index has no such object, or has it no more")
		p.Hint = "begin with snapshot/timestamp"
		return p
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return writeObject(w, r, o)
}

// advisories answers GET advisories, newest first.
func (a *API) advisories(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "listing")
	if err != nil {
		return err
	}
	found := []store.Advisory{}
	for _, adv := range slices.Backward(a.cfg.Catalogue.Current().Advisories()) {
		if id := values.Get("listing"); id == "" || store.FoldID(adv.Listing) == store.FoldID(id) {
			found = append(found, adv)
		}
	}
	fresh(w)
	return negotiate.WriteJSON(w, http.StatusOK, store.AdvisoryList{Advisories: found})
}

// revocations answers GET revocations, newest first.
func (a *API) revocations(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	found := slices.Clone(a.cfg.Catalogue.Current().Revocations())
	slices.Reverse(found)
	fresh(w)
	return negotiate.WriteJSON(w, http.StatusOK, store.RevocationList{Revocations: list(found)})
}

const (
	countSize = 1000
	maxCounts = 10_000
)

// stats answers GET stats.
func (a *API) stats(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "listing", "from", "to", "limit")
	if err != nil {
		return err
	}
	filter := database.DownloadFilter{Listing: values.Get("listing")}
	if filter.Limit, err = web.Limit(values, countSize, maxCounts); err != nil {
		return err
	}
	for name, day := range map[string]*time.Time{"from": &filter.From, "to": &filter.To} {
		if !values.Has(name) {
			continue
		}
		if *day, err = time.Parse(time.DateOnly, values.Get(name)); err != nil {
			return web.Invalid("%s must be a day such as 2026-11-26", name)
		}
	}
	rows, err := a.cfg.Database.Downloads(r.Context(), filter)
	if err != nil {
		return err
	}
	counts := make([]store.Count, len(rows))
	for i, d := range rows {
		counts[i] = store.Count{Listing: d.Listing, Version: d.Version, Platform: d.Platform, Day: d.Day.UTC().Format(time.DateOnly), Downloads: d.Count}
	}
	return negotiate.WriteJSON(w, http.StatusOK, store.Stats{Counts: counts})
}
