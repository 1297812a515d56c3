package mattermost

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// MarketplaceEntry is one version of one extension, in the shape of Mattermost's marketplace.
type MarketplaceEntry struct {
	HomepageURL     string                         `json:"homepage_url"`
	IconData        string                         `json:"icon_data"` // a data URI, "" for none
	DownloadURL     string                         `json:"download_url"`
	ReleaseNotesURL string                         `json:"release_notes_url"`
	Labels          []MarketplaceLabel             `json:"labels"`
	Hosting         string                         `json:"hosting"`       // "", on-prem or cloud
	AuthorType      string                         `json:"author_type"`   // mattermost, partner or community
	ReleaseStage    string                         `json:"release_stage"` // production, beta or experimental
	Enterprise      bool                           `json:"enterprise"`
	Signature       string                         `json:"signature"` // always "": a bundle has its own within
	RepoName        string                         `json:"repo_name"`
	Manifest        MarketplaceManifest            `json:"manifest"`
	Platforms       map[string]MarketplacePlatform `json:"platforms"`
	UpdatedAt       time.Time                      `json:"updated_at"`
}

// MarketplaceManifest is what an entry says of the extension itself.
type MarketplaceManifest struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	Description      string `json:"description"` // plain text
	HomepageURL      string `json:"homepage_url,omitempty"`
	SupportURL       string `json:"support_url,omitempty"`
	ReleaseNotesURL  string `json:"release_notes_url,omitempty"`
	Version          string `json:"version"`                      // semantic
	MinServerVersion string `json:"min_server_version,omitempty"` // semantic; of a host of ours
}

// MarketplacePlatform is the file for one platform.
type MarketplacePlatform struct {
	DownloadURL string `json:"download_url"`
	Signature   string `json:"signature"`
}

// MarketplaceLabel is a label of entries.
type MarketplaceLabel struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	URL         string `json:"url"`
	Color       string `json:"color"`
}

// The labels of a listing that stand for something of an entry.
const (
	labelOfficial     = "official"
	labelPartner      = "partner"
	labelExperimental = "experimental"
	labelEnterprise   = "enterprise"
	hostingCloud      = "cloud"
	hostingOwn        = "on-prem"
)

// computed are the labels that follow from an entry.
func computed() []MarketplaceLabel {
	return []MarketplaceLabel{
		{Name: "Partner", Description: "By a partner of this store", Color: "#2d7ff9"},
		{Name: "Community", Description: "By an organization that publishes in this store", Color: "#5c6b7a"},
		{Name: "Beta", Description: "Not meant for everyday use yet", Color: "#b35c00"},
		{Name: "Experimental", Description: "May change or go away", Color: "#a32638"},
		{Name: "Enterprise", Description: "For the enterprise edition", Color: "#4b3f91"},
	}
}

func labelNamed(name string) MarketplaceLabel {
	list := computed()
	return list[slices.IndexFunc(list, func(l MarketplaceLabel) bool { return l.Name == name })]
}

func labelOf(l database.Label) MarketplaceLabel {
	text := l.Texts[""]
	return MarketplaceLabel{Name: cmp.Or(text.Name, l.ID), Description: text.Description, URL: l.URL, Color: l.Color}
}

// row is what a selection looks at of one listing.
type row struct {
	id         string
	key        string // of the order
	search     string // name and description, lower case
	enterprise bool
	hosting    string
	releases   []release // highest first
}

// release is one that is offered.
type release struct {
	index     int // in the listing
	version   string
	least     bundle.Version // lowest version of a host, zero for any
	beta      bool
	platforms []string
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
func (a *API) rowOf(l *store.Listing) (row, error) {
	r := row{id: l.ID, enterprise: slices.Contains(l.Labels, labelEnterprise)}
	for _, hosting := range []string{hostingCloud, hostingOwn} {
		if slices.Contains(l.Labels, hosting) {
			r.hosting = hosting
		}
	}
	text := l.Texts[""]
	r.key = strings.ToLower(text.Name)
	r.search = r.key + "\n" + strings.ToLower(a.cfg.Summary(text.Description, summaryLength))
	if !fittingID.MatchString(l.ID) || strings.TrimSpace(text.Name) == "" {
		return r, nil
	}
	for _, state := range []store.ReleaseState{store.Published, store.Deprecated} {
		for i := range l.Releases {
			if found, ok := releaseOf(&l.Releases[i]); ok && l.Releases[i].State == state {
				found.index = i
				r.releases = append(r.releases, found)
			}
		}
		if len(r.releases) > 0 {
			break // what is deprecated is for those who have no choice
		}
	}
	return r, nil
}

func releaseOf(r *store.Release) (release, bool) {
	version, ok := semantic(r.Version)
	if !ok || r.Revoked != "" || len(r.Files) == 0 {
		return release{}, false
	}
	found := release{version: version, beta: r.Channel == store.Beta}
	if r.MinHost != "" {
		if _, ok := semantic(r.MinHost); !ok {
			return release{}, false
		}
		found.least, _ = bundle.ParseVersion(r.MinHost) // it is one if it is a semantic one
	}
	for _, f := range r.Files {
		for _, platform := range f.Platforms {
			if slices.Contains(platforms(), platform) {
				found.platforms = append(found.platforms, platform)
			}
		}
	}
	return found, true
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
func sorted(_ int64, rows []row) ([]row, error) {
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id)) })
	return rows, nil
}

// entries are what is shown of the releases that were chosen. A listing that is no longer as
// it was chosen, or can not be read, is left out.
func (a *API) entries(ctx context.Context, now Snapshot, list []chosen) ([]MarketplaceEntry, error) {
	names := map[string]database.Label{}
	for _, l := range now.Labels() {
		names[l.ID] = l
	}
	out := make([]MarketplaceEntry, 0, len(list))
	left := mostIcons
	for _, c := range list {
		l, ok := now.Listing(store.FoldID(c.row.id))
		if !ok || c.release.index >= len(l.Releases) {
			continue
		}
		if found, ok := releaseOf(&l.Releases[c.release.index]); !ok || found.version != c.release.version {
			continue
		}
		e := a.entry(l, c, names)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		icon := a.icon(ctx, l.Pictures.Icon)
		if left -= len(icon); left >= 0 {
			e.IconData = icon
		}
		out = append(out, e)
	}
	return out, nil
}

func (a *API) entry(l *store.Listing, c chosen, names map[string]database.Label) MarketplaceEntry {
	r, text := &l.Releases[c.release.index], l.Texts[""]
	download := a.cfg.Base + prefix + "listings/" + url.PathEscape(l.ID) + "/releases/" + url.PathEscape(r.Version) + "/download"
	e := MarketplaceEntry{
		HomepageURL: l.Links.Homepage, DownloadURL: download, ReleaseNotesURL: l.Links.ReleaseNotes, Labels: []MarketplaceLabel{},
		Hosting: c.row.hosting, AuthorType: "community", ReleaseStage: "production", Enterprise: c.row.enterprise,
		RepoName: repository(l.Links.Source), Platforms: map[string]MarketplacePlatform{}, UpdatedAt: r.Published,
		Manifest: MarketplaceManifest{
			ID: l.ID, Name: text.Name, Description: a.cfg.Summary(text.Description, summaryLength),
			HomepageURL: l.Links.Homepage, SupportURL: l.Links.Support, ReleaseNotesURL: l.Links.ReleaseNotes, Version: c.release.version,
		},
	}
	if r.MinHost != "" {
		e.Manifest.MinServerVersion, _ = semantic(r.MinHost)
	}
	for _, platform := range c.release.platforms {
		e.Platforms[platform] = MarketplacePlatform{DownloadURL: download}
	}
	e.judge(l.Labels, c.release.beta, names)
	return e
}

// judge fills in what follows from the labels of a listing.
func (e *MarketplaceEntry) judge(labels []string, beta bool, names map[string]database.Label) {
	add := func(name string) { e.Labels = append(e.Labels, labelNamed(name)) }
	switch {
	case slices.Contains(labels, labelOfficial):
		e.AuthorType = "mattermost"
	case slices.Contains(labels, labelPartner):
		e.AuthorType = "partner"
		add("Partner")
	default:
		add("Community")
	}
	switch {
	case slices.Contains(labels, labelExperimental):
		e.ReleaseStage = "experimental"
		add("Experimental")
	case beta:
		e.ReleaseStage = "beta"
		add("Beta")
	}
	if e.Enterprise {
		add("Enterprise")
	}
	for _, id := range labels {
		if l, ok := names[id]; ok && !slices.Contains([]string{labelPartner, labelExperimental, labelEnterprise}, id) {
			e.Labels = append(e.Labels, labelOf(l))
		}
	}
}

// repository is the name of a repository by its address.
func repository(source string) string {
	u, err := url.Parse(source)
	if err != nil || source == "" {
		return ""
	}
	name := strings.TrimSuffix(path.Base(u.Path), ".git")
	if name == "." || name == "/" {
		return ""
	}
	return name
}

const (
	// mostIcon bounds the file of one icon, mostIcons what the icons of one answer take in it,
	// in bytes.
	mostIcon  = 256 << 10
	mostIcons = 16 << 20
)

// icon is a picture as a data URI, "" where there is none that can be had.
func (a *API) icon(ctx context.Context, p *store.Picture) string {
	if p == nil || p.Size > mostIcon || p.Media != "image/png" && p.Media != "image/jpeg" {
		return ""
	}
	uri, err := a.icons.Get(ctx, p.Digest, readTime, func(ctx context.Context) ([]byte, error) {
		data, err := a.cfg.Read(ctx, p.Digest, mostIcon)
		if err != nil {
			return nil, err
		}
		return []byte("data:" + p.Media + ";base64," + base64.StdEncoding.EncodeToString(data)), nil
	})
	if err != nil {
		a.cfg.Failed(fmt.Errorf("an icon is left out: %w", err))
		return ""
	}
	return string(uri)
}

// encode writes JSON with a line feed at its end.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	err := json.NewEncoder(&out).Encode(v)
	return out.Bytes(), err
}
