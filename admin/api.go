package admin

import (
	"encoding/json"
	"net/http"

	"github.com/jackfield-host/jackfield/host"
)

func (h *handler) listExtensions(w http.ResponseWriter, _ *http.Request) error {
	rows := h.cfg.Host.Snapshot()
	list := make([]host.Extension, len(rows))
	for i, e := range rows {
		list[i] = complete(e)
	}
	return h.writeJSON(w, http.StatusOK, struct {
		Extensions []host.Extension `json:"extensions"`
	}{list})
}

func (h *handler) showExtension(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if r.URL.Query().Get("wait") == "true" {
		return h.writeSettled(w, r, id)
	}
	e, ok := h.cfg.Host.Extension(id)
	if !ok {
		return noExtension()
	}
	return h.writeExtension(w, e)
}

func noRoute(http.ResponseWriter, *http.Request) error {
	return problem(http.StatusNotFound, "not_found", "the admin API has no such path")
}

func noExtension() *Problem {
	return problem(http.StatusNotFound, "not_found", "no extension has this id; GET /api/v1/extensions lists them")
}

func (h *handler) writeExtension(w http.ResponseWriter, e host.Extension) error {
	return h.writeJSON(w, http.StatusOK, complete(e))
}

// complete returns e with empty lists where it has none: clients iterate over them.
// It shares nothing that it changes with the host's row.
func complete(e host.Extension) host.Extension {
	if e.Permissions == nil {
		e.Permissions = []string{}
	}
	if e.Grants == nil {
		e.Grants = []host.Grant{}
	}
	if e.Denied == nil {
		e.Denied = []host.Grant{}
	}
	if e.Versions == nil {
		e.Versions = []host.Version{}
	}
	e.Reason = completeReason(e.Reason)
	if e.LastExit != nil && e.LastExit.Stderr == nil {
		exit := *e.LastExit
		exit.Stderr = []string{}
		e.LastExit = &exit
	}
	if e.Candidate != nil {
		candidate := *e.Candidate
		candidate.Reason = completeReason(candidate.Reason)
		e.Candidate = &candidate
	}
	if e.Sandbox == nil {
		e.Sandbox = []host.Protection{}
	}
	for _, limit := range []*host.Limit{&e.Limits.Memory, &e.Limits.Processes, &e.Limits.Files, &e.Limits.Data} {
		if limit.By == "" {
			limit.By = "none"
		}
	}
	return e
}

func completeReason(r *host.Reason) *host.Reason {
	if r == nil || r.Stderr != nil {
		return r
	}
	reason := *r
	reason.Stderr = []string{}
	return &reason
}

func (h *handler) writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	h.send(w, append(body, '\n'))
	return nil
}

// send writes the body. A client that is gone is not an error of ours.
func (h *handler) send(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		h.cfg.Log.Debug("writing an admin answer", "error", err)
	}
}
