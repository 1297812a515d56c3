package detail

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

func TestChangesOf(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []Change
	}{
		{"a member", `{"pinned":"","disabled":false}`, `{"pinned":"d1","disabled":false}`, []Change{{"pinned", `""`, `"d1"`}}},
		{"one comes, one goes", `{"a":1}`, `{"b":[1, 2]}`, []Change{{"a", "1", ""}, {"b", "", "[1,2]"}}},
		{"spaces are no change", `{"a": [1]}`, `{"a":[1]}`, nil},
		{"nothing before", ``, `{"a":1}`, []Change{{"a", "", "1"}}},
		{"null before", `null`, `{"a":1}`, []Change{{"a", "", "1"}}},
		{"no objects", `1`, `2`, []Change{{"", "1", "2"}}},
		{"no JSON", `{`, `{"a":1}`, []Change{{"", "{", `{"a":1}`}}},
		{"the same", `[1]`, `[1]`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := changesOf(json.RawMessage(c.before), json.RawMessage(c.after)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// FuzzChangesOf: whatever stands in the trail, two equal texts have no change, and what
// is shown is bounded.
func FuzzChangesOf(f *testing.F) {
	for _, seed := range []string{``, `null`, `{"a":1}`, `{"a":{"b":"\u202e"}}`, `[`, `{"a":1,"a":2}`} {
		f.Add([]byte(seed), []byte(`{"a":1}`))
	}
	f.Fuzz(func(t *testing.T, before, after []byte) {
		if got := changesOf(before, before); len(got) != 0 {
			t.Errorf("%q differs from itself: %+v", before, got)
		}
		for _, c := range changesOf(before, after) {
			if len(c.Before) > 4*200 || len(c.After) > 4*200 {
				t.Errorf("%d and %d bytes are shown", len(c.Before), len(c.After))
			}
		}
	})
}

// FuzzFailureOf: whatever is kept as evidence, what is shown of it is bounded.
func FuzzFailureOf(f *testing.F) {
	f.Add([]byte(`{"stage":"runtime","exit_code":2,"signal":"","stderr":["a"],"goroutines":"goroutine 1"}`))
	f.Add([]byte(`{"exit_code":null,"stderr":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		failure := failureOf(host.Event{Code: "crashed", Evidence: raw})
		if failure.Code != "crashed" || len(failure.Stderr) > maxStderr || len(failure.Dump) > maxDump {
			t.Errorf("%d lines, a dump of %d bytes", len(failure.Stderr), len(failure.Dump))
		}
	})
}

func TestFilterOf(t *testing.T) {
	for query, want := range map[string]Filter{
		"":                                     {Tail: host.DefaultTail},
		"level=debug&tail=2000":                {Level: "debug", Tail: 2000},
		"level=DEBUG&tail=7":                   {Tail: host.DefaultTail},
		"contains=%20a%20":                     {Contains: "a", Tail: host.DefaultTail},
		"contains=%ff%fe":                      {Tail: host.DefaultTail},
		"contains=" + strings.Repeat("ü", 101): {Contains: strings.Repeat("ü", 100), Tail: host.DefaultTail},
	} {
		if got := filterOf(httptest.NewRequest("GET", "/?"+query, nil)); got != want {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
}

func TestJSONComplaint(t *testing.T) {
	for text, want := range map[string]string{
		"{\n \"é\": ,}": "line 2, column 7: ",
		"{":             "line 1, column 1: ",
		"":              "line 1, column 0: ",
	} {
		if got := jsonComplaint([]byte(text)); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s…", text, got, want)
		}
	}
}

func TestLimitsOf(t *testing.T) {
	e := host.Extension{PID: 7, ResidentBytes: 50, Limits: host.Limits{Memory: host.Limit{Value: 100, By: "cgroup"}, Files: host.Limit{Value: 10, By: "rlimit"}, Data: host.Limit{By: "none"}}}
	got := fmt.Sprint(limitsOf(e, host.Measure{OpenFiles: 25}, true))
	if want := "[{memory true {100 cgroup} 50 50} {data true {0 none} -1 0} {files false {10 rlimit} 25 100}]"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := limitsOf(host.Extension{}, host.Measure{}, false); len(got) != 0 {
		t.Errorf("of a file: %+v", got)
	}
}

// script gives lines one after the other, and then waits.
type script struct {
	lines  []host.LogLine
	closed bool
}

func (s *script) Next(ctx context.Context) (host.LogLine, error) {
	if len(s.lines) == 0 {
		<-ctx.Done()
		return host.LogLine{}, ctx.Err()
	}
	l := s.lines[0]
	s.lines = s.lines[1:]
	return l, nil
}

func (s *script) Close() { s.closed = true }

// TestFollow: lines are events, silence is told, and an answer ends after a while; the
// browser comes back for the rest.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := &script{lines: []host.LogLine{
			{Time: time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC), Level: "warn", Message: "a\nb", Attrs: []host.LogAttr{{Key: "k", Value: "v"}}, Position: "p1"},
			{Missed: 3},
			{Missed: -1},
			{Level: "nonsense", Message: "c", Position: "bad\nposition"},
		}}
		var asked string
		d := New(Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Follow: func(_ context.Context, id string, q host.LogQuery, after string) (Lines, error) {
			asked = fmt.Sprintf("%s %+v %s", id, q, after)
			return lines, nil
		}})
		r := httptest.NewRequest("GET", "/?level=warn&after=p0", nil)
		r.SetPathValue("id", "a")
		r.Header.Set("Last-Event-ID", "p0b")
		w := httptest.NewRecorder()
		began := time.Now()
		if err := d.follow(w, r); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != followTime {
			t.Errorf("it went on for %s", took)
		}
		if want := "a {Tail:-1 Level:warn Contains: Since:0001-01-01 00:00:00 +0000 UTC} p0b"; asked != want {
			t.Errorf("followed %s, want %s", asked, want)
		}
		var events []string
		pulses := 0
		for s := bufio.NewScanner(w.Body); s.Scan(); {
			switch line := s.Text(); line {
			case "":
			case ": ":
				pulses++
			default:
				events = append(events, line)
			}
		}
		want := []string{
			"retry: 2000", "id: p1", "event: line", `data: {"time":"2026-11-26T07:00:00Z","level":"warn","message":"a\\nb","attrs":[{"key":"k","value":"v"}]}`,
			"event: missed", "data: 3", "event: missed", "data: -1", "event: line", `data: {"time":"0001-01-01T00:00:00Z","level":"info","message":"c","attrs":[]}`,
		}
		if !reflect.DeepEqual(events, want) {
			t.Errorf("got %q\nwant %q", events, want)
		}
		if pulses < int(followTime/followPulse)-1 {
			t.Errorf("%d signs of life", pulses)
		}
		if !lines.closed || len(d.followers) != 0 {
			t.Error("it was not given back")
		}
	})
}

// TestFollowersAreBounded: one more than there may be is told to come back later.
func TestFollowersAreBounded(t *testing.T) {
	d := New(Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Follow: func(context.Context, string, host.LogQuery, string) (Lines, error) {
		return nil, io.EOF
	}})
	for range maxFollowers {
		d.followers <- struct{}{}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.SetPathValue("id", "a")
	err := d.follow(httptest.NewRecorder(), r)
	if err == nil || !strings.Contains(err.Error(), "follow logs already") {
		t.Errorf("one too many: %v", err)
	}
	<-d.followers
	if err := d.follow(httptest.NewRecorder(), r); err != io.EOF || len(d.followers) != maxFollowers-1 {
		t.Errorf("a log that can not be followed: %v, %d places taken", err, len(d.followers))
	}
}
