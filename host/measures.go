package host

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/jackfield-host/jackfield/host/internal/measures"
)

// Measure is what an extension does and takes, over the last half minute.
type Measure = measures.Measure

// Series is what an extension did and took, in equal steps.
type Series = measures.Series

// Range is a span of time of which series are kept.
type Range = measures.Range

// The ranges.
const (
	LastMinutes = measures.LastMinutes // five minutes, in steps of five seconds
	LastDay     = measures.LastDay     // 24 hours, in steps of five minutes
)

// Measures returns the measure of every extension, by id. The map is the caller's.
func (h *Host) Measures() map[string]Measure { return h.sampler.Measures() }

// Series returns how an extension fared; ok is false for one that is not known (yet).
func (h *Host) Series(id string, over Range) (s Series, ok bool) { return h.sampler.Series(id, over) }

// measure looks at what was counted, until ctx ends.
func (h *Host) measure(ctx context.Context) {
	tick := time.NewTicker(measures.Step)
	defer tick.Stop()
	for now := time.Now(); ; {
		h.sampler.Take(now, h.reading())
		select {
		case now = <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// reading is what was counted so far of the extensions that there are.
func (h *Host) reading() measures.Reading {
	r := measures.Reading{Extensions: map[string]measures.Standing{}}
	usage, loads := h.supervisor.Usage(), h.router.Loads()
	for _, row := range *h.rows.Load() {
		if row.extension == nil { // a file that is none
			continue
		}
		u, l := usage[row.ID], loads[row.ID]
		r.Extensions[row.ID] = measures.Standing{
			InFlight: l.InFlight, Queued: l.Queued, OpenFiles: u.OpenFiles, Restarts: row.Restarts,
			ResidentBytes: u.ResidentBytes, CPU: u.CPU,
		}
	}
	for _, t := range h.router.Traffic() {
		r.Traffic = append(r.Traffic, measures.Traffic{
			Extension: t.Extension, Type: t.Type, Requests: t.Requests, Failures: t.Failures, Durations: t.Durations,
		})
	}
	return r
}

// GathererOf gives the metrics of one extension: those of the host's that have its id as
// the label extension, and what it says of itself.
func (h *Host) GathererOf(id string) prometheus.Gatherer {
	return together(h.scraper.GathererOf(id), h.ofHost(id))
}

// together gathers the extensions' own metrics, which are all named ext_…, and then the
// host's, in which what was left out of the first is counted. None has a name of the other,
// so that nothing is left to check: prometheus.Gatherers would look at every series again.
func together(own, host prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := own.Gather()
		if err != nil { // which a scrape.Scraper never returns
			return nil, err
		}
		rest, err := host.Gather()
		return append(families, rest...), err
	})
}

func (h *Host) ofHost(id string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := h.registry.Gather()
		var own []*dto.MetricFamily
		for _, family := range families {
			var metrics []*dto.Metric
			for _, m := range family.GetMetric() {
				if hasLabel(m, "extension", id) {
					metrics = append(metrics, m)
				}
			}
			if len(metrics) > 0 {
				family.Metric = metrics
				own = append(own, family)
			}
		}
		return own, err
	})
}

func hasLabel(m *dto.Metric, name, value string) bool {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue() == value
		}
	}
	return false
}
