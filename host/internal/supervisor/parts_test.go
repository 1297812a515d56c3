package supervisor

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

func TestBackoff(t *testing.T) {
	now := time.Now()
	second := time.Second
	b := backoff{first: second, most: 60 * second, reset: 5 * time.Minute}
	within := func(got, want time.Duration) bool { return got <= want && got >= want-want/10 }
	step := func(name string, healthy, want time.Duration, wantLoop bool) {
		t.Helper()
		got, loop := b.next(now, healthy)
		if !within(got, want) || loop != wantLoop {
			t.Errorf("%s: %s, loop %v, want %s, %v", name, got, loop, want, wantLoop)
		}
		now = now.Add(got)
	}
	step("first crash", second, 0, false)
	step("second", second, second, false)
	step("third", second, 2*second, false)
	step("fourth", second, 4*second, false)
	step("fifth within a minute", second, 8*second, true)
	step("sixth", second, 16*second, true)
	step("seventh", second, 32*second, true)
	step("eighth", second, 60*second, true)
	step("ninth", second, 60*second, true)
	step("after health", 5*time.Minute, 0, false)

	b = backoff{first: second, most: 60 * second, reset: 5 * time.Minute}
	step("a first start", 0, second, false)
	step("a second start", 0, 2*second, false)
}

func TestFlight(t *testing.T) {
	f := newFlight()
	var entered, left sync.WaitGroup
	hold := make(chan struct{})
	for range 50 {
		entered.Add(1)
		left.Go(func() {
			ok := f.enter()
			entered.Done()
			if !ok {
				t.Error("an open flight refuses")
				return
			}
			<-hold
			f.leave()
		})
	}
	entered.Wait()
	if n := f.count(); n != 50 {
		t.Errorf("%d in flight, want 50", n)
	}
	landed := f.close()
	if f.enter() {
		t.Error("a closed flight takes another")
	}
	select {
	case <-landed:
		t.Error("landed with 50 in flight")
	default:
	}
	close(hold)
	left.Wait()
	<-landed
	if n := f.count(); n != 0 {
		t.Errorf("%d in flight, want 0", n)
	}
	<-newFlight().close()
}

func TestLogFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "x.log")
	logs := newLogFiles()
	logs.bytes, logs.count = 100, 3
	f := logs.get(path)
	if logs.get(path) != f {
		t.Fatal("two files for one path")
	}
	for n := range 40 {
		if _, err := fmt.Fprintf(f, "line %04d\n", n); err != nil {
			t.Fatal(err)
		}
	}
	logs.put(f)
	logs.put(f)
	var all string
	for _, name := range []string{"x.log.2", "x.log.1", "x.log"} {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		if err != nil || len(data) > 100 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
		all += string(data)
	}
	if !strings.HasSuffix(all, "line 0038\nline 0039\n") || strings.Count(all, "\n") != 30 {
		t.Errorf("kept:\n%s", all)
	}
	if n := entries(t, filepath.Dir(path)); n != 3 {
		t.Errorf("%d files, want 3", n)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// What a child may send: every line ends up bounded, valid and in place.
func TestOutput(t *testing.T) {
	var host logged
	path := filepath.Join(t.TempDir(), "x.log")
	logs := newLogFiles()
	file := logs.get(path)
	o := newOutput(slog.New(slog.NewTextHandler(&host, nil)).With("ext", "t"), slog.LevelInfo, file, slog.String("version", "1"))
	in := o.stream(nil)
	lines := []string{
		`{"@level":"warn","@message":"careful","n":1,"@timestamp":"2020-01-02T03:04:05.000000Z"}`,
		`{"@level":"debug","@message":"not wanted"}`,
		"plain \xff\x1b[31m text",
		strings.Repeat("x", 100_000),
		"multi\tcolumn",
	}
	if _, err := io.WriteString(in, strings.Join(lines, "\n")); err != nil {
		t.Fatal(err)
	}
	in.Close()
	tail := o.lastLines()
	if len(tail) != 4 || tail[0] != "careful n=1" || !strings.HasPrefix(tail[1], "plain ") || tail[3] != "multi\tcolumn" {
		t.Errorf("tail %.200q", tail)
	}
	for _, line := range tail {
		if len(line) > tailLineBytes || !utf8.ValidString(line) || strings.ContainsAny(line, "\x1b\n") {
			t.Errorf("a line of the tail: %.100q", line)
		}
	}
	logs.put(file)
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"host": host.String(), "file": string(kept)} {
		if !strings.Contains(text, "level=WARN msg=careful") || strings.Contains(text, "not wanted") || strings.Contains(text, "\x1b") {
			t.Errorf("%s log: %.500s", name, text)
		}
	}
	if !strings.Contains(host.String(), "ext=t") || !strings.Contains(string(kept), "version=1") {
		t.Error("the lines do not say whose they are")
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	o := newOutput(slog.New(slog.DiscardHandler), slog.LevelInfo, nil)
	in := o.stream(nil)
	for n := range 1000 {
		fmt.Fprintf(in, "line %d\n", n)
	}
	tail := o.lastLines()
	if len(tail) != tailLines || tail[0] != "line 960" || tail[39] != "line 999" {
		t.Errorf("tail %q", tail)
	}
}

// A flood reaches the extension's own file, and the host's log in part.
func TestFlood(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	var host logged
	s.cfg.Log = slog.New(slog.NewTextHandler(&host, nil))
	spec := newSpec(t, "")
	i := running(t, s, spec)
	mustAsk(t, i, operation{Op: "print", N: 5000, Text: "flood"})
	eventually(t, func() bool {
		kept, err := os.ReadFile(spec.LogFile)
		return err == nil && strings.Contains(string(kept), "flood 4999")
	}, func() string { return "the log lacks the last line" })
	if n := strings.Count(host.String(), "flood "); n < 100 || n > 4000 {
		t.Errorf("%d of 5000 lines in the host's log", n)
	}
	mustAsk(t, i, operation{Op: "echo"})
}

func TestBucket(t *testing.T) {
	now := time.Now()
	b := newBucket(10, 100)
	if !b.take(90, now) || !b.take(500, now) || b.take(1, now) || b.take(1, now.Add(48*time.Second)) {
		t.Error("a bucket does not hold what it should")
	}
	if !b.take(1, now.Add(50*time.Second)) {
		t.Error("a bucket does not fill")
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                    "plain",
		"a\x00b\x1b[0m\u0085":      "a\uFFFDb\uFFFD[0m\uFFFD",
		"\xc3(":                    "\uFFFD(",
		strings.Repeat("é", 1<<13): strings.Repeat("é", tailLineBytes/2-2) + "…",
	} {
		if got := tidy(in); got != want {
			t.Errorf("tidy(%.20q) = %.60q, want %.60q", in, got, want)
		}
	}
}

func FuzzTidy(f *testing.F) {
	f.Add("a\xff\x1b\n")
	f.Fuzz(func(t *testing.T, line string) {
		got := tidy(line)
		if !utf8.ValidString(got) || len(got) > 3*tailLineBytes || strings.ContainsAny(got, "\n\r\x1b\x00") {
			t.Errorf("tidy(%q) = %q", line, got)
		}
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	registry := prometheus.NewPedanticRegistry()
	for _, c := range s.Collectors() {
		registry.MustRegister(c)
	}
	spec := newSpec(t, "")
	i := running(t, s, spec)
	names := func() []string {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range families {
			for _, m := range f.Metric {
				if v := m.GetGauge().GetValue() + m.GetCounter().GetValue(); math.IsNaN(v) || v < 0 {
					t.Errorf("%s is %v", f.GetName(), v)
				}
			}
			names = append(names, strings.TrimPrefix(f.GetName(), "jackfield_extension_"))
		}
		return names
	}
	if got := fmt.Sprint(names()); got != "[cpu_seconds_total open_fds resident_memory_bytes start_duration_seconds]" {
		t.Errorf("while it runs: %s", got)
	}
	i.Stop(t.Context())
	if got := fmt.Sprint(names()); got != "[cpu_seconds_total start_duration_seconds]" {
		t.Errorf("when it has stopped: %s", got)
	}
	s.metrics.restarted(spec.ID, lifecycle.CodeCrashed)
	next := s.Start(spec, nil)
	next.Stop(t.Context())
	if n := next.Status().Restarts; n != 1 {
		t.Errorf("an instance that follows another counts %d restarts, want those before it: 1", n)
	}
	s.Forget(spec.ID)
	if got := names(); len(got) != 0 {
		t.Errorf("when it is forgotten: %s", got)
	}
}

func testCounter(t *testing.T, s *Supervisor, id, reason string) float64 {
	t.Helper()
	return testutil.ToFloat64(s.metrics.restarts.WithLabelValues(id, reason))
}
