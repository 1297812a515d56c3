package main

import (
	"fmt"
	"slices"
)

// claim is something that we say of our speed: a figure, or the ratio of two of the
// same round, and what it must and what it should be.
type claim struct {
	name        string
	cell        shape
	over, under string // contestants; without under the figure itself is claimed
	of          func(slot) float64
	atLeast     bool // else at most
	must, aim   float64
}

// verdict is a claim and what was measured. Low and High are the spread over the
// rounds, from the least to the most.
type verdict struct {
	Claim    string  `json:"claim"`
	Measured float64 `json:"measured"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Rounds   int     `json:"rounds"`
	AtLeast  bool    `json:"at_least"`
	Must     float64 `json:"must"`
	Aim      float64 `json:"aim"`
	Holds    string  `json:"holds"`
}

// What a verdict says.
const (
	reachesAim  = "yes, and the aim"
	holdsMust   = "yes"
	fails       = "NO"
	notMeasured = "not measured"
)

func claims() []claim {
	lane := func(name string, payload, callers int, under string, of func(slot) float64, atLeast bool, must, aim float64) claim {
		return claim{fmt.Sprintf("lane, %s, %s: %s", size(payload), count(callers), name),
			shape{Section: "plane", Payload: payload, Callers: callers}, "lane", under, of, atLeast, must, aim}
	}
	host := func(section string, payload, callers int, must, aim float64) claim {
		return claim{fmt.Sprintf("whole host, %s, %s, %s: requests/s, of gorilla+gRPC", section, size(payload), count(callers)),
			shape{Section: section, Payload: payload, Callers: callers}, "jackfield", "gorilla+grpc", perSecond, true, must, aim}
	}
	batch := func(payload int) claim {
		return claim{fmt.Sprintf("batch, %s JSON, 1 connection: requests/s, of single requests", size(payload)),
			shape{Section: "batch", What: "unchecked JSON", Payload: payload, Callers: 1}, "batch", "single", perSecond, true, 4, 8}
	}
	return []claim{
		lane("requests/s, of gRPC", kib, 256, "grpc", perSecond, true, 6, 12),
		lane("requests/s, of gRPC", kib, 16, "grpc", perSecond, true, 4, 7),
		lane("requests/s, of gRPC", kib, 1, "grpc", perSecond, true, 3, 7),
		lane("p50, of a raw socket", kib, 1, "raw", p50, false, 2, 1.2),
		lane("p99, of gRPC", kib, 256, "grpc", p99, false, 1.0/5, 1.0/12),
		lane("requests/s, of gRPC", mib, 16, "grpc", perSecond, true, 2, 4),
		{"lane, 100 B beside 1 MiB: p99, of gRPC",
			shape{Section: "mixed", Payload: 100, Callers: 16, Bulk: 2}, "lane", "grpc", p99, false, 1.0 / 3, 1.0 / 8},
		lane("host allocations a request", kib, 256, "", allocs, false, 4, 1),
		lane("host allocations a request", kib, 1, "", allocs, false, 4, 1),
		host("http", kib, 256, 2, 3),
		host("http", 64*kib, 16, 2.5, 3),
		host("http", mib, 16, 2, 3),
		host("json", kib, 256, 1.4, 2),
		batch(kib),
		batch(100),
		{"100 extensions, 1 KiB, 16 callers: p50, of 1 extension",
			shape{Section: "spread", What: "100 extensions", Payload: kib, Callers: 16}, "many", "1 extension", p50, false, 1.2, 1.05},
		{"beside idle WebSockets, 1 KiB, 16 callers: p99, of none",
			shape{Section: "idle", Payload: kib, Callers: 16}, "beside idle WebSockets", "alone", p99, false, 1.5, 1.1},
	}
}

func count(callers int) string {
	if callers == 1 {
		return "1 caller"
	}
	return fmt.Sprintf("%d callers", callers)
}

// judge holds all claims to what was measured.
func judge(r *report) []verdict {
	var all []verdict
	for _, c := range claims() {
		v := verdict{Claim: c.name, AtLeast: c.atLeast, Must: c.must, Aim: c.aim}
		var seen []float64
		if cell := r.find(c.cell); cell != nil && c.under != "" {
			seen = cell.ratios(c.over, c.under, c.of)
		} else if cell != nil {
			seen = values(cell.Slots[c.over], c.of, cell.rounds(c.over))
		}
		all = append(all, v.of(seen))
	}
	idle := verdict{Claim: "19 000 idle WebSockets: bytes each", Must: 16 * kib, Aim: 8 * kib}
	var each []float64
	if r.Idle != nil {
		idle.Claim = fmt.Sprintf("%d idle WebSockets: bytes each", r.Idle.Connections)
		each = []float64{r.Idle.BytesEach}
	}
	verify := verdict{Claim: "verify a signed bundle of 20 MiB: time, of unzip -t", Must: 1.5, Aim: 1}
	var ratios []float64
	if r.Verify != nil {
		verify.Claim = fmt.Sprintf("verify a signed bundle of %d MiB: time, of unzip -t", r.Verify.Bytes/mib)
		ratios = r.Verify.Time
	}
	return append(append(all, idle.of(each), verify.of(ratios)), judgeAdmin(r.Admin)...)
}

// judgeAdmin holds what is said of the overview to what was measured, nil for nothing.
func judgeAdmin(a *adminResult) []verdict {
	render := verdict{Claim: "overview of 200 extensions: ms a load", Must: 150, Aim: 50}
	weight := verdict{Claim: "overview of 200 extensions, first visit: bytes, all parts", Must: 200 * kib, Aim: 100 * kib}
	live := verdict{Claim: "overview of 200 extensions, kept open: % of one core beyond what the host uses without", Must: 5, Aim: 2}
	scrape := verdict{Claim: "scrape of 200 extensions with 20 families of their own each: ms", Must: 250, Aim: 100}
	if a == nil {
		return []verdict{render.of(nil), weight.of(nil), live.of(nil), scrape.of(nil)}
	}
	return []verdict{
		render.of(a.Render), weight.of([]float64{float64(a.All)}), live.of([]float64{100 * (a.Open - a.Closed)}),
		scrape.of(a.Scrape),
	}
}

// of completes a verdict with what was seen in each round.
func (v verdict) of(seen []float64) verdict {
	v.Rounds = len(seen)
	if v.Rounds == 0 {
		v.Holds = notMeasured
		return v
	}
	v.Measured, v.Low, v.High = middle(seen), slices.Min(seen), slices.Max(seen)
	within := func(bound float64) bool {
		if v.AtLeast {
			return v.Measured >= bound
		}
		return v.Measured <= bound
	}
	switch {
	case within(v.Aim):
		v.Holds = reachesAim
	case within(v.Must):
		v.Holds = holdsMust
	default:
		v.Holds = fails
	}
	return v
}
