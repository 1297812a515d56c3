package pages

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
)

// Of is the catalogue as the pages read it.
func Of(c *catalogue.Catalogue) Catalogue { return &reading{catalogue: c} }

type reading struct {
	catalogue *catalogue.Catalogue
	counted   atomic.Pointer[counted]
}

// counted is what takes a look at every listing, once for each snapshot.
type counted struct {
	sequence          int64
	len               int
	labels, platforms []Count
	texts             map[string]store.Listing // of labels by id, for its method Text
}

// Now is called for every request.
func (r *reading) Now() View {
	s := r.catalogue.Current()
	n := r.counted.Load()
	if n == nil || n.sequence != s.Sequence() {
		n = count(s)
		r.counted.Store(n)
	}
	return &moment{s, n, r.catalogue}
}

func count(s *catalogue.Snapshot) *counted {
	all := s.Counts()
	n := &counted{sequence: s.Sequence(), labels: sorted(all.Labels), platforms: sorted(all.Platforms), texts: map[string]store.Listing{}}
	for _, c := range all.Formats {
		n.len += c
	}
	for _, l := range s.Labels() {
		n.texts[l.ID] = store.Listing{Texts: l.Texts}
	}
	return n
}

func sorted(counts map[string]int) []Count {
	list := make([]Count, 0, len(counts))
	for value, n := range maps.All(counts) {
		list = append(list, Count{value, n})
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Compare(a.Value, b.Value) })
	return list
}

// moment is a View of one Snapshot.
type moment struct {
	*catalogue.Snapshot
	counted   *counted
	catalogue *catalogue.Catalogue
}

func (m *moment) Len() int           { return m.counted.len }
func (m *moment) Labels() []Count    { return m.counted.labels }
func (m *moment) Platforms() []Count { return m.counted.platforms }

func (m *moment) Label(id string, locales []string) string {
	l, ok := m.counted.texts[id]
	if !ok {
		return id
	}
	text, _ := l.Text(locales...)
	return cmp.Or(text.Name, id)
}

func (m *moment) Listing(id string) (Entry, bool) {
	item, ok := m.Item(id)
	if !ok {
		return Entry{}, false
	}
	l, err := item.Listing()
	return Entry{l, item.Release, item.Downloads}, err == nil
}

func (m *moment) Find(ctx context.Context, q Query) (Found, error) {
	wanted := catalogue.Query{
		Format: q.Format, Publisher: q.Publisher, Label: q.Label, Platform: q.Platform, Sort: catalogue.Sort(q.Order), Limit: q.Limit, Cursor: q.Cursor,
	}
	var page catalogue.Page
	var err error
	if q.Text == "" {
		page, err = m.List(wanted)
	} else {
		page, err = m.catalogue.Search(ctx, q.Text, wanted)
	}
	if errors.Is(err, catalogue.ErrQuery) {
		return Found{}, &httpError{status: http.StatusBadRequest}
	}
	if err != nil {
		return Found{}, err
	}
	found := Found{Entries: make([]Entry, 0, len(page.Items)), Next: page.Next}
	for _, item := range page.Items {
		l, err := item.Listing()
		if err != nil {
			return Found{}, err
		}
		found.Entries = append(found.Entries, Entry{l, item.Release, item.Downloads})
	}
	return found, nil
}
