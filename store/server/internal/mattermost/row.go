package mattermost

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
)

// row is what a selection looks at of one listing. There may be many, so it is small.
type row struct {
	id         string
	key        string // of the order: the name in lower case
	text       string // the beginning of the description in lower case
	enterprise bool
	hosting    string
	releases   []release // highest first
}

// release is one that is offered.
type release struct {
	least     *bundle.Version // lowest version of a host, shared; nil for any
	index     uint16          // in the listing
	beta      bool
	platforms uint8 // a bit for each of platforms()
}

// chosen is a release that is shown.
type chosen struct {
	row     *row
	release *release
}

// The forms that the client's own parsers ask for.
var (
	fittingID = regexp.MustCompile(`^[A-Za-z0-9._-]{3,190}$`)
	numeric   = regexp.MustCompile(`^[0-9]+$`)
)

// summaryLength is how long a description is, in characters.
const summaryLength = 300

// rowOf makes the row of a listing. One that the client could not read has no releases.
func (a *API) rowOf(l *store.Listing) (*row, error) {
	r := &row{id: l.ID, enterprise: slices.Contains(l.Labels, labelEnterprise)}
	for _, hosting := range []string{hostingCloud, hostingOwn} {
		if slices.Contains(l.Labels, hosting) {
			r.hosting = hosting
		}
	}
	text := l.Texts[""]
	r.key, r.text = strings.ToLower(text.Name), strings.ToLower(beginning(text.Description))
	if !fittingID.MatchString(l.ID) || strings.TrimSpace(text.Name) == "" {
		return r, nil
	}
	for _, state := range []store.ReleaseState{store.Published, store.Deprecated} {
		for i := range l.Releases[:min(len(l.Releases), mostReleases)] {
			if found, ok := a.releaseOf(&l.Releases[i]); ok && l.Releases[i].State == state {
				found.index = uint16(i)
				r.releases = append(r.releases, found)
			}
		}
		if len(r.releases) > 0 {
			break // what is deprecated is for those who have no choice
		}
	}
	r.releases = slices.Clip(r.releases)
	return r, nil
}

// mostReleases is how many of a listing are looked at; a store takes no more.
const mostReleases = 1000

// beginning is that of a text: as much as an entry shows of it, at most.
func beginning(text string) string {
	if len(text) <= summaryLength {
		return text
	}
	return strings.ToValidUTF8(text[:summaryLength], "")
}

func (a *API) releaseOf(r *store.Release) (release, bool) {
	if _, ok := semantic(r.Version); !ok || r.Revoked != "" || len(r.Files) == 0 {
		return release{}, false
	}
	found := release{beta: r.Channel == store.Beta}
	if r.MinHost != "" {
		if _, ok := semantic(r.MinHost); !ok {
			return release{}, false
		}
		found.least = a.hosts.version(r.MinHost)
	}
	for _, f := range r.Files {
		for _, platform := range f.Platforms {
			found.platforms |= bitOf(platform)
		}
	}
	return found, true
}

// fitsAs tells whether a release is for the same servers as another one.
func (r release) fitsAs(o *release) bool {
	same := r.least == o.least || r.least != nil && o.least != nil && r.least.String() == o.least.String()
	return same && r.beta == o.beta && r.platforms == o.platforms
}

// bitOf is the bit of a platform, 0 for one for which nobody asks.
func bitOf(platform string) uint8 {
	if i := slices.Index(platforms(), platform); i >= 0 {
		return 1 << i
	}
	return 0
}

// hosts has the versions of hosts that releases need, each once.
type hosts struct {
	mu    sync.Mutex
	known map[string]*bundle.Version
}

// mostHosts is how many are kept: there are about as many as there are releases of the host.
const mostHosts = 4096

// version returns a version that bundle.ParseVersion reads.
func (h *hosts) version(text string) *bundle.Version {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v, ok := h.known[text]; ok {
		return v
	}
	v, err := bundle.ParseVersion(text)
	if err != nil {
		return nil
	}
	if h.known == nil || len(h.known) >= mostHosts {
		h.known = map[string]*bundle.Version{}
	}
	h.known[text] = &v
	return &v
}

// semantic writes a version of ours as Semantic Versioning 2.0.0 has it, without what says
// nothing of its order: three numbers, no leading zeros. Not all can be: some have four.
func semantic(text string) (string, bool) {
	if _, err := bundle.ParseVersion(text); err != nil {
		return "", false
	}
	text, _, _ = strings.Cut(text, "+")
	core, suffix, suffixed := strings.Cut(text, "-")
	numbers := strings.Split(core, ".")
	for len(numbers) < 3 {
		numbers = append(numbers, "0")
	}
	words := numbers
	if suffixed {
		words = append(slices.Clone(numbers), strings.Split(suffix, ".")...)
	}
	for i, word := range words {
		if numeric.MatchString(word) {
			words[i] = cmp.Or(strings.TrimLeft(word, "0"), "0")
		}
		if len(words[i]) > 18 && numeric.MatchString(words[i]) {
			return "", false // more than the client's numbers hold
		}
	}
	out := strings.Join(words[:3], ".")
	if suffixed {
		out += "-" + strings.Join(words[3:], ".")
	}
	return out, len(numbers) == 3
}

// sorted orders rows by name, then by id.
func sorted(_ int64, rows []*row) ([]*row, error) {
	slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id)) })
	return rows, nil
}
