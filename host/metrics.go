package host

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/scrape"
)

// collecting is an instance that may have metrics of its own.
type collecting interface {
	Collect(ctx context.Context) ([]byte, error)
}

// sources are the extensions that there are, each once.
func (h *Host) sources() []scrape.Source {
	var list []scrape.Source
	at := map[string]int{}
	for _, r := range *h.rows.Load() {
		if r.extension == nil {
			continue
		}
		i, there := at[r.ID]
		if !there {
			i, at[r.ID] = len(list), len(list)
			list = append(list, scrape.Source{Extension: r.ID})
		}
		if x, ok := r.instance.(collecting); ok && r.State == lifecycle.Running {
			list[i].Collect = x.Collect
		}
	}
	return list
}

// snapshotCollector turns the rows of the snapshot into metrics, so an extension
// that is gone leaves no series behind.
type snapshotCollector struct {
	rows        *atomic.Pointer[[]row]
	info, state *prometheus.Desc
}

func newSnapshotCollector(rows *atomic.Pointer[[]row]) *snapshotCollector {
	return &snapshotCollector{
		rows: rows,
		info: prometheus.NewDesc("jackfield_extension_info",
			"What runs: always 1.", []string{"extension", "version", "class"}, nil),
		state: prometheus.NewDesc("jackfield_extension_state",
			"1 for the state in which the extension is, 0 for the others.", []string{"extension", "state"}, nil),
	}
}

func (c *snapshotCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.info
	ch <- c.state
}

// Collect leaves files out that are no extension: their names are not ours, and
// jackfield_bundles counts them.
func (c *snapshotCollector) Collect(ch chan<- prometheus.Metric) {
	seen := map[string]bool{} // an id is there twice while its old version is stopping
	for _, e := range *c.rows.Load() {
		if e.extension == nil || seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		ch <- prometheus.MustNewConstMetric(c.info, prometheus.GaugeValue, 1, e.ID, e.Version, e.Class)
		for _, state := range lifecycle.States() {
			value := 0.0
			if e.State == state {
				value = 1
			}
			ch <- prometheus.MustNewConstMetric(c.state, prometheus.GaugeValue, value, e.ID, string(state))
		}
	}
}
