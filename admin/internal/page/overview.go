package page

import (
	"fmt"
	"hash/fnv"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/chart"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/language"
)

// row is a line of the table but for what is measured. Two that are equal look equal.
type row struct {
	// Key is the id as it stands in attributes and forms: an id may hold anything.
	Key, ID, Path, Name, Version, Claims, State, Trust, Icon, Initial string
	Restarts                                                          int
	IsFile, MayPick                                                   bool
}

// measured is what a row shows of what an extension does and takes, as text. Spark is the
// path of a line, empty when there were no requests.
type measured struct {
	Rate, Errors, P50, P99, Memory, Spark string
	// Faulty says that a good part of the answers are errors.
	Faulty bool
}

// line of the table.
type tableRow struct {
	row
	M measured
}

// group is the entries of one urgency.
type group struct {
	Name    string
	Entries []trouble
	// Hidden is how many are not shown, Path leads to them.
	Hidden int
	Path   string
}

// mostEntries is how many entries of one group are shown: after those a list is better.
const mostEntries = 20

// stateCount is a chip: how many rows are in a state, and the way to them.
type stateCount struct {
	State, Path string
	Count       int
	Current     bool
}

// overviewData is what the first page shows.
type overviewData struct {
	Listing listing
	Query   string
	// Version changes with whatever the page shows but what is measured.
	Version string
	Panel   panel
	Groups  []group
	Rows    []tableRow
	Columns []column
	Sorts   []option
	States  []option
	Trusts  []option
	Bulk    []string // verbs
	// Found rows of Total match; Pages leads to the others.
	Found, Total, Pages int
	Previous, Next      string
}

// panel is the summary at the top.
type panel struct {
	Summary string
	Jacks   template.HTML
	Counts  []stateCount
	All     stateCount
}

// column is a head of the table.
type column struct {
	Name, Label, Path string
	// Sorted is ascending or descending, empty if the table is not sorted by it.
	Sorted  string
	Numbers bool
}

// option of a list to choose from.
type option struct {
	Value, Label string
	Selected     bool
}

func (p *Pages) overview(w http.ResponseWriter, r *http.Request) error {
	l, err := listingOf(r)
	if err != nil {
		return err
	}
	said := p.words(r)
	return p.show(w, r, view{
		Template: "overview.html", Title: said.Say("overview.title"), Section: sectionExtensions,
		Scripts: []string{"live.js"}, Data: p.look(said, access.Of(r.Context()), l),
	})
}

// look is how things are now, for one person who asks for one listing.
func (p *Pages) look(said *words.Words, who access.Identity, l listing) *overviewData {
	all := p.visibleTo(who)
	measures := p.cfg.Host.Measures()
	d := &overviewData{Listing: l, Query: l.query(), Total: len(all), Panel: panelOf(said, all, l)}
	d.Groups = groupsOf(all, said, who, l.path())
	listed := slices.DeleteFunc(slices.Clone(all), func(e host.Extension) bool { return !l.matches(e) })
	l.sort(listed, measures)
	d.Found = len(listed)
	d.Pages = max(1, (len(listed)+rowsPerPage-1)/rowsPerPage)
	l.Page = min(l.Page, d.Pages)
	other := func(page int) string {
		o := l
		o.Page = page
		return o.path()
	}
	if l.Page > 1 {
		d.Previous = other(l.Page - 1)
	}
	if l.Page < d.Pages {
		d.Next = other(l.Page + 1)
	}
	for _, e := range listed[(l.Page-1)*rowsPerPage : min(l.Page*rowsPerPage, len(listed))] {
		d.Rows = append(d.Rows, tableRow{p.rowOf(e, who), p.measuredOf(said, e, measures[e.ID])})
		d.Bulk = bulkFor(d.Bulk, who, e.ID)
	}
	d.Columns, d.Sorts = columnsOf(said, l), sortOptions(said, l)
	d.States, d.Trusts = stateOptions(said, l), trustOptions(said, l)
	d.Version = d.version()
	return d
}

// visibleTo are the rows that a person may see.
func (p *Pages) visibleTo(who access.Identity) []host.Extension {
	return slices.DeleteFunc(slices.Clone(p.cfg.Host.Snapshot()), func(e host.Extension) bool {
		return e.State == "removed" || !who.May(access.See, e.ID)
	})
}

func (p *Pages) rowOf(e host.Extension, who access.Identity) row {
	r := row{
		Key: keyOf(e.ID), ID: e.ID, Path: pathOf(e.ID), Name: titleOf(e), Version: e.Version, Claims: e.Claims,
		State: string(e.State), Trust: e.Signature.State, Restarts: e.Restarts, IsFile: isFile(e),
		MayPick: who.Proof != "" && who.May(access.Operate, e.ID),
	}
	for _, c := range r.Name {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			r.Initial = strings.ToUpper(string(c))
			break
		}
	}
	if icon, err := p.cfg.Host.Icon(e.ID); err == nil {
		r.Icon = pathOf(e.ID, "icon") + "?v=" + strings.Trim(icon.ETag, `"`)
	}
	return r
}

func (p *Pages) measuredOf(said *words.Words, e host.Extension, m host.Measure) measured {
	none := measured{Rate: language.None, Errors: language.None, P50: language.None, P99: language.None, Memory: language.None}
	if e.ResidentBytes > 0 {
		none.Memory = said.Bytes(e.ResidentBytes)
	}
	series, ok := p.cfg.Host.Series(e.ID, host.LastMinutes)
	if !ok {
		return none
	}
	shown := none
	shown.Rate = said.Rate(m.RequestsPerSecond)
	if m.RequestsPerSecond > 0 {
		shown.Errors, shown.Faulty = said.Share(m.ErrorRate), m.ErrorRate >= 0.05
	}
	if m.P50 != nil {
		shown.P50 = said.Seconds(*m.P50)
	}
	if m.P99 != nil {
		shown.P99 = said.Seconds(*m.P99)
	}
	if slices.ContainsFunc(series.RequestsPerSecond, func(v *float64) bool { return v != nil && *v > 0 }) {
		shown.Spark = chart.SparkPath(series.RequestsPerSecond)
	}
	return shown
}

// groupsOf are the entries of those extensions that are not as they should be.
func groupsOf(all []host.Extension, said *words.Words, who access.Identity, back string) []group {
	byUrgency := slices.Clone(all)
	listing{Sort: sortAttention}.sort(byUrgency, nil)
	groups := []group{{Name: groupBad, Path: "/admin/?state=" + unwell}, {Name: groupBusy, Path: "/admin/?state=" + unwell}, {Name: groupOff, Path: "/admin/?state=stopped"}}
	for _, e := range byUrgency {
		t, ok := troubleOf(e, said, who, back)
		if !ok {
			continue
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.Name == t.Group })
		if len(groups[i].Entries) < mostEntries {
			groups[i].Entries = append(groups[i].Entries, t)
		} else {
			groups[i].Hidden++
		}
	}
	return groups
}

// version is a hash of what the page shows but for what is measured.
func (d *overviewData) version() string {
	h := fnv.New64a()
	add := func(texts ...string) {
		for _, t := range texts {
			_, _ = io.WriteString(h, t) // a hash takes everything
			_, _ = h.Write([]byte{0})
		}
	}
	rows := slices.SortedFunc(slices.Values(d.Rows), func(a, b tableRow) int { return strings.Compare(a.ID, b.ID) })
	for _, r := range rows { // an order by values would change all the time
		add(r.ID, r.Name, r.Version, r.Claims, r.State, r.Trust, r.Icon, strconv.Itoa(r.Restarts), strconv.FormatBool(r.MayPick))
	}
	for _, g := range d.Groups {
		for _, t := range g.Entries {
			add(g.Name, t.key())
		}
		add(strconv.Itoa(g.Hidden))
	}
	add(d.Panel.Summary, strconv.Itoa(d.Found), strconv.Itoa(d.Pages))
	return strconv.FormatUint(h.Sum64(), 36)
}

// key is another one for each look of the entry, its relative times aside.
func (t trouble) key() string {
	t.Since, t.NextTry = t.Since.UTC().Truncate(time.Second), t.NextTry.UTC().Truncate(time.Second)
	return fmt.Sprintf("%+v", t)
}
