package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/store"
)

// metrics counts what comes in. Labels have values of closed sets.
type metrics struct {
	received *prometheus.CounterVec
	settled  *prometheus.CounterVec
	refused  *prometheus.CounterVec
	panics   prometheus.Counter
	failures prometheus.Counter
	duration prometheus.Histogram
}

func newMetrics() *metrics {
	return &metrics{
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "store_submissions_received_total", Help: "Files that were taken in, by source.",
		}, []string{"source"}),
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "store_submissions_settled_total", Help: "Submissions whose check ended, by format and by the state that it led to.",
		}, []string{"format", "state"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "store_submissions_refused_total", Help: "Refused submissions, by the code of the first problem.",
		}, []string{"code"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "store_check_panics_total", Help: "Checks that a file has made panic: each one is a mistake of the program.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "store_check_failures_total", Help: "Checks that were broken off because database or blobs failed; they are taken up again.",
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "store_check_duration_seconds", Help: "How long one check took, from its claim to its result.",
			Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30, 100},
		}),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.received, m.settled, m.panics, m.failures, m.duration, m.refused}
}

func (m *metrics) settle(s store.Submission, took time.Duration) {
	format := string(s.Format)
	if format == "" {
		format = "unknown"
	}
	m.settled.WithLabelValues(format, string(s.State)).Inc()
	if s.State == store.NeedsChanges && len(s.Problems) > 0 {
		m.refused.WithLabelValues(s.Problems[0].Code).Inc()
	}
	m.duration.Observe(took.Seconds())
}
