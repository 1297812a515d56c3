package repositories

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// Outlook says what has become of what is installed, in the same order. Nobody is asked but
// for documents that are missing. What could not be found out of one is in its Err, and keeps
// nothing back of the others; the error is about ctx only.
func (s *Set) Outlook(ctx context.Context, installed []Installed) ([]Prospect, error) {
	members, missing := s.sources()
	read := &survey{patience: s.config.Patience, spent: map[*member]time.Duration{}, tired: map[*member]error{}}
	notes := map[*member]notices{}
	list := make([]Prospect, 0, len(installed))
	for _, i := range installed {
		p := Prospect{Installed: i}
		if why, ok := missing[i.Repository]; ok {
			p.Source, p.Err = i.Repository, why
			list = append(list, p)
			continue
		}
		m, l, err := read.answers(ctx, members, i)
		p.Err = err
		if m != nil {
			p.Source = m.source.Name
			said, asked := notes[m]
			if !asked {
				said.advisories, said.revocations, said.err = m.notices(ctx)
				notes[m] = said
			}
			said.about(&p)
			p.Err = errors.Join(err, said.err)
		}
		if l != nil {
			s.compare(&p, m, l)
		}
		list = append(list, p)
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// answers finds who answers for what is installed: the repository that it came from while
// there is one, which nobody else does in its place, else the first that has the id.
func (s *survey) answers(ctx context.Context, members []*member, i Installed) (*member, *store.Listing, error) {
	listing := func(m *member) (*store.Listing, error) { return s.listing(ctx, m, i.ID) }
	at := slices.IndexFunc(members, func(m *member) bool { return m.source.Name == i.Repository })
	if at < 0 {
		return firstOf(members, listing)
	}
	m, l, err := firstOf(members[at:at+1], listing)
	if m == nil {
		m = members[at] // which has dropped it, and may have revoked it
	}
	return m, l, err
}

// survey is the reading of listings for one Outlook. A repository that does not answer, or
// takes longer than patience for all of them, is asked no more: it holds up what others say
// no longer than that.
type survey struct {
	patience time.Duration
	spent    map[*member]time.Duration
	tired    map[*member]error
}

func (s *survey) listing(ctx context.Context, m *member, id string) (*store.Listing, error) {
	if why := s.tired[m]; why != nil {
		return nil, why
	}
	began := time.Now()
	defer func() { s.spent[m] += time.Since(began) }()
	timed, cancel := context.WithTimeoutCause(ctx, s.patience-s.spent[m],
		refuse(m.source.Name, Code(store.IndexTooSlow), "the repository %s takes too long to say what has become of what is installed", m.source.Name))
	defer cancel()
	l, err := m.listing(timed, id)
	if err != nil && CodeOf(err) != Code(store.IndexUnknown) {
		s.tired[m] = err
	}
	return l, err
}

// notices are what a repository tells of.
type notices struct {
	advisories  []store.Advisory
	revocations []store.Revocation
	err         error // why these are not all
}

// about finds those about something installed.
func (n notices) about(p *Prospect) {
	folded := store.FoldID(p.ID)
	for _, a := range n.advisories {
		if store.FoldID(a.Listing) == folded && a.Affects(p.Version) {
			p.Advisories = append(p.Advisories, a)
		}
	}
	for i, r := range n.revocations {
		switch {
		case r.Digest != "" && r.Digest == p.Digest,
			r.Digest == "" && r.Listing != "" && store.FoldID(r.Listing) == folded && (r.Version == "" || same(r.Version, p.Version)):
			p.Revocation = &n.revocations[i]
			return
		}
	}
}

// same compares versions as they are ordered, or as they are written.
func same(a, b string) bool {
	x, errX := bundle.ParseVersion(a)
	y, errY := bundle.ParseVersion(b)
	return a == b || errX == nil && errY == nil && x.Compare(y) == 0
}

// compare finds what is installed among the releases of its listing, and what is newer.
func (s *Set) compare(p *Prospect, m *member, l *store.Listing) {
	beta := false
	for _, r := range l.Releases {
		if !same(r.Version, p.Version) {
			continue
		}
		p.State, p.Note = r.State, r.Note
		p.Known = p.Digest == "" || slices.ContainsFunc(r.Files, func(f store.File) bool { return f.Digest == "" || f.Digest == p.Digest })
		if r.Revoked != "" && p.Known && p.Revocation == nil {
			p.Revocation = &store.Revocation{Listing: l.ID, Version: r.Version, Reason: r.Revoked}
		}
		beta = r.Channel == store.Beta
		break
	}
	have, err := bundle.ParseVersion(p.Version)
	if err != nil {
		return
	}
	offered, _ := m.releases(l, beta, "")
	var best, out *resolver.Release
	for i := range offered {
		r := &offered[i]
		if r.State != resolver.Offered || r.Order.Compare(have) <= 0 || len(r.Platforms) > 0 && !slices.Contains(r.Platforms, s.config.Platform) {
			continue
		}
		if r.Host != nil && !r.Host.Allows(s.config.HostVersion) {
			if out == nil || r.Order.Compare(out.Order) > 0 {
				out = r
			}
			continue
		}
		if best == nil || r.Order.Compare(best.Order) > 0 {
			best = r
		}
	}
	if best != nil {
		at := slices.IndexFunc(l.Releases, func(r store.Release) bool { return r.Version == best.Version })
		p.Newer = &l.Releases[at]
	}
	if out != nil && (best == nil || out.Order.Compare(best.Order) > 0) {
		p.Latest = out.Version
		at := slices.IndexFunc(l.Releases, func(r store.Release) bool { return r.Version == out.Version })
		p.Needs = l.Releases[at].MinHost
	}
}
