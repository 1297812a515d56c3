package resolver

import (
	"fmt"
	"slices"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
)

// anyServer is the platform of a file that runs on every host.
const anyServer = "server"

// Offer is a listing of bundles in terms of the resolver, for one platform ("linux-amd64");
// beta releases are offered only on request. A release that can not be read is left out, for
// a reason in left; so are all of a listing in another format.
func Offer(l *store.Listing, platform string, beta bool) (releases []Release, left []error) {
	if l.Format != store.FormatBundle {
		return nil, []error{fmt.Errorf("%s is in the format %s, which is none that this host runs", l.ID, l.Format)}
	}
	for i := range l.Releases {
		from := &l.Releases[i]
		if from.Channel != store.Stable && !beta {
			continue
		}
		r := Release{ID: l.ID, Version: from.Version, Publisher: l.Publisher.Pin, State: stateOf(from)}
		err := r.read(from, platform)
		if err != nil {
			left = append(left, fmt.Errorf("%s %s: %w", l.ID, from.Version, err))
			continue
		}
		releases = append(releases, r)
	}
	return releases, left
}

func stateOf(r *store.Release) State {
	switch {
	case r.Revoked != "":
		return Revoked
	case r.State == store.Published:
		return Offered
	case r.State == store.Deprecated:
		return Deprecated
	}
	return Withdrawn // taken down, or what a newer store calls it
}

// read takes over what has a grammar: versions, requirements, platforms.
func (r *Release) read(from *store.Release, platform string) (err error) {
	if r.Order, err = bundle.ParseVersion(from.Version); err != nil {
		return err
	}
	if from.MinHost != "" {
		least, err := bundle.ParseVersion(from.MinHost)
		if err != nil {
			return err
		}
		r.Host = AtLeast(least)
	}
	var requires []bundle.Requirement
	for _, text := range from.Requires {
		requirement, err := bundle.ParseRequirement(text)
		if err != nil {
			return err
		}
		requires = append(requires, requirement)
	}
	r.Needs = Needs(requires)
	for _, f := range from.Files {
		if everywhere := len(f.Platforms) == 1 && f.Platforms[0] == anyServer; everywhere || slices.Contains(f.Platforms, platform) {
			r.Digest, r.Platforms = f.Digest, nil
			return nil
		}
		r.Platforms = append(r.Platforms, f.Platforms...)
	}
	r.Platforms = slices.DeleteFunc(r.Platforms, func(p string) bool { return p == anyServer })
	if len(r.Platforms) == 0 {
		return fmt.Errorf("it has no file that runs in a host")
	}
	return nil
}
