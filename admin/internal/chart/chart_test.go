package chart

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func values(list ...float64) []*float64 {
	out := make([]*float64, len(list))
	for i, v := range list {
		if v >= 0 {
			out[i] = &v
		}
	}
	return out
}

func TestSparkPath(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []*float64
		want   string
	}{
		{"nothing", nil, "M0 19H100"},
		{"nothing known", values(-1, -1), "M0 19H100"},
		{"zeros", values(0, 0), "M0 19H100"},
		{"up", values(0, 1, 2), "M0 19L50 10L100 1"},
		{"a gap", values(2, 2, -1, 2, 2), "M0 1L25 1M75 1L100 1"},
		{"one between gaps", values(-1, 2, -1), "M50 1h1"},
		{"not numbers", values(1, math.NaN(), math.Inf(1), 1), "M0 1h1M100 1h1"},
	} {
		if got := SparkPath(c.values); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	many := make([]*float64, 1000)
	for i := range many {
		v := 1.0
		if i == 517 {
			v = 9
		}
		many[i] = &v
	}
	path := SparkPath(many)
	if n := strings.Count(path, "L") + 1; n != sparkPoints || !strings.Contains(path, " 1L") {
		t.Errorf("%d points, and the highest is lost: %s", n, path)
	}
}

func TestChart(t *testing.T) {
	c := Chart{
		Label: `a "b" <c>`, Lines: []Line{{"p50 <x>", values(0, 3, 7)}, {"p99", values(1, -1, 2)}},
		From: time.Unix(0, 0).UTC(), Step: time.Minute,
		Value: func(v float64) string { return fmt.Sprintf("%g<", v) }, Time: func(t time.Time) string { return t.Format("15:04") }, None: "nothing <yet>",
	}
	got := c.SVG()
	wellFormed(t, got)
	for _, part := range []string{`aria-label="a &#34;b&#34; &lt;c&gt;"`, "<title>p50 &lt;x&gt;</title>", `class="line-1"`, ">8&lt;<", ">4&lt;<", ">0&lt;<", ">00:00<", ">00:01<", ">00:02<", `stroke-dasharray="6 3"`} {
		if !strings.Contains(got, part) {
			t.Errorf("the chart lacks %s: %s", part, got)
		}
	}
	if strings.Contains(got, "style=") {
		t.Error("a style attribute: the policy of the page refuses it")
	}
	c.Lines = nil
	if got = c.SVG(); !strings.Contains(got, "nothing &lt;yet&gt;") {
		t.Errorf("an empty chart: %s", got)
	}
	wellFormed(t, got)
	wellFormed(t, Spark(values(1, 2), `<"&`))
	wellFormed(t, Spark(nil, ""))
}

func TestRoundValues(t *testing.T) {
	for _, c := range [][2]float64{{0, 1}, {-1, 1}, {1, 1}, {1.1, 2}, {3, 4}, {4.5, 5}, {7, 8}, {9, 10}, {0.00031, 0.0004}, {1234, 2000}} {
		if got := round(c[0]); math.Abs(got-c[1]) > 1e-12 {
			t.Errorf("%g: %g, want %g", c[0], got, c[1])
		}
	}
}

// FuzzSpark: any values give markup that is well-formed.
func FuzzSpark(f *testing.F) {
	f.Add(1.0, -2.0, 1e308, "label")
	f.Add(math.NaN(), 0.0, math.Inf(-1), "<")
	f.Fuzz(func(t *testing.T, a, b, c float64, label string) {
		if strings.ContainsFunc(label, func(r rune) bool { return r < ' ' || r == 0xfffd || r == 0xfffe || r == 0xffff }) {
			return // what XML can not hold
		}
		list := []*float64{&a, nil, &b, &c}
		wellFormed(t, Spark(list, label))
		wellFormed(t, Chart{Label: label, Lines: []Line{{label, list}}, Value: func(float64) string { return label }, Time: func(time.Time) string { return label }}.SVG())
	})
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%v: %s", err, svg)
		}
	}
}
