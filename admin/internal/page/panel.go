package page

import (
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

// panelOf sums up all rows.
func panelOf(said *words.Words, all []host.Extension, l listing) panel {
	count := map[string]int{}
	files, attention := 0, 0
	for _, e := range all {
		count[string(e.State)]++
		if isFile(e) {
			files++
		}
		if needsSomebody(e) {
			attention++
		}
	}
	p := panel{All: stateCount{Path: "/admin/", Count: len(all), Current: l.State == ""}}
	for _, s := range states() {
		if count[s] > 0 {
			p.Counts = append(p.Counts, stateCount{State: s, Path: "/admin/?state=" + s, Count: count[s], Current: l.State == s})
		}
	}
	p.Summary = said.Say("overview.count", len(all)-files)
	if files > 0 {
		p.Summary += ", " + said.Say("overview.files", files)
	}
	if attention > 0 {
		p.Summary += ". " + said.Say("overview.attention", attention) + "."
	} else if len(all) > 0 {
		p.Summary += ". " + said.Say("overview.all-well")
	}
	p.Jacks = jacks(all, p.Summary)
	return p
}

// needsSomebody reports whether an extension is in the first group of entries.
func needsSomebody(e host.Extension) bool {
	switch e.State {
	case "running":
		return e.Consent != nil || e.Candidate != nil && kindOf(string(e.Candidate.State)) != "busy" ||
			slices.Contains([]string{"revoked", "expired", "invalid"}, e.Signature.State)
	case "pending", "starting", "draining", "stopped":
		return false
	}
	return true
}

// The jackfield: so many jacks in a row of it, and so many at most.
const (
	jacksInRow = 50
	mostJacks  = 500
)

// jacks draws one jack for each extension, those of one kind together. Each is a round
// dash of a line, so that hundreds take no more markup than a few.
func jacks(all []host.Extension, label string) template.HTML {
	n := min(len(all), mostJacks)
	if n == 0 {
		return ""
	}
	columns := min(n, jacksInRow)
	rows := (n + columns - 1) / columns
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="jacks" role="img" aria-label="%s" viewBox="0 0 %d %d" width="%d" height="%d" fill="none" stroke-linecap="round" stroke-dasharray="0 14">`,
		html.EscapeString(label), columns*14, rows*14, columns*14+20, rows*14+16)
	run := func(from, to int) string {
		var path strings.Builder
		for from < to {
			end := min(to, (from/columns+1)*columns)
			// The last dash has no length: the line goes on a little, so that it is drawn.
			fmt.Fprintf(&path, "M%d %dh%d.1", from%columns*14+7, from/columns*14+7, (end-from-1)*14)
			from = end
		}
		return path.String()
	}
	whole := run(0, n)
	fmt.Fprintf(&b, `<path class="ring" stroke-width="12" d="%s"/><path class="hole" stroke-width="9" d="%s"/>`, whole, whole)
	at := 0
	for _, kind := range []string{"bad", "warn", "busy", "ok", "off"} {
		count := 0
		for _, e := range all {
			if kindOf(string(e.State)) == kind {
				count++
			}
		}
		// A plug fills its jack, and what is switched off is a small one.
		width := 8
		if kind == "off" {
			width = 3
		}
		if end := min(at+count, n); end > at {
			fmt.Fprintf(&b, `<path class="%s" stroke-width="%d" d="%s"/>`, kind, width, run(at, end))
			at = end
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// columnsOf are the heads of the table, each with the way to sort by it.
func columnsOf(said *words.Words, l listing) []column {
	all := []column{{Name: "name", Label: "table.extension"}, {Label: "table.version"}, {Name: "state", Label: "table.state"}, {Name: "trust", Label: "table.trust"}}
	for _, name := range []string{"rate", "errors", "p50", "p99", "memory", "restarts"} {
		all = append(all, column{Name: name, Label: "table." + name, Numbers: true})
	}
	for i, c := range all {
		all[i].Label = said.Say(c.Label)
		if c.Name == "" {
			continue
		}
		next := l
		next.Page, next.Sort = 1, c.Name
		if c.Numbers {
			next.Sort = "-" + c.Name
		}
		switch l.Sort {
		case c.Name:
			all[i].Sorted, next.Sort = "ascending", "-"+c.Name
		case "-" + c.Name:
			all[i].Sorted, next.Sort = "descending", c.Name
		}
		all[i].Path = next.path()
	}
	return all
}

func sortOptions(said *words.Words, l listing) []option {
	var all []option
	known := false
	for _, s := range sorts() {
		selected := s == l.Sort
		known = known || selected
		all = append(all, option{s, said.Say("sort." + strings.TrimPrefix(s, "-")), selected})
	}
	if !known { // sorted the other way round, through the head of the table
		column := strings.TrimPrefix(l.Sort, "-")
		all = append(all, option{l.Sort, said.Say("sort.reversed", said.Say("sort."+column)), true})
	}
	return all
}

func stateOptions(said *words.Words, l listing) []option {
	all := []option{{"", said.Say("filter.any"), l.State == ""}, {unwell, said.Say("filter.unwell"), l.State == unwell}}
	for _, s := range states() {
		all = append(all, option{s, said.Say("state." + s), l.State == s})
	}
	return all
}

func trustOptions(said *words.Words, l listing) []option {
	all := []option{{"", said.Say("filter.any-trust"), l.Trust == ""}}
	for _, v := range verdicts() {
		all = append(all, option{v, said.Say("trust." + v), l.Trust == v})
	}
	return all
}
