package main

import (
	"context"
	"slices"
	"testing"
	"time"
)

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name    string
		atLeast bool
		seen    []float64
		holds   string
	}{
		{"more than the aim", true, []float64{7, 8, 9}, reachesAim},
		{"the aim itself", true, []float64{6}, reachesAim},
		{"between", true, []float64{2, 5, 9}, holdsMust},
		{"too little", true, []float64{9, 2, 2}, fails},
		{"less than the aim", false, []float64{1}, reachesAim},
		{"too much", false, []float64{7}, fails},
		{"nothing", true, nil, notMeasured},
	} {
		v := verdict{AtLeast: test.atLeast, Must: 4, Aim: 6}
		if !test.atLeast {
			v.Must, v.Aim = 6, 4
		}
		if v = v.of(test.seen); v.Holds != test.holds || v.Rounds != len(test.seen) {
			t.Errorf("%s: %+v, want %q", test.name, v, test.holds)
		}
	}
}

// TestEveryClaimIsMeasured runs the full plan with contestants that do nothing, and
// holds what is claimed to the cells that come of it.
func TestEveryClaimIsMeasured(t *testing.T) {
	p := fullPlan()
	r := &report{Idle: &idleResult{Connections: 1, BytesEach: 1}, Verify: &verifyResult{Time: []float64{1}}, Admin: &adminResult{Render: []float64{1}, Scrape: []float64{1}}}
	still := func(name string) contestant {
		return contestant{name, func(context.Context, shape, time.Duration, time.Duration) (slot, error) {
			return slot{PerSecond: 1, P50: 1, P99: 1, Allocs: 1}, nil
		}}
	}
	add := func(s shape, names ...string) {
		var all []contestant
		for _, name := range names {
			all = append(all, still(name))
		}
		c, err := compare(t.Context(), pace{rounds: 2}, s, all...)
		if err != nil {
			t.Fatal(err)
		}
		r.Cells = append(r.Cells, c)
	}
	for _, s := range p.shapes("plane") {
		add(s, "lane", "raw", "grpc")
	}
	for _, s := range p.shapes("http") {
		add(s, "jackfield", "gorilla+grpc")
	}
	add(shape{Section: "mixed", Payload: 100, Callers: 16, Bulk: 2}, "lane", "grpc")
	add(shape{Section: "json", Payload: kib, Callers: 256}, "jackfield", "gorilla+grpc")
	add(shape{Section: "batch", What: "unchecked JSON", Payload: kib + 1, Callers: 1}, "batch", "single")
	add(shape{Section: "batch", What: "unchecked JSON", Payload: 100, Callers: 1}, "batch", "single")
	add(shape{Section: "spread", What: "100 extensions", Payload: kib, Callers: 16}, "many", "1 extension")
	add(shape{Section: "idle", Payload: kib, Callers: 16}, "beside idle WebSockets", "alone")
	for _, v := range judge(r) {
		if v.Holds == notMeasured {
			t.Errorf("nothing measures %q", v.Claim)
		}
	}
	for _, v := range judge(&report{}) {
		if v.Holds != notMeasured {
			t.Errorf("%q is %q without a measurement", v.Claim, v.Holds)
		}
	}
}

func TestOrderAlternates(t *testing.T) {
	var asked []string
	var all []contestant
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, contestant{name, func(context.Context, shape, time.Duration, time.Duration) (slot, error) {
			asked = append(asked, name)
			return slot{PerSecond: float64(len(asked))}, nil
		}})
	}
	c, err := compare(t.Context(), pace{rounds: 6}, shape{}, all...)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]int{}
	for i := range 6 {
		round := asked[3*i : 3*i+3]
		first[round[0]]++
		if sorted := slices.Sorted(slices.Values(round)); !slices.Equal(sorted, []string{"a", "b", "c"}) {
			t.Errorf("round %d asks %v", i, round)
		}
		if i > 0 && slices.Equal(round, asked[3*i-3:3*i]) {
			t.Errorf("rounds %d and %d have the same order, %v", i-1, i, round)
		}
	}
	for name, n := range first {
		if n != 2 {
			t.Errorf("%s is first in %d of 6 rounds", name, n)
		}
	}
	if len(c.Slots["a"]) != 6 || c.Reference != "c" {
		t.Errorf("the cell is %+v", c)
	}
}

// TestDisturbedSlotsAreRepeated has the machine be busy in some slots.
func TestDisturbedSlotsAreRepeated(t *testing.T) {
	p := pace{rounds: 1, slot: time.Second, again: &budget{1500 * time.Millisecond}}
	for _, want := range []bool{true, true, false} { // the second takes more than is left
		if got := p.again.take(time.Second); got != want {
			t.Errorf("taking a second gives %v, want %v", got, want)
		}
	}
	var none *budget
	if none.take(0) {
		t.Error("no budget gives something")
	}
}
