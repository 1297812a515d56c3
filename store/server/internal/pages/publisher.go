package pages

import (
	"net/http"

	"github.com/jackfield-host/jackfield/store"
)

// publisher is the page of one, by host or pin.
func (p *Pages) publisher(asked request) (view, error) {
	key, cursor := asked.PathValue("publisher"), asked.URL.Query().Get("cursor")
	if len(key) > 2*maxLine || len(cursor) > maxCursor {
		return view{}, &httpError{status: http.StatusBadRequest}
	}
	found, err := asked.now.Find(asked.Context(), Query{Publisher: key, Order: ByName, Cursor: cursor, Limit: pageSize})
	if err != nil {
		return view{}, err
	}
	if len(found.Entries) == 0 {
		return view{}, notFound()
	}
	data := struct {
		Publisher   store.Publisher
		Cards       []card
		First, Next string
	}{Publisher: found.Entries[0].Publisher, Cards: p.cards(asked, found.Entries)}
	here := p.path(asked.who, "publishers", key)
	if cursor != "" {
		data.First = here
	}
	if found.Next != "" {
		data.Next = withQuery(here, "cursor", found.Next)
	}
	name := p.publisherLink(asked.who, data.Publisher).Text
	return view{
		Template: "publisher.html", Title: p.languages[asked.who.language].words.Say("publisher.title", name), Section: "extensions",
		Trail: p.trail(asked.who), Data: data, NoIndex: cursor != "",
	}, nil
}
