package repositories

import (
	"context"
	"fmt"

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
	for _, m := range members {
		l, err := m.listing(ctx, id)
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

func (m *member) offer(l *store.Listing) Offer {
	releases, _ := m.releases(l, true, "")
	return Offer{Repository: m.source.Name, Kind: m.source.Kind, Listing: l, Releases: releases}
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
