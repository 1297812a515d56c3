package host

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/host/internal/installation"
)

// planCollector turns how plans have gone into metrics.
type planCollector struct {
	counts               func() installation.Counts
	ended, active, bytes *prometheus.Desc
}

func newPlanCollector(counts func() installation.Counts) *planCollector {
	return &planCollector{
		counts: counts,
		ended: prometheus.NewDesc("jackfield_plans_total",
			"Installations and updates from repositories that have ended, by how; begun by a person or by the host.", []string{"state", "by"}, nil),
		active: prometheus.NewDesc("jackfield_plans_active",
			"Installations and updates from repositories that are under way.", nil, nil),
		bytes: prometheus.NewDesc("jackfield_plan_download_bytes_total",
			"Bytes that have come from repositories for installations and updates.", nil, nil),
	}
}

func (c *planCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.ended
	ch <- c.active
	ch <- c.bytes
}

// Collect has every series from the start on, so that the first failure is an increase.
func (c *planCollector) Collect(ch chan<- prometheus.Metric) {
	counts := c.counts()
	for how, n := range counts.Ended {
		by := "person"
		if how.ByHost {
			by = "host"
		}
		ch <- prometheus.MustNewConstMetric(c.ended, prometheus.CounterValue, float64(n), string(how.State), by)
	}
	ch <- prometheus.MustNewConstMetric(c.active, prometheus.GaugeValue, float64(counts.Active))
	ch <- prometheus.MustNewConstMetric(c.bytes, prometheus.CounterValue, float64(counts.Bytes))
}
