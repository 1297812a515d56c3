package measures

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// traffic counts as the router does.
type traffic struct {
	requests, failures uint64
	durations          prometheus.Histogram
}

func newTraffic() *traffic {
	return &traffic{durations: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "x", NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
	})}
}

func (c *traffic) request(seconds float64, failed bool) {
	c.requests++
	if failed {
		c.failures++
	}
	c.durations.Observe(seconds)
}

func (c *traffic) native() *dto.Histogram {
	var m dto.Metric
	if err := c.durations.Write(&m); err != nil {
		panic(err)
	}
	return m.GetHistogram()
}

func (c *traffic) of(extension, typ string) Traffic {
	return Traffic{Extension: extension, Type: typ, Requests: c.requests, Failures: c.failures, Durations: c.native}
}

// watcher shows a Sampler one look after the other.
type watcher struct {
	*Sampler
	now time.Time
}

func newWatcher() *watcher {
	return &watcher{New(), time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
}

func (w *watcher) look(is map[string]Standing, traffic ...Traffic) {
	w.Take(w.now, Reading{Traffic: traffic, Extensions: is})
	w.now = w.now.Add(Step)
}

func one(s Standing) map[string]Standing { return map[string]Standing{"a": s} }

func near(got, want float64) bool { return math.Abs(got-want) <= 0.1*want }

func TestMeasureIsOfTheLastHalfMinute(t *testing.T) {
	w, c := newWatcher(), newTraffic()
	for range 1000 { // before anybody looked
		c.request(9, true)
	}
	w.look(one(Standing{}), c.of("a", "t"))
	if m := w.Measures()["a"]; m.RequestsPerSecond != 0 || m.P50 != nil || m.P99 != nil || m.ErrorRate != 0 {
		t.Errorf("at first %+v", m)
	}
	for n := range 12 {
		for i := range 100 {
			c.request(0.001*float64(i+1), i < 10 && n >= 6)
		}
		w.look(one(Standing{InFlight: 3, Queued: 4, OpenFiles: 5, Restarts: 6, ResidentBytes: 7, CPU: time.Duration(n+1) * time.Second}), c.of("a", "t"))
	}
	m := w.Measures()["a"]
	if m.RequestsPerSecond != 20 || m.ErrorsPerSecond != 2 || m.ErrorRate != 0.1 || m.CPU != 0.2 ||
		m.InFlight != 3 || m.Queued != 4 || m.OpenFiles != 5 || m.Restarts != 6 || m.ResidentBytes != 7 {
		t.Errorf("%+v", m)
	}
	if m.P50 == nil || !near(*m.P50, 0.05) || m.P99 == nil || !near(*m.P99, 0.099) {
		t.Errorf("quantiles %v %v", *m.P50, *m.P99)
	}
	for range 6 {
		w.look(one(Standing{}), c.of("a", "t"))
	}
	if m := w.Measures()["a"]; m.RequestsPerSecond != 0 || m.P50 != nil || m.CPU != 0 || m.InFlight != 0 {
		t.Errorf("half a minute later %+v", m)
	}
}

func TestTypesCountTogetherAndMayGo(t *testing.T) {
	w, fast, slow := newWatcher(), newTraffic(), newTraffic()
	w.look(one(Standing{}), fast.of("a", "fast"), slow.of("a", "slow"))
	for range 50 {
		fast.request(0.001, false)
		slow.request(1, false)
	}
	w.look(one(Standing{}), fast.of("a", "fast"), slow.of("a", "slow"))
	m := w.Measures()["a"]
	if m.RequestsPerSecond != 20 || !near(*m.P99, 1) || *m.P50 > 0.0011 {
		t.Errorf("%+v %v %v", m, *m.P50, *m.P99)
	}
	w.look(one(Standing{}), fast.of("a", "fast")) // the other type is gone
	slow = newTraffic()
	for range 10 {
		slow.request(1, false)
	}
	w.look(one(Standing{}), fast.of("a", "fast"), slow.of("a", "slow")) // and back, counted anew
	if m := w.Measures()["a"]; !near(m.RequestsPerSecond, 110.0/15) {
		t.Errorf("%+v", m)
	}
}

func TestCountersThatBeginAnew(t *testing.T) {
	w, c := newWatcher(), newTraffic()
	for range 1000 {
		c.request(0.001, false)
	}
	w.look(one(Standing{CPU: time.Hour}), c.of("a", "t"))
	c = newTraffic()
	for range 50 {
		c.request(1, true)
	}
	w.look(one(Standing{}), c.of("a", "t"))
	if m := w.Measures()["a"]; m.RequestsPerSecond != 10 || m.ErrorRate != 1 || m.CPU != 0 || !near(*m.P50, 1) {
		t.Errorf("%+v", m)
	}
}

func TestSeries(t *testing.T) {
	w, c := newWatcher(), newTraffic()
	begin := w.now
	w.look(one(Standing{}), c.of("a", "t"))
	for range 3 {
		for range 10 {
			c.request(0.5, false)
		}
		w.look(one(Standing{ResidentBytes: 1 << 20}), c.of("a", "t"))
	}
	s, ok := w.Series("a", LastMinutes)
	if !ok || s.StepSeconds != 5 || len(s.RequestsPerSecond) != 60 || !s.From.Equal(begin.Add(15*time.Second-300*time.Second)) {
		t.Fatalf("%v %+v", ok, s)
	}
	for i, want := range map[int]string{55: "nil nil", 56: "nil 0", 57: "2 1.04858e+06", 59: "2 1.04858e+06"} {
		if got := text(s.RequestsPerSecond[i]) + " " + text(s.ResidentBytes[i]); got != want {
			t.Errorf("step %d is %s, want %s", i, got, want)
		}
	}
	if s.P50[56] != nil || !near(*s.P50[57], 0.5) {
		t.Errorf("p50 %v %v", s.P50[56], s.P50[57])
	}
	if day, ok := w.Series("a", LastDay); !ok || day.StepSeconds != 300 || len(day.P99) != 288 || day.RequestsPerSecond[287] != nil {
		t.Errorf("the day %v %+v", ok, day)
	}

	for range 120 { // ten minutes, in half of the looks nothing happens
		if w.looks%2 == 0 {
			for range 10 {
				c.request(0.5, true)
			}
		}
		w.look(one(Standing{InFlight: 4}), c.of("a", "t"))
	}
	day, _ := w.Series("a", LastDay)
	if !near(*day.RequestsPerSecond[287], 1) || !near(*day.ErrorsPerSecond[287], 1) || *day.InFlight[287] != 4 || !near(*day.P99[287], 0.5) || day.InFlight[285] != nil {
		t.Errorf("the day %+v", day)
	}
	if end := day.From.Add(24 * time.Hour); end.After(w.now) || w.now.Sub(end) > 6*time.Minute {
		t.Errorf("the day ends at %v, it is %v", end, w.now)
	}

	w.look(map[string]Standing{"b": {}})
	if _, ok := w.Series("a", LastMinutes); ok {
		t.Error("what is gone has series")
	}
	if _, ok := w.Measures()["a"]; ok || len(w.Measures()) != 1 {
		t.Error("what is gone is measured")
	}
}

func text(v *float64) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprintf("%.6g", *v)
}

// The quantiles are those of the values, as near as the buckets are narrow, however often
// the histogram has made its buckets wider meanwhile.
func TestQuantilesOfDifferences(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, spread := range []float64{0.01, 1, 6} {
		c := newTraffic()
		before := hist{}
		for range 5 {
			var values []float64
			for range 2000 {
				v := math.Exp(random.NormFloat64()*spread) * 0.002
				values = append(values, v)
				c.request(v, false)
			}
			now := parse(c.native())
			d := now.since(before)
			before = now
			slices.Sort(values)
			for _, q := range []float64{0.5, 0.99} {
				want := values[int(q*float64(len(values)))-1]
				width := math.Exp2(math.Ldexp(1, -int(d.schema))) // of a bucket
				if got := d.quantile(q); got < want/width || got > want*width {
					t.Errorf("spread %v: the %v quantile is %v, want %v", spread, q, got, want)
				}
			}
			if d.total() != 2000 {
				t.Errorf("spread %v: %d values, want 2000", spread, d.total())
			}
		}
	}
}

// FuzzHistogram: differences and sums count what there is, whatever histograms say.
func FuzzHistogram(f *testing.F) {
	f.Add(int32(3), int32(1), []byte{1, 2, 3}, []byte{4, 0, 5, 6})
	f.Add(int32(-4), int32(8), []byte{}, []byte{255})
	f.Fuzz(func(t *testing.T, schema1, schema2 int32, one, two []byte) {
		made := func(schema int32, counts []byte) hist {
			h := &dto.Histogram{Schema: new(int32), PositiveSpan: []*dto.BucketSpan{}}
			*h.Schema = schema%9 - schema%9/5*5
			var last int64
			for i, n := range counts {
				offset, length := int32(n)-100, uint32(1)
				if i > 0 {
					offset = int32(n % 7)
				}
				h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: &offset, Length: &length})
				h.PositiveDelta = append(h.PositiveDelta, int64(n)-last)
				last = int64(n)
			}
			return parse(h)
		}
		a, b := made(schema1, one), made(schema2, two)
		sum := hist{}
		sum.add(a)
		sum.add(b)
		if sum.total() != a.total()+b.total() {
			t.Fatalf("%v and %v are %v", a, b, sum)
		}
		if back := sum.since(a); b.total() > 0 && back.total() != b.total() {
			t.Fatalf("%v without %v is %v, want as many as %v", sum, a, back, b)
		}
		if !slices.IsSortedFunc(sum.buckets, func(x, y bucket) int { return int(x.index) - int(y.index) }) {
			t.Fatalf("%v", sum)
		}
		low, high := sum.quantile(0.1), sum.quantile(0.9)
		if sum.total() > 0 && (math.IsNaN(low) || low > high) {
			t.Fatalf("quantiles %v and %v of %v", low, high, sum)
		}
	})
}

// What 200 busy extensions of three types cost, for each look.
func BenchmarkTake(b *testing.B) {
	for _, busy := range []bool{true, false} {
		b.Run(fmt.Sprintf("busy=%v", busy), func(b *testing.B) {
			const extensions, types = 200, 3
			w := newWatcher()
			var all []*traffic
			is := map[string]Standing{}
			for range extensions * types {
				all = append(all, newTraffic())
			}
			random := rand.New(rand.NewPCG(1, 2))
			reading := func() []Traffic {
				var list []Traffic
				for i, c := range all {
					id := fmt.Sprint("extension", i/types)
					is[id] = Standing{ResidentBytes: 1 << 24}
					list = append(list, c.of(id, fmt.Sprint(i%types)))
				}
				return list
			}
			var before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for range 70 {
				for _, c := range all {
					c.request(math.Exp(random.NormFloat64())*0.001, false)
				}
				w.look(is, reading()...)
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				if busy {
					for _, c := range all {
						for range 20 {
							c.request(math.Exp(random.NormFloat64())*0.001, false)
						}
					}
				}
				list := reading()
				b.StartTimer()
				w.look(is, list...)
			}
			b.StopTimer()
			var after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/extensions/1024, "KiB/extension")
			runtime.KeepAlive(w)
		})
	}
}
