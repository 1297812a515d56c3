package admin

import (
	"encoding/json"
	"net/http"

	"github.com/jackfield-host/jackfield/host"
)

// Problem is an error of the admin API, RFC 9457 with a code.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

func problem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func (h *handler) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := h.asProblem(r, err)
	body, err := json.Marshal(p)
	if err != nil { // a struct of strings
		h.cfg.Log.Error("encoding a problem", "error", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	h.send(w, body)
}

func (h *handler) listExtensions(w http.ResponseWriter, _ *http.Request) error {
	rows := h.cfg.Host.Snapshot()
	list := make([]host.Extension, len(rows))
	for i, e := range rows {
		list[i] = complete(e)
	}
	return h.writeJSON(w, struct {
		Extensions []host.Extension `json:"extensions"`
	}{list})
}

func (h *handler) showExtension(w http.ResponseWriter, r *http.Request) error {
	e, ok := h.cfg.Host.Extension(r.PathValue("id"))
	if !ok {
		return problem(http.StatusNotFound, "not_found", "no extension has this id; GET /api/v1/extensions lists them")
	}
	return h.writeJSON(w, complete(e))
}

func noRoute(http.ResponseWriter, *http.Request) error {
	return problem(http.StatusNotFound, "not_found", "the admin API has no such path")
}

// complete returns e with empty lists where it has none: clients iterate over them.
// It shares nothing that it changes with the host's row.
func complete(e host.Extension) host.Extension {
	if e.Permissions == nil {
		e.Permissions = []string{}
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

func (h *handler) writeJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	h.send(w, append(body, '\n'))
	return nil
}

// send writes the body. A client that is gone is not an error of ours.
func (h *handler) send(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		h.cfg.Log.Debug("writing an admin answer", "error", err)
	}
}
