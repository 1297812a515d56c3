package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// tally is what became of the requests of some windows.
type tally struct {
	all, ok int
	// lost were in flight in a process that died, and the host said so: they may have
	// been executed.
	lost    int
	failed  int
	kinds   map[string]int // what failed, and how often
	waits   []time.Duration
	from    time.Duration
	until   time.Duration
	example string
}

// account judges records. A problem whose code is among accepted is an answer like
// any other.
func account(records []record, accepted ...string) tally {
	t := tally{kinds: map[string]int{}}
	t.add(records, accepted...)
	return t
}

func (t *tally) add(records []record, accepted ...string) {
	for _, r := range records {
		if t.all == 0 || r.sent < t.from {
			t.from = r.sent
		}
		t.until = max(t.until, r.done)
		t.all++
		t.waits = append(t.waits, r.waited())
		switch kind := r.kind(); {
		case kind == "" || slices.Contains(accepted, r.code):
			t.ok++
		case kind == inFlight:
			t.lost++
		default:
			t.failed++
			t.kinds[kind]++
			if t.example == "" {
				t.example = fmt.Sprintf("request %d: %s %s", r.n, kind, r.fault)
			}
		}
	}
}

const inFlight = "unavailable (in flight)"

// kind says what is wrong with r, "" for nothing.
func (r record) kind() string {
	switch {
	case r.fault != "" && r.status == 0:
		return "no answer"
	case r.fault != "":
		return "wrong answer"
	case r.status == http.StatusOK:
		return ""
	case r.code == "unavailable" && !r.retryable:
		return inFlight
	case r.retryable:
		return r.code + " (retryable)"
	}
	return r.code
}

// failures says what failed, for the table.
func (t tally) failures() string {
	if t.failed == 0 && t.lost == 0 {
		return fmt.Sprintf("0 of %d", t.all)
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		parts = append(parts, fmt.Sprintf("%d %s", t.kinds[kind], kind))
	}
	if t.lost > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", t.lost, inFlight))
	}
	return fmt.Sprintf("%d of %d: %s", t.failed+t.lost, t.all, strings.Join(parts, ", "))
}

// perSecond is the load that was answered.
func (t tally) perSecond() float64 {
	if t.until <= t.from {
		return 0
	}
	return float64(t.all) / (t.until - t.from).Seconds()
}

// outOfOrder returns the clients whose answers did not come from versions in this
// order, each after the one before. Versions may be missing, and a name that stands
// twice in versions is one that comes back.
func outOfOrder(records []record, versions ...string) []int {
	at, bad := map[int]int{}, map[int]bool{}
	for _, r := range records {
		if r.version == "" {
			continue
		}
		place := at[r.client]
		for place < len(versions) && versions[place] != r.version {
			place++
		}
		if place == len(versions) {
			bad[r.client] = true
			continue
		}
		at[r.client] = place
	}
	return slices.Sorted(maps.Keys(bad))
}

// nextSuccess is how long after the load's time at a request that was sent since then
// has been answered.
func nextSuccess(records []record, at time.Duration) (time.Duration, bool) {
	var best time.Duration
	for _, r := range records {
		if r.sent >= at && r.kind() == "" && (best == 0 || r.done < best) {
			best = r.done
		}
	}
	return best - at, best > 0
}

// journal is what the processes of an extension wrote, checked against answers.
type journal struct {
	versions []string // in the order of their lines, neighbours once
	numbers  map[int64]bool
}

func parseJournal(text string) (journal, error) {
	j := journal{numbers: map[int64]bool{}}
	for line := range strings.Lines(text) {
		var version string
		var n int64
		if _, err := fmt.Sscanf(line, "%s %d", &version, &n); err != nil {
			return j, fmt.Errorf("the journal has the line %q", line)
		}
		j.numbers[n] = true
		if len(j.versions) == 0 || j.versions[len(j.versions)-1] != version {
			j.versions = append(j.versions, version)
		}
	}
	return j, nil
}

// missing counts the answered requests that the journal has no line of.
func (j journal) missing(answered []int64) int {
	count := 0
	for _, n := range answered {
		if !j.numbers[n] {
			count++
		}
	}
	return count
}

// interleaved returns the versions whose lines stand in more than one place, though
// no version came back.
func (j journal) interleaved() []string {
	seen := map[string]int{}
	for _, v := range j.versions {
		seen[v]++
	}
	var twice []string
	for _, v := range slices.Sorted(maps.Keys(seen)) {
		if seen[v] > 1 {
			twice = append(twice, v)
		}
	}
	return twice
}

// answered returns the numbers of the requests that were answered.
func answered(records []record) []int64 {
	var numbers []int64
	for _, r := range records {
		if r.kind() == "" {
			numbers = append(numbers, r.n)
		}
	}
	return numbers
}
