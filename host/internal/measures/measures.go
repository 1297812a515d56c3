// Package measures remembers how extensions fare: a Sampler is shown, every Step, what was
// counted of them so far, and says what that comes to, over the last half minute (Measure)
// and over the last minutes and the last day (Series).
//
// What is promised: nothing on the path of a request (quantiles come from the differences
// of the histograms that are counted for Prometheus anyway); memory that is bounded for
// each extension and goes with it; questions that wait for no look.
package measures

import (
	"math"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

const (
	// Step is the time between two looks.
	Step = 5 * time.Second
	// window is how many looks a Measure is made from.
	window = 6
	// The last minutes are kept in as many steps of Step, the last day in as many steps
	// of coarse looks each.
	fineSteps, coarseSteps, coarse = 60, 288, 60
)

// Measure is what an extension does and takes, over the last half minute.
type Measure struct {
	RequestsPerSecond float64 `json:"requests_per_second"`
	// ErrorsPerSecond counts the answers for which a client is not to blame: internal,
	// extension_fault, unavailable, deadline_exceeded and exhausted. ErrorRate is their
	// share of all, 0 to 1, and 0 without requests.
	ErrorsPerSecond float64 `json:"errors_per_second"`
	ErrorRate       float64 `json:"error_rate"`
	// P50 and P99 are seconds, nil without requests.
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`
	// CPU is how many cores its processes have used.
	CPU float64 `json:"cpu"`
	// The others are those of the last look.
	InFlight      int   `json:"in_flight"`
	Queued        int   `json:"queued"`
	ResidentBytes int64 `json:"resident_bytes"`
	OpenFiles     int   `json:"open_fds"`
	Restarts      int   `json:"restarts"`
}

// Series is what an extension did and took, in equal steps. The lists have one value for
// each step, the oldest first, nil for a step of which nothing is known (and, of P50 and
// P99, for one without requests).
type Series struct {
	StepSeconds int `json:"step_seconds"`
	// From is when the first step begins.
	From              time.Time  `json:"from"`
	RequestsPerSecond []*float64 `json:"requests_per_second"`
	ErrorsPerSecond   []*float64 `json:"errors_per_second"`
	P50               []*float64 `json:"p50"`
	P99               []*float64 `json:"p99"`
	InFlight          []*float64 `json:"in_flight"`
	ResidentBytes     []*float64 `json:"resident_bytes"`
	CPU               []*float64 `json:"cpu"`
}

// Range is a span of time of which series are kept.
type Range int

// The ranges.
const (
	LastMinutes Range = iota // five minutes, in steps of five seconds
	LastDay                  // 24 hours, in steps of five minutes
)

// Reading is what a Sampler is shown.
type Reading struct {
	// Traffic has one entry for each type of each extension.
	Traffic []Traffic
	// Extensions are all that there are, by id.
	Extensions map[string]Standing
}

// Traffic is what was counted of one type so far.
type Traffic struct {
	Extension, Type    string
	Requests, Failures uint64 // counters; one that is lower than before has begun anew
	// Durations reads the histogram of its requests, nil for none. It is called only when
	// there were any since the last look.
	Durations func() *dto.Histogram
}

// Standing is what an extension has and takes just now.
type Standing struct {
	InFlight, Queued, OpenFiles, Restarts int

	ResidentBytes int64
	CPU           time.Duration // a counter: what its processes have used so far
}

// Sampler remembers. Its methods may be called by any goroutine.
type Sampler struct {
	mu         sync.Mutex // guards what follows
	extensions map[string]*extension
	last       time.Time // of the last look, zero before the first
	lastCoarse time.Time // the end of the last coarse step
	looks      int
}

// New makes a Sampler that has seen nothing.
func New() *Sampler { return &Sampler{extensions: map[string]*extension{}} }

// extension is what is remembered of one.
type extension struct {
	types   map[string]*typeBefore
	cpu     time.Duration // as it was at the last look
	seen    bool          // there was one
	recent  [window]delta // the last looks, in a ring
	measure Measure
	fine    ring
	coarse  ring
	sum     total // of the coarse step that is not over
}

// typeBefore is what was counted of a type at the last look.
type typeBefore struct {
	requests, failures uint64
	durations          hist
	looked             int
}

// delta is what happened between two looks.
type delta struct {
	requests, failures float64
	seconds, cpu       float64
	durations          hist
}

// Take notes what is counted now.
func (s *Sampler) Take(now time.Time, r Reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seconds := 0.0
	if !s.last.IsZero() {
		seconds = max(now.Sub(s.last).Seconds(), 0)
	}
	s.last = now
	s.looks++
	deltas := s.traffic(r)
	for id := range s.extensions {
		if _, there := r.Extensions[id]; !there {
			delete(s.extensions, id)
		}
	}
	turn := s.looks%coarse == 0
	if turn || s.lastCoarse.IsZero() {
		s.lastCoarse = now
	}
	for id, is := range r.Extensions {
		x := s.extension(id)
		d := deltas[id]
		d.seconds = seconds
		if x.seen {
			d.cpu = max(is.CPU-x.cpu, 0).Seconds()
		} else {
			// What was counted before anybody looked did not happen since the last look.
			d = delta{}
		}
		x.cpu, x.seen = is.CPU, true
		x.take(s.looks, d, is, turn)
	}
}

func (s *Sampler) extension(id string) *extension {
	x := s.extensions[id]
	if x == nil {
		x = &extension{types: map[string]*typeBefore{}, fine: newRing(fineSteps), coarse: newRing(coarseSteps)}
		s.extensions[id] = x
	}
	return x
}

// traffic returns what was counted since the last look, by extension.
func (s *Sampler) traffic(r Reading) map[string]delta {
	deltas := make(map[string]delta, len(r.Extensions))
	for _, t := range r.Traffic {
		if _, there := r.Extensions[t.Extension]; !there {
			continue
		}
		x := s.extension(t.Extension)
		before := x.types[t.Type]
		if before == nil {
			before = &typeBefore{}
			x.types[t.Type] = before
		}
		d := deltas[t.Extension]
		d.requests += float64(since(before.requests, t.Requests))
		d.failures += float64(since(before.failures, t.Failures))
		if t.Requests != before.requests {
			durations := parse(t.Durations())
			d.durations.add(durations.since(before.durations))
			before.durations = durations
		}
		before.requests, before.failures, before.looked = t.Requests, t.Failures, s.looks
		deltas[t.Extension] = d
	}
	for _, x := range s.extensions {
		for name, before := range x.types {
			if before.looked != s.looks {
				delete(x.types, name)
			}
		}
	}
	return deltas
}

// since is by how much a counter has grown.
func since(before, now uint64) uint64 {
	if now < before { // it has begun anew
		return now
	}
	return now - before
}

// take notes one look, the n-th of all; turn says that a coarse step is over.
func (x *extension) take(n int, d delta, is Standing, turn bool) {
	x.recent[n%window] = d
	var last total
	for _, old := range x.recent {
		last.add(old, Standing{})
	}
	m := Measure{
		InFlight: is.InFlight, Queued: is.Queued, ResidentBytes: is.ResidentBytes, OpenFiles: is.OpenFiles, Restarts: is.Restarts,
	}
	if p := last.point(); last.seconds > 0 {
		m.RequestsPerSecond, m.ErrorsPerSecond, m.CPU = last.requests/last.seconds, last.failures/last.seconds, last.cpu/last.seconds
		m.P50, m.P99 = known(p.p50), known(p.p99)
	}
	if last.requests > 0 {
		m.ErrorRate = min(last.failures/last.requests, 1)
	}
	x.measure = m

	var one total
	one.add(d, is)
	x.fine.put(one.point())
	x.sum.add(d, is)
	if turn {
		x.coarse.put(x.sum.point())
		x.sum = total{}
	}
}

// total is what happened over several looks.
type total struct {
	delta
	looks              int
	inFlight, resident float64 // sums over the looks
}

func (t *total) add(d delta, is Standing) {
	t.requests += d.requests
	t.failures += d.failures
	t.seconds += d.seconds
	t.cpu += d.cpu
	t.durations.add(d.durations)
	t.looks++
	t.inFlight += float64(is.InFlight)
	t.resident += float64(is.ResidentBytes)
}

// point is one value of each series. What is not known is NaN.
type point struct{ requests, failures, p50, p99, inFlight, resident, cpu float32 }

func unknown() point {
	nan := float32(math.NaN())
	return point{nan, nan, nan, nan, nan, nan, nan}
}

func (t *total) point() point {
	p := unknown()
	if t.looks > 0 {
		p.inFlight, p.resident = float32(t.inFlight/float64(t.looks)), float32(t.resident/float64(t.looks))
	}
	if t.seconds > 0 {
		p.requests, p.failures, p.cpu = float32(t.requests/t.seconds), float32(t.failures/t.seconds), float32(t.cpu/t.seconds)
	}
	p.p50, p.p99 = float32(t.durations.quantile(0.5)), float32(t.durations.quantile(0.99))
	return p
}

// ring holds the last points, next being the oldest.
type ring struct {
	points []point
	next   int
}

func newRing(n int) ring {
	r := ring{points: make([]point, n)}
	for i := range r.points {
		r.points[i] = unknown()
	}
	return r
}

func (r *ring) put(p point) {
	r.points[r.next] = p
	r.next = (r.next + 1) % len(r.points)
}

// Measures returns the measure of every extension, by id.
func (s *Sampler) Measures() map[string]Measure {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]Measure, len(s.extensions))
	for id, x := range s.extensions {
		all[id] = x.measure
	}
	return all
}

// Series returns how an extension fared, false for one that is not known.
func (s *Sampler) Series(id string, over Range) (Series, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.extensions[id]
	if x == nil {
		return Series{}, false
	}
	points, step, end := x.fine, Step, s.last
	if over == LastDay {
		points, step, end = x.coarse, coarse*Step, s.lastCoarse
	}
	n := len(points.points)
	series := Series{StepSeconds: int(step.Seconds()), From: end.Add(-time.Duration(n) * step).UTC()}
	for i := range n {
		p := points.points[(points.next+i)%n]
		for _, list := range []struct {
			values *[]*float64
			value  float32
		}{
			{&series.RequestsPerSecond, p.requests}, {&series.ErrorsPerSecond, p.failures}, {&series.P50, p.p50}, {&series.P99, p.p99},
			{&series.InFlight, p.inFlight}, {&series.ResidentBytes, p.resident}, {&series.CPU, p.cpu},
		} {
			*list.values = append(*list.values, known(list.value))
		}
	}
	return series, true
}

// known is a value, nil for one that is not known.
func known(v float32) *float64 {
	if math.IsNaN(float64(v)) {
		return nil
	}
	// Six digits are what a float32 has: more would be noise in every answer.
	f := float64(v)
	if scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(f)))); f != 0 && !math.IsInf(scale, 0) && scale != 0 {
		f = math.Round(f*scale) / scale
	}
	return &f
}
