package host

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Measure is what an extension does and takes, over the last half minute.
type Measure struct {
	RequestsPerSecond float64 `json:"requests_per_second"`
	// ErrorsPerSecond counts the answers for which a client is not to blame: internal,
	// extension_fault, unavailable, deadline_exceeded and exhausted. ErrorRate is their
	// share of all, 0 to 1, and 0 without requests.
	ErrorsPerSecond float64 `json:"errors_per_second"`
	ErrorRate       float64 `json:"error_rate"`
	// P50 and P99 are seconds, nil without requests.
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`
	// The others are those of the last look.
	InFlight      int     `json:"in_flight"`
	Queued        int     `json:"queued"`
	ResidentBytes int64   `json:"resident_bytes"`
	CPU           float64 `json:"cpu"` // cores
	OpenFiles     int     `json:"open_fds"`
	Restarts      int     `json:"restarts"`
}

// Series is what an extension did and took, in equal steps. The lists have one value for
// each step, the oldest first, nil for a step of which nothing is known (and, of P50 and
// P99, for one without requests).
type Series struct {
	StepSeconds int `json:"step_seconds"`
	// From is when the first step begins.
	From              time.Time  `json:"from"`
	RequestsPerSecond []*float64 `json:"requests_per_second"`
	ErrorsPerSecond   []*float64 `json:"errors_per_second"`
	P50               []*float64 `json:"p50"`
	P99               []*float64 `json:"p99"`
	InFlight          []*float64 `json:"in_flight"`
	ResidentBytes     []*float64 `json:"resident_bytes"`
	CPU               []*float64 `json:"cpu"`
}

// Range is a span of time of which series are kept.
type Range int

// The ranges.
const (
	LastMinutes Range = iota // five minutes, in steps of five seconds
	LastDay                  // 24 hours, in steps of five minutes
)

// Measures returns the measure of every extension, by id. The map is the caller's.
func (h *Host) Measures() map[string]Measure { return map[string]Measure{} }

// Series returns how an extension fared; ok is false for one that is not known.
func (h *Host) Series(id string, over Range) (s Series, ok bool) { return Series{}, false }

// GathererOf gives the metrics of one extension.
func (h *Host) GathererOf(id string) prometheus.Gatherer { return prometheus.NewRegistry() }
