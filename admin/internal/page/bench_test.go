package page

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// crowd is 200 extensions, of which failing do not run.
func crowd(failing int) *house {
	h := newHouse()
	var rows []host.Extension
	for i := range 200 {
		e := runs(fmt.Sprintf("jmap.extensions.number%03d.server.Extension%03d", i, i), fmt.Sprintf("Extension %03d", i))
		if i < failing {
			e = fails(e.ID, "backoff", "crashed")
		}
		e.ResidentBytes = int64(i) << 20
		rows = append(rows, e)
		p50, p99 := 0.0001*float64(i), 0.01*float64(i)
		h.measures[e.ID] = host.Measure{RequestsPerSecond: 17.3 * float64(i), P50: &p50, P99: &p99, ErrorRate: 0.01}
	}
	h.rows.Store(&rows)
	return h
}

// BenchmarkOverview is the first page of 200 extensions: the whole of it, and one look of
// a page that is open.
func BenchmarkOverview(b *testing.B) {
	for _, failing := range []int{0, 20, 200} {
		p, err := New(Config{Host: crowd(failing), Now: fixedNow})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("page/%d-failing", failing), func(b *testing.B) {
			b.ReportAllocs()
			var size int
			for b.Loop() {
				r := httptest.NewRequest("GET", "/admin/", nil)
				w := httptest.NewRecorder()
				if err := p.overview(w, r.WithContext(access.With(r.Context(), admin()))); err != nil {
					b.Fatal(err)
				}
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "bytes/page")
		})
		b.Run(fmt.Sprintf("look/%d-failing", failing), func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", "/admin/events", nil)
			stream, err := web.NewStreams(nil).Open(httptest.NewRecorder(), r.WithContext(access.With(r.Context(), admin())), access.See)
			if err != nil {
				b.Fatal(err)
			}
			defer stream.Close()
			f := &follower{pages: p, words: p.languages["en"].words, stream: stream, listing: listing{Sort: sortAttention, Page: 1},
				rows: map[string]row{}, entries: map[string]string{}, measured: map[string]measured{}}
			f.adopt(f.look())
			for b.Loop() {
				if now := f.look(); now.Version != f.version {
					b.Fatal("nothing has changed")
				}
			}
		})
	}
}
