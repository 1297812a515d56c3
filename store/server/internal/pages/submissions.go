package pages

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

// The pages about submissions are for those who carry a token. Browsers send it as the
// password of HTTP's own sign-in (RFC 7617): the pages change nothing, so nothing is to be
// had by making a browser ask for them, and no session is to be kept.

const submissionRows = 25

// visitor is who asks, nil for a stranger.
func (p *Pages) visitor(asked request) (*Visitor, error) {
	_, token, ok := asked.BasicAuth()
	if !ok || token == "" || len(token) > maxLine {
		return nil, nil
	}
	v, err := p.cfg.Desk.Visitor(asked.Context(), token)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &v, err
}

// publishing says how to publish, and where publishers see what became of it.
func (p *Pages) publishing(asked request) (view, error) {
	if p.cfg.Desk == nil {
		return view{}, notFound()
	}
	return view{
		Template: "publishing.html", Title: p.languages[asked.who.language].words.Say("submissions.title"), Section: "submissions",
		Data: struct{ Address, Mine string }{p.address("/"), p.path(asked.who, "submissions", "mine")},
	}, nil
}

// stranger is the answer for those without a token: browsers ask for it.
func (p *Pages) stranger(asked request) (view, error) {
	v, err := p.publishing(asked)
	v.Status = http.StatusUnauthorized
	return v, err
}

// submissions is the list of those that the visitor may see.
func (p *Pages) submissions(asked request) (view, error) {
	if p.cfg.Desk == nil {
		return view{}, notFound()
	}
	who, err := p.visitor(asked)
	if err != nil {
		return view{}, err
	}
	if who == nil {
		return p.stranger(asked)
	}
	data := struct {
		Visitor *Visitor
		Rows    []submissionRow
		Older   string
	}{Visitor: who}
	before, err := strconv.ParseInt(asked.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	found, err := p.cfg.Desk.Submissions(asked.Context(), *who, before, submissionRows+1)
	if err != nil {
		return view{}, err
	}
	if len(found) > submissionRows {
		found = found[:submissionRows]
		data.Older = withQuery(p.path(asked.who, "submissions", "mine"), "before", strconv.FormatInt(found[submissionRows-1].Number, 10))
	}
	for _, s := range found {
		data.Rows = append(data.Rows, p.submissionRow(asked, s))
	}
	said := p.languages[asked.who.language].words
	return view{
		Template: "submissions.html", Title: said.Say("submissions.list"), Section: "submissions", NoIndex: true, Data: data,
		Trail: []link{{said.Say("submissions.title"), p.path(asked.who, "submissions")}},
	}, nil
}

// submissionRow is a submission as the pages show it.
type submissionRow struct {
	store.Submission
	Href, Kind string
	Extension  link // its page, if there is one
}

func (p *Pages) submissionRow(asked request, s store.Submission) submissionRow {
	kind := "busy"
	switch s.State {
	case store.Accepted, store.Approved:
		kind = "ok"
	case store.NeedsChanges:
		kind = "bad"
	}
	row := submissionRow{s, p.path(asked.who, "submissions", strconv.FormatInt(s.Number, 10)), kind, link{visible.Clip(s.Listing, maxLine), ""}}
	if e, ok := asked.now.Listing(s.Listing); ok && s.State == store.Accepted {
		row.Extension.Href = p.path(asked.who, "extensions", e.ID)
	}
	return row
}

// submission is what was found of one.
func (p *Pages) submission(asked request) (view, error) {
	if p.cfg.Desk == nil {
		return view{}, notFound()
	}
	who, err := p.visitor(asked)
	if err != nil {
		return view{}, err
	}
	if who == nil {
		return p.stranger(asked)
	}
	number, err := strconv.ParseInt(asked.PathValue("number"), 10, 64)
	if err != nil {
		return view{}, notFound()
	}
	s, err := p.cfg.Desk.Submission(asked.Context(), *who, number)
	if errors.Is(err, ErrNotFound) {
		return view{}, notFound()
	}
	if err != nil {
		return view{}, err
	}
	said := p.languages[asked.who.language].words
	return view{
		Template: "submission.html", Title: said.Say("submission.title", int(s.Number)), Section: "submissions", NoIndex: true,
		Trail: []link{
			{said.Say("submissions.title"), p.path(asked.who, "submissions")},
			{said.Say("submissions.list"), p.path(asked.who, "submissions", "mine")},
		},
		Data: p.submissionRow(asked, s),
	}, nil
}
