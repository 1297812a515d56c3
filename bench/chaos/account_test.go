package main

import (
	"slices"
	"testing"
	"time"
)

func ok(client int, version string) record {
	return record{client: client, status: 200, version: version}
}

func TestAccount(t *testing.T) {
	cases := []struct {
		name             string
		record           record
		ok, lost, failed int
	}{
		{"answered", ok(1, "1"), 1, 0, 0},
		{"in flight when its process died", record{status: 503, code: "unavailable"}, 0, 1, 0},
		{"never sent", record{status: 503, code: "unavailable", retryable: true}, 0, 0, 1},
		{"an accepted code", record{status: 502, code: "extension_fault"}, 1, 0, 0},
		{"another code", record{status: 504, code: "deadline_exceeded"}, 0, 0, 1},
		{"no answer", record{fault: "EOF"}, 0, 0, 1},
		{"another one's answer", record{status: 200, version: "1", fault: "answered with 7"}, 0, 0, 1},
		{"an error that is no problem", record{status: 503, fault: "html"}, 0, 0, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := account([]record{c.record}, "extension_fault")
			if got.all != 1 || got.ok != c.ok || got.lost != c.lost || got.failed != c.failed {
				t.Errorf("counted as %+v", got)
			}
		})
	}
}

func TestOutOfOrder(t *testing.T) {
	cases := []struct {
		name    string
		records []record
		order   []string
		want    []int
	}{
		{"one switch each", []record{ok(1, "a"), ok(2, "a"), ok(2, "b"), ok(1, "b")}, []string{"a", "b"}, nil},
		{"back to the old", []record{ok(1, "a"), ok(1, "b"), ok(1, "a"), ok(2, "b")}, []string{"a", "b"}, []int{1}},
		{"back, as it should", []record{ok(1, "a"), ok(1, "b"), ok(1, "a")}, []string{"a", "b", "a"}, nil},
		{"and forth again", []record{ok(1, "a"), ok(1, "b"), ok(1, "a"), ok(1, "b")}, []string{"a", "b", "a"}, []int{1}},
		{"a stranger", []record{ok(3, "c")}, []string{"a", "b"}, []int{3}},
		{"a failure says nothing", []record{{client: 1, code: "unavailable"}, ok(1, "b")}, []string{"a", "b"}, nil},
		{"the old one did not answer", []record{ok(1, "b")}, []string{"a", "b"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := outOfOrder(c.records, c.order...); !slices.Equal(got, c.want) {
				t.Errorf("clients %v, want %v", got, c.want)
			}
		})
	}
}

func TestNextSuccess(t *testing.T) {
	at := func(sent, done int, status int) record {
		return record{sent: time.Duration(sent), done: time.Duration(done), status: status, code: "unavailable"}
	}
	records := []record{at(5, 300, 200), at(90, 101, 200), at(100, 120, 503), at(100, 180, 200), at(110, 150, 200)}
	if took, found := nextSuccess(records, 100); !found || took != 50 {
		t.Errorf("the next success after 100 is %d later (%v), want 50: who asked before does not count", took, found)
	}
	if _, found := nextSuccess(records[:3], 100); found {
		t.Error("a success was found where there is none")
	}
}

func TestJournal(t *testing.T) {
	j, err := parseJournal("1.0.1 1\n1.0.1 2\n1.0.2 3\n1.0.1 4\n")
	if err != nil {
		t.Fatal(err)
	}
	if n := j.missing([]int64{1, 3, 5}); n != 1 {
		t.Errorf("%d answers are missing, want 1", n)
	}
	if got := j.interleaved(); !slices.Equal(got, []string{"1.0.1"}) {
		t.Errorf("interleaved: %v", got)
	}
	if _, err := parseJournal("1.0.1 1\n1.0"); err == nil {
		t.Error("half a line was taken")
	}
}

func TestVerdict(t *testing.T) {
	why := &reason{Code: "init_failed"}
	candidate := func(state string, why *reason) row {
		r := row{ID: idOf("x"), Version: "1", State: "running"}
		r.Candidate = &struct {
			Version string  `json:"version"`
			File    string  `json:"file"`
			State   string  `json:"state"`
			Reason  *reason `json:"reason"`
		}{"2", "bad.jar", state, why}
		return r
	}
	cases := []struct {
		name string
		row  row
		half bool
		told bool
	}{
		{"a failed candidate", candidate("failed", why), false, true},
		{"one that is tried again", candidate("backoff", why), false, false},
		{"one without a reason", candidate("failed", nil), false, false},
		{"a file that is looked at", row{ID: "bad.jar", State: "pending", Reason: &reason{Code: "copying"}}, false, false},
		{"half a copy", row{ID: "bad.jar", State: "pending", Reason: &reason{Code: "copying"}}, true, true},
		{"a broken file", row{ID: "bad.jar", State: "failed", Reason: &reason{Code: "crc_mismatch"}}, false, true},
		{"the extension itself", row{ID: idOf("x"), File: "bad.jar", State: "failed", Reason: why}, false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := verdict([]row{c.row}, "x", "2", "bad.jar", c.half); (got != nil) != c.told {
				t.Errorf("verdict %v", got)
			}
		})
	}
}

func TestFiguresThatComeAgain(t *testing.T) {
	var r report
	for _, f := range []figure{{What: "a", Measured: "1", Holds: true}, {What: "a", Measured: "2", Holds: true}, {What: "a", Measured: "3"}, {What: "a", Measured: "4", Holds: true}} {
		r.add(f)
	}
	if len(r.Figures) != 1 || r.Figures[0].Measured != "3" || len(r.broken("")) != 1 {
		t.Errorf("the table is %+v", r.Figures)
	}
}
