package jami

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/store"
)

// maxPages bounds the lists that are kept: one for each platform and language in use.
const maxPages = 64

// pages keeps the lists that are ready to be sent, of one snapshot.
type pages struct {
	building sync.Mutex // held by whoever makes something

	reading  sync.Mutex // guards what follows
	sequence int64
	rows     map[store.Format]map[string]*row
	locales  map[string]bool // in which some row has a text
	made     map[pageKey]*prepared
	former   map[pageKey]*prepared // of the snapshot before, for those who come while one is made
}

type pageKey struct{ arch, languages string }

// row is what a list needs of a listing, for every platform.
type row struct {
	digest string
	author string
	texts  map[string]store.Text
	newest map[string]release // by arch
}

// list answers "/?arch=": every listing with something for the platform, none for one that
// is unknown.
func (f *Face) list(w http.ResponseWriter, r *http.Request) error {
	a := archOf(r.URL.Query().Get("arch"))
	if a.format == "" {
		f.write(w, r, "application/json", f.prepare([]byte("[]")))
		return nil
	}
	w.Header().Add("Vary", "Accept-Language")
	page, err := f.page(r, a, language(r.Header.Get("Accept-Language")))
	if err == nil {
		f.write(w, r, "application/json", *page)
	}
	return err
}

// page returns a list. After a change of the catalogue one request makes it anew; whoever
// asks meanwhile gets the former one.
func (f *Face) page(r *http.Request, a arch, chain []string) (*prepared, error) {
	p := &f.pages
	snapshot := f.catalogue.Current()
	if page := p.get(snapshot.Sequence(), a.name, chain, false); page != nil {
		return page, nil
	}
	if !p.building.TryLock() {
		if page := p.get(snapshot.Sequence(), a.name, chain, true); page != nil {
			return page, nil
		}
		p.building.Lock()
	}
	defer p.building.Unlock()
	if page := p.get(snapshot.Sequence(), a.name, chain, false); page != nil {
		return page, nil // somebody made it while we waited
	}
	f.refresh(r, snapshot)
	key := p.key(a.name, chain)
	body, err := f.render(a, chain)
	if err != nil {
		return nil, err
	}
	page := f.prepare(body)
	p.reading.Lock()
	defer p.reading.Unlock()
	if len(p.made) >= maxPages {
		clear(p.made)
	}
	p.made[key] = &page
	return &page, nil
}

// get returns a list that is ready, or, if former is set, one of the snapshot before.
func (p *pages) get(sequence int64, arch string, chain []string, former bool) *prepared {
	key := p.key(arch, chain)
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.sequence == sequence {
		if page := p.made[key]; page != nil {
			return page
		}
	}
	if !former {
		return nil
	}
	if page := p.made[key]; page != nil { // of the last one that was made, which is not current
		return page
	}
	return p.former[key]
}

// key names a list by what makes a difference: of the languages only those that there are.
func (p *pages) key(arch string, chain []string) pageKey {
	p.reading.Lock()
	defer p.reading.Unlock()
	chain = slices.DeleteFunc(slices.Clone(chain), func(locale string) bool { return !p.locales[locale] })
	return pageKey{arch, strings.Join(chain, ",")}
}

// refresh takes over a snapshot: rows of listings that did not change stay. A listing that
// cannot be loaded is left out: it must not take the others with it. The caller holds
// building.
func (f *Face) refresh(req *http.Request, s Snapshot) {
	p := &f.pages
	p.reading.Lock()
	sequence, known := p.sequence, p.rows
	p.reading.Unlock()
	if known != nil && sequence == s.Sequence() {
		return
	}
	rows := map[store.Format]map[string]*row{}
	locales := map[string]bool{}
	for _, format := range []store.Format{store.FormatJami, store.FormatBundle} {
		rows[format] = map[string]*row{}
		for e := range s.Entries(format) {
			r := known[format][e.ID]
			if r == nil || r.digest != e.Digest {
				l, err := e.Load()
				if err != nil {
					f.failed(req, fmt.Errorf("the listing %s: %w", e.ID, err))
					continue
				}
				r = f.makeRow(l, e.Digest)
			}
			rows[format][e.ID] = r
			for locale := range r.texts {
				locales[locale] = true
			}
		}
	}
	p.reading.Lock()
	defer p.reading.Unlock()
	p.former, p.made = p.made, map[pageKey]*prepared{}
	p.sequence, p.rows, p.locales = s.Sequence(), rows, locales
}

func (f *Face) makeRow(l *store.Listing, digest string) *row {
	r := &row{digest: digest, author: l.Publisher.Organization, texts: l.Texts, newest: map[string]release{}}
	for _, a := range f.archs {
		if o, ok := offerOf(l, a); ok {
			r.newest[a.name] = release{l.ID, o.releases[0].Version, stamp(o.releases[0].Published)}
		}
	}
	return r
}

// render writes a list, by id. The caller holds building.
func (f *Face) render(a arch, chain []string) ([]byte, error) {
	rows := f.pages.rows[a.format]
	items := make([]item, 0, len(rows))
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if newest, ok := rows[id].newest[a.name]; ok {
			items = append(items, f.item(id, rows[id].author, rows[id].texts, newest, chain, a.name))
		}
	}
	return json.Marshal(items)
}
