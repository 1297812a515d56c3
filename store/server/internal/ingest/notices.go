package ingest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Advise makes an advisory, or, when it has an ID, changes the one with that ID. ID, Created
// and Updated are given here and stand in the result. The listing need not be in this store.
func (d *Desk) Advise(ctx context.Context, actor string, a store.Advisory) (store.Advisory, error) {
	if err := checkAdvisory(a); err != nil {
		return a, err
	}
	now := d.now()
	var next store.Advisory
	_, err := d.cfg.Database.Publish(ctx, database.Key{ID: a.Listing}, func(current database.Current) (database.Change, error) {
		action := "advisory.create"
		next = a
		next.Created, next.Updated = now, now
		if a.ID == "" {
			next.ID = current.NextAdvisory
		} else {
			i := slices.IndexFunc(current.Advisories, func(known store.Advisory) bool { return known.ID == a.ID })
			if i < 0 {
				return database.Change{}, actionErrorf(NotFound, "there is no advisory %s about %s", a.ID, a.Listing)
			}
			next.Created, action = current.Advisories[i].Created, "advisory.update"
		}
		if current.Listing != nil {
			next.Listing = current.Listing.ID
		}
		return database.Change{Advisories: []store.Advisory{next}, Audit: []database.Entry{{
			Actor: actor, Action: action, Target: next.ID, Reason: next.Title, Detail: detail(next)}}}, nil
	})
	return next, ofAction(err, "publishing an advisory about "+a.Listing)
}

// affected is a list of constraints as extension_requires has them, in the grammar of any
// format's versions.
var affected = regexp.MustCompile(`^ *((>=|<=|=|>|<) *[0-9A-Za-z][0-9A-Za-z.+-]{0,100} *)*$`)

func checkAdvisory(a store.Advisory) error {
	switch a.Severity {
	case store.Low, store.Medium, store.High, store.Critical:
	default:
		return actionErrorf(Incomplete, "the severity of an advisory is low, medium, high or critical")
	}
	switch {
	case a.Listing == "" || len(a.Listing) > 190:
		return actionErrorf(Incomplete, "an advisory is about one listing")
	case strings.TrimSpace(a.Title) == "" || len(a.Title) > 200:
		return actionErrorf(Incomplete, "an advisory has a title of at most 200 bytes")
	case len(a.Text) > 32<<10:
		return actionErrorf(Incomplete, "the text of an advisory has at most 32 KiB")
	}
	if len(a.Affected) > 500 || !affected.MatchString(a.Affected) {
		return actionErrorf(Incomplete, "the affected versions are written as in extension_requires, for example >=1.0 <1.4.2")
	}
	if len(a.Fixed) > 100 {
		return actionErrorf(Incomplete, "the version in which it is fixed has at most 100 bytes")
	}
	return checkURL(a.URL)
}

func checkURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > 2000 || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return actionErrorf(Incomplete, "an address begins with https:// or http:// and has at most 2000 bytes")
	}
	return nil
}

// Revoke says that something must not run any more, and marks the releases that it is about.
// What is not in this store can be revoked, too.
func (d *Desk) Revoke(ctx context.Context, actor string, r store.Revocation) (store.Revocation, error) {
	if err := checkRevocation(r); err != nil {
		return r, err
	}
	if strings.TrimSpace(r.Reason) == "" || len(r.Reason) > maxReason {
		return r, actionErrorf(Incomplete, "a revocation needs a reason of at most %d bytes: those whose extension stops read it", maxReason)
	}
	if err := checkURL(r.URL); err != nil {
		return r, err
	}
	r.Created = d.now()
	return r, d.changeRevocation(ctx, actor, "revoke", &r, func(current database.Current, change *database.Change) error {
		for _, known := range current.Revocations {
			if same(known, r) {
				return actionErrorf(WrongState, "%s is revoked already", revoked(r))
			}
		}
		if current.Listing != nil && r.Listing != "" {
			r.Listing = current.Listing.ID
		}
		change.Revocations = []store.Revocation{r}
		return nil
	})
}

// Unrevoke takes the revocation of exactly this digest, or this listing and version, back.
func (d *Desk) Unrevoke(ctx context.Context, actor string, r store.Revocation) error {
	if err := checkRevocation(r); err != nil {
		return err
	}
	return d.changeRevocation(ctx, actor, "unrevoke", &r, func(current database.Current, change *database.Change) error {
		for _, known := range current.Revocations {
			if same(known, r) {
				change.Unrevoke = []store.Revocation{known}
				return nil
			}
		}
		return actionErrorf(NotFound, "%s is not revoked", revoked(r))
	})
}

func checkRevocation(r store.Revocation) error {
	switch {
	case (r.Digest == "") == (r.Listing == ""):
		return actionErrorf(Incomplete, "a revocation is about one digest, or about a listing")
	case r.Version != "" && r.Listing == "":
		return actionErrorf(Incomplete, "a version is revoked with its listing")
	case len(r.Digest)+len(r.Listing)+len(r.Version) > 500:
		return actionErrorf(Incomplete, "what is revoked has a shorter name")
	}
	return nil
}

func same(a, b store.Revocation) bool {
	return a.Digest == b.Digest && store.FoldID(a.Listing) == store.FoldID(b.Listing) && a.Version == b.Version
}

// changeRevocation adds or takes back a revocation, and marks the releases anew.
func (d *Desk) changeRevocation(ctx context.Context, actor, action string, r *store.Revocation, decide func(database.Current, *database.Change) error) error {
	for try := 1; ; try++ {
		key, err := d.concerned(ctx, *r)
		if err != nil {
			return err
		}
		now := d.now()
		_, err = d.cfg.Database.Publish(ctx, key, func(current database.Current) (database.Change, error) {
			var change database.Change
			if err := decide(current, &change); err != nil {
				return change, err
			}
			change.Audit = []database.Entry{{Actor: actor, Action: action, Target: revoked(*r), Reason: r.Reason}}
			if l := current.Listing; l != nil {
				if !slices.Equal(digests(l), key.Digests) {
					return change, errStale
				}
				list := slices.DeleteFunc(slices.Clone(current.Revocations), func(known store.Revocation) bool {
					return slices.ContainsFunc(change.Unrevoke, func(u store.Revocation) bool { return same(known, u) })
				})
				if mark(l, append(list, change.Revocations...)) {
					l.Updated = now
					change.Listing, change.Organization = l, current.Owner.Name
				}
			}
			return change, nil
		})
		if !errors.Is(err, errStale) || try == 5 {
			return ofAction(err, action+" "+revoked(*r))
		}
	}
}

// errStale says that a listing got another release between the question and the change.
var errStale = errors.New("the listing changed meanwhile")

// concerned is the key of the listing that a revocation is about, with the digests of all of
// its files, so that the database hands over every revocation of one of them.
func (d *Desk) concerned(ctx context.Context, r store.Revocation) (database.Key, error) {
	key := database.Key{ID: r.Listing}
	if r.Digest != "" {
		key.Digests = []string{r.Digest}
		owner, err := d.cfg.Database.File(ctx, r.Digest)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return key, fmt.Errorf("looking for %s: %w", r.Digest, err)
		}
		key.ID = owner.Listing
	}
	if key.ID == "" {
		return key, nil
	}
	l, err := d.listing(ctx, key.ID)
	if l != nil {
		key.Digests = digests(l)
	}
	return key, err
}

// listing reads a listing, nil for none.
func (d *Desk) listing(ctx context.Context, id string) (*store.Listing, error) {
	document, err := d.cfg.Database.Document(ctx, id)
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", id, err)
	}
	r, err := gzip.NewReader(bytes.NewReader(document.Gzip))
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", id, err)
	}
	var l store.Listing
	if err := json.NewDecoder(r).Decode(&l); err != nil {
		return nil, fmt.Errorf("reading %s: %w", id, err)
	}
	return &l, nil
}

// digests are those of all files of a listing.
func digests(l *store.Listing) []string {
	var list []string
	for _, r := range l.Releases {
		for _, f := range r.Files {
			list = append(list, f.Digest)
		}
	}
	return list
}

// mark says of each release which revocation stops it, and whether that is news.
func mark(l *store.Listing, list []store.Revocation) (changed bool) {
	// The more exact ones first, so that the same list always gives the same words.
	slices.SortFunc(list, func(a, b store.Revocation) int {
		return cmp.Or(-cmp.Compare(a.Digest, b.Digest), -cmp.Compare(a.Version, b.Version))
	})
	for i := range l.Releases {
		r := &l.Releases[i]
		name := ""
		for _, f := range r.Files {
			if by := revokes(list, l.ID, r.Version, f.Digest); by != nil && name == "" {
				name = revoked(*by)
			}
		}
		changed = changed || name != r.Revoked
		r.Revoked = name
	}
	return changed
}

// ofAction gives an error that is no *ActionError its place.
func ofAction(err error, what string) error {
	if _, ok := errors.AsType[*ActionError](err); ok || err == nil {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}
