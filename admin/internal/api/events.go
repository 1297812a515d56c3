package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Gone is the data of the event "removed".
type Gone struct {
	ID string `json:"id"`
}

// Reset is the data of the event "reset".
type Reset struct{}

// events answers with server-sent events: the rows as they are, or what has changed behind
// an event that the reader knows, and then what changes.
func (a *API) events(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "after")
	if err != nil {
		return err
	}
	after, err := seen64(r.Header.Get("Last-Event-ID"), values.Get("after"))
	if err != nil {
		return err
	}
	notices, err := a.cfg.Events(after)
	if err != nil {
		return err
	}
	defer notices.Close()
	s, err := a.cfg.Streams.Open(w, r, access.See)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	web.Pump(s, notices.Next, func(n host.Notice) error {
		if !tellable(s.Who(), n) {
			return nil
		}
		data, err := json.Marshal(dataOf(n))
		if err != nil {
			return err
		}
		return s.Send(string(n.Kind), strconv.FormatUint(n.Seq, 10), data)
	})
	return nil
}

// seen64 is the number of the event that the reader has seen last, 0 for none. The header,
// which a reader sends that comes back, goes before the parameter.
func seen64(header, parameter string) (uint64, error) {
	text := header
	if text == "" {
		text = parameter
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	var number *strconv.NumError
	if errors.As(err, &number) {
		return 0, web.Invalid("the event to go on behind is named by the id of an event")
	}
	return n, err
}

// tellable reports whether who may be told of n. A job is nobody else's business before it
// is known which extension it is about.
func tellable(who access.Identity, n host.Notice) bool {
	switch n.Kind {
	case host.NoticeReset:
		return true
	case host.NoticeJob:
		return mayKnow(who, *n.Job)
	case host.NoticePlan:
		return who.Only == nil && who.May(access.See, "") // of several extensions
	}
	return who.Sees(n.ID)
}

func mayKnow(who access.Identity, j host.Job) bool {
	if j.ID == "" && j.Actor == who.Name {
		return true
	}
	return who.Sees(j.ID)
}

func dataOf(n host.Notice) any {
	switch n.Kind {
	case host.NoticeExtension:
		return complete(*n.Extension)
	case host.NoticeRemoved:
		return Gone{n.ID}
	case host.NoticeJob:
		return n.Job
	case host.NoticePlan:
		return completePlan(*n.Plan)
	}
	return Reset{}
}

// job answers with how an installation is.
func (a *API) job(w http.ResponseWriter, r *http.Request) error {
	j, ok := a.cfg.Host.Job(r.PathValue("job"))
	if !ok || !mayKnow(access.Of(r.Context()), j) {
		return web.NewProblem(http.StatusNotFound, host.CodeNotFound, "there is no such job; those that are over are kept for a while, until the host ends")
	}
	return web.WriteJSON(w, http.StatusOK, j)
}

func eventsDoc() *web.Doc {
	return &web.Doc{
		ID: "followEvents", Summary: "What changes, as server-sent events",
		Description: "Events: extension (data: the extension as it is now), removed (data: its id), job (data: an installation as it is now), plan (data: a plan as it is now) and " +
			"reset (what was told before counts no more: everything follows). It begins with every extension and every job that is at work, " +
			"or with what has changed behind the event that Last-Event-ID or after names. Changes that follow each other within a quarter of a second are one event.",
		Takes: []web.Parameter{
			{Name: "after", Summary: "The id of the last event that was seen"},
			{Name: "Last-Event-ID", In: "header", Summary: "The same, as readers send it that come back"},
		},
		Answers: []web.Answer{{Status: http.StatusOK, Summary: "A stream that ends with the host", Content: []web.Content{{Media: "text/event-stream"}}}},
	}
}

func jobDoc() *web.Doc {
	return &web.Doc{
		ID: "showJob", Summary: "How an installation is",
		Description: "The last 200 that are over are kept, until the host ends.",
		Answers:     web.OK("The job", host.Job{}),
	}
}
