package host

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/host/internal/repositories"
)

// repositoryCollector turns how repositories stand into metrics.
type repositoryCollector struct {
	status                                   func() []repositories.Status
	state, listings, read, expires, failures *prometheus.Desc
}

func newRepositoryCollector(status func() []repositories.Status) *repositoryCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("jackfield_repository_"+name, help, append([]string{"repository"}, labels...), nil)
	}
	return &repositoryCollector{
		status:   status,
		state:    desc("state", "1 for the state in which the repository is, 0 for the others.", "state"),
		listings: desc("listings", "Extensions that the repository lists, as known."),
		read:     desc("read_timestamp_seconds", "When the repository was last read without an error. Absent before."),
		expires:  desc("expiry_timestamp_seconds", "When what is known of the repository runs out. Absent where nothing does."),
		failures: desc("failures_total", "Looks at the repository that failed.", "code"),
	}
}

func (c *repositoryCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.state, c.listings, c.read, c.expires, c.failures} {
		ch <- desc
	}
}

// Collect leaves disabled repositories out.
func (c *repositoryCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.status() {
		if s.Disabled {
			continue
		}
		gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{s.Name}, labels...)...)
		}
		for _, state := range repositories.States() {
			value := 0.0
			if s.State == state {
				value = 1
			}
			gauge(c.state, value, string(state))
		}
		gauge(c.listings, float64(s.Listings))
		if !s.Read.IsZero() {
			gauge(c.read, float64(s.Read.Unix()))
		}
		if !s.Expires.IsZero() {
			gauge(c.expires, float64(s.Expires.Unix()))
		}
		for code, n := range s.Failures {
			ch <- prometheus.MustNewConstMetric(c.failures, prometheus.CounterValue, float64(n), s.Name, string(code))
		}
	}
}
