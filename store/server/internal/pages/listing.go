package pages

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

const (
	fewVersions = 10  // that the page of an extension shows
	maxTypes    = 100 // that are shown
	maxItems    = 100 // permissions, dependencies, platforms, files
	maxShots    = 12
)

// listingPage is what the page of an extension shows, and that of one of its versions.
type listingPage struct {
	ID, Name  string
	Locale    string
	Known     bool
	Icon      *shown
	Publisher link
	Trust     seal
	Badges    []mark
	Labels    []link
	// Release is the one that is shown, nil where none is offered; Newest the one to take.
	Release    *store.Release
	Newest     link
	IsNewest   bool
	Format     store.Format
	Listing    *store.Listing
	Downloads  int
	About      template.HTML // description and README
	Readme     template.HTML
	Changelog  template.HTML
	Shots      []shown
	Banners    []banner
	Advisories []advisory
	Install    *installation
	Links      []outward
	Facts      facts
	Versions   []versionRow
	// Versions is a part of all of them, which are at AllVersions.
	Count       int
	AllVersions string
	Feed        string
	Evidence    []store.Evidence
}

// banner is a warning about what is shown.
type banner struct {
	Kind, Key, Reason string
	More              string // where there is more about it
}

// advisory is one as the page shows it.
type advisory struct {
	store.Advisory
	Kind    string
	Text    template.HTML
	More    string
	Affects bool
}

// outward is a link that a publisher has given; Key says what is there.
type outward struct{ Key, Href, Host string }

// versionRow is a release on a list.
type versionRow struct {
	*store.Release
	Href     string
	Badges   []mark
	Size     int64
	Download string // empty where it is not served
}

// find is the listing that the path names, under its own spelling.
func (p *Pages) find(asked request, below ...string) (Entry, error) {
	id := asked.PathValue("id")
	e, ok := asked.now.Listing(id)
	if !ok {
		return Entry{}, notFound()
	}
	if e.ID != id {
		return Entry{}, &httpError{http.StatusMovedPermanently, p.path(asked.who, append([]string{"extensions", e.ID}, below...)...)}
	}
	return e, nil
}

// listing is the page of an extension.
func (p *Pages) listing(asked request) (view, error) {
	e, err := p.find(asked)
	if err != nil {
		return view{}, err
	}
	var r *store.Release
	if e.Release >= 0 && e.Release < len(e.Releases) {
		r = &e.Releases[e.Release]
	}
	data := p.listingPage(asked, e, r)
	data.Versions = p.versionRows(asked, e, e.Releases[:min(len(e.Releases), fewVersions)])
	text, _ := asked.who.textFor(e.Listing)
	data.About = p.prose(text.Description, 3, "about")
	if e.Readme != "" && strings.TrimSpace(e.Readme) != strings.TrimSpace(text.Description) {
		data.Readme = p.prose(e.Readme, 3, "readme")
	}
	for _, s := range e.Pictures.Screenshots[:min(len(e.Pictures.Screenshots), maxShots)] {
		if shot := p.pictureOf(e.ID, &s); shot != nil {
			data.Shots = append(data.Shots, *shot)
		}
	}
	return view{
		Template: "listing.html", Title: data.Name, Section: "extensions", Trail: p.trail(asked.who), Feed: data.Feed,
		Description: p.markdown.Summary(text.Description, maxSummary), Data: data,
	}, nil
}

// release is the page of one version.
func (p *Pages) release(asked request) (view, error) {
	version := asked.PathValue("version")
	e, err := p.find(asked, "versions", version)
	if err != nil {
		return view{}, err
	}
	at := slices.IndexFunc(e.Releases, func(r store.Release) bool { return r.Version == version })
	if at < 0 {
		return view{}, notFound()
	}
	r := &e.Releases[at]
	data := p.listingPage(asked, e, r)
	data.Versions = p.versionRows(asked, e, e.Releases[at:at+1])
	if p.cfg.Detail != nil {
		// A version is shown without it rather than not at all.
		if detail, err := p.cfg.Detail(asked.Context(), e.ID, version); err == nil {
			data.Evidence = detail.Evidence[:min(len(detail.Evidence), maxItems)]
			data.Changelog = p.prose(cmp.Or(detail.Changelog, r.Changelog), 3, "changelog")
		} else {
			p.cfg.Log.Warn("what is kept of a release can not be read", "listing", e.ID, "version", version, "error", err)
		}
	}
	said := p.languages[asked.who.language].words
	return view{
		Template: "release.html", Title: said.Say("release.title", data.Name, visible.Clip(version, maxName)), Section: "extensions",
		Trail: append(p.trail(asked.who), link{data.Name, p.path(asked.who, "extensions", e.ID)}), Data: data,
	}, nil
}

// versions is the list of all versions.
func (p *Pages) versions(asked request) (view, error) {
	const rows = 100
	e, err := p.find(asked, "versions")
	if err != nil {
		return view{}, err
	}
	releases := e.Releases
	if from := asked.URL.Query().Get("from"); from != "" {
		at := slices.IndexFunc(releases, func(r store.Release) bool { return r.Version == from })
		if at < 0 {
			return view{}, notFound()
		}
		releases = releases[at:]
	}
	text, _ := asked.who.textFor(e.Listing)
	name := nameOf(e.Listing, text)
	data := struct {
		Count       int
		Versions    []versionRow
		First, Next string
	}{Count: len(e.Releases), Versions: p.versionRows(asked, e, releases[:min(len(releases), rows)])}
	here := p.path(asked.who, "extensions", e.ID, "versions")
	if len(releases) < len(e.Releases) {
		data.First = here
	}
	if len(releases) > rows {
		data.Next = withQuery(here, "from", releases[rows].Version)
	}
	said := p.languages[asked.who.language].words
	return view{
		Template: "versions.html", Title: said.Say("versions.title", name), Section: "extensions",
		Trail: append(p.trail(asked.who), link{name, p.path(asked.who, "extensions", e.ID)}), Data: data,
		Feed: p.path(asked.who, "extensions", e.ID, "feed.atom"), NoIndex: data.First != "",
	}, nil
}

// withQuery adds a value to an address of path.
func withQuery(address, name, value string) string {
	mark := "?"
	if strings.Contains(address, "?") {
		mark = "&"
	}
	return address + mark + name + "=" + url.QueryEscape(value)
}

func (p *Pages) trail(who reader) []link {
	return []link{{p.languages[who.language].words.Say("nav.extensions"), p.path(who)}}
}

// listingPage is what the page of an extension and that of one version share. r is the
// release that is shown, nil for none.
func (p *Pages) listingPage(asked request, e Entry, r *store.Release) listingPage {
	who := asked.who
	text, locale := who.textFor(e.Listing)
	d := listingPage{
		ID: e.ID, Name: nameOf(e.Listing, text), Locale: locale, Known: locale != "", Icon: p.pictureOf(e.ID, e.Pictures.Icon),
		Publisher: p.publisherLink(who, e.Publisher), Release: r, Format: e.Format, Listing: e.Listing, Downloads: int(e.Downloads),
		Links: linksOf(e.Links), Count: len(e.Releases), AllVersions: p.path(who, "extensions", e.ID, "versions"),
		Feed: p.path(who, "extensions", e.ID, "feed.atom"),
	}
	for _, l := range e.Labels[:min(len(e.Labels), maxItems)] {
		d.Labels = append(d.Labels, link{visible.Clip(asked.now.Label(l, who.wanted), maxChoice), p.frontPath(who, url.Values{"label": {l}})})
	}
	n := p.noticesOf(asked.now)
	why, everywhere := n.revocation(e.ID, r)
	d.Banners = bannersOf(r, why, everywhere)
	for _, a := range n.of(e.ID) {
		d.Advisories = append(d.Advisories, advisory{
			a, kindOf(a.Severity), p.prose(a.Text, 4, "advisory"), webAddress(a.URL), r != nil && a.Affects(r.Version),
		})
	}
	if r == nil {
		return d
	}
	d.Badges, d.Trust = marksOf(r, why != nil), sealOf(e.Publisher, r.Signer)
	if e.Release >= 0 && e.Release < len(e.Releases) {
		newest := e.Releases[e.Release].Version
		d.Newest, d.IsNewest = link{newest, p.path(who, "extensions", e.ID)}, newest == r.Version
	}
	d.Changelog = p.prose(r.Changelog, 3, "changelog")
	d.Facts = p.factsOf(asked, e, r, offered(r) && why == nil)
	if offered(r) && why == nil {
		d.Install = p.installationOf(who, e, r, d.IsNewest)
	}
	return d
}

// bannersOf are the warnings about a release, the gravest first.
func bannersOf(r *store.Release, why *store.Revocation, everywhere bool) []banner {
	var banners []banner
	switch {
	case why != nil && everywhere:
		banners = append(banners, banner{"bad", "notice.revoked-all", why.Reason, webAddress(why.URL)})
	case why != nil:
		banners = append(banners, banner{"bad", "notice.revoked", why.Reason, webAddress(why.URL)})
	}
	if r == nil {
		return append(banners, banner{Kind: "warn", Key: "notice.nothing"})
	}
	switch r.State {
	case store.Deprecated:
		banners = append(banners, banner{"warn", "notice.deprecated", r.Note, ""})
	case store.Withdrawn:
		banners = append(banners, banner{"warn", "notice.withdrawn", r.Note, ""})
	case store.TakenDown:
		banners = append(banners, banner{"bad", "notice.taken_down", r.Note, ""})
	}
	if r.Channel == store.Beta {
		banners = append(banners, banner{Kind: "busy", Key: "notice.beta"})
	}
	return banners
}

// versionRows are releases as they stand on a list.
func (p *Pages) versionRows(asked request, e Entry, releases []store.Release) []versionRow {
	n := p.noticesOf(asked.now)
	rows := make([]versionRow, 0, len(releases))
	for i := range releases {
		r := &releases[i]
		why, _ := n.revocation(e.ID, r)
		row := versionRow{Release: r, Href: p.path(asked.who, "extensions", e.ID, "versions", r.Version), Badges: marksOf(r, why != nil)}
		for _, f := range r.Files {
			row.Size = max(row.Size, f.Size)
		}
		if len(r.Files) == 1 && offered(r) && why == nil {
			row.Download = p.download(e.ID, r, r.Files[0])
		}
		rows = append(rows, row)
	}
	return rows
}

// offered reports whether somebody who does not have a release yet may begin with it.
func offered(r *store.Release) bool {
	return r.State == store.Published || r.State == store.Deprecated
}

// linksOf are the links of a listing that lead somewhere.
func linksOf(l store.Links) []outward {
	var found []outward
	for _, o := range []outward{
		{Key: "link.homepage", Href: l.Homepage}, {Key: "link.support", Href: l.Support}, {Key: "link.release_notes", Href: l.ReleaseNotes},
		{Key: "link.source", Href: l.Source}, {Key: "link.security", Href: l.Security},
	} {
		address := webAddress(o.Href)
		if rest, ok := strings.CutPrefix(strings.ToLower(o.Href), "mailto:"); o.Key == "link.security" && ok && strings.Contains(rest, "@") && len(rest) < 200 {
			found = append(found, outward{o.Key, "mailto:" + url.PathEscape(rest), rest})
			continue
		}
		if u, err := url.Parse(address); err == nil && address != "" {
			found = append(found, outward{o.Key, address, u.Host})
		}
	}
	return found
}

// webAddress is an address that a page may lead to, empty for any other.
func webAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(address) > 2000 {
		return ""
	}
	return u.String()
}

// Letter stands where there is no icon.
func (d listingPage) Letter() string { return letter(d.Name) }
