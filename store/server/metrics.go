package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gauges are what is asked of the store when it is scraped.
type gauges struct {
	store                                                *Server
	sequence, listings, age, expires, ready, submissions *prometheus.Desc
	releases, organizations, info, scrape, certificate   *prometheus.Desc
	blobs, bytes, differs                                *prometheus.Desc
}

func newGauges(s *Server) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("store_"+name, help, labels, nil)
	}
	return &gauges{
		store:         s,
		sequence:      desc("snapshot_sequence", "Sequence number of the catalogue that is served."),
		listings:      desc("snapshot_listings", "Listings in the catalogue that is served."),
		age:           desc("snapshot_age_seconds", "Time since the database last answered what is new."),
		expires:       desc("timestamp_expiry_timestamp_seconds", "When the signed head of the index runs out."),
		certificate:   desc("signing_certificate_expiry_timestamp_seconds", "When the certificate that signs the index runs out."),
		ready:         desc("ready", "1 when the catalogue was read and is signed."),
		submissions:   desc("submissions", "Submissions by state.", "state"),
		releases:      desc("releases", "Releases of every state."),
		organizations: desc("organizations", "Organizations that may publish."),
		scrape:        desc("database_scrape_duration_seconds", "Time that the database took to count for this scrape."),
		blobs:         desc("blobs", "Files and pictures that are kept, as of the last hour."),
		bytes:         desc("blob_bytes", "Bytes that they have."),
		differs:       desc("jameica_key_differs", "1 when this replica answers nothing of Jameica, as its key is not that of the others."),
		info:          desc("build_info", "1, with the version of the program.", "version"),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.sequence, g.listings, g.age, g.expires, g.certificate, g.ready, g.submissions, g.releases, g.organizations, g.scrape, g.info, g.blobs, g.bytes, g.differs} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What the database does not answer is left out.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	health := g.store.catalogue.Health()
	put(g.info, 1, g.store.cfg.Version)
	put(g.blobs, float64(g.store.blobCount.Load()))
	put(g.bytes, float64(g.store.blobBytes.Load()))
	put(g.sequence, float64(health.Sequence))
	put(g.listings, float64(health.Listings))
	if !health.Looked.IsZero() {
		put(g.age, time.Since(health.Looked).Seconds())
	}
	for d, at := range map[*prometheus.Desc]time.Time{g.expires: health.Expires, g.certificate: g.store.keys.Expires()} {
		if !at.IsZero() {
			put(d, float64(at.Unix()))
		}
	}
	put(g.ready, oneIf(health.Ready && health.Problem == ""))
	put(g.differs, oneIf(g.store.archives.differs.Load()))
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	begun := time.Now()
	counts, err := g.store.database.Counts(ctx)
	if err != nil {
		return
	}
	put(g.scrape, time.Since(begun).Seconds())
	put(g.releases, float64(counts.Releases))
	put(g.organizations, float64(counts.Organizations))
	for state, n := range counts.Submissions {
		put(g.submissions, float64(n), state)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// queries measures the database as the store sees it.
type queries struct {
	duration *prometheus.HistogramVec
	failures *prometheus.CounterVec
}

func newQueries() *queries {
	return &queries{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "store_database_duration_seconds", Help: "How long the database took, by kind: read or write.",
			Buckets: []float64{.0003, .001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"kind"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "store_database_failures_total", Help: "What the database failed at, by kind; an answer of no is none.",
		}, []string{"kind"}),
	}
}

func (q *queries) took(kind string, took time.Duration, failed bool) {
	q.duration.WithLabelValues(kind).Observe(took.Seconds())
	if failed {
		q.failures.WithLabelValues(kind).Inc()
	}
}
