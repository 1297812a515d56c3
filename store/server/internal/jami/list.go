package jami

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
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
	made     map[pageKey][]byte
	former   map[pageKey][]byte // of the snapshot before, for those who come while one is made
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
	arch := r.URL.Query().Get("arch")
	if format, _ := formatOf(arch); format == "" {
		f.write(w, r, "application/json", []byte("[]"))
		return nil
	}
	w.Header().Add("Vary", "Accept-Language")
	body, err := f.page(arch, language(r.Header.Get("Accept-Language")))
	if err == nil {
		f.write(w, r, "application/json", body)
	}
	return err
}

// page returns a list. After a change of the catalogue one request makes it anew; whoever
// asks meanwhile gets the former one.
func (f *Face) page(arch string, chain []string) ([]byte, error) {
	p := &f.pages
	snapshot := f.catalogue.Current()
	if body := p.get(snapshot.Sequence(), arch, chain, false); body != nil {
		return body, nil
	}
	if !p.building.TryLock() {
		if body := p.get(snapshot.Sequence(), arch, chain, true); body != nil {
			return body, nil
		}
		p.building.Lock()
	}
	defer p.building.Unlock()
	if body := p.get(snapshot.Sequence(), arch, chain, false); body != nil {
		return body, nil // somebody made it while we waited
	}
	if err := f.refresh(snapshot); err != nil {
		return nil, err
	}
	key := p.key(arch, chain)
	body, err := f.render(arch, chain)
	if err != nil {
		return nil, err
	}
	p.reading.Lock()
	defer p.reading.Unlock()
	if len(p.made) >= maxPages {
		clear(p.made)
	}
	p.made[key] = body
	return body, nil
}

// get returns a list that is ready, or, if former is set, one of the snapshot before.
func (p *pages) get(sequence int64, arch string, chain []string, former bool) []byte {
	key := p.key(arch, chain)
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.sequence == sequence {
		if body := p.made[key]; body != nil {
			return body
		}
	}
	if !former {
		return nil
	}
	if body := p.made[key]; body != nil { // of the last one that was made, which is not current
		return body
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

// refresh takes over a snapshot: rows of listings that did not change stay. The caller
// holds building.
func (f *Face) refresh(s Snapshot) error {
	p := &f.pages
	p.reading.Lock()
	sequence, known := p.sequence, p.rows
	p.reading.Unlock()
	if known != nil && sequence == s.Sequence() {
		return nil
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
					return err
				}
				r = makeRow(l, e.Digest)
			}
			rows[format][e.ID] = r
			for locale := range r.texts {
				locales[locale] = true
			}
		}
	}
	p.reading.Lock()
	defer p.reading.Unlock()
	p.former, p.made = p.made, map[pageKey][]byte{}
	p.sequence, p.rows, p.locales = s.Sequence(), rows, locales
	return nil
}

func makeRow(l *store.Listing, digest string) *row {
	r := &row{digest: digest, author: l.Publisher.Organization, texts: l.Texts, newest: map[string]release{}}
	for _, arch := range append(archs(), serverArch) {
		if o, ok := offerOf(l, arch); ok {
			r.newest[arch] = release{l.ID, o.releases[0].Version, stamp(o.releases[0].Published)}
		}
	}
	return r
}

// archs are the names of platforms for which there are lists of .jpl archives: Jami's and
// ours.
func archs() []string {
	all := map[string]bool{}
	for _, name := range abi.Names() {
		all[name] = true
		for _, ours := range abi.Platforms(name) {
			all[ours] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// render writes a list, by id. The caller holds building.
func (f *Face) render(arch string, chain []string) ([]byte, error) {
	format, _ := formatOf(arch)
	rows := f.pages.rows[format]
	items := make([]item, 0, len(rows))
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if newest, ok := rows[id].newest[arch]; ok {
			items = append(items, f.item(id, rows[id].author, rows[id].texts, newest, chain, arch))
		}
	}
	return json.Marshal(items)
}
