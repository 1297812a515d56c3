package jameica

import (
	"fmt"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
)

// The groups of a repository. Each has a name: without one the client shows nothing.
const (
	stableGroup = "Stable"
	betaGroup   = "Beta"
)

// The client asks for every version that is listed, one after the other, whenever its user
// opens the list: few are listed. Those are the newest three of a group, and below them, for
// those whose Jameica is older, the newest for each further requirement, up to eight.
const (
	newestListed = 3
	mostListed   = 8
)

// row is what the repository lists of one listing: versions, the highest first.
type row struct {
	id           string
	stable, beta []string
}

// rowOf finds what is listed. Deprecated releases are where there is nothing else.
func rowOf(l *store.Listing) (row, error) {
	if err := jameica.CheckName(l.ID); err != nil {
		return row{}, err
	}
	r := row{id: l.ID}
	for _, state := range []store.ReleaseState{store.Published, store.Deprecated} {
		r.stable, r.beta = listed(l, state, store.Stable), listed(l, state, store.Beta)
		if len(r.stable)+len(r.beta) > 0 {
			return r, nil
		}
	}
	return r, nil
}

func listed(l *store.Listing, state store.ReleaseState, channel store.Channel) []string {
	var list []string
	hosts := map[string]bool{} // the requirements of those that are listed
	for i := range l.Releases {
		r := &l.Releases[i]
		if r.State != state || (r.Channel == store.Beta) != (channel == store.Beta) || !served(r) {
			continue
		}
		if len(list) < newestListed || !hosts[r.MinHost] {
			list = append(list, r.Version)
		}
		hosts[r.MinHost] = true
		if len(list) == mostListed {
			break
		}
	}
	return list
}

// served tells whether a release can be had here: those that are withdrawn, taken down or
// revoked can not, and neither can one that the client would misread.
func served(r *store.Release) bool {
	return (r.State == store.Published || r.State == store.Deprecated) && r.Revoked == "" &&
		len(r.Files) == 1 && len(r.Files[0].Platforms) > 0 && jameica.LintVersion(r.Version) == ""
}

// repositories are the two that can be added to a Jameica. Its check for updates offers what
// any group has, and knows no channels: who has not asked for betas must not see them.
type repositories struct{ stable, beta []byte }

// repositories writes repository.xml, without and with the betas.
func (f *Face) repositories(_ int64, rows []row) (repositories, error) {
	certificate := f.options.Base + prefix + "/" + certificateName
	stable := jameica.Group{Name: stableGroup, Certificate: certificate}
	beta := jameica.Group{Name: betaGroup, Certificate: certificate}
	for _, r := range rows {
		for _, version := range r.stable {
			stable.Entries = append(stable.Entries, f.folder(r.id, version))
		}
		for _, version := range r.beta {
			beta.Entries = append(beta.Entries, f.folder(r.id, version))
		}
	}
	var out repositories
	var err error
	if out.stable, err = (&jameica.Repository{Name: f.options.Name, Groups: []jameica.Group{stable}}).XML(); err == nil {
		out.beta, err = (&jameica.Repository{Name: f.options.Name + " (beta)", Groups: []jameica.Group{stable, beta}}).XML()
	}
	if err != nil {
		return repositories{}, fmt.Errorf("writing the repository: %w", err)
	}
	return out, nil
}

// folder is the address at which a release lies. Names and versions need no escapes.
func (f *Face) folder(id, version string) string {
	return f.options.Base + prefix + "/" + id + "/" + version
}
