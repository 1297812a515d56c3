package stores

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// offersPerPage is how many cards a page has, mostOffers how many extensions a search
	// finds over all of its pages.
	offersPerPage, mostOffers = 48, 200
	// maxSearch and maxStore bound what is searched for, and an address, in bytes.
	maxSearch, maxStore = 300, 300
	// mostVersions is how many versions of an extension can be chosen from.
	mostVersions = 50
)

// Available is what can be installed.
type Available struct {
	Search string
	Cards  []Card
	// More says that there are others than all pages show.
	More    bool
	Missing []host.MissingRepository
	// Previous and Next are pages, empty for none.
	Previous, Next string
	// Configured is how many repositories there are, Unwell those that are not as they should.
	Configured int
	Unwell     []host.Repository
	can
}

// Card is an offer with what people are told of it first.
type Card struct {
	host.Offer
	Path string
	// Summary is the beginning of its description.
	Summary string
	// Why is why it can not be installed: revoked, host or platform; empty if it can.
	Why string
	// Picture is the path of its icon, empty for none; Letter stands for it, or behind it.
	Picture, Letter string
}

func cardOf(o host.Offer) Card {
	c := Card{Offer: o, Path: OfferPath(o.ID), Summary: summaryOf(o.Description), Letter: letterOf(o.Name, o.ID)}
	if o.Icon {
		c.Picture = IconPath(o.ID)
	}
	switch {
	case o.Revoked != "":
		c.Why = "revoked"
	case !o.Usable && o.Needs != "":
		c.Why = "host"
	case !o.Usable:
		c.Why = "platform"
	}
	return c
}

// letterOf is that of the name, or of the last part of the id where that is the name.
func letterOf(name, id string) string {
	if name = cmp.Or(name, id); name == id {
		name = id[strings.LastIndexByte(id, '.')+1:]
	}
	first, _ := utf8.DecodeRuneInString(name)
	return strings.ToUpper(string(first))
}

const maxSummary = 240 // bytes

// summaryOf is the first paragraph of a Markdown text that is no heading, without the marks
// of emphasis.
func summaryOf(text string) string {
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		paragraph = strings.Join(strings.Fields(strings.NewReplacer("**", "", "__", "", "`", "").Replace(paragraph)), " ")
		if paragraph == "" || strings.HasPrefix(paragraph, "#") || strings.HasPrefix(paragraph, "!") {
			continue
		}
		if len(paragraph) > maxSummary {
			cut := strings.LastIndexByte(paragraph[:maxSummary], ' ')
			if cut < maxSummary/2 {
				cut = len(strings.ToValidUTF8(paragraph[:maxSummary], ""))
			}
			paragraph = paragraph[:cut] + " …"
		}
		return paragraph
	}
	return ""
}

func (d *Desk) available(w http.ResponseWriter, r *http.Request) error {
	text, at := strings.TrimSpace(r.URL.Query().Get("q")), 1
	if len(text) > maxSearch || !utf8.ValidString(text) {
		return web.Invalid("what is searched for is too long")
	}
	if number := r.URL.Query().Get("page"); number != "" {
		var err error
		if at, err = strconv.Atoi(number); err != nil || at < 1 || at > mostOffers {
			return web.Invalid("there is no such page of what is available")
		}
	}
	view := Available{Search: text, can: canOf(r)}
	for _, repository := range d.cfg.Host.Repositories() {
		view.Configured++
		if repository.Enabled && (repository.State == "error" || repository.State == "stale") {
			view.Unwell = append(view.Unwell, repository)
		}
	}
	if view.Configured > 0 {
		web.Allow(http.NewResponseController(w), web.MaxWait)
		found, err := d.cfg.Host.Available(r.Context(), host.AvailableQuery{Text: text, Limit: mostOffers})
		if err != nil {
			return err
		}
		view.Missing, view.More = found.Missing, found.More
		from, to := min((at-1)*offersPerPage, len(found.Offers)), min(at*offersPerPage, len(found.Offers))
		for _, o := range found.Offers[from:to] {
			view.Cards = append(view.Cards, cardOf(o))
		}
		if to < len(found.Offers) {
			view.Next, view.More = pageOf(text, at+1), false
		}
		if at > 1 {
			view.Previous = pageOf(text, at-1)
		}
	}
	return d.cfg.Render(w, r, Page{Name: "available", Data: view})
}

func pageOf(text string, at int) string {
	q := url.Values{"page": {strconv.Itoa(at)}}
	if text != "" {
		q.Set("q", text)
	}
	return "?" + q.Encode()
}

// Offer is one extension that can be installed.
type Offer struct {
	Card
	// Chosen is the version that somebody came for, empty for none.
	Chosen string
	// Store is the address of the store that led here and that this host does not install
	// from; Elsewhere is the one that it does for this extension. Both empty if all is well.
	Store, Elsewhere string
	// Installed is the page of the extension, empty if it is not there.
	Here string
	can
}

func (d *Desk) offer(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	store, known := d.storeOf(query.Get("store"))
	web.Allow(http.NewResponseController(w), web.MaxWait)
	o, err := d.cfg.Host.AvailableOne(r.Context(), id)
	if refused, ok := errors.AsType[*host.Error](err); ok && refused.Code == host.CodeNotFound {
		view := Missing{ID: id, Message: refused.Message, Configured: len(d.cfg.Host.Repositories()), can: canOf(r)}
		if known == "" {
			view.Store = store
		}
		return d.cfg.Render(w, r, Page{Name: "not-offered", Status: http.StatusNotFound, Args: []any{id}, Inner: true, Data: view})
	}
	if err != nil {
		return err
	}
	view := Offer{Card: cardOf(o), can: canOf(r)}
	if _, there := d.cfg.Host.Extension(o.ID); there {
		view.Here = "/admin/extensions/" + url.PathEscape(o.ID)
	}
	if store != "" && known != o.Repository {
		view.Store, view.Elsewhere = store, o.Repository
	}
	if version := query.Get("version"); slices.Contains(o.Versions, version) {
		view.Chosen = version
	}
	view.Versions = view.Versions[:min(len(view.Versions), mostVersions)]
	if view.Chosen != "" && !slices.Contains(view.Versions, view.Chosen) {
		view.Versions = append(slices.Clone(view.Versions), view.Chosen)
	}
	name := o.Name
	if name == "" {
		name = o.ID
	}
	return d.cfg.Render(w, r, Page{Name: "offer", Args: []any{name}, Inner: true, Data: view})
}

// icon is the picture of what is offered under an id.
func (d *Desk) icon(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	icon, err := d.cfg.Host.OfferIcon(r.Context(), id)
	if err != nil {
		return err
	}
	web.WriteIcon(w, r, icon)
	return nil
}

// Missing is an id that nobody offers.
type Missing struct {
	ID, Message string
	// Store is the address of the store that led here and that this host does not install
	// from, empty for none.
	Store      string
	Configured int
	can
}

// storeOf returns the address of a store that a link names, "" for none that can be one, and
// the name of the repository that has this address. The link is anybody's and the address is
// shown to be copied: what is not plain in it comes escaped.
func (d *Desk) storeOf(address string) (store, repository string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || len(address) > maxStore {
		return "", ""
	}
	u.Fragment, u.RawFragment, u.ForceQuery = "", "", false
	for _, r := range d.cfg.Host.Repositories() {
		if v, err := url.Parse(r.URL); err == nil && sameStore(u, v) {
			return u.String(), r.Name
		}
	}
	return u.String(), ""
}

func sameStore(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) && strings.TrimRight(a.Path, "/") == strings.TrimRight(b.Path, "/")
}

// InstallLink is where the link of a store leads, /admin/install with an id and perhaps a
// version and the address of the store; "" if the query is none of it.
func InstallLink(query url.Values) string {
	id := query.Get("id")
	if id == "" || len(id) > 255 || strings.ContainsAny(id, "/\x00") || id == "." || id == ".." {
		return ""
	}
	rest := url.Values{}
	for _, name := range []string{"store", "version"} {
		if v := query.Get(name); v != "" && len(v) <= maxStore {
			rest.Set(name, v)
		}
	}
	if len(rest) == 0 {
		return OfferPath(id)
	}
	return OfferPath(id) + "?" + rest.Encode()
}
