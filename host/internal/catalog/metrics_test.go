package catalog

import (
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// scrape returns every sample by family and label value.
func scrape(t *testing.T, c *Catalog) map[string]map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, collector := range c.Collectors() {
		if err := registry.Register(collector); err != nil {
			t.Fatal(err)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]map[string]float64{}
	for _, family := range families {
		samples[family.GetName()] = map[string]float64{}
		for _, m := range family.GetMetric() {
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			samples[family.GetName()][m.GetLabel()[0].GetValue()] = value
		}
	}
	return samples
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.put("a.jar", parcelBytes("a", "1", 0))
	h.put("b.jar", parcelBytes("b", "1", 0))
	h.put("garbage.jar", []byte("no archive"))
	h.put("taken.jar", parcelBytes("A", "1", 0))
	h.put("lonely.jar", parcelBytes("lonely", "1", 0, bundletest.With("extension_requires", "nobody >=1")))
	h.write(h.path("empty.jar"), nil)
	r := h.run(func(c *Catalog) {
		c.cfg.StateOf = func(id string) lifecycle.State {
			return map[string]lifecycle.State{"a": lifecycle.Running, "b": lifecycle.Backoff}[id]
		}
	})
	r.turned("garbage.jar", lifecycle.Failed, string(bundle.CodeNotZip))
	samples := scrape(t, r.Catalog)
	for state, want := range map[lifecycle.State]float64{
		lifecycle.Running: 1, lifecycle.Backoff: 1, lifecycle.Failed: 1, lifecycle.Conflict: 1, lifecycle.Pending: 1, lifecycle.Waiting: 1,
	} {
		if got := samples["jackfield_bundles"][string(state)]; got != want {
			t.Errorf("%s: %v bundles, want %v", state, got, want)
		}
	}
	if got := len(samples["jackfield_bundles"]); got != len(lifecycle.States()) {
		t.Errorf("%d states", got)
	}
	if got := samples["jackfield_bundles_waiting"]; !maps.Equal(got, map[string]float64{"dependency_missing": 1, "dependency_cycle": 0, "held": 0}) {
		t.Errorf("waiting: %v", got)
	}
	h.put("garbage.jar", []byte("no archive either"))
	r.await("the other garbage is refused too", func(View) bool {
		return scrape(t, r.Catalog)["jackfield_bundle_rejections_total"]["not_zip"] == 2
	})
	rejections := scrape(t, r.Catalog)["jackfield_bundle_rejections_total"]
	if rejections["id_taken"] != 1 || len(rejections) != len(rejectionCodes()) {
		t.Errorf("rejections: %v", rejections)
	}
	for code, n := range rejections {
		if n != 0 && code != "id_taken" && code != "not_zip" {
			t.Errorf("%s: %v", code, n)
		}
	}
}
