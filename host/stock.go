package host

import (
	"context"
	"errors"
	"slices"

	"github.com/jackfield-host/jackfield/host/internal/installation"
	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// stock is the configured repositories as an installation asks them.
type stock struct{ set *repositories.Set }

// Universe is part of installation.Repositories.
func (s stock) Universe(ctx context.Context, reach installation.Reach) ([]resolver.Repository, error) {
	u, err := s.set.Universe(ctx, repositories.Reach{IDs: reach.IDs, Publishers: reach.Publishers, Beta: reach.Beta})
	if err != nil {
		return nil, err
	}
	return u.Repositories, nil
}

// Release is part of installation.Repositories.
func (s stock) Release(ctx context.Context, repository, id, version string) (installation.Release, error) {
	offer, err := s.set.Find(ctx, id)
	if err != nil {
		return installation.Release{}, unfetched(err)
	}
	i := slices.IndexFunc(offer.Listing.Releases, func(r store.Release) bool { return r.Version == version })
	if i < 0 || offer.Repository != repository {
		return installation.Release{}, &installation.Fault{Code: string(repositories.CodeReleaseGone), Message: id + " " + version + " is not offered any more"}
	}
	found := installation.Release{Publisher: offer.Listing.Publisher.Organization, Permissions: offer.Listing.Releases[i].Permissions}
	for _, r := range offer.Releases {
		for _, f := range offer.Listing.Releases[i].Files {
			if r.Version == version && r.Digest == f.Digest {
				found.Size = f.Size
			}
		}
	}
	return found, nil
}

// Fetch is part of installation.Repositories.
func (s stock) Fetch(ctx context.Context, w installation.Want, into store.Partial, progress func(size, total int64)) error {
	_, err := s.set.Fetch(ctx, repositories.Want{
		Repository: w.Repository, ID: w.ID, Version: w.Version, Digest: w.Digest, Publisher: w.Publisher,
	}, into, progress)
	return unfetched(err)
}

// unfetched says of an error of a repository whether to try again.
func unfetched(err error) error {
	e, ok := errors.AsType[*repositories.Error](err)
	if !ok {
		return err
	}
	again := e.Code == repositories.Code(store.IndexUnreachable) || e.Code == repositories.Code(store.IndexTooSlow)
	return &installation.Unfetched{Code: string(e.Code), Err: e, Again: again}
}

// Outlook is part of installation.Repositories.
func (s stock) Outlook(ctx context.Context, installed []installation.Origin) ([]installation.Prospect, error) {
	asked := make([]repositories.Installed, 0, len(installed))
	for _, x := range installed {
		asked = append(asked, repositories.Installed{ID: x.ID, Version: x.Version, Digest: x.Digest, Repository: x.Repository})
	}
	found, err := s.set.Outlook(ctx, asked)
	var list []installation.Prospect
	for _, f := range found {
		p := installation.Prospect{ID: f.ID, Digest: f.Digest, Repository: f.Source, Revocation: f.Revocation, Advisories: f.Advisories}
		note := f.Note
		if note == "" {
			note = "no reason is given"
		}
		switch f.State {
		case store.Deprecated:
			p.Deprecated = note
		case store.Withdrawn, store.TakenDown:
			p.Withdrawn = note
		}
		list = append(list, p)
	}
	return list, err
}
