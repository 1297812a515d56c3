// Package chart draws lines as SVG on the server: Spark a small one without axes, and
// Chart.SVG one with axes, a grid and several lines. The result is markup that is safe in
// a page: texts are escaped, numbers are ours, and nothing in it needs a style attribute
// or a script. Each says what it shows to those who do not see it; who shows a Chart also
// shows its values as a table.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"time"
)

// Spark draws values, the oldest first and nil where nothing is known, as a line in a
// box that is as wide as what is around it; the style sheet gives its look. label says what it is; an empty
// one marks it as an ornament.
func Spark(values []*float64, label string) string {
	role := `aria-hidden="true"`
	if label != "" {
		role = `role="img" aria-label="` + html.EscapeString(label) + `"`
	}
	return `<svg class="spark" ` + role + ` viewBox="0 0 100 20" preserveAspectRatio="none"><path d="` + SparkPath(values) + `"/></svg>`
}

// sparkPoints is how many points a spark has at most: no more can be told apart.
const sparkPoints = 24

// SparkPath is the path of a Spark alone, for who changes one that is shown.
func SparkPath(values []*float64) string {
	values = thin(values, sparkPoints)
	top := highest(values)
	if top == 0 {
		return "M0 19H100"
	}
	return path(values, func(i int) float64 { return 100 * float64(i) / float64(max(len(values)-1, 1)) },
		func(v float64) float64 { return 19 - 18*v/top }, 0)
}

// thin returns at most n values: of each run of neighbours the highest, which is what
// somebody looks for.
func thin(values []*float64, n int) []*float64 {
	if len(values) <= n {
		return values
	}
	out := make([]*float64, n)
	for i := range out {
		for _, v := range values[i*len(values)/n : (i+1)*len(values)/n] {
			if known(v) && (out[i] == nil || *v > *out[i]) {
				out[i] = v
			}
		}
	}
	return out
}

func known(v *float64) bool { return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) }

func highest(values []*float64) float64 {
	top := 0.0
	for _, v := range values {
		if known(v) {
			top = max(top, *v)
		}
	}
	return top
}

// path joins the known values by lines, and begins anew behind unknown ones. A value
// between two unknown ones is a dash.
func path(values []*float64, x func(int) float64, y func(float64) float64, digits int) string {
	var b strings.Builder
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', digits, 64) }
	begun := false
	for i, v := range values {
		if !known(v) {
			begun = false
			continue
		}
		at := number(x(i)) + " " + number(y(max(*v, 0)))
		switch {
		case !begun && (i == len(values)-1 || !known(values[i+1])):
			b.WriteString("M" + at + "h1")
		case !begun:
			b.WriteString("M" + at)
		default:
			b.WriteString("L" + at)
		}
		begun = true
	}
	return b.String()
}

// Line is one line of a Chart. The n-th has the class line-n of the style sheet, and
// dashes of its own: it is told apart without colours.
type Line struct {
	Name string
	// Values are in equal steps, the oldest first, nil where nothing is known.
	Values []*float64
}

// Chart is lines over one span of time.
type Chart struct {
	// Label says what is shown, in a sentence for those who do not see it.
	Label string
	Lines []Line
	// From is the time of the first values, Step what is between two.
	From time.Time
	Step time.Duration
	// Value and Time write what stands at the axes.
	Value func(float64) string
	Time  func(time.Time) string
	// None is said where there are no values at all.
	None string
}

// The box of a Chart, and what is around the lines.
const (
	width, height            = 640, 180
	left, right, above, foot = 64, 8, 8, 22
)

func dashes(n int) string {
	return []string{"", "6 3", "2 3", "8 3 2 3"}[n%4]
}

// SVG draws the chart.
func (c Chart) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" role="img" aria-label="%s" viewBox="0 0 %d %d">`, html.EscapeString(c.Label), width, height)
	steps, top := 0, 0.0
	for _, l := range c.Lines {
		steps, top = max(steps, len(l.Values)), max(top, highest(l.Values))
	}
	if steps == 0 {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text></svg>`, width/2, height/2, html.EscapeString(c.None))
		return b.String()
	}
	top = round(top)
	x := func(i int) float64 { return left + (width-left-right)*float64(i)/float64(max(steps-1, 1)) }
	y := func(v float64) float64 { return above + (height-above-foot)*(1-v/top) }
	const rows = 4
	for i := range rows + 1 {
		v := top * float64(i) / rows
		fmt.Fprintf(&b, `<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, y(v), width-right, left-6, y(v)+4, html.EscapeString(c.Value(v)))
	}
	for _, tick := range []struct {
		step   int
		anchor string
	}{{0, "start"}, {steps / 2, "middle"}, {steps - 1, "end"}} {
		at := c.From.Add(time.Duration(tick.step) * c.Step)
		fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="%s">%s</text>`, x(tick.step), height-6, tick.anchor, html.EscapeString(c.Time(at)))
	}
	for n, l := range c.Lines {
		fmt.Fprintf(&b, `<path class="line-%d" d="%s" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" stroke-dasharray="%s"><title>%s</title></path>`,
			n%4, path(l.Values, x, y, 1), dashes(n), html.EscapeString(l.Name))
	}
	b.WriteString("</svg>")
	return b.String()
}

// round returns the next round number from x on, so that the grid has round values.
func round(x float64) float64 {
	if x <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 4, 5, 8, 10} {
		if x <= f*unit*(1+1e-9) {
			return f * unit
		}
	}
	return 10 * unit
}
