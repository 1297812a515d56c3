package supervisor

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// usage is what a process takes of the machine.
type usage struct {
	resident  int64 // bytes
	cpu       time.Duration
	openFiles int
}

// sample is the usage of one running instance.
type sample struct {
	id string
	usage
}

// metrics counts what happens to extensions, by id. The counters outlive an instance,
// so that a restart or an upgrade does not reset them; they go with the extension.
type metrics struct {
	restarts *prometheus.CounterVec
	start    *prometheus.HistogramVec
	dials    *prometheus.CounterVec
	read     func() []sample

	resident, cpuSeconds, openFiles *prometheus.Desc

	mu    sync.Mutex
	tally map[string]*tally // by extension id
}

// tally is what ended processes of one extension leave behind.
type tally struct {
	restarts int
	cpu      time.Duration
}

func newMetrics(read func() []sample) *metrics {
	label := []string{"extension"}
	return &metrics{
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_extension_restarts_total",
			Help: "Restarts of an extension's process that nobody asked for, by the code of the reason.",
		}, []string{"extension", "reason"}),
		start: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                           "jackfield_extension_start_duration_seconds",
			Help:                           "Time from launch to the first request that could be served.",
			Buckets:                        []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
			NativeHistogramBucketFactor:    1.1,
			NativeHistogramMaxBucketNumber: 100,
		}, label),
		dials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_extension_dials_total",
			Help: "Connections that an extension asked the host for, by result: ok or the code of the error.",
		}, []string{"extension", "result"}),
		resident: prometheus.NewDesc("jackfield_extension_resident_memory_bytes",
			"Resident memory of an extension's process.", label, nil),
		cpuSeconds: prometheus.NewDesc("jackfield_extension_cpu_seconds_total",
			"Processor time used by an extension's processes since the host started.", label, nil),
		openFiles: prometheus.NewDesc("jackfield_extension_open_fds",
			"Open file descriptors of an extension's process.", label, nil),
		read:  read,
		tally: make(map[string]*tally),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.restarts, m.start, m.dials, m}
}

// known makes room for the counters of an extension.
func (m *metrics) known(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tally[id] == nil {
		m.tally[id] = new(tally)
	}
}

func (m *metrics) forget(id string) {
	m.mu.Lock()
	delete(m.tally, id)
	m.mu.Unlock()
	m.restarts.DeletePartialMatch(prometheus.Labels{"extension": id})
	m.dials.DeletePartialMatch(prometheus.Labels{"extension": id})
	m.start.DeleteLabelValues(id)
}

// restarted counts a restart and returns how many there were.
func (m *metrics) restarted(id, reason string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tally[id]
	if t == nil {
		return 0 // forgotten while it was being stopped
	}
	t.restarts++
	m.restarts.WithLabelValues(id, reason).Inc()
	return t.restarts
}

// restartsOf returns how many restarts there were.
func (m *metrics) restartsOf(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tally[id]; t != nil {
		return t.restarts
	}
	return 0
}

func (m *metrics) started(id string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tally[id] != nil {
		m.start.WithLabelValues(id).Observe(took.Seconds())
	}
}

// dialled counts a dial. Its result is from a closed set: ok, or one of the codes.
func (m *metrics) dialled(id, result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tally[id] != nil {
		m.dials.WithLabelValues(id, result).Inc()
	}
}

// ended keeps the processor time of a process that has gone.
func (m *metrics) ended(id string, cpu time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tally[id]; t != nil {
		t.cpu += cpu
	}
}

// Usage is what the processes of an extension take of the machine.
type Usage struct {
	ResidentBytes int64
	OpenFiles     int
	CPU           time.Duration // since the host started, that of ended processes included
}

// usages returns the usage of every extension that is known, by id. Two processes of one
// extension, as during an upgrade, count together.
func (m *metrics) usages() map[string]Usage {
	samples := m.read()
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]Usage, len(m.tally))
	for id, t := range m.tally {
		all[id] = Usage{CPU: t.cpu}
	}
	for _, s := range samples {
		u, known := all[s.id]
		if !known {
			continue
		}
		u.ResidentBytes += s.resident
		u.OpenFiles += s.openFiles
		u.CPU += s.cpu
		all[s.id] = u
	}
	return all
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.resident
	ch <- m.cpuSeconds
	ch <- m.openFiles
}

// Collect implements prometheus.Collector. An extension without a process has the
// processor time that its processes have used, and no more.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for id, u := range m.usages() {
		ch <- prometheus.MustNewConstMetric(m.cpuSeconds, prometheus.CounterValue, u.CPU.Seconds(), id)
		if u.ResidentBytes == 0 && u.OpenFiles == 0 {
			continue
		}
		ch <- prometheus.MustNewConstMetric(m.resident, prometheus.GaugeValue, float64(u.ResidentBytes), id)
		ch <- prometheus.MustNewConstMetric(m.openFiles, prometheus.GaugeValue, float64(u.OpenFiles), id)
	}
}
