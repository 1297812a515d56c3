package database

import (
	"cmp"
	"context"
	"slices"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/store/server/internal/terms"
)

// Query asks for listings. All of its parts must hold.
type Query struct {
	// Text is what a person typed: words, all of which must be there, in any language and
	// the last one also as the beginning of a word; "quoted words" stand side by side.
	// Case and accents do not matter. Nothing in it is an error; without any word it finds
	// everything that the filters let through.
	Text      string
	Format    string // of store.Format; "" for any, as below
	Platform  string
	Label     string
	Publisher string // name of the organization that owns the listing
	Limit     int    // 1 to 1000
}

// Hits are the listings found, best first.
type Hits struct {
	IDs []string
	// More says that there are others, or that there were too many to rank them all.
	More bool
}

// Search finds listings by the texts, names, ids and types of all of their locales. The
// order is: the name itself, names that begin so, the words in a name, anywhere; within
// these the shorter name first, then the id.
func (d *Database) Search(ctx context.Context, q Query) (Hits, error) {
	var hits Hits
	err := d.look(ctx, "searching", func(ctx context.Context, from querier) error {
		seen := map[int64]bool{}
		for _, e := range terms.Ask(q.Text, q.filters()...) {
			if len(hits.IDs) > q.limit() {
				break
			}
			list, err := d.engine.find(ctx, from, e, maxRanked+1)
			if err != nil {
				return err
			}
			if len(list) > maxRanked {
				list, hits.More = list[:maxRanked], true
			}
			slices.SortFunc(list, func(a, b found) int {
				return cmp.Or(cmp.Compare(utf8.RuneCountInString(a.name), utf8.RuneCountInString(b.name)), cmp.Compare(a.id, b.id))
			})
			for _, f := range list {
				if !seen[f.number] {
					seen[f.number] = true
					hits.IDs = append(hits.IDs, f.id)
				}
			}
		}
		if len(hits.IDs) > q.limit() {
			hits.IDs, hits.More = hits.IDs[:q.limit()], true
		}
		return nil
	})
	return hits, err
}

// maxRanked is how many listings of one tier are ranked. A word that more have says little:
// what is shown of them then are the oldest listings, and people type another word.
const maxRanked = 1000

// found is a listing that matches.
type found struct {
	number   int64
	id, name string
}

func scanFound(r row) (f found, err error) {
	err = r.Scan(&f.number, &f.id, &f.name)
	return f, err
}

func (q Query) limit() int { return limited(q.Limit, 100, 1000) }

// filters are the words for what else must hold.
func (q Query) filters() (list []string) {
	for _, f := range [][2]string{{"format", q.Format}, {"platform", q.Platform}, {"label", q.Label}, {"publisher", q.Publisher}} {
		if f[1] != "" {
			list = append(list, terms.Filter(f[0], f[1]))
		}
	}
	return list
}
