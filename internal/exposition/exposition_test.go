package exposition

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

const good = `# HELP mail_sent_total Mails that were sent.
# TYPE mail_sent_total counter
mail_sent_total{to="a"} 3
mail_sent_total{to="b"} 4 1700000000000
`

// TestRead has texts between two families that are as they should be, and what becomes of
// what is in them: names that are shown, and "name: reason" for what is not.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"every type", strings.Join([]string{
			"# TYPE g gauge", `g{x="é"} -1.5`, `g{x="nan"} NaN`, "u 7", "# TYPE c counter", "c 0",
			"# TYPE h histogram", `h_bucket{le="+Inf"} 2`, `h_bucket{le="1"} 1`, "h_sum 3.5", "h_count 2",
			"# TYPE s summary", `s{quantile="0.5"} 1`, "s_sum 2", "s_count 2", "",
		}, "\n"), []string{"g", "u", "c", "h", "s"}},
		{"comments and blank lines", "# a remark\n\n \t \n#\n# EOF\nu 1", []string{"u"}},
		{"HELP and TYPE without series", "# HELP a b\n# TYPE a gauge\n", nil},
		{"no line end at the end", "u 1", []string{"u"}},

		{"not of the format", "?? 1\nu 1\n", []string{"??: name", "u"}},
		{"no value", "u\nv 1\n", []string{"u: syntax", "v"}},
		{"a value that is none", "u one\nv 1\n", []string{"u: syntax", "v"}},
		{"labels without an end", "u{a=\"1\nv 1\n", []string{"u: syntax", "v"}},
		{"a name in quotes", `{"u", a="1"} 1` + "\nv 1\n", []string{": name", "v"}},
		{"carriage returns", "u 1\r\nv 1\n", []string{"u: syntax", "v"}},
		{"an unknown type", "# TYPE u stateset\nu 1\nv 1\n", []string{"u: syntax", "v"}},
		{"TYPE twice", "# TYPE u gauge\n# TYPE u counter\nu 1\nv 1\n", []string{"u: syntax", "v"}},
		{"TYPE behind its series", "u 1\n# TYPE u gauge\nv 1\n", []string{"u: syntax", "v"}},
		{"HELP of another", "# HELP u x\nv 1\n", []string{"v"}},

		{"a colon", "a:b 1\n", []string{"a:b: name"}},
		{"a name too long", strings.Repeat("a", MaxName+1) + " 1\n", []string{strings.Repeat("a", MaxName) + ": name"}},
		{"help too long", "# HELP u " + strings.Repeat("x", MaxHelp+1) + "\nu 1\n", []string{"u: help"}},
		{"help of several lines", "# HELP u a\\nb\nu 1\n", []string{"u"}},
		{"help with an escape sequence", "# HELP u \x1b[2J\nu 1\n", []string{"u: help"}},

		{"the label of the host", `u{extension="else"} 1` + "\n", []string{"u: label"}},
		{"a reserved label", `u{__name__="x"} 1` + "\n", []string{"u: syntax"}},
		{"another reserved label", `u{__meta="x"} 1` + "\n", []string{"u: label"}},
		{"a label twice", `u{a="1",a="2"} 1` + "\n", []string{"u: syntax"}},
		{"a value of a label too long", `u{a="` + strings.Repeat("x", MaxValue+1) + `"} 1` + "\n", []string{"u: label"}},
		{"a value of a label that is not UTF-8", "u{a=\"\xff\"} 1\n", []string{"u: syntax"}},
		{"a value of a label with control characters", "u{a=\"a\\nb\"} 1\n", []string{"u: label"}},
		{"a value of a label that reads backwards", "u{a=\"\u202eabc\"} 1\n", []string{"u: label"}},
		{"too many labels", "u{" + many(MaxLabels+1, func(i int) string { return fmt.Sprintf(`l%d="",`, i) }) + "} 1\n", []string{"u: label"}},

		{"a counter below zero", "# TYPE u counter\nu -1\n", []string{"u: value"}},
		{"a counter that is no number", "# TYPE u counter\nu NaN\n", []string{"u: value"}},

		{"a series twice", "u{a=\"1\",b=\"2\"} 1\nu{b=\"2\",a=\"1\"} 2\n", []string{"u: duplicate"}},
		{"a family in two places", "u 1\nv 1\nu{a=\"1\"} 1\n", []string{"u", "v", "u: duplicate"}},
		{"a histogram's own names", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n# TYPE h_sum gauge\nh_sum 1\n", []string{"h", "h_sum: duplicate"}},
		{"a counter that is another in OpenMetrics", "# TYPE u counter\nu 1\n# TYPE u_total counter\nu_total 1\n", []string{"u", "u_total: duplicate"}},

		{"no +Inf", histogram(`h_bucket{le="1"} 1`, "h_sum 1", "h_count 1"), []string{"h: histogram"}},
		{"a bucket less than the one below", histogram(`h_bucket{le="1"} 3`, `h_bucket{le="+Inf"} 2`, "h_sum 1", "h_count 2"), []string{"h: histogram"}},
		{"a count that is another", histogram(`h_bucket{le="+Inf"} 2`, "h_sum 1", "h_count 3"), []string{"h: histogram"}},
		{"no sum", histogram(`h_bucket{le="+Inf"} 2`, "h_count 2"), []string{"h: histogram"}},
		{"a bucket twice", histogram(`h_bucket{le="1"} 1`, `h_bucket{le="1"} 1`, `h_bucket{le="+Inf"} 2`, "h_sum 1", "h_count 2"), []string{"h: histogram"}},
		{"a count twice", histogram(`h_bucket{le="+Inf"} 2`, "h_sum 1", "h_count 1", "h_count 2"), []string{"h: histogram"}},
		{"a bucket without le", histogram("h_bucket 2", `h_bucket{le="+Inf"} 2`, "h_sum 1", "h_count 2"), []string{"h: histogram"}},
		{"le that is no number", histogram(`h_bucket{le="NaN"} 2`, `h_bucket{le="+Inf"} 2`, "h_sum 1", "h_count 2"), []string{"h: histogram"}},
		{"half an observation", histogram(`h_bucket{le="+Inf"} 2.5`, "h_sum 1", "h_count 2.5"), []string{"h: histogram"}},
		{"a series of the bare name", histogram("h 1", `h_bucket{le="+Inf"} 2`, "h_sum 1", "h_count 2"), []string{"h: histogram"}},
		{"gauge histogram", "# TYPE h gaugehistogram\nh_bucket{le=\"+Inf\"} 1\n", []string{"h: histogram"}},
		{"a quantile over one", "# TYPE s summary\ns{quantile=\"2\"} 1\ns_sum 1\ns_count 1\n", []string{"s: histogram"}},
		{"a summary below zero", "# TYPE s summary\ns_sum 1\ns_count -1\n", []string{"s: histogram"}},

		{"too many series", "# TYPE u gauge\n" + many(MaxSeries, func(i int) string { return fmt.Sprintf("u{i=\"%d\"} 1\n", i) }) + "v 1\n", []string{"u: too_large", "v"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			families, refused := Read([]byte("first 1\n" + c.text + "\n" + good))
			want := slices.Concat([]string{"first"}, c.want, []string{"mail_sent_total"})
			if got := told(families, refused); !slices.Equal(got, sortedWant(want)) {
				t.Errorf("got %q, want %q; refused: %v", got, want, refused)
			}
			presentable(t, families)
		})
	}
}

func many(n int, line func(int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i))
	}
	return b.String()
}

func histogram(lines ...string) string {
	return "# TYPE h histogram\n" + strings.Join(lines, "\n") + "\n"
}

// told are the names of the families, then those of what was refused.
func told(families []*dto.MetricFamily, refused []Refusal) []string {
	var list []string
	for _, f := range families {
		list = append(list, f.GetName())
	}
	for _, r := range refused {
		list = append(list, r.Family+": "+string(r.Reason))
	}
	return sortedWant(list)
}

func sortedWant(list []string) []string { return slices.Sorted(slices.Values(list)) }

func TestReadTooMuch(t *testing.T) {
	if families, refused := Read(make([]byte, MaxBytes+1)); families != nil || len(refused) != 1 || refused[0].Reason != TooLarge {
		t.Errorf("too many bytes: %v, %v", families, refused)
	}
	families, refused := Read([]byte(many(MaxFamilies+50, func(i int) string { return fmt.Sprintf("u%d 1\n", i) })))
	if len(families) != MaxFamilies || len(refused) != 1 || refused[0].Reason != TooLarge {
		t.Errorf("too many families: %d, %v", len(families), refused)
	}
	families, refused = Read([]byte(many(MaxFamilies+50, func(i int) string { return fmt.Sprintf("u%d\n", i) })))
	if len(families) != 0 || len(refused) != MaxFamilies+1 {
		t.Errorf("too many broken families: %d, %d", len(families), len(refused))
	}
}

func TestTimestampsAreDropped(t *testing.T) {
	families, _ := Read([]byte(good))
	for _, m := range families[0].Metric {
		if m.TimestampMs != nil {
			t.Error("a timestamp is left")
		}
	}
}

// presentable checks that what Read returns can be served: a gatherer finds nothing wrong,
// and each format has it as it was.
func presentable(t *testing.T, families []*dto.MetricFamily) {
	t.Helper()
	gathered, err := prometheus.Gatherers{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })}.Gather()
	if err != nil || len(gathered) != len(families) {
		t.Errorf("%d of %d families could be gathered: %v", len(gathered), len(families), err)
	}
	for _, f := range gathered {
		var text, open bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Errorf("as text: %v", err)
		}
		if _, err := expfmt.MetricFamilyToOpenMetrics(&open, f); err != nil {
			t.Errorf("as OpenMetrics: %v", err)
		}
		again, refused := Read(text.Bytes())
		if len(refused) > 0 || len(again) != 1 || len(again[0].Metric) != len(f.Metric) {
			t.Errorf("written and read again: %v; the text:\n%s", refused, text.Bytes())
		}
	}
}

// FuzzRead holds for any text: what is read can be served, and a family that is as it
// should be is read, whatever stands before or behind it.
func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n")
	f.Add("# HELP s a\\nb\n# TYPE s summary\ns{quantile=\"0.5\",a=\"\\\"\"} 1e3\ns_sum 2\ns_count 2\n")
	f.Add("{\"a\", b=\"c\"} 1\n# TYPE x_total counter\nx_total 1\nx 1 2\n")
	f.Add("# TYPE fuzzed_first gauge")
	f.Fuzz(func(t *testing.T, text string) {
		const first, last = "fuzzed_first", "fuzzed_last"
		if len(text) > 64<<10 || strings.Contains(text, first) || strings.Contains(text, last) {
			return // it may be about just these
		}
		families, refused := Read([]byte(first + " 1\n" + text + "\n" + last + " 1\n"))
		presentable(t, families)
		names := told(families, nil)
		limited := slices.ContainsFunc(refused, func(r Refusal) bool { return r.Reason == TooLarge })
		if !slices.Contains(names, first) || !limited && !slices.Contains(names, last) {
			t.Errorf("the text spoils others: %q is left, refused %v", names, refused)
		}
		for _, r := range refused {
			if !slices.Contains(Reasons(), r.Reason) || len(r.Family) > MaxName || len(r.Detail) > 2000 {
				t.Errorf("refused %+v", r)
			}
		}
	})
}
