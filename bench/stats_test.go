package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsMeetWithoutGaps(t *testing.T) {
	last := bucket(1<<62) + 1
	if last != len(histogram{}.counts) {
		t.Fatalf("the last bucket is %d of %d", last-1, len(histogram{}.counts))
	}
	for i := range last {
		low, high := bounds(i)
		if bucket(low) != i || bucket(high-1) != i {
			t.Fatalf("bucket %d is %d to %d, whose ends are in %d and %d", i, low, high, bucket(low), bucket(high-1))
		}
		if i > 0 {
			if _, before := bounds(i - 1); before != low {
				t.Fatalf("bucket %d begins at %d, the one before ends at %d", i, low, before)
			}
		}
		if width := high - low; width > 1 && width > low/64 {
			t.Fatalf("bucket %d is %d wide at %d", i, width, low)
		}
	}
	if bucket(-time.Second) != 0 {
		t.Error("a clock that went back is not in the first bucket")
	}
}

// TestQuantiles compares a histogram with the sorted list that it stands for.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var whole histogram
	var all []float64
	for range 16 { // as many goroutines
		var part histogram
		for range 5000 {
			d := time.Duration(math.Exp(random.NormFloat64()*1.5+11) + 500)
			part.add(d)
			all = append(all, float64(d))
		}
		whole.merge(&part)
	}
	if whole.total != uint64(len(all)) {
		t.Fatalf("%d of %d are there", whole.total, len(all))
	}
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		got, want := float64(whole.quantile(q)), quantile(all, q)
		if math.Abs(got-want) > want/50 {
			t.Errorf("quantile %v is %v, in the list it is %v", q, got, want)
		}
	}
	if got := new(histogram).quantile(0.5); got != 0 {
		t.Errorf("of nothing the median is %v", got)
	}
}

func TestQuantilesInsideOneBucket(t *testing.T) {
	var h histogram
	for range 1000 {
		h.add(time.Millisecond)
	}
	low, high := bounds(bucket(time.Millisecond))
	if got, want := h.quantile(0.25), low+(high-low)/4; got != want {
		t.Errorf("a quarter of the bucket %v–%v is %v, want %v", low, high, got, want)
	}
}

func TestMiddle(t *testing.T) {
	for _, test := range []struct {
		all  []float64
		want float64
	}{
		{nil, 0},
		{[]float64{7}, 7},
		{[]float64{9, 1}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		in := slices.Clone(test.all)
		if got := middle(in); got != test.want {
			t.Errorf("the middle of %v is %v, want %v", test.all, got, test.want)
		}
		if !slices.Equal(in, test.all) {
			t.Errorf("%v was sorted in place", test.all)
		}
	}
	if got := quantile([]float64{1, 2, 3, 4, 5}, 0.25); got != 2 {
		t.Errorf("the first quartile of 1 to 5 is %v", got)
	}
	if got := quantile([]float64{10, 20}, 0.75); got != 17.5 {
		t.Errorf("three quarters between 10 and 20 are %v", got)
	}
}

// rates makes slots of these rates; a negative one was disturbed.
func rates(perSecond ...float64) []slot {
	var all []slot
	for _, rate := range perSecond {
		all = append(all, slot{PerSecond: math.Abs(rate), Dirty: rate < 0})
	}
	return all
}

func TestRatiosArePairedByRound(t *testing.T) {
	// The machine slows down to a half: the ratio of medians would say 1.5, that of
	// every round says 2.
	c := &cell{Slots: map[string][]slot{"a": rates(200, 160, 120), "b": rates(100, 80, 60)}}
	if got := c.ratios("a", "b", perSecond); !slices.Equal(got, []float64{2, 2, 2}) {
		t.Errorf("ratios are %v", got)
	}
	if got := c.ratios("b", "a", perSecond); !slices.Equal(got, []float64{0.5, 0.5, 0.5}) {
		t.Errorf("the other way round they are %v", got)
	}
}

func TestDisturbedRoundsDoNotCount(t *testing.T) {
	c := &cell{Slots: map[string][]slot{"a": rates(20, -90, 20, 20, 80), "b": rates(10, 10, 10, 10, -10)}}
	if got := c.ratios("a", "b", perSecond); !slices.Equal(got, []float64{2, 2, 2}) {
		t.Errorf("with three good rounds ratios are %v", got)
	}
	if got := c.median("a", perSecond); got != 20 {
		t.Errorf("the median of good rounds is %v", got)
	}
	c.Slots["b"][0].Dirty = true
	if got := c.ratios("a", "b", perSecond); !slices.Equal(got, []float64{2, 9, 2, 2, 8}) {
		t.Errorf("with two good rounds ratios are %v; all rounds count then", got)
	}
	if got := c.ratios("a", "nobody", perSecond); got != nil {
		t.Errorf("beside nobody ratios are %v", got)
	}
}
