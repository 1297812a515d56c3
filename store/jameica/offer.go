package jameica

import (
	"strings"

	"github.com/jackfield-host/jackfield/store/resolver"
)

// Offer is what the repository has of a name, in the resolver's terms: the Releases of a
// resolver.Repository, whose HostVersion is that of Jameica. It differs from what the
// client's own resolver does where that is careless:
//
//   - The version that an import asks for holds also where required is false, if the other
//     is there.
//   - Of two builds of one number the one without a suffix is the higher.
//
// Digests are not known before a download. The publisher is the Pin of the group's leaf, ""
// for a group that is not signed.
func (c *Contents) Offer(name string) []resolver.Release {
	var list []resolver.Release
	for _, r := range c.Releases {
		if r.Manifest.Name != name {
			continue
		}
		offer := resolver.Release{ID: name, Version: r.Manifest.Version, Order: ParseVersion(r.Manifest.Version).Ordered()}
		if r.Chain != nil {
			offer.Publisher = Pin(r.Chain.Leaf())
		}
		host := hostRequirements{r.Manifest.Host}
		for _, d := range r.Manifest.Requires {
			switch {
			case d.OnHost():
				host = append(host, d.Version)
			case !d.Obsolete():
				offer.Needs = append(offer.Needs, resolver.Need{ID: d.Name, Version: d.Version, Optional: !d.Required})
			}
		}
		offer.Host = host
		list = append(list, offer)
	}
	return list
}

// hostRequirements are all that is asked of the version of Jameica.
type hostRequirements []Requirement

func (h hostRequirements) Allows(version string) bool {
	for _, r := range h {
		if !r.Allows(version) {
			return false
		}
	}
	return true
}

func (h hostRequirements) String() string {
	var texts []string
	for _, r := range h {
		if r != "" {
			texts = append(texts, r.String())
		}
	}
	return strings.Join(texts, " and ")
}
