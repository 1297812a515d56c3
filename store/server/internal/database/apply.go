package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/terms"
)

// kept is the row of a listing.
type kept struct {
	number       int64 // 0 for no row
	organization string
	hidden       bool
	object       store.Object
	document     []byte // compressed
}

// outcome is what a change did so far.
type outcome struct {
	catalogue bool // clients see a difference
	lists     bool // one of them in advisories, revocations or labels
	published Published
}

// writer writes one change in a transaction that has the catalogue locked.
type writer struct {
	*Database
	tx       querier
	sequence int64 // of the catalogue, if the change is one of it
	indexed  *[]indexed
}

// indexed is what a listing is to be found by once everything else is written: SQLite writes the
// index of the search out at each statement between.
type indexed struct {
	number int64
	words  []string
}

// index writes what listings are found by.
func (w writer) index(ctx context.Context) error {
	for _, f := range *w.indexed {
		if err := w.engine.index(ctx, w.tx, f.number, f.words); err != nil {
			return err
		}
	}
	return nil
}

// apply writes c.
func (w writer) apply(ctx context.Context, k kept, c Change) (o outcome, err error) {
	if o.catalogue, o.published.Object, err = w.listing(ctx, k, c); err != nil {
		return o, err
	}
	if o.lists, err = w.lists(ctx, c); err != nil {
		return o, err
	}
	o.catalogue = o.catalogue || o.lists
	o.published.Sequence = w.sequence - 1
	if o.catalogue {
		o.published.Sequence = w.sequence
	}
	for _, e := range c.Audit {
		if err := w.log(ctx, w.tx, e); err != nil {
			return o, err
		}
	}
	return o, nil
}

// listing writes the listing's document, and the rows that are made from it.
func (w writer) listing(ctx context.Context, k kept, c Change) (changed bool, object store.Object, err error) {
	hidden := (k.hidden || c.Hide) && !c.Show
	l := c.Listing
	switch {
	case l == nil && hidden == k.hidden:
		return false, k.object, nil
	case l == nil && k.number == 0:
		return false, object, fmt.Errorf("hiding or showing a listing: %w", ErrNotFound)
	case l == nil:
		l = new(store.Listing)
		if err := unpack(k.document, l); err != nil {
			return false, object, err
		}
	}
	owner := c.Organization
	if k.number != 0 {
		if owner != "" && owner != k.organization {
			return false, object, fmt.Errorf("%w: %s belongs to %s", ErrConflict, l.ID, k.organization)
		}
		owner = k.organization
	}
	data, err := store.Canonical(l)
	if err != nil {
		return false, object, err
	}
	if len(data) > maxDocument {
		return false, object, fmt.Errorf("the document of %s has %d bytes, %d are allowed", l.ID, len(data), maxDocument)
	}
	if object = store.ObjectOf(data); object == k.object && hidden == k.hidden {
		return false, object, w.details(ctx, k.number, c.Details)
	}
	number := k.number
	if number == 0 {
		number = w.sequence
	}
	packed, err := w.pack(data)
	if err != nil {
		return false, object, err
	}
	if err := w.row(ctx, number, k.number == 0, l, owner, hidden, object, packed); err != nil {
		return false, object, err
	}
	if err := w.releases(ctx, number, l, c.Details); err != nil {
		return false, object, err
	}
	if err := w.pictures(ctx, number, l); err != nil {
		return false, object, err
	}
	f := indexed{number: number}
	if !hidden {
		f.words = terms.Of(l, owner)
	}
	*w.indexed = append(*w.indexed, f)
	return true, object, nil
}

func (w writer) row(ctx context.Context, number int64, isNew bool, l *store.Listing, owner string, hidden bool, object store.Object, packed []byte) error {
	digest, err := rawDigest(object.Digest)
	if err != nil {
		return err
	}
	args := []any{number, l.ID, store.FoldID(l.ID), terms.Name(l), owner, string(l.Format),
		w.sequence, hidden, digest, object.Size, packed}
	if !isNew {
		_, err := w.tx.ExecContext(ctx, `UPDATE listings SET id = $2, folded = $3, name = $4, organization = $5, format = $6,
			sequence = $7, hidden = $8, digest = $9, size = $10, document = $11 WHERE number = $1`, args...)
		return err
	}
	err = insert(ctx, w.tx, `listings (number, id, folded, name, organization, format, sequence, hidden, digest, size, document)`,
		[][]any{args}, "")
	if w.engine.judge(err) == unrelated {
		return fmt.Errorf("organization %q: %w", owner, ErrNotFound)
	}
	return err
}

// releases brings the rows of releases and files to what the document says. A release never
// disappears, and a file belongs to it for good.
func (w writer) releases(ctx context.Context, number int64, l *store.Listing, details map[string]store.Detail) error {
	type state struct{ version, state, channel string }
	rows, err := all(ctx, w.tx, func(r row) (s state, err error) {
		err = r.Scan(&s.version, &s.state, &s.channel)
		return s, err
	}, `SELECT version, state, channel FROM releases WHERE listing = $1`, number)
	if err != nil {
		return err
	}
	had := map[string]state{}
	for _, s := range rows {
		had[s.version] = s
	}
	var releases, files [][]any
	for _, r := range l.Releases {
		s, there := had[r.Version]
		delete(had, r.Version)
		if !there {
			releases = append(releases, []any{number, r.Version, string(r.State), string(r.Channel), micros(r.Published)})
			for _, f := range r.Files {
				digest, err := rawDigest(f.Digest)
				if err != nil {
					return err
				}
				files = append(files, []any{digest, number, r.Version})
			}
		} else if s.state != string(r.State) || s.channel != string(r.Channel) {
			if _, err := w.tx.ExecContext(ctx, `UPDATE releases SET state = $1, channel = $2 WHERE listing = $3 AND version = $4`,
				string(r.State), string(r.Channel), number, r.Version); err != nil {
				return err
			}
		}
	}
	for version := range had {
		return fmt.Errorf("%w: release %s of %s is missing from its new document", ErrConflict, version, l.ID)
	}
	if err := insert(ctx, w.tx, "releases (listing, version, state, channel, published)", releases, ""); err != nil {
		return err
	}
	if err := insert(ctx, w.tx, "files (digest, listing, version)", files, ""); err != nil {
		return err
	}
	return w.details(ctx, number, details)
}

func (w writer) details(ctx context.Context, number int64, details map[string]store.Detail) error {
	for version, detail := range details {
		data, err := store.Canonical(detail)
		if err != nil {
			return err
		}
		packed, err := w.pack(data)
		if err != nil {
			return err
		}
		if err := exactlyOne(ctx, w.tx, `UPDATE releases SET detail = $1 WHERE listing = $2 AND version = $3`, packed, number, version); err != nil {
			return fmt.Errorf("release %s: %w", version, err)
		}
	}
	return nil
}

// pictures brings the rows of pictures to what the document says.
func (w writer) pictures(ctx context.Context, number int64, l *store.Listing) error {
	if _, err := w.tx.ExecContext(ctx, `DELETE FROM pictures WHERE listing = $1`, number); err != nil {
		return err
	}
	var rows [][]any
	list := slices.Clone(l.Pictures.Screenshots)
	for _, p := range []*store.Picture{l.Pictures.Icon, l.Pictures.Background} {
		if p != nil {
			list = append(list, *p)
		}
	}
	for _, p := range list {
		digest, err := rawDigest(p.Digest)
		if err != nil {
			return err
		}
		rows = append(rows, []any{digest, number})
	}
	return insert(ctx, w.tx, "pictures (digest, listing)", rows, "ON CONFLICT DO NOTHING")
}

// lists writes advisories, revocations and labels.
func (w writer) lists(ctx context.Context, c Change) (changed bool, err error) {
	put := func(table string, columns, keys string, key []any, value any) {
		var data []byte
		if data, err = store.Canonical(value); err == nil {
			err = insert(ctx, w.tx, table+" ("+columns+", document)", [][]any{append(key, string(data))},
				"ON CONFLICT ("+keys+") DO UPDATE SET document = excluded.document")
		}
		changed = true
	}
	for _, a := range c.Advisories {
		if a.ID == "" || a.Listing == "" {
			return false, errors.New("an advisory needs an id and a listing")
		}
		if put("advisories", "id, folded", "id", []any{a.ID, store.FoldID(a.Listing)}, a); err != nil {
			return false, err
		}
	}
	for _, r := range c.Revocations {
		key := []any{r.Digest, store.FoldID(r.Listing), r.Version}
		if put("revocations", "digest, folded, version", "digest, folded, version", key, r); err != nil {
			return false, err
		}
	}
	for _, l := range c.Labels {
		if put("labels", "id", "id", []any{l.ID}, l); err != nil {
			return false, err
		}
	}
	for _, r := range c.Unrevoke {
		if err := exactlyOne(ctx, w.tx, `DELETE FROM revocations WHERE digest = $1 AND folded = $2 AND version = $3`,
			r.Digest, store.FoldID(r.Listing), r.Version); err != nil {
			return false, fmt.Errorf("revocation: %w", err)
		}
		changed = true
	}
	for _, id := range c.RemoveLabels {
		if err := exactlyOne(ctx, w.tx, `DELETE FROM labels WHERE id = $1`, id); err != nil {
			return false, fmt.Errorf("label %q: %w", id, err)
		}
		changed = true
	}
	return changed, nil
}

// nextAdvisory is the id behind the last one of the year.
func nextAdvisory(ctx context.Context, q querier, now time.Time) (string, error) {
	prefix := fmt.Sprintf("JFA-%04d-", now.Year())
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM advisories WHERE id LIKE $1`, prefix+"%").Scan(&n)
	return fmt.Sprintf("%s%04d", prefix, n+1), err
}
