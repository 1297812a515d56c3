package chart

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"testing"
)

func values(list ...float64) []*float64 {
	var v []*float64
	for _, f := range list {
		if f < 0 {
			v = append(v, nil)
			continue
		}
		v = append(v, &f)
	}
	return v
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		name        string
		unit        Unit
		values      []*float64
		path        string
		dots        int
		top         float64
		ticks       int
		last, peak  float64
		withoutLine bool
	}{
		{"rises", Decimal, values(0, 5, 10), "M62 164L307 87L552 10", 0, 10, 3, 10, 10, false},
		{"a gap", Decimal, values(1, 1, -1, 1, -1, 1), "M62 10L160 10", 2, 1, 3, 1, 1, false},
		{"nothing happens", Decimal, values(0, 0), "M62 164L552 164", 0, 1, 2, 0, 0, false},
		{"no values", Decimal, values(-1, -1), "", 0, 1, 2, 0, 0, true},
		{"bytes", Binary, values(3<<20, 5<<20), "", 0, 6 << 20, 4, 5 << 20, 5 << 20, false},
		{"tiny", Decimal, values(0.0002, 0.0001), "", 0, 0.0002, 5, 0.0001, 0.0002, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			chart := New(c.unit, Series{"s", c.values})
			l := chart.Lines[0]
			if chart.Empty != c.withoutLine || (l.Last == nil) != c.withoutLine {
				t.Fatalf("%+v", chart)
			}
			if c.path != "" && l.Path != c.path || len(l.Dots) != c.dots {
				t.Errorf("path %q, dots %+v", l.Path, l.Dots)
			}
			if top := chart.Y[len(chart.Y)-1].Value; c.top != 0 && (math.Abs(top-c.top) > c.top/1e6 || len(chart.Y) != c.ticks) {
				t.Errorf("the axis %+v, want up to %g in %d ticks", chart.Y, c.top, c.ticks)
			}
			if l.Last != nil && (*l.Last != c.last || *l.Highest != c.peak) {
				t.Errorf("last %g, highest %g", *l.Last, *l.Highest)
			}
		})
	}
}

// FuzzNew: whatever is measured, every coordinate lies within the drawing, and the axis
// has few ticks.
func FuzzNew(f *testing.F) {
	seed := func(list ...float64) {
		var b []byte
		for _, v := range list {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b)
	}
	seed(1, 2, 3)
	seed(math.Inf(1), math.NaN(), -1, 0)
	seed(math.MaxFloat64, 5e-324)
	seed(1e-9, 1e-8)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s Series
		for ; len(raw) >= 8; raw = raw[8:] {
			v := math.Float64frombits(binary.LittleEndian.Uint64(raw))
			s.Values = append(s.Values, &v)
		}
		for _, unit := range []Unit{Decimal, Binary} {
			c := New(unit, s)
			if len(c.Y) < 2 || len(c.Y) > 9 {
				t.Fatalf("%d ticks: %+v", len(c.Y), c.Y)
			}
			for _, tick := range c.Y {
				within(t, tick.Y, Top, Bottom)
			}
			for _, dot := range c.Lines[0].Dots {
				within(t, dot.X, Left, Right)
				within(t, dot.Y, Top, Bottom)
			}
			for _, point := range strings.FieldsFunc(c.Lines[0].Path, func(r rune) bool { return r == 'M' || r == 'L' }) {
				x, y, ok := strings.Cut(point, " ")
				if !ok {
					t.Fatalf("%q", c.Lines[0].Path)
				}
				within(t, x, Left, Right)
				within(t, y, Top, Bottom)
			}
		}
	})
}

func within(t *testing.T, s string, low, high float64) {
	t.Helper()
	if v, err := strconv.ParseFloat(s, 64); err != nil || !(v >= low && v <= high) {
		t.Fatalf("%q is not within %g and %g", s, low, high)
	}
}
