package page

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// rowsPerPage is how many rows the overview shows at once.
const rowsPerPage = 200

// listing is what somebody wants to see of the list, and in which order. All of it
// stands in the address.
type listing struct {
	Text  string
	State string // a state, unwell for all but running, empty for any
	Trust string // a verdict, empty for any
	// Sort is one of sorts, with a - in front for the highest first.
	Sort string
	Page int // from 1
}

// states are all that a row can be in, those that need somebody first.
func states() []string {
	return []string{"failed", "refused", "conflict", "unsupported", "backoff", "waiting", "pending", "starting", "draining", "running", "stopped"}
}

// verdicts are those about signatures.
func verdicts() []string {
	return []string{"valid", "unsigned", "untrusted", "expired", "revoked", "invalid", "unchecked"}
}

const (
	sortAttention = "attention"
	unwell        = "unwell"
)

// sorts are the columns by which the list can be sorted. Of those with numbers the
// highest are looked for first.
func sorts() []string {
	return []string{sortAttention, "name", "state", "trust", "-rate", "-errors", "-p50", "-p99", "-memory", "-restarts"}
}

// listingOf reads the address.
func listingOf(r *http.Request) (listing, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return listing{}, web.Invalid("the query can not be read")
	}
	l := listing{Text: strings.TrimSpace(query.Get("q")), State: query.Get("state"), Trust: query.Get("trust"), Sort: query.Get("sort"), Page: 1}
	l.Sort = cmp.Or(l.Sort, sortAttention)
	column := strings.TrimPrefix(l.Sort, "-")
	switch {
	case len(l.Text) > maxName:
		return listing{}, web.Invalid("what is searched for is too long")
	case l.State != "" && l.State != unwell && !slices.Contains(states(), l.State):
		return listing{}, web.Invalid("there is no such state")
	case l.Trust != "" && !slices.Contains(verdicts(), l.Trust):
		return listing{}, web.Invalid("there is no such verdict about a signature")
	case !slices.Contains(sorts(), column) && !slices.Contains(sorts(), "-"+column):
		return listing{}, web.Invalid("the list can not be sorted by that")
	}
	if at := query.Get("page"); at != "" {
		if l.Page, err = strconv.Atoi(at); err != nil || l.Page < 1 {
			return listing{}, web.Invalid("there is no such page of the list")
		}
	}
	return l, nil
}

// query is the listing as it stands in an address, without what goes without saying.
func (l listing) query() string {
	q := url.Values{}
	for name, value := range map[string]string{"q": l.Text, "state": l.State, "trust": l.Trust, "sort": l.Sort} {
		if value != "" && value != sortAttention {
			q.Set(name, value)
		}
	}
	if l.Page > 1 {
		q.Set("page", strconv.Itoa(l.Page))
	}
	return q.Encode()
}

// path is the address of the listing.
func (l listing) path() string {
	if q := l.query(); q != "" {
		return "/admin/?" + q
	}
	return "/admin/"
}

// Filtered reports whether something is left out.
func (l listing) Filtered() bool { return l.Text != "" || l.State != "" || l.Trust != "" }

func (l listing) matches(e host.Extension) bool {
	switch {
	case l.State == unwell && e.State == "running", l.State != "" && l.State != unwell && string(e.State) != l.State:
		return false
	case l.Trust != "" && e.Signature.State != l.Trust:
		return false
	case l.Text == "":
		return true
	}
	text := strings.ToLower(l.Text)
	for _, in := range []string{e.Name, e.ID, e.File, e.Class, e.Request, e.Response, e.Claims} {
		if strings.Contains(strings.ToLower(in), text) {
			return true
		}
	}
	return false
}

// sort puts extensions in order; those that are equal are in that of their names.
func (l listing) sort(extensions []host.Extension, measures map[string]host.Measure) {
	column, down := strings.CutPrefix(l.Sort, "-")
	number := func(of func(host.Extension, host.Measure) float64) func(a, b host.Extension) int {
		return func(a, b host.Extension) int {
			return cmp.Compare(of(a, measures[a.ID]), of(b, measures[b.ID]))
		}
	}
	value := func(p *float64) float64 {
		if p == nil {
			return -1
		}
		return *p
	}
	by := map[string]func(a, b host.Extension) int{
		sortAttention: func(a, b host.Extension) int { return urgency(a) - urgency(b) },
		"name":        func(a, b host.Extension) int { return 0 },
		"state": func(a, b host.Extension) int {
			return slices.Index(states(), string(a.State)) - slices.Index(states(), string(b.State))
		},
		"trust": func(a, b host.Extension) int {
			return slices.Index(verdicts(), a.Signature.State) - slices.Index(verdicts(), b.Signature.State)
		},
		"rate":     number(func(_ host.Extension, m host.Measure) float64 { return m.RequestsPerSecond }),
		"errors":   number(func(_ host.Extension, m host.Measure) float64 { return m.ErrorRate }),
		"p50":      number(func(_ host.Extension, m host.Measure) float64 { return value(m.P50) }),
		"p99":      number(func(_ host.Extension, m host.Measure) float64 { return value(m.P99) }),
		"memory":   number(func(e host.Extension, _ host.Measure) float64 { return float64(e.ResidentBytes) }),
		"restarts": number(func(e host.Extension, _ host.Measure) float64 { return float64(e.Restarts) }),
	}[column]
	slices.SortStableFunc(extensions, func(a, b host.Extension) int {
		order := by(a, b)
		if down {
			order = -order
		}
		names := cmp.Or(strings.Compare(strings.ToLower(titleOf(a)), strings.ToLower(titleOf(b))), strings.Compare(a.ID, b.ID))
		if column == "name" && down {
			names = -names
		}
		return cmp.Or(order, names)
	})
}

// titleOf is what a row is called.
func titleOf(e host.Extension) string { return cmp.Or(e.Name, e.ID) }

// isFile reports whether a row is a file that is no extension (yet).
func isFile(e host.Extension) bool { return e.ID == e.File }
