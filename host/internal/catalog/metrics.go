package catalog

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// metrics are what the catalog tells about the folder. Every label value comes from a
// closed set and is there from the start, as 0.
type metrics struct {
	bundles    *bundlesByState
	rejections *prometheus.CounterVec
}

func newMetrics(states func() map[lifecycle.State]int) *metrics {
	m := &metrics{
		bundles: &bundlesByState{
			states: states,
			desc: prometheus.NewDesc("jackfield_bundles",
				"Bundles in the extensions folder, by state.", []string{"state"}, nil),
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

// turnedAway counts a row that is new. A file that waits is not turned away.
func (m *metrics) turnedAway(row Row) {
	switch row.State {
	case lifecycle.Failed, lifecycle.Conflict, lifecycle.Unsupported:
		m.rejections.WithLabelValues(row.Reason.Code).Inc()
	}
}

// Collectors returns the catalog's metrics: jackfield_bundles{state} and
// jackfield_bundle_rejections_total{code}.
func (c *Catalog) Collectors() []prometheus.Collector {
	return []prometheus.Collector{c.metrics.bundles, c.metrics.rejections}
}

// states counts the bundles of the last View.
func (c *Catalog) states() map[lifecycle.State]int {
	c.mu.Lock()
	view := c.view
	c.mu.Unlock()
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

// bundlesByState is a gauge that is counted when it is asked for.
type bundlesByState struct {
	states func() map[lifecycle.State]int
	desc   *prometheus.Desc
}

func (b *bundlesByState) Describe(ch chan<- *prometheus.Desc) { ch <- b.desc }

func (b *bundlesByState) Collect(ch chan<- prometheus.Metric) {
	count := b.states()
	for _, state := range lifecycle.States() {
		ch <- prometheus.MustNewConstMetric(b.desc, prometheus.GaugeValue, float64(count[state]), string(state))
	}
}
