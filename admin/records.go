package admin

import (
	"net/http"

	"github.com/jackfield-host/jackfield/host"
)

// history answers what happened to one extension. One that was removed still has one.
func (h *handler) history(w http.ResponseWriter, r *http.Request) error {
	id, err := target(r)
	if err != nil {
		return err
	}
	cursor, limit, err := pageOf(r)
	if err != nil {
		return err
	}
	page, err := h.cfg.Host.History(r.Context(), id, cursor, limit)
	if err != nil {
		return err
	}
	if page.Events == nil {
		page.Events = []host.Event{}
	}
	return h.writeJSON(w, http.StatusOK, page)
}

// audit answers who did what.
func (h *handler) audit(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := pageOf(r)
	if err != nil {
		return err
	}
	page, err := h.cfg.Host.Audit(r.Context(), cursor, limit)
	if err != nil {
		return err
	}
	if page.Events == nil {
		page.Events = []host.AuditEntry{}
	}
	return h.writeJSON(w, http.StatusOK, page)
}
