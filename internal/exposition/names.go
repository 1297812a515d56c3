package exposition

import (
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Names are the names of series that are taken, each with the family that has it. The
// formats in which metrics are sent make names of their own: of a histogram x there are
// x_bucket, x_sum and x_count, and a counter x is x_total in OpenMetrics.
type Names map[string]Taken

// Taken is a family to which a name belongs.
type Taken struct {
	Family string
	Type   dto.MetricType
}

func (t Taken) String() string {
	return "the " + strings.ToLower(t.Type.String()) + " " + t.Family
}

// Claim takes the names of a family; in one of a single extension no family may come
// twice. Unless all are free nothing is taken, and other is who has one.
func (n Names) Claim(f *dto.MetricFamily) (other Taken, free bool) {
	return n.claim(Taken{f.GetName(), f.GetType()}, false)
}

// Share is Claim for a name and type that several extensions may have at once.
func (n Names) Share(t Taken) (other Taken, free bool) { return n.claim(t, true) }

func (n Names) claim(t Taken, shared bool) (other Taken, free bool) {
	names := namesOf(t)
	for _, name := range names {
		if other, taken := n[name]; taken && !(shared && other == t) {
			return other, false
		}
	}
	for _, name := range names {
		n[name] = t
	}
	return Taken{}, true
}

func namesOf(t Taken) []string {
	switch t.Type {
	case dto.MetricType_COUNTER:
		if base, ok := strings.CutSuffix(t.Family, "_total"); ok {
			return []string{t.Family, base}
		}
		return []string{t.Family, t.Family + "_total"}
	case dto.MetricType_HISTOGRAM:
		return []string{t.Family, t.Family + "_bucket", t.Family + "_sum", t.Family + "_count"}
	case dto.MetricType_SUMMARY:
		return []string{t.Family, t.Family + "_sum", t.Family + "_count"}
	}
	return []string{t.Family}
}
