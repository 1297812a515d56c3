// Package chart lays out line charts: New turns lists of values into the coordinates of
// paths and ticks, which a template draws as SVG with presentation attributes alone.
//
// What is promised: the same chart for the same values; coordinates are finite and lie
// within the drawing, whatever the values are; a step without a value is a gap.
package chart

import (
	"math"
	"strconv"
	"strings"
)

// The drawing, in units of its viewBox. What is left of Left is for the labels of the
// vertical axis, what is below Bottom for those of the horizontal one.
const (
	Width, Height = 560, 190
	Left, Top     = 62, 10
	Right, Bottom = 552, 164

	most = 1e18 // the largest value that is drawn
)

// Series is one line: a value for each step, nil for none.
type Series struct {
	Name   string
	Values []*float64
}

// Unit says by which numbers the vertical axis goes.
type Unit int

// The units.
const (
	Decimal Unit = iota // 1, 2 and 5 times a power of ten
	Binary              // powers of two, for bytes
)

// Chart is what is drawn.
type Chart struct {
	Lines []Line
	Y     []Tick // the lowest first
	// Empty says that there is no value at all.
	Empty bool
}

// Line is one series as it is drawn, the first with Number 1.
type Line struct {
	Name   string
	Number int
	// Path is the attribute d of a path, empty when no two values follow each other.
	Path string
	// Dots are values without neighbours.
	Dots []Dot
	// Last is the newest value, Highest the largest; both nil without values.
	Last, Highest *float64
}

// Dot is a point of the drawing.
type Dot struct{ X, Y string }

// Tick is a line across the drawing.
type Tick struct {
	Y     string
	Value float64
}

// New lays out series, which have values for the same steps. Negative values, those over
// 1e18, and what is no number, are no values.
func New(unit Unit, series ...Series) Chart {
	top := 0.0
	for _, s := range series {
		for _, v := range s.Values {
			if good(v) {
				top = max(top, *v)
			}
		}
	}
	top, step := scale(top, unit)
	c := Chart{Empty: true}
	for i := range int(math.Round(top/step)) + 1 {
		v := float64(i) * step
		c.Y = append(c.Y, Tick{number(height(v, top)), v})
	}
	for i, s := range series {
		l := line(s, top)
		l.Number = i + 1
		c.Empty = c.Empty && l.Last == nil
		c.Lines = append(c.Lines, l)
	}
	return c
}

// good reports whether v can be drawn.
func good(v *float64) bool { return v != nil && *v >= 0 && *v <= most }

// scale returns the upper end of an axis that holds highest, and the distance of its ticks.
func scale(highest float64, unit Unit) (top, step float64) {
	const ticks = 4
	if highest < 1e-9 { // nothing, or next to it
		return 1, 1
	}
	raw := highest / ticks
	if unit == Binary {
		step = math.Exp2(math.Ceil(math.Log2(raw)))
	} else {
		power := math.Pow(10, math.Floor(math.Log10(raw)))
		step = 10 * power
		for _, m := range []float64{1, 2, 5} {
			if m*power >= raw {
				step = m * power
				break
			}
		}
	}
	top = step * math.Ceil(highest/step-1e-9)
	return max(top, highest), step
}

func height(v, top float64) float64 { return Bottom - v/top*(Bottom-Top) }

// line lays out one series.
func line(s Series, top float64) Line {
	l := Line{Name: s.Name}
	var path strings.Builder
	within := false // a part of the path
	for i, v := range s.Values {
		if !good(v) {
			within = false
			continue
		}
		l.Last = v
		if l.Highest == nil || *v > *l.Highest {
			l.Highest = v
		}
		x, y := number(place(i, len(s.Values))), number(height(*v, top))
		switch next := i+1 < len(s.Values) && good(s.Values[i+1]); {
		case within:
			path.WriteString("L" + x + " " + y)
		case next:
			path.WriteString("M" + x + " " + y)
			within = true
		default:
			l.Dots = append(l.Dots, Dot{x, y})
		}
	}
	l.Path = path.String()
	return l
}

// place is where the i-th of n steps lies: the last at the right end.
func place(i, n int) float64 {
	if n < 2 {
		return Right
	}
	return Left + float64(i)/float64(n-1)*(Right-Left)
}

// Across is where a part of the whole time lies, 0 for its beginning, 1 for now.
func Across(part float64) string { return number(Left + part*(Right-Left)) }

func number(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
