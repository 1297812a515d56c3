package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

const (
	pageSize  = 24
	maxSearch = 200 // characters of a search
	maxCursor = 1000
	maxChoice = 40 // characters of a label or platform
	// maxOptions is how many labels and platforms are offered in a form.
	maxOptions = 200
)

// card is a listing on a list.
type card struct {
	Href, Name, Summary string
	Locale              string // of Name and Summary
	Known               bool   // whether Locale is known
	ID                  string
	Icon                *shown
	Publisher           link
	Trust               seal
	Badges              []mark
	Labels              []link
	Version             string
	Format              store.Format
	Downloads           int
	Release             *store.Release
}

// shown is a picture with where it is.
type shown struct {
	Src           string
	Width, Height int
}

// seal is what a page says of a signature at a glance.
type seal struct{ Kind, Key, Host string }

// mark is a badge with the key of its word.
type mark struct{ Kind, Key string }

// option is one choice of a select.
type option struct {
	Value, Text string
	Count       int
	Chosen      bool
}

// front is the list of extensions.
func (p *Pages) front(asked request) (view, error) {
	said := p.languages[asked.who.language].words
	q, err := queryOf(asked.URL.Query())
	if err != nil {
		return view{}, err
	}
	found, err := asked.now.Find(asked.Context(), q)
	if err != nil {
		return view{}, err
	}
	data := struct {
		Query                       Query
		Count                       int
		Cards                       []card
		Platforms, Labels, Formats  []option
		Sorts                       []option
		Next, First                 string
		Filtered, Paged, EmptyOfAll bool
	}{
		Query: q, Count: asked.now.Len(), Cards: p.cards(asked, found.Entries),
		Platforms: options(plainly(asked.now.Platforms()), q.Platform), Labels: options(labelled(asked, asked.now.Labels()), q.Label),
		Filtered: q.Text != "" || q.Platform != "" || q.Label != "" || q.Format != "", Paged: q.Cursor != "",
	}
	data.EmptyOfAll = data.Count == 0 && !data.Filtered
	for _, f := range formats() {
		data.Formats = append(data.Formats, option{string(f), said.Say("format." + string(f)), 0, f == q.Format})
	}
	for _, o := range orders() {
		data.Sorts = append(data.Sorts, option{string(o), said.Say("sort." + string(o)), 0, o == q.Order})
	}
	others := q.values()
	if data.Paged {
		data.First = p.frontPath(asked.who, others)
	}
	v := view{
		Template: "front.html", Title: said.Say("front.title"), Section: "extensions", Others: others, Feed: p.path(asked.who, "feed.atom"),
		Description: said.Say("front.lead"), NoIndex: q.Text != "" || data.Paged,
	}
	if found.Next != "" {
		onward := q.values()
		onward.Set("cursor", found.Next)
		data.Next = p.frontPath(asked.who, onward)
	}
	if q.Text != "" {
		v.Title = said.Say("front.results", visible.Clip(q.Text, maxName))
	}
	v.Data = data
	return v, nil
}

func formats() []store.Format {
	return []store.Format{store.FormatBundle, store.FormatJami, store.FormatJameica}
}

func orders() []Order { return []Order{ByPublished, ByName, ByDownloads} }

// queryOf reads the query of the front page. What it does not offer is not there: nobody
// made such a link.
func queryOf(values url.Values) (Query, error) {
	q := Query{
		Text: strings.TrimSpace(values.Get("q")), Platform: values.Get("platform"), Label: values.Get("label"),
		Format: store.Format(values.Get("format")), Order: Order(cmp.Or(values.Get("sort"), string(ByPublished))),
		Cursor: values.Get("cursor"), Limit: pageSize,
	}
	wrong := utf8.RuneCountInString(q.Text) > maxSearch || !utf8.ValidString(q.Text) || len(q.Cursor) > maxCursor ||
		len(q.Platform) > maxName || len(q.Label) > maxName ||
		q.Format != "" && !slices.Contains(formats(), q.Format) || !slices.Contains(orders(), q.Order)
	if wrong {
		return Query{}, &httpError{status: http.StatusBadRequest}
	}
	return q, nil
}

// values are those from which queryOf makes q again, without the cursor.
func (q Query) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{
		"q": q.Text, "platform": q.Platform, "label": q.Label, "format": string(q.Format), "sort": string(q.Order),
	} {
		if value != "" && !(name == "sort" && q.Order == ByPublished) {
			values.Set(name, value)
		}
	}
	return values
}

// frontPath is the address of the list with a query.
func (p *Pages) frontPath(who reader, values url.Values) string {
	if who.chosen != "" {
		values.Set("lang", who.chosen)
	}
	if len(values) == 0 {
		return p.prefix + "/"
	}
	return p.prefix + "/?" + values.Encode()
}

// options are choices, the most frequent of them; what is chosen is among them.
func options(all []option, chosen string) []option {
	if len(all) > maxOptions {
		slices.SortStableFunc(all, func(a, b option) int { return b.Count - a.Count })
		all = all[:maxOptions]
	}
	slices.SortFunc(all, func(a, b option) int { return cmp.Or(cmp.Compare(a.Text, b.Text), cmp.Compare(a.Value, b.Value)) })
	there := chosen == ""
	for i := range all {
		all[i].Chosen = all[i].Value == chosen
		there = there || all[i].Chosen
	}
	if !there {
		all = append(all, option{chosen, visible.Clip(chosen, maxChoice), 0, true})
	}
	return all
}

// plainly are counts by what they are of, labelled those of labels by what they are called.
func plainly(counts []Count) []option {
	all := make([]option, len(counts))
	for i, c := range counts {
		all[i] = option{Value: c.Value, Text: visible.Clip(c.Value, maxChoice), Count: c.Count}
	}
	return all
}

func labelled(asked request, counts []Count) []option {
	all := make([]option, len(counts))
	for i, c := range counts {
		all[i] = option{Value: c.Value, Text: visible.Clip(asked.now.Label(c.Value, asked.who.wanted), maxChoice), Count: c.Count}
	}
	return all
}

// cards are entries as they stand on a list.
func (p *Pages) cards(asked request, entries []Entry) []card {
	all := make([]card, 0, len(entries))
	for _, e := range entries {
		if e.Release >= 0 && e.Release < len(e.Releases) {
			all = append(all, p.card(asked, e))
		}
	}
	return all
}

func (p *Pages) card(asked request, e Entry) card {
	who, r := asked.who, &e.Releases[e.Release]
	text, locale := who.textFor(e.Listing)
	c := card{
		Href: p.path(who, "extensions", e.ID), Name: nameOf(e.Listing, text), Summary: p.markdown.Summary(text.Description, maxSummary),
		Locale: locale, Known: locale != "", ID: e.ID, Icon: p.pictureOf(e.ID, e.Pictures.Icon), Publisher: p.publisherLink(who, e.Publisher),
		Trust: sealOf(e.Publisher, r.Signer), Version: r.Version, Format: e.Format, Downloads: int(e.Downloads), Release: r,
	}
	n := p.noticesOf(asked.now)
	why, _ := n.revocation(e.ID, r)
	c.Badges = marksOf(r, why != nil)
	if worst := n.worst(e.ID, r.Version); worst != "" {
		c.Badges = append(c.Badges, mark{kindOf(worst), "weakness." + known(worst)})
	}
	for _, l := range e.Labels[:min(len(e.Labels), 4)] {
		c.Labels = append(c.Labels, link{visible.Clip(asked.now.Label(l, who.wanted), maxChoice), p.frontPath(who, url.Values{"label": {l}})})
	}
	return c
}

// Letter stands where there is no icon.
func (c card) Letter() string { return letter(c.Name) }

func letter(name string) string {
	for _, r := range name {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// nameOf is the name of a listing, and its id where it has none.
func nameOf(l *store.Listing, text store.Text) string {
	return visible.Clip(cmp.Or(strings.TrimSpace(text.Name), l.ID), maxName)
}

// marksOf are badges about a release: what it is not published and stable.
func marksOf(r *store.Release, revoked bool) []mark {
	var marks []mark
	if revoked {
		marks = append(marks, mark{"bad", "state.revoked"})
	}
	switch r.State {
	case store.Deprecated:
		marks = append(marks, mark{"warn", "state.deprecated"})
	case store.Withdrawn:
		marks = append(marks, mark{"off", "state.withdrawn"})
	case store.TakenDown:
		marks = append(marks, mark{"bad", "state.taken_down"})
	}
	if r.Channel == store.Beta {
		marks = append(marks, mark{"busy", "channel.beta"})
	}
	return marks
}

func sealOf(by store.Publisher, s store.Signer) seal {
	switch {
	case s.Key == "" && s.Name == "":
		return seal{"warn", "trust.unsigned", ""}
	case by.Host == "":
		return seal{"ok", "trust.signed", ""}
	}
	return seal{"ok", "trust.host", by.Host}
}

// publisherLink leads to the page of a publisher: by host, which reads better, or by pin.
func (p *Pages) publisherLink(who reader, by store.Publisher) link {
	key := cmp.Or(by.Host, by.Pin)
	name := visible.Clip(cmp.Or(strings.TrimSpace(by.Organization), key), maxName)
	if key == "" {
		return link{name, ""}
	}
	return link{name, p.path(who, "publishers", key)}
}

// pictureOf is where a picture of a listing is, nil for none.
func (p *Pages) pictureOf(id string, picture *store.Picture) *shown {
	if picture == nil || !canBeSeen(*picture) {
		return nil
	}
	return &shown{p.prefix + "/pictures/" + segment(id) + "/" + segment(picture.Digest), picture.Width, picture.Height}
}

// canBeSeen reports whether a picture is one as the store makes them.
func canBeSeen(one store.Picture) bool {
	_, ok := strings.CutPrefix(one.Digest, "sha256:")
	return ok && (one.Media == "image/png" || one.Media == "image/jpeg") && one.Width > 0 && one.Height > 0
}
