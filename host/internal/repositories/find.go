package repositories

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackfield-host/jackfield/store"
)

// sources are the repositories that count when something is decided: all that are enabled
// and of which something is known. The others are missing, with the reason.
func (s *Set) sources() (members []*member, missing map[string]error) {
	missing = map[string]error{}
	for _, m := range s.enabled() {
		if m.facts().known {
			members = append(members, m)
			continue
		}
		m.mu.Lock()
		last := m.last
		m.mu.Unlock()
		if last == nil {
			last = fmt.Errorf("the repository %s was not read yet", m.source.Name)
		}
		missing[m.source.Name] = last
	}
	return members, missing
}

// first finds the repository that counts for an id, nil for none. The error says that
// nobody knows.
func first(ctx context.Context, members []*member, id string) (*member, *store.Listing, error) {
	return firstOf(members, func(m *member) (*store.Listing, error) { return m.listing(ctx, id) })
}

func firstOf(members []*member, listing func(*member) (*store.Listing, error)) (*member, *store.Listing, error) {
	for _, m := range members {
		l, err := listing(m)
		switch {
		case CodeOf(err) == Code(store.IndexUnknown):
			continue
		case err != nil:
			return m, nil, err
		case !m.usable(l):
			continue
		}
		return m, l, nil
	}
	return nil, nil, nil
}

// usable reports whether a listing is of something for hosts.
func (m *member) usable(l *store.Listing) bool {
	return l.Format == store.FormatBundle || m.source.Kind == KindJameica
}

// Find finds one listing. The error is an *Error, index_unknown where nobody has it.
func (s *Set) Find(ctx context.Context, id string) (Offer, error) {
	s.meet(ctx)
	members, _ := s.sources()
	m, l, err := first(ctx, members, id)
	switch {
	case err != nil:
		return Offer{}, err
	case m == nil:
		return Offer{}, refuse("", Code(store.IndexUnknown), "no repository offers %.100q", id)
	}
	return m.offer(l), nil
}

// Icon reads the icon of what was found, as its store has made it: bytes that its index names
// by their digest, and else nothing is known of them. The error is an *Error: index_unknown
// where it has none, index_missing where it is not there.
func (s *Set) Icon(ctx context.Context, o Offer) ([]byte, error) {
	m, err := s.member(o.Repository)
	if err != nil {
		return nil, refuse(o.Repository, Code(store.IndexUnknown), "%w", err)
	}
	return m.icon(ctx, o.Listing)
}

func (m *member) offer(l *store.Listing) Offer {
	releases, _ := m.releases(l, true, "")
	return Offer{Repository: m.source.Name, Kind: m.source.Kind, Listing: l, Releases: releases}
}

// Release finds one release of one repository, with its file for this host; of Jameica's the
// file has neither digest nor size. The error is an *Error: release_gone where it is not in
// there, or not for this host.
func (s *Set) Release(ctx context.Context, repository, id, version string) (*store.Listing, store.Release, store.File, error) {
	var none store.Release
	m, err := s.member(repository)
	if err != nil {
		return nil, none, store.File{}, refuse(repository, CodeReleaseGone, "%w", err)
	}
	l, err := m.listing(ctx, id)
	if err != nil {
		return nil, none, store.File{}, err
	}
	for _, r := range l.Releases {
		if r.Version != version {
			continue
		}
		for _, f := range r.Files {
			if slices.Contains(f.Platforms, serverPlatform) || slices.Contains(f.Platforms, s.config.Platform) {
				return l, r, f, nil
			}
		}
	}
	return nil, none, store.File{}, refuse(repository, CodeReleaseGone, "the repository %s has no %.100s %.50s for %s", repository, id, version, s.config.Platform)
}

// Notices are what one repository says of what it lists.
type Notices struct {
	Repository  string
	Priority    int
	Advisories  []store.Advisory
	Revocations []store.Revocation
	// Lists reports whether the repository has a listing with an id.
	Lists func(id string) bool
}

// Notices returns what each repository says, as it is known: nobody is asked, and what has
// run out still holds. In the order in which repositories go before each other.
func (s *Set) Notices(ctx context.Context) []Notices {
	members, _ := s.sources()
	var list []Notices
	for _, m := range members {
		n := Notices{Repository: m.source.Name, Priority: m.source.Priority}
		var err error
		if n.Advisories, n.Revocations, err = m.notices(ctx); err != nil {
			s.config.Log.Warn("what a repository tells of what is installed cannot be read", "name", m.source.Name, "error", err)
		}
		n.Lists = func(id string) bool {
			_, err := m.listing(ctx, id)
			return err == nil
		}
		list = append(list, n)
	}
	return list
}

// Fetch completes a file. What into holds already is kept if the whole then is right, and
// emptied if it is wrong; what had come before an interruption stays for the next try.
// progress, which may be nil, is told how many bytes are there of how many, 0 where that
// is not known. Of Jameica's it is the bundle in the ZIP that into gets. Errors are of type
// *Error, but for what ctx and into say.
func (s *Set) Fetch(ctx context.Context, want Want, into store.Partial, progress func(size, total int64)) (Fetched, error) {
	m, err := s.member(want.Repository)
	if err != nil {
		return Fetched{}, refuse(want.Repository, CodeReleaseGone, "%w", err)
	}
	f := m.facts()
	switch {
	case !f.known:
		return Fetched{}, refuse(want.Repository, CodeReleaseGone, "nothing is known of the repository %s: refresh it", want.Repository)
	case !f.good(s.config.Now()):
		return Fetched{}, f.expired(want.Repository)
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	return m.fetch(ctx, want, into, progress)
}
