package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

const (
	pageSize = 50
	maxPage  = 200
	// maxSummary is the length of a card's summary, in characters.
	maxSummary = 200
)

// list answers GET listings.
func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	values, q, err := queryOf(r)
	if err != nil {
		return err
	}
	locales := localesOf(r, values)
	fresh(w)
	w.Header().Set("Vary", "Accept-Language")
	snapshot, text := a.cfg.Catalogue.Current(), values.Get("q")
	key := ""
	if strings.TrimSpace(text) == "" {
		key = values.Encode() + "\n" + strings.Join(locales, ",")
		if made, ok := a.pages.get(snapshot, key); ok {
			return writeObject(w, r, made)
		}
	}
	var page catalogue.Page
	if key != "" {
		page, err = snapshot.List(q)
	} else {
		page, err = a.cfg.Catalogue.Search(r.Context(), text, q)
	}
	if errors.Is(err, catalogue.ErrQuery) {
		return web.Invalid("%v", err)
	}
	if err != nil {
		return err
	}
	cards, err := a.cards(page.Items, locales)
	if err != nil {
		return err
	}
	body, err := json.Marshal(store.CardPage{Listings: cards, Next: page.Next})
	if err != nil {
		return err
	}
	body = append(body, '\n')
	if key == "" {
		return negotiate.WriteEncoded(w, body)
	}
	zipped, err := a.zips.Bytes(body)
	if err != nil {
		return err
	}
	made := catalogue.Object{Digest: store.ObjectOf(body).Digest, Size: int64(len(body)), Gzip: zipped}
	a.pages.put(snapshot, key, made)
	return writeObject(w, r, made)
}

// queryOf reads what GET listings is asked for.
func queryOf(r *http.Request) (url.Values, catalogue.Query, error) {
	values, err := web.Parameters(r, "q", "format", "publisher", "label", "platform", "host_version", "channel", "sort", "cursor", "limit", "locale")
	if err != nil {
		return nil, catalogue.Query{}, err
	}
	limit, err := web.Limit(values, pageSize, maxPage)
	if err != nil {
		return nil, catalogue.Query{}, err
	}
	q := catalogue.Query{
		Format: store.Format(values.Get("format")), Publisher: values.Get("publisher"), Label: values.Get("label"),
		Platform: values.Get("platform"), HostVersion: values.Get("host_version"), Channel: store.Channel(values.Get("channel")),
		Sort: catalogue.Sort(values.Get("sort")), Limit: limit, Cursor: values.Get("cursor"),
	}
	for _, e := range []struct {
		name    string
		allowed []string
	}{{"format", formats()}, {"channel", channels()}, {"sort", sorts()}} {
		if err := oneOf(values, e.name, e.allowed); err != nil {
			return nil, q, err
		}
	}
	if v := q.HostVersion; v != "" {
		if _, err := bundle.ParseVersion(v); err != nil {
			return nil, q, web.Invalid("host_version must be a version such as 1.2.3")
		}
	}
	return values, q, nil
}

func oneOf(values url.Values, name string, allowed []string) error {
	value := values.Get(name)
	if value == "" {
		return nil
	}
	for _, a := range allowed {
		if a == value {
			return nil
		}
	}
	return web.Invalid("%s must be one of %s", name, strings.Join(allowed, ", "))
}

// localesOf are the languages that r asks for: the parameter locale, else Accept-Language.
func localesOf(r *http.Request, values url.Values) []string {
	if values.Has("locale") {
		return store.Locales(values.Get("locale"))
	}
	return store.Locales(r.Header.Get("Accept-Language"))
}

func (a *API) cards(items []catalogue.Item, locales []string) ([]store.Card, error) {
	cards := make([]store.Card, 0, len(items))
	for _, item := range items {
		l, err := item.Listing()
		if err != nil {
			return nil, err
		}
		if item.Release < 0 || item.Release >= len(l.Releases) {
			continue
		}
		cards = append(cards, a.card(l, &l.Releases[item.Release], locales))
	}
	return cards, nil
}

func (a *API) card(l *store.Listing, rel *store.Release, locales []string) store.Card {
	text, _ := l.Text(locales...)
	c := store.Card{
		ID: l.ID, Format: l.Format, Name: text.Name, Summary: a.cfg.Summary(text.Description, maxSummary),
		Publisher: l.Publisher, License: l.License, Labels: list(l.Labels), Icon: l.Pictures.Icon != nil,
		Version: rel.Version, Channel: rel.Channel, State: rel.State, Platforms: platforms(rel),
		MinHost: rel.MinHost, Permissions: list(rel.Permissions), Created: l.Created, Updated: l.Updated,
	}
	return c
}

// list is l, never null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func platforms(rel *store.Release) []string {
	all := []string{}
	for _, f := range rel.Files {
		all = append(all, f.Platforms...)
	}
	return all
}

// maxPages bounds the pages that are kept, in bytes.
const maxPages = 16 << 20

// pages are the answers that were made of a snapshot, compressed. They go when it does.
type pages struct {
	mu   sync.Mutex // guards all
	of   *catalogue.Snapshot
	size int
	made map[string]catalogue.Object
}

func (p *pages) get(of *catalogue.Snapshot, key string) (catalogue.Object, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of != of {
		return catalogue.Object{}, false
	}
	made, ok := p.made[key]
	return made, ok
}

func (p *pages) put(of *catalogue.Snapshot, key string, made catalogue.Object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of != of || p.size > maxPages {
		p.of, p.size, p.made = of, 0, map[string]catalogue.Object{}
	}
	p.made[key] = made
	p.size += len(key) + len(made.Gzip)
}
