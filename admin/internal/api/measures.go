package api

import (
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Standing is how one extension stands and fares: what a screen shows of it in a line.
type Standing struct {
	ID      string     `json:"id"`
	Version string     `json:"version"`
	State   host.State `json:"state"`
	Code    string     `json:"code"` // of the reason, empty for none
	// Restarts are those of the row, which are there before anybody has measured.
	Restarts int        `json:"restarts"`
	Started  *time.Time `json:"started"`
	// Measure is nil as long as nobody has looked, and for files that are no extension.
	Measure *host.Measure `json:"measure"`
}

// StandingList is the answer of GET /api/v1/measures.
type StandingList struct {
	Extensions []Standing `json:"extensions"`
}

// standings answers with all extensions in one answer: whoever watches hundreds of them
// asks once for each look.
func (a *API) standings(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	who, measures := access.Of(r.Context()), a.cfg.Host.Measures()
	list := StandingList{Extensions: []Standing{}}
	for _, e := range a.cfg.Host.Snapshot() {
		if !who.May(access.See, e.ID) {
			continue
		}
		s := Standing{ID: e.ID, Version: e.Version, State: e.State, Restarts: e.Restarts, Started: e.Started}
		if e.Reason != nil {
			s.Code = e.Reason.Code
		}
		if m, ok := measures[e.ID]; ok && e.ID != e.File {
			s.Measure = &m
		}
		list.Extensions = append(list.Extensions, s)
	}
	return web.WriteJSON(w, http.StatusOK, list)
}

func standingsDoc() *web.Doc {
	return &web.Doc{
		ID: "listMeasures", Summary: "How all extensions stand and fare, over the last half minute",
		Description: "A line for each row of the list of extensions, in the same order. Measures change every five seconds.",
		Answers:     web.OK("By id", StandingList{}),
	}
}
