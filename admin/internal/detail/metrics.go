package detail

import (
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// Metrics is the tab of how an extension fares, over five minutes or a day.
type Metrics struct {
	Header
	Day   bool
	Every int // seconds after which there is something new, 0 for never
	// Measure is meaningful when it is Measured.
	Measure  host.Measure
	Measured bool
	From     time.Time
	Step     time.Duration
	Charts   []Chart
	// Steps have the values of all Lines of all Charts, the newest first.
	Steps []Step
}

// Chart is what belongs into one drawing.
type Chart struct {
	// Name is requests, latency, in_flight, memory or cpu.
	Name string
	// Unit is rate, seconds, count, bytes or cores.
	Unit  string
	Lines []Line
}

// Line is one series.
type Line struct {
	Name   string
	Values []*float64 // the oldest first, nil where nothing is known
}

// Step is one moment of all series.
type Step struct {
	Time   time.Time
	Values []Value
}

// Value is a value of the line Name with its unit, nil where nothing is known.
type Value struct {
	Name, Unit string
	*float64
}

// Known reports whether there is a value.
func (v Value) Known() bool { return v.float64 != nil }

// Number is the value, 0 for none.
func (v Value) Number() float64 {
	if v.float64 == nil {
		return 0
	}
	return *v.float64
}

func (d *Desk) metrics(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "metrics")
	if err != nil {
		return err
	}
	view := Metrics{Header: h, Day: r.URL.Query().Get("range") == "day"}
	over := host.LastMinutes
	if view.Day {
		over = host.LastDay
	}
	view.Measure, view.Measured = d.cfg.Host.Measures()[h.E.ID]
	if series, ok := d.cfg.Host.Series(h.E.ID, over); ok && series.StepSeconds > 0 {
		view.Every = max(series.StepSeconds, 5)
		view.From, view.Step = series.From, time.Duration(series.StepSeconds)*time.Second
		view.Charts = chartsOf(series)
		view.Steps = view.steps()
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-metrics.html", h, view)
}

func chartsOf(s host.Series) []Chart {
	return []Chart{
		{"requests", "rate", []Line{{"requests", s.RequestsPerSecond}, {"errors", s.ErrorsPerSecond}}},
		{"latency", "seconds", []Line{{"p50", s.P50}, {"p99", s.P99}}},
		{"in_flight", "count", []Line{{"in_flight", s.InFlight}}},
		{"memory", "bytes", []Line{{"memory", s.ResidentBytes}}},
		{"cpu", "cores", []Line{{"cpu", s.CPU}}},
	}
}

// steps are the moments of which anything is known.
func (m Metrics) steps() []Step {
	n := 0
	for _, c := range m.Charts {
		for _, l := range c.Lines {
			n = max(n, len(l.Values))
		}
	}
	var steps []Step
	for i := n - 1; i >= 0; i-- {
		s := Step{Time: m.From.Add(time.Duration(i) * m.Step)}
		known := false
		for _, c := range m.Charts {
			for _, l := range c.Lines {
				v := Value{Name: l.Name, Unit: c.Unit}
				if i < len(l.Values) {
					v.float64 = l.Values[i]
				}
				known = known || v.Known()
				s.Values = append(s.Values, v)
			}
		}
		if known {
			steps = append(steps, s)
		}
	}
	return steps
}
