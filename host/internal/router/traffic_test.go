package router

import (
	"context"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestTrafficIsWhatTheMetricsCount(t *testing.T) {
	r := New(Config{})
	gate := NewGate(2, 2)
	table := NewTable([]*Route{
		{Type: "a.Good", Extension: "a", State: "running", Handled: true, Gate: gate, Timeout: time.Second, Backend: answers(nil)},
		{Type: "a.Bad", Extension: "a", State: "running", Handled: true, Gate: gate, Timeout: time.Second, Backend: answers(sdk.Errorf(sdk.NotFound, "no"))},
		{Type: "b.Broken", Extension: "b", State: "running", Handled: true, Timeout: time.Second, Backend: answers(sdk.Errorf(sdk.ExtensionFault, "oh"))},
		{Type: "c.Idle", Extension: "c", State: "running", Handled: true, Timeout: time.Second, Backend: answers(nil)},
	})
	r.Swap(table)
	for n, name := range []string{"a.Good", "a.Bad", "b.Broken"} {
		for range n + 1 {
			resp, _, err := r.Do(t.Context(), r.Lookup(name), &sdk.Request{Type: name})
			if err == nil {
				resp.Free()
			}
		}
	}
	r.Count(r.Lookup("b.Broken"), sdk.Exhausted)
	want := map[string][3]uint64{"a.Good": {1, 0, 1}, "a.Bad": {2, 0, 2}, "b.Broken": {4, 4, 3}, "c.Idle": {0, 0, 0}}
	for _, x := range r.Traffic() {
		if got := [3]uint64{x.Requests, x.Failures, x.Durations().GetSampleCount()}; got != want[x.Type] || x.Extension != x.Type[:1] {
			t.Errorf("%s of %s: %v, want %v", x.Type, x.Extension, got, want[x.Type])
		}
		delete(want, x.Type)
	}
	if len(want) != 0 {
		t.Errorf("nothing of %v", want)
	}
	if _, err := gate.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.Loads()["a"]; got != (Load{InFlight: 1}) {
		t.Errorf("%+v", got)
	}
}

// answers is a Backend that answers with err, or well.
func answers(err error) Backend { return &answering{err} }

type answering struct{ err error }

func (a *answering) Process(context.Context, *sdk.Request) (*sdk.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return &sdk.Response{MediaType: "text/plain"}, nil
}
