package router

import (
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// BenchmarkMetrics is what counting one request costs: three histograms, one of them
// native, and a counter.
func BenchmarkMetrics(b *testing.B) {
	rt := testRoute(answer(sdk.Response{}))
	r := New(Config{})
	r.Swap(NewTable([]*Route{rt}))
	m := r.Lookup(rt.Type).metrics
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for took := 40 * time.Microsecond; pb.Next(); took += time.Nanosecond {
			m.observe(took, 1024)
			m.observeAnswer(1024)
			m.count(codeOK)
		}
	})
}
