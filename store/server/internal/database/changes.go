package database

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/jackfield-host/jackfield/store"
)

// Document is the document of one listing as the catalogue names it.
type Document struct {
	ID       string
	Sequence int64 // of its last change
	// Removed says that it is no longer in the catalogue; the rest is zero then.
	Removed bool
	Object  store.Object // of the JSON, uncompressed
	Gzip    []byte       // the JSON of a store.Listing
}

// Changes is what is new behind a sequence.
type Changes struct {
	// Sequence is where to go on from. If More is false it is the catalogue's, and who has
	// applied everything has exactly the catalogue of this sequence.
	Sequence  int64
	More      bool
	Documents []Document // in the order of their sequence
	// Lists are the advisories, revocations and labels, whole; they come only where More is
	// false, if one of them is new behind the sequence asked for, and also with the last of
	// the documents: one of them may be new behind a sequence asked for earlier.
	Lists *Lists
}

// Lists are what the catalogue has beside listings, each sorted: by id; revocations by
// digest, listing and version.
type Lists struct {
	Advisories  []store.Advisory
	Revocations []store.Revocation
	Labels      []Label
}

// Changes returns at most limit documents (1 to 1000) that changed behind the sequence
// after; 0 is the beginning.
func (d *Database) Changes(ctx context.Context, after int64, limit int) (Changes, error) {
	var c Changes
	limit = limited(limit, 1000, 1000)
	err := d.lookAtOnce(ctx, "reading changes", func(ctx context.Context, q querier) error {
		var sequence, lists int64
		if err := q.QueryRowContext(ctx, `SELECT sequence, lists FROM catalogue`).Scan(&sequence, &lists); err != nil {
			return err
		}
		c = Changes{Sequence: sequence}
		if sequence <= after {
			return nil
		}
		var err error
		c.Documents, err = all(ctx, q, scanDocument, `SELECT id, sequence, hidden, digest, size, document FROM listings
			WHERE sequence > $1 ORDER BY sequence LIMIT $2`, after, limit+1)
		if err != nil {
			return err
		}
		if len(c.Documents) > limit {
			c.Documents, c.More = c.Documents[:limit], true
			c.Sequence = c.Documents[limit-1].Sequence
			return nil
		}
		if lists > after || len(c.Documents) > 0 {
			c.Lists, err = readLists(ctx, q)
		}
		return err
	})
	if err == nil {
		for i, doc := range c.Documents {
			if doc.Removed {
				c.Documents[i] = Document{ID: doc.ID, Sequence: doc.Sequence, Removed: true}
			}
		}
	}
	return c, err
}

func scanDocument(r row) (doc Document, err error) {
	var digest []byte
	err = r.Scan(&doc.ID, &doc.Sequence, &doc.Removed, &digest, &doc.Object.Size, &doc.Gzip)
	doc.Object.Digest = digestText(digest)
	return doc, err
}

func readLists(ctx context.Context, q querier) (*Lists, error) {
	var l Lists
	var err error
	if l.Advisories, err = all(ctx, q, document[store.Advisory], `SELECT document FROM advisories`); err != nil {
		return nil, err
	}
	if l.Revocations, err = all(ctx, q, document[store.Revocation], `SELECT document FROM revocations`); err != nil {
		return nil, err
	}
	if l.Labels, err = all(ctx, q, document[Label], `SELECT document FROM labels`); err != nil {
		return nil, err
	}
	// Engines do not agree on the order of texts.
	slices.SortFunc(l.Advisories, func(a, b store.Advisory) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(l.Labels, func(a, b Label) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(l.Revocations, func(a, b store.Revocation) int {
		return cmp.Or(cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Listing, b.Listing), cmp.Compare(a.Version, b.Version))
	})
	return &l, nil
}

// Sequence returns the catalogue's. It is cheap: poll it.
func (d *Database) Sequence(ctx context.Context) (sequence int64, err error) {
	err = d.look(ctx, "reading the catalogue's sequence", func(ctx context.Context, q querier) error {
		return q.QueryRowContext(ctx, `SELECT sequence FROM catalogue`).Scan(&sequence)
	})
	return sequence, err
}

// RaiseTo raises the catalogue's sequence to this number if it is lower. It is for a database
// that was restored from a backup: clients have seen higher numbers, and refuse to go back.
func (d *Database) RaiseTo(ctx context.Context, sequence int64, entry Entry) error {
	return d.change(ctx, fmt.Sprintf("raising the catalogue's sequence to %d", sequence), func(ctx context.Context, tx querier) error {
		n, err := affected(ctx, tx, `UPDATE catalogue SET sequence = $1 WHERE sequence < $1`, sequence)
		if err != nil || n == 0 {
			return err
		}
		return d.log(ctx, tx, entry)
	})
}

// Document returns the document of the listing whose id reads as id does. Of one that is
// hidden Removed is set beside the rest.
func (d *Database) Document(ctx context.Context, id string) (doc Document, err error) {
	err = d.look(ctx, "reading listing "+id, func(ctx context.Context, q querier) error {
		doc, err = scanDocument(q.QueryRowContext(ctx, `SELECT id, sequence, hidden, digest, size, document FROM listings
			WHERE folded = $1`, store.FoldID(id)))
		return err
	})
	return doc, err
}

// Detail returns what is kept of one release; the version is as the author wrote it.
func (d *Database) Detail(ctx context.Context, id, version string) (detail store.Detail, err error) {
	err = d.look(ctx, "reading release "+version+" of "+id, func(ctx context.Context, q querier) error {
		var packed []byte
		if err := q.QueryRowContext(ctx, `SELECT r.detail FROM releases r JOIN listings l ON l.number = r.listing
			WHERE l.folded = $1 AND r.version = $2`, store.FoldID(id), version).Scan(&packed); err != nil || packed == nil {
			return err
		}
		return unpack(packed, &detail)
	})
	return detail, err
}

// File returns the release that the file with this digest belongs to.
func (d *Database) File(ctx context.Context, digest string) (owner FileOwner, err error) {
	err = d.look(ctx, "looking for the file "+digest, func(ctx context.Context, q querier) error {
		owner, err = fileOwner(ctx, q, digest)
		return err
	})
	return owner, err
}

// fileOwner is sql.ErrNoRows for none.
func fileOwner(ctx context.Context, q querier, digest string) (f FileOwner, err error) {
	raw, err := rawDigest(digest)
	if err != nil {
		return f, sql.ErrNoRows // nothing has such a digest
	}
	err = q.QueryRowContext(ctx, `SELECT l.id, f.version, l.organization FROM files f JOIN listings l ON l.number = f.listing
		WHERE f.digest = $1`, raw).Scan(&f.Listing, &f.Version, &f.Organization)
	return f, err
}
