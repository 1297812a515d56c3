// Package top is the screen of `jackfield ext top`: who is busy, who fails, who grows.
//
// Show runs the live screen on a terminal until somebody quits; Print writes one table, for
// everything else. Both ask a Source, once for each look, and sort and filter by a View.
// What is promised: the terminal is left as it was found, whatever happens but a kill; text
// from extensions does not steer it; a host that does not answer is said on the screen, and
// asked again.
package top

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// Standing is how one extension stands and fares: a line of GET /api/v1/measures.
type Standing struct {
	ID       string     `json:"id"`
	Version  string     `json:"version"`
	State    string     `json:"state"`
	Code     string     `json:"code"` // of the reason, empty for none
	Restarts int        `json:"restarts"`
	Started  *time.Time `json:"started"`
	// Measure is over the last half minute, nil where nobody has looked.
	Measure *Measure `json:"measure"`
}

// Measure is what an extension does and takes; P50 and P99 are seconds, nil without
// requests; CPU is in cores.
type Measure struct {
	RequestsPerSecond float64  `json:"requests_per_second"`
	ErrorsPerSecond   float64  `json:"errors_per_second"`
	ErrorRate         float64  `json:"error_rate"`
	P50               *float64 `json:"p50"`
	P99               *float64 `json:"p99"`
	CPU               float64  `json:"cpu"`
	InFlight          int      `json:"in_flight"`
	Queued            int      `json:"queued"`
	ResidentBytes     int64    `json:"resident_bytes"`
	OpenFiles         int      `json:"open_fds"`
	Restarts          int      `json:"restarts"`
}

// Source asks the host how all extensions stand.
type Source func(ctx context.Context) ([]Standing, error)

// View says which extensions are shown, and in which order.
type View struct {
	Sort    string // one of Columns
	Reverse bool   // the other way round than the column is usually wanted
	Filter  string // a part of the id, the state or the code, in any letter case; "" for all
}

// column is one of the table.
type column struct {
	name, title string
	key         byte // that sorts by it on the screen
	cell        func(Standing) string
	// order is negative when a comes first.
	order func(a, b Standing) int
}

// columns are those of the table. The first one is what people copy.
func columns() []column {
	most := func(of func(Measure) float64) func(a, b Standing) int {
		return func(a, b Standing) int { return cmp.Compare(of(b.measure()), of(a.measure())) }
	}
	measured := func(show func(Measure) string) func(Standing) string {
		return func(s Standing) string {
			if s.Measure == nil {
				return ""
			}
			return show(*s.Measure)
		}
	}
	return []column{
		{"id", "ID", 'i', func(s Standing) string { return s.ID }, func(a, b Standing) int { return cmp.Compare(a.ID, b.ID) }},
		{"version", "VERSION", 'v', func(s Standing) string { return s.Version }, func(a, b Standing) int { return cmp.Compare(a.Version, b.Version) }},
		{"state", "STATE", 's', stateOf, func(a, b Standing) int { return cmp.Compare(trouble(b.State), trouble(a.State)) }},
		{"requests", "REQ/S", 'r', measured(func(m Measure) string { return rate(m.RequestsPerSecond) }), most(func(m Measure) float64 { return m.RequestsPerSecond })},
		{"errors", "ERR/S", 'e', measured(func(m Measure) string { return rate(m.ErrorsPerSecond) }), most(func(m Measure) float64 { return m.ErrorsPerSecond })},
		{"p50", "P50", '5', measured(func(m Measure) string { return seconds(m.P50) }), most(func(m Measure) float64 { return orZero(m.P50) })},
		{"p99", "P99", '9', measured(func(m Measure) string { return seconds(m.P99) }), most(func(m Measure) float64 { return orZero(m.P99) })},
		{"flight", "FLIGHT", 'f', measured(func(m Measure) string { return fmt.Sprint(m.InFlight + m.Queued) }), most(func(m Measure) float64 { return float64(m.InFlight + m.Queued) })},
		{"memory", "MEMORY", 'm', measured(func(m Measure) string { return bytesOf(m.ResidentBytes) }), most(func(m Measure) float64 { return float64(m.ResidentBytes) })},
		{"cpu", "CPU", 'c', measured(func(m Measure) string { return fmt.Sprintf("%.1f%%", m.CPU*100) }), most(func(m Measure) float64 { return m.CPU })},
		{"restarts", "RESTARTS", 'n', func(s Standing) string { return fmt.Sprint(s.Restarts) }, func(a, b Standing) int { return cmp.Compare(b.Restarts, a.Restarts) }},
	}
}

// Columns are the names by which a View sorts.
func Columns() []string {
	names := make([]string, 0, len(columns()))
	for _, c := range columns() {
		names = append(names, c.name)
	}
	return names
}

func (s Standing) measure() Measure {
	if s.Measure == nil {
		return Measure{}
	}
	return *s.Measure
}

func stateOf(s Standing) string {
	if s.Code == "" {
		return s.State
	}
	return s.State + " " + s.Code
}

// trouble is how much a state wants to be looked at.
func trouble(state string) int {
	return slices.Index([]string{"", "running", "stopped", "removed", "draining", "starting", "pending", "waiting", "unsupported", "conflict", "refused", "backoff", "failed"}, state)
}

// Of returns what v shows of a list, in its order.
func (v View) Of(list []Standing) []Standing {
	want := strings.ToLower(v.Filter)
	shown := append([]Standing{}, list...) // not nil: it is printed as JSON
	shown = slices.DeleteFunc(shown, func(s Standing) bool {
		return !strings.Contains(strings.ToLower(s.ID), want) && !strings.Contains(strings.ToLower(stateOf(s)), want)
	})
	for _, c := range columns() {
		if c.name != v.Sort {
			continue
		}
		slices.SortStableFunc(shown, func(a, b Standing) int {
			if v.Reverse {
				a, b = b, a
			}
			return cmp.Or(c.order(a, b), cmp.Compare(a.ID, b.ID))
		})
	}
	return shown
}

// Print writes one table of list to w.
func Print(w io.Writer, list []Standing, v View) error { return grid(v.Of(list), v).Write(w) }

// grid is the table of what is shown.
func grid(shown []Standing, v View) output.Grid {
	g := output.Grid{}
	all := columns()
	for _, c := range all {
		title := c.title
		if c.name == v.Sort {
			title += map[bool]string{false: "↓", true: "↑"}[v.Reverse]
		}
		g.Header = append(g.Header, title)
	}
	for _, s := range shown {
		row := make([]string, len(all))
		for j, c := range all {
			row[j] = c.cell(s)
		}
		g.Rows = append(g.Rows, row)
	}
	g.Tint = func(row, column int) output.Tint {
		s := shown[row]
		switch all[column].name {
		case "state":
			return output.StateTint(s.State)
		case "errors":
			if s.measure().ErrorsPerSecond > 0 {
				return output.Bad
			}
		}
		return output.Plain
	}
	return g
}

// summary is the first line: all extensions, whatever is filtered.
func summary(list []Standing) string {
	running, requests, failures := 0, 0.0, 0.0
	for _, s := range list {
		if s.State == "running" {
			running++
		}
		requests += s.measure().RequestsPerSecond
		failures += s.measure().ErrorsPerSecond
	}
	text := fmt.Sprintf("%d extensions, %d running, %s req/s", len(list), running, rate(requests))
	if requests > 0 && failures > 0 {
		text += fmt.Sprintf(", %.2g%% errors", failures/requests*100)
	}
	return text
}

func rate(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 10:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// seconds is a time in the unit that fits it.
func seconds(s *float64) string {
	switch {
	case s == nil:
		return ""
	case *s < 1e-3:
		return fmt.Sprintf("%.0fµs", *s*1e6)
	case *s < 1:
		return fmt.Sprintf("%.3gms", *s*1e3)
	}
	return fmt.Sprintf("%.3gs", *s)
}

func orZero(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

func bytesOf(n int64) string {
	switch {
	case n == 0:
		return ""
	case n < 10<<30:
		return fmt.Sprintf("%dM", n>>20)
	}
	return fmt.Sprintf("%dG", n>>30)
}

// oneLine makes text from a server fit for the screen.
func oneLine(s string) string { return visible.Clip(s, 500) }
