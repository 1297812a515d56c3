package scrape

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/jackfield-host/jackfield/sdk"
)

// says is an extension that always answers with the same text.
func says(id, text string) Source {
	return Source{id, func(context.Context) ([]byte, error) { return []byte(text), nil }}
}

func fails(id string, err error) Source {
	return Source{id, func(context.Context) ([]byte, error) { return nil, err }}
}

// world is a Scraper whose extensions a test changes.
type world struct {
	*Scraper
	sources []Source
	log     bytes.Buffer
}

func newWorld(sources ...Source) *world {
	w := &world{sources: sources}
	w.Scraper = New(Config{Sources: func() []Source { return slices.Clone(w.sources) }, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	return w
}

// lines are the series of a scrape, without comments.
func lines(t *testing.T, g prometheus.Gatherer) []string {
	t.Helper()
	families, err := prometheus.Gatherers{g}.Gather() // which looks for what is inconsistent
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	var list []string
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "#") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

func (w *world) wantLines(t *testing.T, want ...string) {
	t.Helper()
	if got := lines(t, w); !slices.Equal(got, want) {
		t.Errorf("the scrape has\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (w *world) wantErrors(t *testing.T, want ...string) {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(w.Collectors()...)
	got := lines(t, reg)
	for i, line := range got {
		got[i] = strings.NewReplacer("jackfield_extension_metrics_errors_total{extension=", "", ",reason=", " ", `"`, "", "}", "").Replace(line)
	}
	if !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
}

// TestGather has one family of two extensions, a broken one beside a good one, and
// extensions that say nothing.
func TestGather(t *testing.T) {
	w := newWorld(
		says("b", "# HELP jobs Done.\n# TYPE jobs counter\njobs{zone=\"x\",a=\"y\"} 2\nbroken\nfine 1\n"),
		says("a", "# HELP jobs Otherwise.\n# TYPE jobs counter\njobs 1\n"),
		fails("c", sdk.Errorf(sdk.Unimplemented, "none")), fails("d", sdk.Errorf(sdk.Unavailable, "died")), Source{Extension: "e"},
		fails("f", sdk.Errorf(sdk.ExtensionFault, "panic in Collect")), fails("g", sdk.Errorf(sdk.TooLarge, "much")),
	)
	for range 2 { // what was there before is no duplicate
		w.wantLines(t, `ext_fine{extension="b"} 1`, `ext_jobs{extension="a"} 1`, `ext_jobs{a="y",extension="b",zone="x"} 2`)
	}
	w.wantErrors(t, "b syntax 2", "f failed 2", "g too_large 2")
	if n := strings.Count(w.log.String(), "\n"); n != 3 || !strings.Contains(w.log.String(), "ext=b family=broken reason=syntax") {
		t.Errorf("the log has %d lines:\n%s", n, &w.log)
	}
	if got := lines(t, w.GathererOf("a")); !slices.Equal(got, []string{`ext_jobs{extension="a"} 1`}) {
		t.Errorf("of a alone: %q", got)
	}
	w.sources = w.sources[1:2]
	w.wantLines(t, `ext_jobs{extension="a"} 1`)
	w.wantErrors(t) // an extension that is gone leaves nothing behind
}

// TestTypeClash follows a name that two extensions want with different types.
func TestTypeClash(t *testing.T) {
	squatter := says("a", "# TYPE jobs gauge\njobs 1\nmine 1\n")
	owner := says("b", "# TYPE jobs counter\njobs 2\n")
	w := newWorld(owner)
	w.wantLines(t, `ext_jobs{extension="b"} 2`)
	w.sources = []Source{squatter, owner}
	w.wantLines(t, `ext_jobs{extension="b"} 2`, `ext_mine{extension="a"} 1`)
	w.wantErrors(t, "a type_clash 1")

	w.sources[1] = fails("b", sdk.Errorf(sdk.DeadlineExceeded, "late"))
	w.wantLines(t, `ext_mine{extension="a"} 1`) // what is silent for a moment loses nothing
	w.sources[1] = Source{Extension: "b"}
	w.wantLines(t, `ext_mine{extension="a"} 1`)
	w.sources[1] = owner
	w.wantLines(t, `ext_jobs{extension="b"} 2`, `ext_mine{extension="a"} 1`)
	if got := lines(t, w.GathererOf("a")); !slices.Equal(got, []string{`ext_mine{extension="a"} 1`}) {
		t.Errorf("of a alone: %q", got)
	}
	w.sources[1] = says("b", "other 1\n")
	w.wantLines(t, `ext_jobs{extension="a"} 1`, `ext_mine{extension="a"} 1`, `ext_other{extension="b"} 1`) // b has given it up
	w.sources[1] = owner
	w.wantLines(t, `ext_jobs{extension="a"} 1`, `ext_mine{extension="a"} 1`) // and comes too late now
	w.sources = []Source{owner}
	w.wantLines(t, `ext_jobs{extension="b"} 2`)
}

// TestClashOfNamesThatTheFormatMakes: a histogram has names that nobody wrote.
func TestClashOfNamesThatTheFormatMakes(t *testing.T) {
	w := newWorld(says("a", "# TYPE t histogram\nt_bucket{le=\"+Inf\"} 1\nt_sum 1\nt_count 1\n"), says("b", "t_count 5\nok 1\n"))
	w.wantLines(t, `ext_ok{extension="b"} 1`, `ext_t_bucket{extension="a",le="+Inf"} 1`, `ext_t_sum{extension="a"} 1`, `ext_t_count{extension="a"} 1`)
	w.wantErrors(t, "b type_clash 1")
}

// TestHanging: those who hang take Patience together, and nothing of the others.
func TestHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(says("ok", "up 1\n"))
		for i := range 300 {
			w.sources = append(w.sources, Source{fmt.Sprintf("z%d", i), func(ctx context.Context) ([]byte, error) {
				<-ctx.Done()
				return nil, sdk.Errorf(sdk.DeadlineExceeded, "late")
			}})
		}
		begun := time.Now()
		w.wantLines(t, `ext_up{extension="ok"} 1`)
		if took := time.Since(begun); took != Patience {
			t.Errorf("it took %v", took)
		}
	})
}

// exampleText is what an extension with many families may say: counters, gauges and a
// histogram, 20 families.
func exampleText() string {
	var b strings.Builder
	for i := range 9 {
		fmt.Fprintf(&b, "# HELP jobs_%d_total Jobs that are done.\n# TYPE jobs_%d_total counter\n", i, i)
		for _, result := range []string{"ok", "failed", "canceled"} {
			fmt.Fprintf(&b, "jobs_%d_total{result=%q,zone=\"north\"} %d\n", i, result, i*1000)
		}
		fmt.Fprintf(&b, "# HELP queue_%d Jobs that wait.\n# TYPE queue_%d gauge\nqueue_%d %d\n", i, i, i, i)
	}
	for i := range 2 {
		fmt.Fprintf(&b, "# HELP took_%d_seconds How long jobs take.\n# TYPE took_%d_seconds histogram\n", i, i)
		for n, le := range []string{".005", ".01", ".025", ".05", ".1", ".25", ".5", "1", "2.5", "5", "10", "+Inf"} {
			fmt.Fprintf(&b, "took_%d_seconds_bucket{le=%q} %d\n", i, le, n)
		}
		fmt.Fprintf(&b, "took_%d_seconds_sum 12.5\ntook_%d_seconds_count 11\n", i, i)
	}
	return b.String()
}

// BenchmarkScrape is a scrape of 200 extensions with 20 families each, without the way to
// their processes: asked, read, merged, checked, written.
func BenchmarkScrape(b *testing.B) {
	w := newWorld()
	for i := range 200 {
		w.sources = append(w.sources, says(fmt.Sprintf("example.extension.number%03d", i), exampleText()))
	}
	handler := promhttp.HandlerFor(prometheus.Gatherers{prometheus.Gatherers{w}}, promhttp.HandlerOpts{})
	size := 0
	for b.Loop() {
		out := httptest.NewRecorder()
		handler.ServeHTTP(out, httptest.NewRequest("GET", "/metrics", nil))
		if size = out.Body.Len(); out.Code != http.StatusOK || size == 0 {
			b.Fatal(out.Code)
		}
	}
	b.ReportMetric(float64(size), "B/scrape")
}

// TestExampleText: the benchmark scrapes what it says.
func TestExampleText(t *testing.T) {
	w := newWorld(says("a", exampleText()))
	if n, err := testutil.GatherAndCount(w); err != nil || n != 9*3+9+2 {
		t.Errorf("%d metrics, %v", n, err)
	}
	w.wantErrors(t)
}
