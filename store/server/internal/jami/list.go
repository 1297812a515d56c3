package jami

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/store"
)

// maxPages bounds the lists of a format that are kept: one for each platform and language in
// use.
const maxPages = 64

// row is what a list needs of a listing, for every platform.
type row struct {
	id     string
	author string
	texts  map[string]store.Text
	newest map[string]release // by arch
}

// lists are those of one format, of one snapshot.
type lists struct {
	rows    []*row          // by id
	locales map[string]bool // in which some row has a text

	mu   sync.Mutex // guards what follows, and is held by whoever makes a list
	made map[pageKey]*prepared
}

type pageKey struct{ arch, languages string }

// list answers "/?arch=": every listing with something for the platform, none for one that
// is unknown.
func (f *Face) list(w http.ResponseWriter, r *http.Request) error {
	a := archOf(r.URL.Query().Get("arch"))
	if a.format == "" {
		f.write(w, r, "application/json", f.prepare([]byte("[]")))
		return nil
	}
	lists, err := f.shelves[a.format].Get(r.Context(), f.catalogue.Current())
	if err != nil {
		return err
	}
	page, err := f.page(lists, a, language(r.Header.Get("Accept-Language")))
	if err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept-Language")
	f.write(w, r, "application/json", *page)
	return nil
}

// page returns a list, by id. It is made by who asks for it first.
func (f *Face) page(l *lists, a arch, chain []string) (*prepared, error) {
	chain = slices.DeleteFunc(slices.Clone(chain), func(locale string) bool { return !l.locales[locale] }) // what makes no difference
	key := pageKey{a.name, strings.Join(chain, ",")}
	l.mu.Lock()
	defer l.mu.Unlock()
	if page := l.made[key]; page != nil {
		return page, nil
	}
	items := []item{}
	for _, r := range l.rows {
		if newest, ok := r.newest[a.name]; ok {
			items = append(items, f.item(r.id, r.author, r.texts, newest, chain, a.name))
		}
	}
	body, err := json.Marshal(items)
	if err != nil {
		return nil, err
	}
	page := f.prepare(body)
	if len(l.made) >= maxPages {
		clear(l.made)
	}
	l.made[key] = &page
	return &page, nil
}

func (f *Face) rowOf(l *store.Listing) (*row, error) {
	r := &row{id: l.ID, author: l.Publisher.Organization, texts: l.Texts, newest: map[string]release{}}
	for _, a := range f.archs {
		if o, ok := offerOf(l, a); ok {
			r.newest[a.name] = release{l.ID, o.releases[0].Version, stamp(o.releases[0].Published)}
		}
	}
	return r, nil
}

func listsOf(_ int64, rows []*row) (*lists, error) {
	l := &lists{rows: rows, locales: map[string]bool{}, made: map[pageKey]*prepared{}}
	slices.SortFunc(l.rows, func(a, b *row) int { return cmp.Compare(a.id, b.id) })
	for _, r := range rows {
		for locale := range r.texts {
			l.locales[locale] = true
		}
	}
	return l, nil
}
