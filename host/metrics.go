package host

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/bundle"
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
	rows                                *atomic.Pointer[[]row]
	holdsUntil                          func(*bundle.Verified) time.Time
	info, state, memoryLimit, signature *prometheus.Desc
}

func newSnapshotCollector(rows *atomic.Pointer[[]row], holdsUntil func(*bundle.Verified) time.Time) *snapshotCollector {
	return &snapshotCollector{
		rows: rows, holdsUntil: holdsUntil,
		info: prometheus.NewDesc("jackfield_extension_info",
			"What runs: always 1.", []string{"extension", "version", "class"}, nil),
		state: prometheus.NewDesc("jackfield_extension_state",
			"1 for the state in which the extension is, 0 for the others.", []string{"extension", "state"}, nil),
		memoryLimit: prometheus.NewDesc("jackfield_extension_memory_limit_bytes",
			"Memory that an extension's processes may hold together: limits.memory. Absent without a limit.", []string{"extension"}, nil),
		signature: prometheus.NewDesc("jackfield_extension_signature_expiry_timestamp_seconds",
			"When the signature of the extension's bundle stops to hold: the first certificate ends that it needs. Absent for one that no trusted root vouches for.", []string{"extension"}, nil),
	}
}

func (c *snapshotCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.info
	ch <- c.state
	ch <- c.memoryLimit
	ch <- c.signature
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
		if limit := e.Limits.Memory.Value; limit > 0 {
			ch <- prometheus.MustNewConstMetric(c.memoryLimit, prometheus.GaugeValue, float64(limit), e.ID)
		}
		if e.edition != nil {
			if until := c.holdsUntil(e.edition.entry.Bundle); !until.IsZero() {
				ch <- prometheus.MustNewConstMetric(c.signature, prometheus.GaugeValue, float64(until.Unix()), e.ID)
			}
		}
		for _, state := range lifecycle.States() {
			value := 0.0
			if e.State == state {
				value = 1
			}
			ch <- prometheus.MustNewConstMetric(c.state, prometheus.GaugeValue, value, e.ID, string(state))
		}
	}
}

// ownCollector turns what the host knows of itself into metrics.
type ownCollector struct {
	host                            *Host
	build, ready, free, total, root *prometheus.Desc
}

func newOwnCollector(h *Host) *ownCollector {
	return &ownCollector{
		host: h,
		build: prometheus.NewDesc("jackfield_build_info",
			"The host: always 1.", []string{"version", "go_version"}, nil),
		ready: prometheus.NewDesc("jackfield_ready",
			"1 when every extension has settled once, as /readyz says.", nil, nil),
		free: prometheus.NewDesc("jackfield_home_free_bytes",
			"Space that the host can still use on the file system of its home.", nil, nil),
		total: prometheus.NewDesc("jackfield_home_size_bytes",
			"Size of the file system of the home.", nil, nil),
		root: prometheus.NewDesc("jackfield_trust_root_expiry_timestamp_seconds",
			"When a trusted certificate in conf/trust expires; use is bundles or timestamps.", []string{"use", "fingerprint"}, nil),
	}
}

func (c *ownCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.build, c.ready, c.free, c.total, c.root} {
		ch <- desc
	}
}

func (c *ownCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(c.build, 1, c.host.cfg.Version, runtime.Version())
	ready := 0.0
	if c.host.Ready() {
		ready = 1
	}
	gauge(c.ready, ready)
	if disk := diskOf(string(c.host.home)); disk.TotalBytes > 0 {
		gauge(c.free, float64(disk.FreeBytes))
		gauge(c.total, float64(disk.TotalBytes))
	}
	seen := map[[2]string]bool{} // one certificate may stand in several files
	for _, r := range c.host.roots() {
		if key := [2]string{r.Use, r.Fingerprint}; !seen[key] {
			seen[key] = true
			gauge(c.root, float64(r.NotAfter.Unix()), r.Use, r.Fingerprint)
		}
	}
}
