package top

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

func p(f float64) *float64 { return &f }

func standings() []Standing {
	return []Standing{
		{ID: "org.example.Slow", Version: "1.0", State: "running", Measure: &Measure{RequestsPerSecond: 3.25, P50: p(0.0123), P99: p(2.5), ResidentBytes: 50 << 20, CPU: 0.1}},
		{ID: "org.example.Busy", Version: "2.0", State: "running", Restarts: 2, Measure: &Measure{RequestsPerSecond: 1234.5, ErrorsPerSecond: 12.3, P50: p(0.00005), P99: p(0.001), ResidentBytes: 20 << 20, CPU: 0.95, InFlight: 3, Queued: 4}},
		{ID: "bad.jar", State: "failed", Code: "not_zip"},
		{ID: "odd\x1b[2J", State: "backoff", Code: "crashed", Restarts: 9},
	}
}

func ids(list []Standing) string {
	var b []string
	for _, s := range list {
		b = append(b, strings.TrimPrefix(s.ID, "org.example."))
	}
	return strings.Join(b, " ")
}

func TestView(t *testing.T) {
	for _, c := range []struct {
		view View
		want string
	}{
		{View{Sort: "id"}, "bad.jar odd\x1b[2J Busy Slow"},
		{View{Sort: "requests"}, "Busy Slow bad.jar odd\x1b[2J"},
		{View{Sort: "requests", Reverse: true}, "odd\x1b[2J bad.jar Slow Busy"},
		{View{Sort: "p99"}, "Slow Busy bad.jar odd\x1b[2J"},
		{View{Sort: "memory"}, "Slow Busy bad.jar odd\x1b[2J"},
		{View{Sort: "cpu"}, "Busy Slow bad.jar odd\x1b[2J"},
		{View{Sort: "restarts"}, "odd\x1b[2J Busy bad.jar Slow"},
		{View{Sort: "state"}, "bad.jar odd\x1b[2J Busy Slow"},
		{View{Sort: "id", Filter: "EXAMPLE"}, "Busy Slow"},
		{View{Sort: "id", Filter: "not_zip"}, "bad.jar"},
		{View{Sort: "id", Filter: "nothing"}, ""},
	} {
		if got := ids(c.view.Of(standings())); got != c.want {
			t.Errorf("%+v: %q, want %q", c.view, got, c.want)
		}
	}
	if (View{}).Of(nil) == nil {
		t.Error("no extensions are nil, which is null in JSON")
	}
}

func TestPrint(t *testing.T) {
	var b bytes.Buffer
	if err := Print(&b, standings(), View{Sort: "requests"}); err != nil {
		t.Fatal(err)
	}
	want := `ID                VERSION  STATE            REQ/S↓  ERR/S  P50     P99   FLIGHT  MEMORY  CPU    RESTARTS
org.example.Busy  2.0      running          1234    12     50µs    1ms   7       20M     95.0%  2
org.example.Slow  1.0      running          3.2     0      12.3ms  2.5s  0       50M     10.0%  0
bad.jar           -        failed not_zip   -       -      -       -     -       -       -      0
odd\x1b[2J        -        backoff crashed  -       -      -       -     -       -       -      9
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name, sent, want string // want: sort, reverse, filter
	}{
		{"sort by memory", "m", "memory"},
		{"the same column again turns round", "mm", "memory reversed"},
		{"and back", "mmm", "memory"},
		{"another column begins anew", "mmc", "cpu"},
		{"filter", "/ab\r", "requests filter=ab"},
		{"filter, mended", "/abc\x7f\x7fd\r", "requests filter=ad"},
		{"filter, given up", "/abc\x1b", "requests"},
		{"letters in a filter are no keys", "/qm\r", "requests filter=qm"},
		{"escape clears", "/a\r\x1b", "requests"},
		{"what nobody knows", "\xc3\xa9~\x00", "requests"},
	} {
		s := &screen{view: View{Sort: "requests"}}
		for i := range len(c.sent) { // one at a time, as people type
			for _, key := range keysOf([]byte{c.sent[i]}) {
				if s.press(key, 24) {
					t.Errorf("%s: it quits", c.name)
				}
			}
		}
		got := s.view.Sort
		if s.view.Reverse {
			got += " reversed"
		}
		if s.view.Filter != "" {
			got += " filter=" + s.view.Filter
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, quit := range []string{"q", "Q", "\x03", "/\x03"} {
		s, ended := &screen{}, false
		for _, key := range keysOf([]byte(quit)) {
			ended = s.press(key, 24)
		}
		if !ended {
			t.Errorf("%q does not quit", quit)
		}
	}
}

func TestArrows(t *testing.T) {
	if got := keysOf([]byte("\x1b[A\x1b[B\x1bOA\x1b[5~\x1b[6~\x1b[1;5Cx\x1b")); !slices.Equal(got, []byte{up, down, up, pageUp, pageDown, 'x', escape}) {
		t.Errorf("%v", got)
	}
}

// TestDraw holds that a screen fits whatever its size, and is never steered by a name.
func TestDraw(t *testing.T) {
	list := standings()
	for range 100 {
		list = append(list, standings()...)
	}
	for _, at := range []output.Terminal{{Width: 80, Height: 24}, {Width: 20, Height: 3}, {Width: 200, Height: 60, Color: true}, {Width: 1, Height: 1}} {
		for _, s := range []*screen{
			{host: "h:1", list: list, view: View{Sort: "id"}},
			{host: "h:1", list: list, view: View{Sort: "id"}, first: 1 << 20},
			{host: "h:1", list: list, err: errors.New("it does not answer\x1b[2J"), view: View{Sort: "id"}},
			{host: "h:1", help: true, view: View{Sort: "id"}},
			{host: "h:1", typing: true, view: View{Sort: "id", Filter: "exa"}, list: list},
		} {
			drawn := s.draw(at)
			if n := strings.Count(drawn, "\n"); n > at.Height-1 {
				t.Errorf("%+v: %d lines", at, n+1)
			}
			if strings.Count(drawn, "\x1b[2J") > 0 {
				t.Errorf("%+v: a name steers the screen", at)
			}
		}
	}
	s := &screen{host: "127.0.0.1:8081", list: standings(), view: View{Sort: "requests"}}
	drawn := s.draw(output.Terminal{Width: 120, Height: 24})
	for _, part := range []string{"4 extensions, 2 running, 1238 req/s, 0.99% errors", "org.example.Busy", "q quit"} {
		if !strings.Contains(drawn, part) {
			t.Errorf("%q lacks %q", drawn, part)
		}
	}
}

func TestHostThatStopsAnswering(t *testing.T) {
	s := &screen{}
	s.look(t.Context(), func(context.Context) ([]Standing, error) { return standings(), nil })
	s.look(t.Context(), func(context.Context) ([]Standing, error) { return nil, errors.New("gone") })
	if s.err == nil || len(s.list) != 4 {
		t.Errorf("%v, %d extensions are shown", s.err, len(s.list))
	}
}

// FuzzKeys holds that nothing that a terminal may send breaks the screen.
func FuzzKeys(f *testing.F) {
	for _, s := range []string{"q", "/abc\r", "\x1b[A", "\x1b[", "\x1bO", "jjjkk !m", "\x1b[999;999~"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := &screen{list: standings(), view: View{Sort: "id"}}
		for _, key := range keysOf(sent) {
			s.press(key, 10)
		}
		drawn := s.draw(output.Terminal{Width: 40, Height: 10})
		if s.first < 0 || strings.Count(drawn, "\n") > 9 {
			t.Errorf("%q: first %d, %q", sent, s.first, drawn)
		}
	})
}
