package database

import "context"

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
	// More says that there are others which were not ranked.
	More bool
}

// Search finds listings by the texts, names, ids and types of all of their locales. The
// order is: the name itself, names that begin so, the words in a name, anywhere; within
// these the shorter name first, then the id.
func (d *Database) Search(ctx context.Context, q Query) (Hits, error) { return d.search(ctx, q) }
