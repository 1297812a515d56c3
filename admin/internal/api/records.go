package api

import (
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// history answers what happened to one extension. One that was removed still has one.
func (a *API) history(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	cursor, limit, err := web.PageOf(r, "removed") // the history of what is removed is no other one
	if err != nil {
		return err
	}
	page, err := a.cfg.Host.History(r.Context(), id, cursor, limit)
	if err != nil {
		return err
	}
	if page.Events == nil {
		page.Events = []host.Event{}
	}
	return web.WriteJSON(w, http.StatusOK, page)
}

// audit answers who did what, as far as it is asked for.
func (a *API) audit(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := web.PageOf(r, "actor", "action", "target", "from", "until")
	if err != nil {
		return err
	}
	values := r.URL.Query()
	q := host.AuditQuery{
		Actor: values.Get("actor"), Action: values.Get("action"), Target: values.Get("target"), Cursor: cursor, Limit: limit,
	}
	for name, at := range map[string]*time.Time{"from": &q.From, "until": &q.Until} {
		if !values.Has(name) {
			continue
		}
		if *at, err = time.Parse(time.RFC3339, values.Get(name)); err != nil {
			return web.Invalid(name + " must be a time as in RFC 3339, such as 2026-11-26T08:00:00Z")
		}
	}
	page, err := a.cfg.Host.FindAudit(r.Context(), q)
	if err != nil {
		return err
	}
	if page.Events == nil {
		page.Events = []host.AuditEntry{}
	}
	return web.WriteJSON(w, http.StatusOK, page)
}
