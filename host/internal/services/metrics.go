package services

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/internal/wire/service"
)

// metrics counts what extensions ask. Label values come from closed sets: ids of
// extensions, service.Kinds, and ok or a code of the sdk.
type metrics struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics() *metrics {
	return &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_service_calls_total",
			Help: "What an extension asked its host for, by outcome: ok or the code of the error.",
		}, []string{"extension", "service", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jackfield_service_duration_seconds",
			Help: "Time from the ask of an extension to the answer.",
			Buckets: []float64{
				25e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30,
			},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"extension", "service"}),
	}
}

func (m *metrics) ended(id string, r service.Report) {
	code := "ok"
	if r.Err != nil {
		code = string(r.Err.Code)
	}
	m.calls.WithLabelValues(id, string(r.Kind), code).Inc()
	m.duration.WithLabelValues(id, string(r.Kind)).Observe(r.Took.Seconds())
}

func (m *metrics) forget(id string) {
	m.calls.DeletePartialMatch(prometheus.Labels{"extension": id})
	m.duration.DeletePartialMatch(prometheus.Labels{"extension": id})
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.calls, m.duration}
}
