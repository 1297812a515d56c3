package monitoring

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// pageHolds holds docs/metrics.md, and the list of docs/host.md, to the scrapes of hosts
// in which, together, everything has happened.
func pageHolds(t *testing.T, scrapes [][]byte) {
	measured := map[string]string{}
	for _, text := range scrapes {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range families {
			if _, known := measured[name]; !known && strings.HasPrefix(name, "jackfield_") {
				measured[name] = formOf(f)
			}
		}
	}
	page := map[string]string{}
	rows := regexp.MustCompile("(?m)^\\| `(jackfield_\\w+)` \\| (\\w+) \\| ([a-z_, ]*)\\|").FindAllStringSubmatch(string(read(t, "../docs/metrics.md")), -1)
	for _, row := range rows {
		page[row[1]] = row[2] + " {" + strings.TrimSpace(row[3]) + "}"
	}
	if !maps.Equal(page, measured) {
		for _, name := range slices.Sorted(maps.Keys(page)) {
			if measured[name] != page[name] {
				t.Errorf("docs/metrics.md says %s is %s; measured is %q", name, page[name], measured[name])
			}
		}
		for _, name := range slices.Sorted(maps.Keys(measured)) {
			if _, ok := page[name]; !ok {
				t.Errorf("docs/metrics.md does not have %s, %s", name, measured[name])
			}
		}
	}
	contractHolds(t, measured)
}

// formOf is "type {labels}" of a family, the labels in order. All of its series have the
// same ones.
func formOf(f *dto.MetricFamily) string {
	var form string
	for i, m := range f.Metric {
		var labels []string
		for _, l := range m.Label {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		is := fmt.Sprintf("%s {%s}", strings.ToLower(f.GetType().String()), strings.Join(labels, ", "))
		if i > 0 && is != form {
			return form + " and " + is
		}
		form = is
	}
	return form
}

// contractHolds checks that each metric that host.md names is there, with the labels that
// it gives.
func contractHolds(t *testing.T, measured map[string]string) {
	_, section, _ := strings.Cut(string(read(t, "../docs/host.md")), "\n## Metrics")
	section, _, _ = strings.Cut(section, "\n## ")
	named := regexp.MustCompile("`(jackfield_\\w+)(?:\\{([a-z,]+)\\})?`").FindAllStringSubmatch(section, -1)
	if len(named) < 15 {
		t.Fatalf("host.md names %d metrics; has its form changed?", len(named))
	}
	for _, m := range named {
		labels := strings.Split(m[2], ",")
		slices.Sort(labels)
		form, ok := measured[m[1]]
		if !ok || m[2] != "" && !strings.HasSuffix(form, " {"+strings.Join(labels, ", ")+"}") {
			t.Errorf("host.md has %s; measured is %q", m[0], form)
		}
	}
}
