package api

import (
	"net/http"

	"github.com/jackfield-host/jackfield/admin/internal/access"
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

// audit answers who did what.
func (a *API) audit(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := web.PageOf(r)
	if err != nil {
		return err
	}
	page, err := a.cfg.Host.Audit(r.Context(), cursor, limit)
	if err != nil {
		return err
	}
	if who := access.Of(r.Context()); who.Only != nil {
		page.Events = seen(who, page.Events, func(e host.AuditEntry) string { return e.Target })
	}
	if page.Events == nil {
		page.Events = []host.AuditEntry{}
	}
	return web.WriteJSON(w, http.StatusOK, page)
}
