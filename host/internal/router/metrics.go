package router

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/sdk"
)

// codeOK is the value of the label code of a request that was answered.
const codeOK sdk.Code = "ok"

// metrics counts requests. Label values come from closed sets: types and
// extensions of the current table, codes of the sdk, and one row for all types that
// nobody declares. Series appear with the first request and go with the type.
type metrics struct {
	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	requestBytes  *prometheus.HistogramVec
	responseBytes *prometheus.HistogramVec
	parameters    *prometheus.CounterVec
	codes         map[sdk.Code]int // place of a code in routeMetrics.counters; immutable
	unknown       *routeMetrics

	mu     sync.Mutex
	routes map[typeKey]*routeMetrics // guarded by mu
	// extensions are those of the current table; guarded by mu.
	extensions map[string]bool
}

type typeKey struct{ extension, typ string }

// routeMetrics holds the resolved series of one type, so that counting a request
// looks no label up. It is the same for all tables in which the type occurs.
type routeMetrics struct {
	all      *metrics
	key      typeKey
	counters []atomic.Pointer[counter] // by the place of the code
	observed atomic.Pointer[observers]

	mu   sync.Mutex
	gone bool // guarded by mu: its series are deleted and must not come back
}

// counter and observers are structs because an interface can not be held atomically.
type counter struct{ prometheus.Counter }

type observers struct{ duration, requestBytes, responseBytes prometheus.Observer }

func newMetrics() *metrics {
	labels := []string{"extension", "type"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_requests_total",
			Help: "Requests by their outcome: ok, or the code of the error.",
		}, append(labels, "code")),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jackfield_request_duration_seconds",
			Help: "Time from routing a request to its answer, queueing included.",
			Buckets: []float64{
				25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3,
				50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30,
			},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}, labels),
		requestBytes:  newBytes("jackfield_request_bytes", "Size of the payloads of requests.", labels),
		responseBytes: newBytes("jackfield_response_bytes", "Size of the payloads of answers.", labels),
		parameters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_project_parameters_total",
			Help: "Questions for the parameters of a project by their outcome: ok, or the code of the error.",
		}, []string{"extension", "code"}),
		codes:  map[sdk.Code]int{codeOK: 0},
		routes: map[typeKey]*routeMetrics{},
	}
	for i, code := range sdk.Codes() {
		m.codes[code] = i + 1
	}
	m.unknown = m.newRoute(typeKey{"", "unknown"})
	return m
}

func newBytes(name, help string, labels []string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(64, 8, 7), // 64 B to 16 MiB
	}, labels)
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.duration, m.requestBytes, m.responseBytes, m.parameters}
}

func (m *metrics) newRoute(key typeKey) *routeMetrics {
	return &routeMetrics{all: m, key: key, counters: make([]atomic.Pointer[counter], len(m.codes))}
}

// of returns the series of a type, new ones if there are none.
func (m *metrics) of(extension, typ string) *routeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := typeKey{extension, typ}
	rm := m.routes[key]
	if rm == nil {
		rm = m.newRoute(key)
		m.routes[key] = rm
	}
	return rm
}

// keep deletes the series of types that are not in t. Requests of them that are
// still in flight are not counted any more.
func (m *metrics) keep(t *Table) {
	m.mu.Lock()
	defer m.mu.Unlock()
	extensions := map[string]bool{}
	for _, route := range t.sorted {
		extensions[route.Extension] = true
	}
	for extension := range m.extensions {
		if !extensions[extension] {
			m.parameters.DeletePartialMatch(prometheus.Labels{"extension": extension})
		}
	}
	m.extensions = extensions
	for key, rm := range m.routes {
		if route := t.routes[key.typ]; route != nil && route.Extension == key.extension {
			continue
		}
		delete(m.routes, key)
		rm.remove()
	}
}

func (rm *routeMetrics) remove() {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.gone = true
	labels := prometheus.Labels{"extension": rm.key.extension, "type": rm.key.typ}
	rm.all.requests.DeletePartialMatch(labels)
	rm.all.duration.Delete(labels)
	rm.all.requestBytes.Delete(labels)
	rm.all.responseBytes.Delete(labels)
}

// count adds one request with this outcome.
func (rm *routeMetrics) count(code sdk.Code) {
	i, ok := 0, code == codeOK
	if !ok {
		i, ok = rm.all.codes[code]
	}
	if !ok {
		i, code = rm.all.codes[sdk.Internal], sdk.Internal
	}
	if c := rm.counters[i].Load(); c != nil {
		c.Inc()
		return
	}
	rm.mu.Lock()
	defer rm.mu.Unlock()
	if rm.gone {
		return
	}
	c := &counter{rm.all.requests.WithLabelValues(rm.key.extension, rm.key.typ, string(code))}
	rm.counters[i].Store(c)
	c.Inc()
}

// observe notes how long a request took and how large its payload was.
func (rm *routeMetrics) observe(took time.Duration, requestBytes int) {
	if o := rm.observers(); o != nil {
		o.duration.Observe(took.Seconds())
		o.requestBytes.Observe(float64(requestBytes))
	}
}

// observeAnswer notes how large an answer was.
func (rm *routeMetrics) observeAnswer(bytes int) {
	if o := rm.observers(); o != nil {
		o.responseBytes.Observe(float64(bytes))
	}
}

// observers returns the type's histograms, nil when the type is gone.
func (rm *routeMetrics) observers() *observers {
	if o := rm.observed.Load(); o != nil {
		return o
	}
	rm.mu.Lock()
	defer rm.mu.Unlock()
	if rm.gone {
		return nil
	}
	ext, typ := rm.key.extension, rm.key.typ
	o := &observers{
		duration:      rm.all.duration.WithLabelValues(ext, typ),
		requestBytes:  rm.all.requestBytes.WithLabelValues(ext, typ),
		responseBytes: rm.all.responseBytes.WithLabelValues(ext, typ),
	}
	rm.observed.Store(o)
	return o
}

// gateCollector reads the gates of the current table when it is scraped, so that
// requests pay nothing for these gauges.
type gateCollector struct {
	table                      *atomic.Pointer[Table]
	inFlight, queued           *prometheus.Desc
	inFlightLimit, queuedLimit *prometheus.Desc
}

func newGateCollector(table *atomic.Pointer[Table]) *gateCollector {
	limit := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"extension"}, nil)
	}
	return &gateCollector{
		table:         table,
		inFlightLimit: limit("jackfield_requests_in_flight_limit", "Requests of an extension that may run at once: limits.in_flight."),
		queuedLimit:   limit("jackfield_requests_queued_limit", "Requests of an extension that may wait: limits.queue."),
		inFlight: prometheus.NewDesc("jackfield_requests_in_flight",
			"Requests that run just now, without those that wait.", []string{"extension"}, nil),
		queued: prometheus.NewDesc("jackfield_requests_queued",
			"Requests that wait for others of the same extension to end.", []string{"extension"}, nil),
	}
}

func (c *gateCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.inFlight
	ch <- c.queued
	ch <- c.inFlightLimit
	ch <- c.queuedLimit
}

func (c *gateCollector) Collect(ch chan<- prometheus.Metric) {
	for _, g := range c.table.Load().gates {
		ch <- prometheus.MustNewConstMetric(c.inFlight, prometheus.GaugeValue, float64(g.gate.InFlight()), g.extension)
		ch <- prometheus.MustNewConstMetric(c.queued, prometheus.GaugeValue, float64(g.gate.Queued()), g.extension)
		ch <- prometheus.MustNewConstMetric(c.inFlightLimit, prometheus.GaugeValue, float64(g.gate.running), g.extension)
		ch <- prometheus.MustNewConstMetric(c.queuedLimit, prometheus.GaugeValue, float64(g.gate.waiting), g.extension)
	}
}
