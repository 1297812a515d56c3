package detail

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

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
