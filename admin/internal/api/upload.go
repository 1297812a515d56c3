package api

import (
	"net/http"
	"net/url"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// upload takes a bundle, as the body or as the field file of a form. It is not kept
// here: the host reads it from the connection.
func (a *API) upload(w http.ResponseWriter, r *http.Request) error {
	on, err := web.Switches(r, "dry_run", "wait")
	if err != nil {
		return err
	}
	done, err := a.cfg.Uploads.Receive(w, r, on["dry_run"])
	if err != nil {
		return err
	}
	if done.Warnings == nil {
		done.Warnings = []string{}
	}
	if done.Permissions == nil {
		done.Permissions = []string{}
	}
	if done.Needs == nil {
		done.Needs = []host.Need{}
	}
	done.Reason = completeReason(done.Reason)
	switch {
	case on["dry_run"]:
		return web.WriteJSON(w, http.StatusOK, done)
	case on["wait"]:
		return a.writeSettled(w, r, done.ID)
	}
	w.Header().Set("Location", "/api/v1/extensions/"+url.PathEscape(done.ID))
	return web.WriteJSON(w, http.StatusAccepted, done)
}
