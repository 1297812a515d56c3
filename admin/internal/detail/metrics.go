package detail

import (
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/chart"
	"github.com/jackfield-host/jackfield/host"
)

// Drawn is one chart with what its numbers are.
type Drawn struct {
	// Name is requests, latency, in_flight, memory or cpu.
	Name string
	// Unit is rate, seconds, count, bytes or cores.
	Unit string
	chart.Chart
	Marks []Mark
}

// Mark is a line down the drawing: so long ago.
type Mark struct {
	X    string
	Past time.Duration
}

// Step is one step of all series, for those who read a table.
type Step struct {
	Time   time.Time
	Values []*float64
}

// Metrics is the tab of how an extension fares, over five minutes or a day.
type Metrics struct {
	Header
	Day   bool
	Every int // seconds after which there is something new, 0 for never
	// Measure is meaningful when it is Measured.
	Measure  host.Measure
	Measured bool
	Charts   []Drawn
	Columns  []Column
	Steps    []Step // the newest first
}

func (d *Desk) metrics(w http.ResponseWriter, r *http.Request) error {
	h, err := d.header(r, "metrics")
	if err != nil {
		return err
	}
	view := Metrics{Header: h, Day: r.URL.Query().Get("range") == "day"}
	over := host.LastMinutes
	if view.Day {
		over = host.LastDay
	}
	view.Measure, view.Measured = d.cfg.Host.Measures()[h.E.ID]
	if series, ok := d.cfg.Host.Series(h.E.ID, over); ok {
		view.Every = max(series.StepSeconds, 5)
		view.Charts = chartsOf(series)
		view.Columns, view.Steps = tableOf(series)
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-metrics.html", h, view)
}

func chartsOf(s host.Series) []Drawn {
	line := func(name string, values []*float64) chart.Series { return chart.Series{Name: name, Values: values} }
	charts := []Drawn{
		{Name: "requests", Unit: "rate", Chart: chart.New(chart.Decimal, line("requests", s.RequestsPerSecond), line("errors", s.ErrorsPerSecond))},
		{Name: "latency", Unit: "seconds", Chart: chart.New(chart.Decimal, line("p50", s.P50), line("p99", s.P99))},
		{Name: "in_flight", Unit: "count", Chart: chart.New(chart.Decimal, line("in_flight", s.InFlight))},
		{Name: "memory", Unit: "bytes", Chart: chart.New(chart.Binary, line("memory", s.ResidentBytes))},
		{Name: "cpu", Unit: "cores", Chart: chart.New(chart.Decimal, line("cpu", s.CPU))},
	}
	whole := time.Duration(s.StepSeconds*(max(len(s.RequestsPerSecond), 2)-1)) * time.Second
	every := time.Minute
	if whole > time.Hour {
		every = 6 * time.Hour
	}
	var marks []Mark
	for past := time.Duration(0); past <= whole+time.Duration(s.StepSeconds)*time.Second && whole > 0; past += every {
		marks = append(marks, Mark{chart.Across(max(1-float64(past)/float64(whole), 0)), past})
	}
	for i := range charts {
		charts[i].Marks = marks
	}
	return charts
}

// Column is one column of the table of all series.
type Column struct{ Name, Unit string }

func tableOf(s host.Series) ([]Column, []Step) {
	columns := []Column{{"requests", "rate"}, {"errors", "rate"}, {"p50", "seconds"}, {"p99", "seconds"}, {"in_flight", "count"}, {"memory", "bytes"}, {"cpu", "cores"}}
	lists := [][]*float64{s.RequestsPerSecond, s.ErrorsPerSecond, s.P50, s.P99, s.InFlight, s.ResidentBytes, s.CPU}
	var rows []Step
	for i := len(s.RequestsPerSecond) - 1; i >= 0; i-- {
		m := Step{Time: s.From.Add(time.Duration(i*s.StepSeconds) * time.Second)}
		known := false
		for _, list := range lists {
			var v *float64
			if i < len(list) {
				v = list[i]
			}
			known = known || v != nil
			m.Values = append(m.Values, v)
		}
		if known {
			rows = append(rows, m)
		}
	}
	return columns, rows
}
