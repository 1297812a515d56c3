package router

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/jackfield-host/jackfield/sdk"
)

// Traffic is what was counted of one type so far. The numbers are those of the metrics:
// who reads them costs requests nothing.
type Traffic struct {
	Extension, Type string
	// Requests are all that had an outcome; Failures those for whose outcome a client is
	// not to blame.
	Requests, Failures uint64

	metrics *routeMetrics
}

// failures are the codes for which a client is not to blame.
func failures() []sdk.Code {
	return []sdk.Code{sdk.Internal, sdk.ExtensionFault, sdk.Unavailable, sdk.DeadlineExceeded, sdk.Exhausted}
}

// Traffic returns what was counted of each type of the current table.
func (r *Router) Traffic() []Traffic {
	table := r.Table()
	list := make([]Traffic, 0, len(table.sorted))
	for _, route := range table.sorted {
		m := route.metrics
		if m == nil {
			continue
		}
		t := Traffic{Extension: route.Extension, Type: route.Type, metrics: m}
		for i := range m.counters {
			t.Requests += m.read(i)
		}
		for _, code := range failures() {
			t.Failures += m.read(m.all.codes[code])
		}
		list = append(list, t)
	}
	return list
}

// read returns the i-th counter.
func (rm *routeMetrics) read(i int) uint64 {
	c := rm.counters[i].Load()
	if c == nil {
		return 0
	}
	var out dto.Metric
	if c.Write(&out) != nil { // it is written to memory
		return 0
	}
	return uint64(out.GetCounter().GetValue())
}

// Durations reads how long the requests took, nil when there were none.
func (t Traffic) Durations() *dto.Histogram {
	o := t.metrics.observed.Load()
	if o == nil {
		return nil
	}
	var out dto.Metric
	if metric, ok := o.duration.(prometheus.Metric); !ok || metric.Write(&out) != nil {
		return nil
	}
	return out.GetHistogram()
}

// Load is what an extension does just now.
type Load struct{ InFlight, Queued int }

// Loads returns the load of each extension of the current table, by id.
func (r *Router) Loads() map[string]Load {
	loads := map[string]Load{}
	for _, g := range r.Table().gates {
		loads[g.extension] = Load{g.gate.InFlight(), g.gate.Queued()}
	}
	return loads
}
