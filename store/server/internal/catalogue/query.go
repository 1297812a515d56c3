package catalogue

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Sort is an order of listings.
type Sort string

// The orders. Listings that are equal in it follow by id.
const (
	ByName      Sort = "name"      // the default: A to Z, without regard to case
	ByUpdated   Sort = "updated"   // the latest first
	ByPublished Sort = "published" // the latest release first
	ByDownloads Sort = "downloads" // the most first
)

// sortCount is the number of orders; each has the index that sortIndex says.
const sortCount = 4

func sortIndex(s Sort) int {
	if s == "" {
		s = ByName
	}
	return slices.Index([]Sort{ByName, ByUpdated, ByPublished, ByDownloads}, s)
}

// Query selects listings: those that have a release to which all of it applies. Empty
// fields select nothing.
type Query struct {
	Format    store.Format
	Publisher string // a pin, a host or an organization's name
	Label     string
	// Of a release:
	Platform    string // our name; a release without it is left out
	HostVersion string // its MinHost is not higher, both by bundle.Version
	Channel     store.Channel
	// State is that of the release; empty: published or deprecated.
	State store.ReleaseState

	Sort   Sort
	Limit  int    // 1 to 200; zero: 50
	Cursor string // Page.Next of the page before, of the same query; of any Snapshot
}

const (
	usualLimit = 50
	maxLimit   = 200
)

// Page is some of the listings that a query selects.
type Page struct {
	Items []Item
	Next  string // cursor of the next page; empty: there is none
}

// ErrQuery is why List, Count and Search refuse a query; the error that wraps it says what
// is wrong, for people.
var ErrQuery = errors.New("no such query")

func wrongQuery(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuery, fmt.Sprintf(format, args...))
}

// List returns the listings that a query selects. The error is ErrQuery.
func (s *Snapshot) List(q Query) (Page, error) {
	f, err := s.filter(q)
	if err != nil {
		return Page{}, err
	}
	order := s.orders[f.sort]
	if q.Cursor != "" {
		c, err := parseCursor(q.Cursor)
		if err != nil || c.Sort != f.sort {
			return Page{}, wrongQuery("the cursor is not one of this query: begin without it")
		}
		compare := s.keyComparison(f.sort)
		order = order[firstAfter(order, func(e *entry) int { return compare(e, c) }):]
	}
	var page Page
	for _, e := range order {
		release := f.match(e)
		if release < 0 {
			continue
		}
		if len(page.Items) == f.limit {
			page.Next = s.cursor(page.Items[f.limit-1].entry, f.sort).String()
			break
		}
		page.Items = append(page.Items, s.item(e, release))
	}
	return page, nil
}

// Count returns how many listings a query selects in all; Limit and Cursor are not used. It
// looks at every listing. The error is ErrQuery.
func (s *Snapshot) Count(q Query) (int, error) {
	f, err := s.filter(q)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range s.orders[0] {
		if f.match(e) >= 0 {
			n++
		}
	}
	return n, nil
}

// maxHits bounds how many listings a search is about.
const maxHits = 1000

// Search returns the listings that the words of text are about, best first, of those that
// the query selects; Sort is not used. Of words that very many listings have, only the
// thousand best are found. Errors are ErrQuery, and what the database says.
func (c *Catalogue) Search(ctx context.Context, text string, q Query) (Page, error) {
	s := c.Current()
	q.Sort = ""
	f, err := s.filter(q)
	if err != nil {
		return Page{}, err
	}
	var after cursor
	if q.Cursor != "" {
		if after, err = parseCursor(q.Cursor); err != nil || after.Sort != searchSort {
			return Page{}, wrongQuery("the cursor is not one of a search: begin without it")
		}
	}
	hits, err := c.config.Database.Search(ctx, database.Query{Text: text, Format: string(q.Format), Label: q.Label, Limit: maxHits})
	if err != nil {
		return Page{}, fmt.Errorf("searching: %w", err)
	}
	return s.ranked(hits.IDs, f, after), nil
}

// ranked returns those of the ids that the filter lets through, behind a cursor.
func (s *Snapshot) ranked(ids []string, f *filter, after cursor) Page {
	from := 0
	if after.ID != "" { // behind it, or where it was when it is not there any more
		rank, _ := strconv.Atoi(after.Key)
		from = min(max(rank, 0), len(ids))
		if at := slices.IndexFunc(ids, func(id string) bool { return store.FoldID(id) == after.ID }); at >= 0 {
			from = at + 1
		}
	}
	var page Page
	last := cursor{Sort: searchSort}
	for rank, id := range ids[from:] {
		e := s.entry(store.FoldID(id))
		if e == nil {
			continue
		}
		release := f.match(e)
		if release < 0 {
			continue
		}
		if len(page.Items) == f.limit {
			page.Next = last.String()
			break
		}
		last.ID, last.Key = e.folded, strconv.Itoa(from+rank+1)
		page.Items = append(page.Items, s.item(e, release))
	}
	return page
}

// filter is a Query made ready for one Snapshot.
type filter struct {
	query     Query
	sort      int
	limit     int
	state     uint8  // 0: offered
	channel   uint8  // 0: any
	platforms []bool // by index; nil: any
	hosts     []bool // by index; nil: any
}

func (s *Snapshot) filter(q Query) (*filter, error) {
	f := &filter{query: q, sort: sortIndex(q.Sort), limit: q.Limit, state: numberOfState(q.State), channel: numberOfChannel(q.Channel)}
	if f.limit == 0 {
		f.limit = usualLimit
	}
	switch {
	case f.sort < 0:
		return nil, wrongQuery("there is no order %.40q: name, updated, published, downloads", q.Sort)
	case f.limit < 1 || f.limit > maxLimit:
		return nil, wrongQuery("a page has 1 to %d listings", maxLimit)
	case q.State != "" && f.state == 0:
		return nil, wrongQuery("there is no state %.40q: published, deprecated, withdrawn, taken_down", q.State)
	case q.Channel != "" && f.channel == 0:
		return nil, wrongQuery("there is no channel %.40q: stable, beta", q.Channel)
	}
	if q.Platform != "" {
		f.platforms = make([]bool, len(s.platforms))
		for i, set := range s.platforms {
			f.platforms[i] = slices.Contains(set, q.Platform)
		}
	}
	if q.HostVersion != "" {
		version, err := bundle.ParseVersion(q.HostVersion)
		if err != nil {
			return nil, wrongQuery("host_version: %v", err)
		}
		f.hosts = make([]bool, len(s.hosts))
		for i, h := range s.hosts {
			f.hosts[i] = h.any || h.known && h.version.Compare(version) <= 0
		}
	}
	return f, nil
}

// match returns the index of the highest release of a listing to which all applies, -1 for
// none.
func (f *filter) match(e *entry) int {
	q := &f.query
	switch {
	case q.Format != "" && e.format != q.Format,
		q.Publisher != "" && e.publisher.Pin != q.Publisher && e.publisher.Host != q.Publisher && e.publisher.Organization != q.Publisher,
		q.Label != "" && !slices.Contains(e.labels, q.Label):
		return -1
	}
	for i, r := range e.releases {
		switch {
		case f.state == 0 && !isOffered(r.state), f.state != 0 && r.state != f.state,
			f.channel != 0 && r.channel != f.channel,
			f.platforms != nil && !f.platforms[r.platforms],
			f.hosts != nil && !f.hosts[r.minHost]:
			continue
		}
		return i
	}
	return -1
}

// cursor is where a page ended: by its key, so that it holds in any Snapshot.
type cursor struct {
	Sort int    `json:"s"` // index of the order, or searchSort
	Key  string `json:"k"` // in that order; of a search, the rank
	ID   string `json:"i"` // folded
}

const (
	searchSort = -1
	maxCursor  = 1 << 10
)

func (c cursor) String() string {
	data, err := json.Marshal(c)
	if err != nil {
		return "" // strings and a number: it can not be
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseCursor(text string) (c cursor, err error) {
	if len(text) > maxCursor {
		return c, errors.New("it is too long")
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(data, &c)
}

func (s *Snapshot) cursor(e *entry, sort int) cursor {
	c := cursor{Sort: sort, ID: e.folded, Key: e.nameKey}
	if sort != 0 {
		c.Key = strconv.FormatInt(s.number(e, sort), 10)
	}
	return c
}

// number is the key in the orders that begin with the highest.
func (s *Snapshot) number(e *entry, sort int) int64 {
	switch sort {
	case 1:
		return e.updated
	case 2:
		return e.published
	}
	return s.downloads[e.id]
}

// comparison says how entries are ordered.
func (s *Snapshot) comparison(sort int) func(a, b *entry) int {
	return func(a, b *entry) int {
		order := 0
		if sort == 0 {
			order = strings.Compare(a.nameKey, b.nameKey)
		} else {
			order = cmp.Compare(s.number(b, sort), s.number(a, sort))
		}
		return cmp.Or(order, strings.Compare(a.folded, b.folded))
	}
}

// keyComparison says how an entry is ordered against a cursor.
func (s *Snapshot) keyComparison(sort int) func(e *entry, c cursor) int {
	return func(e *entry, c cursor) int {
		order := 0
		if sort == 0 {
			order = strings.Compare(e.nameKey, c.Key)
		} else {
			key, _ := strconv.ParseInt(c.Key, 10, 64)
			order = cmp.Compare(key, s.number(e, sort))
		}
		return cmp.Or(order, strings.Compare(e.folded, c.ID))
	}
}

// firstAfter returns the index of the first entry that is behind what compare compares with.
func firstAfter(order []*entry, compare func(*entry) int) int {
	index, _ := slices.BinarySearchFunc(order, 0, func(e *entry, _ int) int {
		if compare(e) > 0 {
			return 1
		}
		return -1
	})
	return index
}

// reorder returns an order without those that are gone and with those that have come. The
// old one is left as it is.
func reorder(old, gone, come []*entry, compare func(a, b *entry) int) []*entry {
	left := make(map[*entry]bool, len(gone))
	for _, e := range gone {
		left[e] = true
	}
	rest := make([]*entry, 0, len(old))
	for _, e := range old {
		if !left[e] {
			rest = append(rest, e)
		}
	}
	added := slices.SortedFunc(slices.Values(come), compare)
	next := make([]*entry, 0, len(rest)+len(added))
	for _, e := range added {
		at, _ := slices.BinarySearchFunc(rest, e, compare)
		next = append(append(next, rest[:at]...), e)
		rest = rest[at:]
	}
	return append(next, rest...)
}

// withDownloads returns s with other numbers of downloads, and the order by them.
func (s *Snapshot) withDownloads(totals map[string]int64) *Snapshot {
	next := *s
	next.downloads = totals
	const downloads = 3
	next.orders[downloads] = slices.Clone(s.orders[downloads])
	slices.SortFunc(next.orders[downloads], next.comparison(downloads))
	return &next
}
