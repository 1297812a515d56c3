package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
)

// figures are what was measured.
type figures struct {
	Listings    int        `json:"listings"`
	Releases    int        `json:"releases"` // of each
	CPUs        int        `json:"cpus"`
	Start       float64    `json:"start_s"` // until all is read and signed
	PeakAtStart float64    `json:"peak_at_start_mib"`
	Peak        float64    `json:"peak_mib"`
	Memory      float64    `json:"memory_mib"` // with nothing to collect
	Heap        float64    `json:"heap_mib"`   // of it, what lives in the heap
	Load        float64    `json:"load"`       // of the machine, with this program's own
	Page        spread     `json:"page_ms"`
	Listing     spread     `json:"listing_ms"`
	Search      spread     `json:"search_ms"`
	SearchInDB  float64    `json:"search_postgres_cpu_ms"` // of the processor, of PostgreSQL, for each search; 0 if it was not started for this
	Change      spread     `json:"change_to_current_ms"`   // with the change itself
	FaceReady   float64    `json:"face_ready_s"`           // until the face for Mattermost has read every bundle
	FaceCPU     float64    `json:"face_ready_cpu_s"`       // of it, of the processor
	FaceHeap    float64    `json:"face_heap_mib"`          // what it keeps
	FacePeak    float64    `json:"face_peak_mib"`          // of the process, while it reads
	Face        spread     `json:"face_ms"`                // then a page of 100, as a server asks for it
	Compared    []compared `json:"compared"`
}

// spread is of times in milliseconds.
type spread struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	Most float64 `json:"most"`
	// Of the processor alone, without waiting for it: what the thread that called took.
	CPU50 float64 `json:"cpu_p50"`
	CPU99 float64 `json:"cpu_p99"`
}

// compared is the store beside a plain handler, in answers a second over HTTP.
type compared struct {
	What             string    `json:"what"`
	Judged           bool      `json:"judged"`
	PerSecond, Plain []float64 // by round
	Ratio            float64   `json:"ratio"` // median of the rounds
	Low, High        float64

	ask   func(*rand.Rand) string // the path of a request
	plain http.HandlerFunc
}

func (f figures) print(w io.Writer) {
	fmt.Fprintf(w, "%d listings of %d releases, %d CPUs, load %.1f\n", f.Listings, f.Releases, f.CPUs, f.Load)
	fmt.Fprintf(w, "%-34s %8.1f s, peak %.0f MiB\n", "start", f.Start, f.PeakAtStart)
	fmt.Fprintf(w, "%-34s %8.1f s, of the processor %.1f s; keeps %.0f MiB, peak %.0f MiB\n", "the face for Mattermost is ready", f.FaceReady, f.FaceCPU, f.FaceHeap, f.FacePeak)
	fmt.Fprintf(w, "%-34s %8.0f MiB, of which heap %.0f MiB; peak %.0f MiB\n", "memory", f.Memory, f.Heap, f.Peak)
	for _, line := range []struct {
		what string
		spread
	}{{"page of 24", f.Page}, {"one listing", f.Listing}, {"search", f.Search}, {"change until current", f.Change}, {"a question of Mattermost's", f.Face}} {
		fmt.Fprintf(w, "%-34s %8.2f ms p50 %8.2f ms p99 %8.2f ms most; processor %.2f ms p50 %.2f ms p99\n", line.what, line.P50, line.P99, line.Most, line.CPU50, line.CPU99)
	}
	if f.SearchInDB > 0 {
		fmt.Fprintf(w, "%-34s %8.2f ms of the processor for each search\n", "PostgreSQL itself", f.SearchInDB)
	}
	for _, c := range f.Compared {
		fmt.Fprintf(w, "%-34s %8.1f × (%.1f–%.1f): %.0f/s beside %.0f/s\n", c.What, c.Ratio, c.Low, c.High, median(c.PerSecond), median(c.Plain))
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// crowded reports whether others took so much of the machine that times say little of this
// program. This program itself makes a load of about five.
func (f figures) crowded() bool { return f.Load > float64(f.CPUs)+6 }

// judge says which bounds do not hold, all of them by the clock. The memory is that of the
// store, without what is only there to compare with.
func (f figures) judge(w io.Writer) error {
	var broken []error
	bound := func(what string, got, limit float64, atLeast bool) {
		holds, relation := got <= limit, "at most"
		if atLeast {
			holds, relation = got >= limit, "at least"
		}
		if !holds {
			broken = append(broken, fmt.Errorf("%s is %.2f, %s %.2f", what, got, relation, limit))
		}
	}
	bound("page p99 in ms", f.Page.P99, 50, false)
	bound("search p99 in ms", f.Search.P99, 100, false)
	bound("change until current in ms", f.Change.Most, 2000, false)
	bound("peak memory in MiB", f.Peak, 512, false)
	for _, c := range f.Compared {
		if c.Judged {
			bound("answers a second, of those of a plain handler, "+c.What, c.Ratio, 3, true)
		}
	}
	if len(broken) == 0 {
		fmt.Fprintln(w, "all bounds hold")
	}
	if f.crowded() {
		fmt.Fprintf(w, "others use the machine, too (load %.1f): only a quiet one judges times; those of the processor say how it would be\n", f.Load)
	}
	return errors.Join(broken...)
}
