package host_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// planMetrics are those of plans, by name and labels.
func (w *world) planMetrics() map[string]float64 {
	w.t.Helper()
	families, err := w.Gatherer().Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		name, is := strings.CutPrefix(f.GetName(), "jackfield_plan")
		if !is {
			continue
		}
		for _, m := range f.Metric {
			key := strings.Trim(name, "_s")
			for _, l := range m.Label {
				key += " " + l.GetValue()
			}
			found[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return found
}

// Each plan that ends is counted once, by how and by whom; before anything happens every way to
// end is there at 0, so that the first failure is an increase.
func TestPlansAreCounted(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	data := s.offer(t, moody{version: "1", overlap: true})
	w := installer(t, t.TempDir(), s)
	want := map[string]float64{
		"total host succeeded": 0, "total host failed": 0, "total host undone": 0,
		"total person succeeded": 0, "total person failed": 0, "total person undone": 0, "active": 0, "download_bytes_total": 0,
	}
	holds := func(when string) {
		t.Helper()
		if got := w.planMetrics(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	holds("at first")
	p := w.awaitOver(w.begins(request(theID)).ID)
	want["total person succeeded"], want["download_bytes_total"] = 1, float64(len(data))
	holds("when it is installed")
	if _, err := w.UndoPlan(t.Context(), p.ID, ann()); err != nil {
		t.Fatal(err)
	}
	w.awaitOver(p.ID)
	want["total person undone"] = 1
	holds("when it is undone")

	s.offer(t, moody{version: "2"})
	asked, answer := make(chan struct{}), make(chan struct{})
	s.spoils(func(rw http.ResponseWriter, _ *http.Request) bool {
		close(asked)
		<-answer
		rw.WriteHeader(http.StatusNotFound)
		return true
	})
	id := w.begins(host.PlanRequest{Install: []string{theID}, Actor: "ann"}).ID
	<-asked
	want["active"] = 1
	holds("while it is under way")
	close(answer)
	w.awaitOver(id)
	want["active"], want["total person failed"] = 0, 1
	holds("when it has failed")
}
