package host

import (
	"context"

	"github.com/jackfield-host/jackfield/host/internal/findings"
	"github.com/jackfield-host/jackfield/host/internal/installation"
	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// shelves are the configured repositories as package installation asks them.
type shelves struct{ set *repositories.Set }

// Universe reads what is reachable from some ids. Repositories of which nothing is known are
// not in it: how they stand says why.
func (s shelves) Universe(ctx context.Context, reach plan.Reach) ([]resolver.Repository, error) {
	u, err := s.set.Universe(ctx, repositories.Reach(reach))
	if err != nil {
		return nil, err
	}
	return u.Repositories, nil
}

// Release says what a plan shows of a release.
func (s shelves) Release(ctx context.Context, repository, id, version string) (plan.Release, error) {
	l, r, f, err := s.set.Release(ctx, repository, id, version)
	if err != nil {
		return plan.Release{}, unfetched(err)
	}
	text, _ := l.Text("en")
	return plan.Release{Name: text.Name, Publisher: l.Publisher.Organization, Size: f.Size, Permissions: r.Permissions, Icon: l.Pictures.Icon != nil}, nil
}

// Fetch completes a file.
func (s shelves) Fetch(ctx context.Context, want installation.Want, into store.Partial, progress func(size, total int64)) error {
	_, err := s.set.Fetch(ctx, repositories.Want(want), into, progress)
	return unfetched(err)
}

// unfetched says of what a repository refuses which code that has, and whether to try again.
func unfetched(err error) error {
	code := repositories.CodeOf(err)
	if code == "" {
		return err
	}
	again := code == repositories.Code(store.IndexUnreachable) || code == repositories.Code(store.IndexTooSlow)
	return &plan.Unfetched{Code: string(code), Err: err, Again: again}
}

// Outlook says what has become of what is installed.
func (s shelves) Outlook(ctx context.Context, installed []findings.Origin) ([]findings.Prospect, error) {
	origins := make([]repositories.Installed, len(installed))
	for i, o := range installed {
		origins[i] = repositories.Installed(o)
	}
	said, err := s.set.Outlook(ctx, origins)
	list := make([]findings.Prospect, 0, len(said))
	for _, p := range said {
		to := findings.Prospect{ID: p.ID, Digest: p.Digest, Repository: p.Source, Revocation: p.Revocation, Advisories: p.Advisories, Err: p.Err}
		switch p.State {
		case store.Deprecated:
			to.Deprecated = noteOf(p.Note)
		case store.Withdrawn, store.TakenDown:
			to.Withdrawn = noteOf(p.Note)
		}
		list = append(list, to)
	}
	return list, err
}

// noteOf is never empty: a note that its store left out is one all the same.
func noteOf(note string) string {
	if note == "" {
		return "its store does not say why"
	}
	return note
}
