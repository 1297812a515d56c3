package catalog

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// metrics are what the catalog tells about the folder. Every label value comes from a
// closed set and is there from the start, as 0.
type metrics struct {
	bundles    *bundleCounts
	rejections *prometheus.CounterVec
}

func newMetrics(view func() View, states func(View) map[lifecycle.State]int) *metrics {
	m := &metrics{
		bundles: &bundleCounts{
			view: view, states: states,
			byState: prometheus.NewDesc("jackfield_bundles",
				"Bundles in the extensions folder, by state.", []string{"state"}, nil),
			waiting: prometheus.NewDesc("jackfield_bundles_waiting",
				"Bundles in the extensions folder that wait, by the code of the reason.", []string{"code"}, nil),
		},
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_bundle_rejections_total",
			Help: "Bundles that were turned away, by the code of the reason.",
		}, []string{"code"}),
	}
	for _, code := range rejectionCodes() {
		m.rejections.WithLabelValues(code)
	}
	return m
}

func rejectionCodes() []string {
	codes := []string{
		lifecycle.CodeHostTooOld, lifecycle.CodeNoExecutable,
		lifecycle.CodeIDTaken, lifecycle.CodeNameTaken, lifecycle.CodeTypeTaken,
	}
	for _, code := range bundle.Codes() {
		codes = append(codes, string(code))
	}
	return codes
}

// waitingCodes are the reasons for which a bundle waits.
func waitingCodes() []string {
	return []string{lifecycle.CodeHeld, lifecycle.CodeDependencyMissing, lifecycle.CodeDependencyCycle}
}

// turnedAway counts a row that is new. A file that waits is not turned away.
func (m *metrics) turnedAway(row Row) {
	switch row.State {
	case lifecycle.Failed, lifecycle.Conflict, lifecycle.Unsupported:
		m.rejections.WithLabelValues(row.Reason.Code).Inc()
	}
}

// Collectors returns the catalog's metrics: jackfield_bundles{state},
// jackfield_bundles_waiting{code} and jackfield_bundle_rejections_total{code}.
func (c *Catalog) Collectors() []prometheus.Collector {
	return []prometheus.Collector{c.metrics.bundles, c.metrics.rejections}
}

// last is the last View.
func (c *Catalog) last() View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view
}

// states counts the bundles of a View.
func (c *Catalog) states(view View) map[lifecycle.State]int {
	count := map[lifecycle.State]int{}
	for _, row := range view.Rows {
		count[row.State]++
	}
	for _, entry := range view.Desired {
		state := lifecycle.Starting
		if entry.Disabled {
			state = lifecycle.Stopped
		}
		if c.cfg.StateOf != nil {
			state = c.cfg.StateOf(entry.ID())
		}
		count[state]++
	}
	return count
}

// bundleCounts are gauges that are counted when they are asked for.
type bundleCounts struct {
	view             func() View
	states           func(View) map[lifecycle.State]int
	byState, waiting *prometheus.Desc
}

func (b *bundleCounts) Describe(ch chan<- *prometheus.Desc) {
	ch <- b.byState
	ch <- b.waiting
}

func (b *bundleCounts) Collect(ch chan<- prometheus.Metric) {
	view := b.view()
	count := b.states(view)
	for _, state := range lifecycle.States() {
		ch <- prometheus.MustNewConstMetric(b.byState, prometheus.GaugeValue, float64(count[state]), string(state))
	}
	waiting := map[string]int{}
	for _, row := range view.Rows {
		if row.State == lifecycle.Waiting {
			waiting[row.Reason.Code]++
		}
	}
	for _, code := range waitingCodes() {
		ch <- prometheus.MustNewConstMetric(b.waiting, prometheus.GaugeValue, float64(waiting[code]), code)
	}
}
