package mattermost

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

const (
	// usualPage and mostPage are entries of one answer, maxPage is the last page.
	usualPage, mostPage, maxPage = 100, 1000, 1_000_000
	maxValue                     = 1000 // bytes of a parameter
)

// query is what a Mattermost server asks for.
type query struct {
	page, perPage int // perPage is -1 for all
	filter        string
	server        bundle.Version // zero: any
	enterprise    bool
	cloud         bool
	platform      string // "" for any, or one that there is
	id            string
	every         bool // all versions, not the best of each
}

// platforms are those for which a client can ask.
func platforms() []string {
	return []string{"linux-amd64", "darwin-amd64", "windows-amd64", "linux-arm64", "darwin-arm64", "windows-arm64"}
}

func listDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "listMarketplace", Summary: "Bundles, as Mattermost's marketplace lists what it has",
		Description: "Parameters that are not described are passed over: servers send more than the marketplace reads.",
		Takes: []openapi.Parameter{
			{Name: "page", Summary: "Which page, from 0", Of: 0},
			{Name: "per_page", Summary: "How many entries a page has: 0 to 1000, -1 for as many as there are up to 1000 of the first page; 100 unless it is given", Of: 0},
			{Name: "filter", Summary: "Only this id, or what has this text in name or description, without regard to case"},
			{Name: "server_version", Summary: "Only what a server of this version can use"},
			openapi.Flag("enterprise_plugins", "Those that are for the enterprise edition, too"),
			openapi.Flag("cloud", "Those for the cloud instead of those for servers of one's own"),
			{Name: "platform", Summary: "Only what runs there; what is no platform here counts for nothing"},
			{Name: "plugin_id", Summary: "Only this id"},
			openapi.Flag("return_all_versions", "All versions instead of the best of each"),
		},
		Answers: openapi.OK("The entries, by name", []MarketplaceEntry{}),
	}
}

// parse reads the query of a request. Each parameter stands there once: a cache, and whoever
// is between, must not read another one than we do. Those that are not known are passed over.
func parse(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, web.Invalid("the query can not be read")
	}
	p := parameters{values: values}
	q := query{
		page: p.number("page", 0, 0, maxPage), perPage: p.number("per_page", usualPage, -1, mostPage), filter: strings.ToLower(p.text("filter")),
		enterprise: p.flag("enterprise_plugins"), cloud: p.flag("cloud"), platform: p.text("platform"), id: p.text("plugin_id"),
		every: p.flag("return_all_versions"),
	}
	if version := p.text("server_version"); version != "" {
		if q.server, err = bundle.ParseVersion(version); err != nil {
			p.fail("server_version must be a version, 9.5.0 for example")
		}
	}
	if !slices.Contains(platforms(), q.platform) {
		q.platform = ""
	}
	return q, p.err
}

// parameters reads parameters and remembers the first that is wrong.
type parameters struct {
	values url.Values
	err    error
}

func (p *parameters) fail(format string, args ...any) {
	if p.err == nil {
		p.err = web.Invalid(format, args...)
	}
}

func (p *parameters) text(name string) string {
	list := p.values[name]
	switch {
	case len(list) == 0:
		return ""
	case len(list) > 1:
		p.fail("the parameter %s stands there twice", name)
	case len(list[0]) > maxValue || !utf8.ValidString(list[0]):
		p.fail("the parameter %s must be UTF-8 of at most %d bytes", name, maxValue)
	}
	return list[0]
}

func (p *parameters) number(name string, initial, least, most int) int {
	text := p.text(name)
	if text == "" {
		return initial
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		p.fail("%s must be a number from %d to %d", name, least, most)
		return initial
	}
	return n
}

// flag takes the spellings that the original takes.
func (p *parameters) flag(name string) bool {
	text := p.text(name)
	if text == "" {
		return false
	}
	is, err := strconv.ParseBool(text)
	if err != nil {
		p.fail("write %s=true or %s=false", name, name)
	}
	return is
}

// pick is the selection: what the server can use, of each the best or all, then what the
// filter has, by name, of that one page.
func (q query) pick(rows []*row) []chosen {
	list := []chosen{}
	skip, most := q.page*q.perPage, q.perPage
	if q.perPage < 0 {
		skip, most = 0, mostPage
	}
	for _, r := range rows {
		if len(list) == most {
			break
		}
		if !q.takes(r) {
			continue
		}
		for _, release := range q.releases(r) {
			if skip--; skip >= 0 {
				continue
			}
			if len(list) < most {
				list = append(list, chosen{r, release})
			}
		}
	}
	return list
}

// enterpriseSince is the first version of servers that say whether they are of the enterprise
// edition: older ones get those entries, too.
const enterpriseSince = "5.25.0"

func (q query) takes(r *row) bool {
	if r.enterprise && !q.enterprise {
		since, _ := bundle.ParseVersion(enterpriseSince) // it is one
		if q.server.IsZero() || q.server.Compare(since) >= 0 {
			return false
		}
	}
	switch {
	case r.hosting == hostingCloud && !q.cloud, r.hosting == hostingOwn && q.cloud:
		return false
	case q.id != "" && !strings.EqualFold(q.id, r.id):
		return false
	}
	return q.filter == "" || strings.EqualFold(q.filter, r.id) || strings.Contains(r.key, q.filter) || strings.Contains(r.text, q.filter)
}

// releases are those of a row that fit, the highest first: all, or the best, which is a stable
// one where there is one.
func (q query) releases(r *row) []*release {
	var list []*release
	for i := range r.releases {
		if q.fits(&r.releases[i]) {
			list = append(list, &r.releases[i])
		}
	}
	if q.every || len(list) == 0 {
		return list
	}
	if i := slices.IndexFunc(list, func(r *release) bool { return !r.beta }); i > 0 {
		return list[i : i+1]
	}
	return list[:1]
}

// fits tells whether a server of that version and platform can use a release. One without
// executables is for every platform.
func (q query) fits(r *release) bool {
	if !q.server.IsZero() && r.least != nil && r.least.Compare(q.server) > 0 {
		return false
	}
	return q.platform == "" || r.platforms == 0 || r.platforms&bitOf(q.platform) != 0
}
