package exposition

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
)

// ExtensionLabel is the label that is added to each series, with the id of its extension.
const ExtensionLabel = "extension"

// maxCount is up to where counts are exact, in what they are read through: a float64.
const maxCount = 1 << 53

// check judges a family that was read from so many lines of series, and puts its labels
// and buckets in order.
func check(f *dto.MetricFamily, samples int) *fault {
	if len(f.GetHelp()) > MaxHelp || !plain(strings.ReplaceAll(f.GetHelp(), "\n", " ")) {
		return faultf(Help, "the text of HELP has at most %d bytes, UTF-8 without control characters", MaxHelp)
	}
	switch {
	case f.Type == nil:
		f.Type = dto.MetricType_UNTYPED.Enum()
	case f.GetType() == dto.MetricType_GAUGE_HISTOGRAM:
		return faultf(Histogram, "histograms of gauges are not of this format")
	}
	seen := make(map[string]bool, len(f.Metric))
	for _, m := range f.Metric {
		m.TimestampMs = nil
		if fault := checkLabels(f.GetType(), m); fault != nil {
			return fault
		}
		key := labelsKey(m.Label)
		if seen[key] {
			return faultf(Duplicate, "it has a series twice")
		}
		seen[key] = true
		lines, fault := checkValue(m)
		if fault != nil {
			return fault
		}
		samples -= lines
	}
	if samples != 0 {
		return faultf(Histogram, "a histogram is its buckets, a summary its quantiles, each once, with one _sum and one _count")
	}
	return nil
}

// labelsKey is the same for the same labels, and for those only.
func labelsKey(labels []*dto.LabelPair) string {
	var key []byte
	for _, l := range labels {
		for _, s := range []string{l.GetName(), l.GetValue()} {
			key = append(binary.AppendUvarint(key, uint64(len(s))), s...)
		}
	}
	return string(key)
}

func checkLabels(kind dto.MetricType, m *dto.Metric) *fault {
	if len(m.Label) > MaxLabels {
		return faultf(Label, "a series has at most %d labels", MaxLabels)
	}
	slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	for i, l := range m.Label {
		name := l.GetName()
		switch {
		case len(name) > MaxLabel || !familyName(name):
			return faultf(Label, "the name of a label is letters, digits and _, of at most %d bytes", MaxLabel)
		case strings.HasPrefix(name, "__"), name == ExtensionLabel,
			name == "le" && kind == dto.MetricType_HISTOGRAM, name == "quantile" && kind == dto.MetricType_SUMMARY:
			return faultf(Label, "the label %s is not an extension's to set", name)
		case i > 0 && m.Label[i-1].GetName() == name:
			return faultf(Label, "the label %s is there twice", name)
		case len(l.GetValue()) > MaxValue || !plain(l.GetValue()):
			return faultf(Label, "the value of %s has at most %d bytes, UTF-8 without control characters", name, MaxValue)
		}
	}
	return nil
}

// checkValue judges the value of a series, and says of how many lines it is.
func checkValue(m *dto.Metric) (lines int, fault *fault) {
	switch {
	case m.Counter != nil:
		if v := m.Counter.GetValue(); !(v >= 0) { // nor NaN
			return 0, faultf(Value, "a counter is at %v", v)
		}
		return 1, nil
	case m.Gauge != nil, m.Untyped != nil:
		return 1, nil
	case m.Summary != nil:
		return len(m.Summary.Quantile) + 2, checkSummary(m.Summary)
	case m.Histogram != nil:
		return len(m.Histogram.Bucket) + 2, checkHistogram(m.Histogram)
	}
	return 0, faultf(Syntax, "a series has no value")
}

func checkSummary(s *dto.Summary) *fault {
	if s.SampleCount == nil || s.SampleSum == nil || s.GetSampleCount() > maxCount {
		return faultf(Histogram, "a summary has one _sum and one _count, which is a natural number")
	}
	slices.SortFunc(s.Quantile, func(a, b *dto.Quantile) int { return cmp.Compare(a.GetQuantile(), b.GetQuantile()) })
	for i, q := range s.Quantile {
		if !(q.GetQuantile() >= 0 && q.GetQuantile() <= 1) || i > 0 && s.Quantile[i-1].GetQuantile() == q.GetQuantile() {
			return faultf(Histogram, "quantiles are from 0 to 1, each once")
		}
	}
	return nil
}

// checkHistogram leaves a histogram whose buckets ascend and end with +Inf.
func checkHistogram(h *dto.Histogram) *fault {
	if h.SampleCount == nil || h.SampleSum == nil || h.SampleCountFloat != nil || h.GetSampleCount() > maxCount {
		return faultf(Histogram, "a histogram has one _sum and one _count, which is a natural number")
	}
	if len(h.Bucket) == 0 {
		return faultf(Histogram, "a histogram has buckets, at least that of +Inf")
	}
	slices.SortFunc(h.Bucket, func(a, b *dto.Bucket) int { return cmp.Compare(a.GetUpperBound(), b.GetUpperBound()) })
	for i, b := range h.Bucket {
		switch {
		case math.IsNaN(b.GetUpperBound()):
			return faultf(Histogram, "the label le of a bucket is NaN")
		case b.CumulativeCount == nil || b.CumulativeCountFloat != nil || b.GetCumulativeCount() > maxCount:
			return faultf(Histogram, "buckets count in natural numbers")
		case i > 0 && h.Bucket[i-1].GetUpperBound() == b.GetUpperBound():
			return faultf(Histogram, "the bucket le=%q is there twice", fmtBound(b))
		case i > 0 && h.Bucket[i-1].GetCumulativeCount() > b.GetCumulativeCount():
			return faultf(Histogram, "the bucket le=%q has less than the one below it; buckets count what is below them, too", fmtBound(b))
		}
	}
	last := h.Bucket[len(h.Bucket)-1]
	if !math.IsInf(last.GetUpperBound(), 1) || last.GetCumulativeCount() != h.GetSampleCount() {
		return faultf(Histogram, `the last bucket is le="+Inf", and has what _count says`)
	}
	return nil
}

func fmtBound(b *dto.Bucket) string { return strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64) }

// familyName reports whether s may name a family, or a label. Colons are for the rules of
// those who scrape.
func familyName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// plain reports whether s is text that looks like what it is.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	})
}
