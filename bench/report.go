package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// cell is one combination of payload and callers, a slot of each host per round.
type cell struct {
	PayloadBytes int    `json:"payload_bytes"`
	Callers      int    `json:"callers"`
	Ours         []slot `json:"jackfield"`
	Peer         []slot `json:"peer"`
}

type report struct {
	Date    string           `json:"date"`
	Machine string           `json:"machine"`
	Go      string           `json:"go"`
	GOGC    string           `json:"gogc"`
	Rounds  int              `json:"rounds"`
	Slot    time.Duration    `json:"slot_ns"`
	Cells   []cell           `json:"cells"`
	Drops   []time.Duration  `json:"drop_to_first_answer_ns"`
	IdleRSS map[string]int64 `json:"resident_bytes_after"`
}

func newReport(p plan) *report {
	gogc := os.Getenv("GOGC")
	if gogc == "" {
		gogc = "default (100)"
	}
	return &report{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Go: runtime.Version(),
		GOGC: gogc, Rounds: p.rounds, Slot: p.slot,
	}
}

func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(info), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	return fmt.Sprintf("%d × %s, %s", runtime.NumCPU(), model, runtime.GOOS)
}

// print writes the table of medians. A ratio is ours over the peer's of the same
// round, and its spread is the least and the most of all rounds.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, GOGC %s, %s; %d rounds of %s a host, in turn\n\n", r.Machine, r.Go, r.GOGC, r.Date, r.Rounds, r.Slot)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "payload\tcallers\trequests/s\tpeer\tratio\tspread\tp50\tpeer\tratio\tp99 ratio\tCPU µs/request\tpeer\t")
	for _, c := range r.Cells {
		rate := ratios(c, perSecond)
		fmt.Fprintf(tw, "%s\t%d\t%.0f\t%.0f\t%.2f×\t%.2f–%.2f\t%s\t%s\t%.2f×\t%.2f×\t%.0f\t%.0f\t\n",
			size(c.PayloadBytes), c.Callers,
			median(c.Ours, perSecond), median(c.Peer, perSecond), middle(rate), slices.Min(rate), slices.Max(rate),
			duration(median(c.Ours, p50)), duration(median(c.Peer, p50)), middle(ratios(c, p50)), middle(ratios(c, p99)),
			median(c.Ours, cpu)/1e3, median(c.Peer, cpu)/1e3)
	}
	tw.Flush()
	drops := slices.Clone(r.Drops)
	slices.Sort(drops)
	fmt.Fprintf(w, "\ndrop (rename) to first answer: median %s, worst %s of %d\n",
		drops[len(drops)/2].Round(time.Millisecond), drops[len(drops)-1].Round(time.Millisecond), len(drops))
	for name, bytes := range r.IdleRSS {
		fmt.Fprintf(w, "resident after the run, host process: %s %.1f MiB\n", name, float64(bytes)/(1<<20))
	}
}

func (r *report) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

func perSecond(s slot) float64 { return s.PerSecond }
func p50(s slot) float64       { return float64(s.P50) }
func p99(s slot) float64       { return float64(s.P99) }
func cpu(s slot) float64       { return float64(s.CPU) }

func median(slots []slot, of func(slot) float64) float64 {
	var all []float64
	for _, s := range slots {
		all = append(all, of(s))
	}
	return middle(all)
}

func ratios(c cell, of func(slot) float64) []float64 {
	var all []float64
	for i := range c.Ours {
		all = append(all, of(c.Ours[i])/of(c.Peer[i]))
	}
	return all
}

// middle returns the median of all.
func middle(all []float64) float64 {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func duration(ns float64) time.Duration { return time.Duration(ns).Round(time.Microsecond) }

func size(bytes int) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}
