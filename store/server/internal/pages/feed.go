package pages

import (
	"encoding/xml"
	"time"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

// feedSize is how many releases a feed has.
const feedSize = 50

// atom is a feed (RFC 4287). Its texts are plain: what is Markdown stays on the pages.
type atom struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Language string      `xml:"xml:lang,attr"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Updated  string      `xml:"updated"`
	Author   author      `xml:"author"`
	Links    []atomLink  `xml:"link"`
	Entries  []atomEntry `xml:"entry"`
}

type author struct {
	Name string `xml:"name"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string   `xml:"id"`
	Title     string   `xml:"title"`
	Updated   string   `xml:"updated"`
	Published string   `xml:"published"`
	Author    author   `xml:"author"`
	Link      atomLink `xml:"link"`
	Summary   string   `xml:"summary"`
}

// feed is the latest release of each of the extensions that changed last.
func (p *Pages) feed(asked request) (view, error) {
	found, err := asked.now.Find(asked.Context(), Query{Order: ByPublished, Limit: feedSize})
	if err != nil {
		return view{}, err
	}
	said := p.languages[asked.who.language].words
	a := p.newFeed(asked, p.cfg.Name+" – "+said.Say("frame.feed"), p.address("/feed.atom"), p.address("/"))
	for _, e := range found.Entries {
		if e.Release >= 0 && e.Release < len(e.Releases) {
			a.Entries = append(a.Entries, p.atomEntry(asked, e, &e.Releases[e.Release]))
		}
	}
	return a.view()
}

// listingFeed is the latest releases of one extension.
func (p *Pages) listingFeed(asked request) (view, error) {
	e, err := p.find(asked, "feed.atom")
	if err != nil {
		return view{}, err
	}
	text, _ := asked.who.textFor(e.Listing)
	page := p.address("/extensions/" + segment(e.ID))
	a := p.newFeed(asked, nameOf(e.Listing, text), page+"/feed.atom", page)
	for i := range e.Releases[:min(len(e.Releases), feedSize)] {
		if r := &e.Releases[i]; offered(r) {
			a.Entries = append(a.Entries, p.atomEntry(asked, e, r))
		}
	}
	return a.view()
}

func (p *Pages) newFeed(asked request, title, self, page string) *atom {
	return &atom{
		Language: string(asked.who.language), ID: self, Title: title, Author: author{visible.Clip(p.cfg.Name, maxName)},
		Links: []atomLink{{"self", "application/atom+xml", self}, {"alternate", "text/html", page}},
	}
}

func (p *Pages) atomEntry(asked request, e Entry, r *store.Release) atomEntry {
	text, _ := asked.who.textFor(e.Listing)
	page := p.address("/extensions/" + segment(e.ID) + "/versions/" + segment(r.Version))
	said := p.languages[asked.who.language].words
	summary := p.markdown.Summary(r.Changelog, 2*maxSummary)
	if summary == "" {
		summary = p.markdown.Summary(text.Description, 2*maxSummary)
	}
	return atomEntry{
		ID: page, Title: said.Say("release.title", nameOf(e.Listing, text), visible.Clip(r.Version, maxName)),
		Updated: stamp(r.Published), Published: stamp(r.Published), Author: author{p.publisherLink(asked.who, e.Publisher).Text},
		Link: atomLink{"alternate", "text/html", page}, Summary: summary,
	}
}

// view is the feed as a page. It was updated when its latest entry was, so that it stays
// the same as long as they do.
func (a *atom) view() (view, error) {
	a.Updated = stamp(time.Unix(0, 0))
	for _, e := range a.Entries {
		a.Updated = max(a.Updated, e.Updated)
	}
	body, err := xml.MarshalIndent(a, "", " ")
	return view{Media: "application/atom+xml; charset=utf-8", Body: append([]byte(xml.Header), body...)}, err
}

// stamp is a time as RFC 3339 has it, in UTC, so that later ones sort behind.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
